"""The whole firmware of a simulated MIVA pump: the reference pump's motor, sensors and faults behind MIVA's own link.

Refuses to know frames (miva.py) and rows (miva_events.py). Its STOP is what the source says of it: the infusion
pauses, its prescription stays, and a later run key goes on with it. It has no lease and needs no token: whoever reaches
the line can start it, which is why the companion must not.
"""

from __future__ import annotations

import re

from protocols.companion.messages import Load
from protocols.companion.pump_session import PumpSession
from protocols.companion.vocabulary import STOPPING_ALARMS, LinkLoss, Phase, PumpState, StatusFlag
from protocols.miva.library import SIMULATED
from protocols.miva.requests import SIMULATED_SERIAL, STOP, RxRefusal
from protocols.miva.rx import Settings, logged_image, with_settings
from simulator import motor
from simulator.fault_kinds import FaultKind
from simulator.faults import Fault
from simulator.firmware.companion_pump import CompanionPump
from simulator.firmware.dialect import Button, Dialect, Make, PowerOn, Shown
from simulator.firmware.machine import ALL_ALARMS
from simulator.firmware.miva import Held, MivaLink, Told
from simulator.firmware.miva_events import EventScribe
from simulator.firmware.miva_log import EventLog
from simulator.firmware.miva_upload import Accepted, RxDesk
from simulator.firmware.registers import re_encode
from simulator.firmware.report import status
from simulator.instant import NS_PER_MS, SimNow, earlier

REVIEW_NS = 2 * 1_500 * NS_PER_MS  # rate and VTBI, each shown for about 1.5 s before the motor runs
AUTO_CONFIRM_MARK = "-auto"
_SERIALS = f"{SIMULATED_SERIAL}[A-Z0-9]{{5}}"
_SERIAL_RULE = "is SIM and five letters or digits, as SIM00001"
_PROGRAM_ID_PLACE = slice(154, 174)  # the name of the second component
_NOT_THIS_PUMPS = frozenset(
    {
        FaultKind.AIR,  # no air detector is known of it
        FaultKind.BUBBLE,
        FaultKind.SPURIOUS_ALARM,  # its alarms are rows of the log, not bits
        FaultKind.STUCK_ALARM,
    }
)


class MivaPump:
    """Of one power-on."""

    def __init__(self, power_on: PowerOn, log: EventLog, review_ns: int) -> None:
        if not re.fullmatch(_SERIALS, power_on.serial):
            raise ValueError(f"{power_on.serial}: a simulated MIVA pump's serial number {_SERIAL_RULE}")
        profile, plant = power_on.profile, power_on.plant
        self.log = log
        self._body = CompanionPump(power_on)
        self._machine = self._body.machine
        self._power_on = power_on
        self._review_ns = review_ns
        turned = plant.at(power_on.now.therapy_ns).motor_position
        self._life_ul = motor.volume_of_position_ul(turned, profile.steps_per_ul)
        self._scribe = EventScribe(self._machine, log, self._life_ul, power_on.now)
        self._desk = RxDesk(profile, SIMULATED, lambda: self.serial)
        self._link = MivaLink(self)
        self._quiet_session = PumpSession()  # nobody speaks it: the picture that is told has a place for its counts
        self._runs_ns: int | None = None  # link time at which the review is over
        self.take_answers, self.lose, self.says_ns = self._link.take, self._link.lose, self._link.says_ns
        self.next_therapy_ns = self._body.next_therapy_ns
        self.program_ul, self.program_reaches_ns = self._body.program_ul, self._body.program_reaches_ns

    # What SimPump asks of it.

    def receive(self, received: bytes, now: SimNow) -> None:
        self.settle(now)  # a cause that has gone meanwhile is no alarm any more
        self._link.receive(received, now)

    def take(self, now: SimNow) -> bytes:  # noqa: ARG002 - its answers wait for nothing
        self._machine.notices.clear()  # it never speaks by itself
        return self.take_answers()

    def settle(self, now: SimNow) -> None:
        if self._runs_ns is not None and now.link_ns >= self._runs_ns:
            self._runs_ns = None
            self._begin_to_run(now)
        self._body.settle(now)
        if self._machine.alarms and self._machine.state is not PumpState.INFUSING:
            self._machine.acknowledge(ALL_ALARMS, now)  # whoever took the cause away pressed the key, too
        self._scribe.note(now)

    def next_link_ns(self) -> int | None:
        return earlier(self._body.next_link_ns(), self._runs_ns)

    def press(self, button: Button, now: SimNow) -> None:
        if button is not Button.CONFIRM:  # one key stops and pauses
            self._halt(now)
        else:
            self._body.press(button, now)
        self._scribe.note(now)

    def begin(self, fault: Fault, now: SimNow) -> None:
        self._body.begin(fault, now)
        self._scribe.note(now)

    def end(self, fault: Fault, now: SimNow) -> None:
        self._body.end(fault, now)
        self._scribe.note(now)

    def shown(self, now: SimNow) -> Shown:
        return self._body.shown(now)

    # What its link asks of it.

    @property
    def serial(self) -> str:
        return self._body.reporting.serial(self._power_on.serial)

    @property
    def firmware(self) -> str:
        return self._machine.profile.firmware + (AUTO_CONFIRM_MARK if self._machine.auto_confirm else "")

    def told(self, now: SimNow) -> Told:
        machine, reporting = self._machine, self._body.reporting
        told = reporting.status(status(machine, self._quiet_session, now), now.link_ns)
        running = told.state is PumpState.INFUSING
        return Told(
            running=running,
            motor_turns=bool(told.flags & StatusFlag.MOTOR_MOVING),
            rate_ul_h=told.commanded_flow_ul_h if running else self.held().rate_ul_h,
            vinf_ul=told.program_ul if machine.program is not None else self._scribe.vinf_ul,
            motor_total_ul=self._life_ul + told.motor_ul,
            volume_total_ul=self._life_ul + told.encoder_ul,
            pressure_mmhg=max(0, told.pressure_mmhg),
            centivolts=self._scribe.centivolts(now),
            clock_s=self._scribe.clock_s(now),
        )

    def held(self) -> Held:
        machine = self._machine
        if machine.program is None:
            return Held(0, 0)
        read = self._body.reporting.program(re_encode(machine.program, machine.profile.steps_per_ul))
        return Held(read.flow_ul_h, read.vtbi_ul)

    def run(self, now: SimNow) -> bool:
        machine, active = self._machine, self._power_on.active
        if machine.state in (PumpState.LOADED, PumpState.CONFIRMED, PumpState.PAUSED) and not self._alarming:
            self._runs_ns = self._runs_ns or now.link_ns + self._review_ns
        elif FaultKind.DOUBLE_START in active and machine.program is not None:
            machine.program_zero = machine.drive.position(now)
            self._begin_to_run(now)
        faults = self._power_on.link_faults
        if faults.start_acks_to_drop:
            faults.start_acks_to_drop -= 1
            return False
        return True

    def stop(self, now: SimNow) -> bool:
        tally, faults = self._power_on.tally, self._power_on.link_faults
        tally.stops_received += 1
        tally.stop_received_ns = now.link_ns
        if faults.stops_to_ignore:
            faults.stops_to_ignore -= 1
            tally.stops_ignored += 1
            return False
        self._halt(now)
        tally.stopped_sent_ns = now.link_ns
        return True

    def upload(self, text: str, now: SimNow) -> str | None:
        ready = self._machine.state is not PumpState.INFUSING and self._runs_ns is None and not self._alarming
        match text[:2]:
            case "LI":
                return self._desk.begin(text, ready=ready)
            case "LS":
                return self._desk.take_block(text)
            case _:
                taken = self._desk.confirm(text, ready=ready)
                if isinstance(taken, RxRefusal):
                    return f"LC{taken.value}"
                self._load(taken, now)
                return "LC0"

    def deaf_to(self, text: str) -> bool:
        return FaultKind.BUSY in self._power_on.active and text != STOP

    def loses_answer(self) -> bool:
        faults = self._power_on.link_faults
        if faults.replies_to_drop:
            faults.replies_to_drop -= 1
            return True
        return False

    @property
    def _alarming(self) -> bool:
        return bool(self._machine.alarms & STOPPING_ALARMS)

    def _halt(self, now: SimNow) -> None:
        self._runs_ns = None
        if self._machine.state is PumpState.INFUSING:
            self._machine.pause(now)
        else:
            self._machine.halt(now)  # whatever moves it: a keep-vein-open flow, a bolus at the keys
        self._scribe.note(now)

    def _begin_to_run(self, now: SimNow) -> None:
        machine, tally = self._machine, self._power_on.tally
        resumes = machine.state is PumpState.PAUSED
        machine.tokens.void()
        if resumes:
            machine.resume(now)
        else:
            machine.start(now)
        tally.starts, tally.resumes = tally.starts + (not resumes), tally.resumes + resumes
        tally.max_commanded_flow_ul_h = max(tally.max_commanded_flow_ul_h, machine.drive.commanded_flow_ul_h())

    def _load(self, taken: Accepted, now: SimNow) -> None:
        machine, settings = self._machine, taken.settings
        machine.load(
            Load(
                program_id=_program_id(taken.image),
                digest=bytes(16),
                phase=Phase.INFUSION,
                flow_ul_h=settings.rate_ul_h,
                vtbi_ul=settings.vtbi_ul,
                flow_limit_ul_h=machine.profile.max_flow_ul_h,
                kvo_ul_h=settings.kvo_ul_h,
                link_loss=LinkLoss.FINISH_LOADED,
                lease_ms=0,
                dose_ug=0,
            ),
            now,
        )
        active = self._power_on.active
        if FaultKind.KVO in active:
            machine.set_kvo(active[FaultKind.KVO], now)
        if machine.program is None:
            raise AssertionError("a prescription was taken and is not there")
        read = self._body.reporting.program(re_encode(machine.program, machine.profile.steps_per_ul))
        held = Settings(read.flow_ul_h, read.vtbi_ul, read.kvo_ul_h)
        self._scribe.write_block(logged_image(with_settings(taken.image, held)), now)


def _program_id(image: bytes) -> bytes:
    """Where pumpctl writes it; of another's prescription its own CRC-32 stands for it."""
    text = image[_PROGRAM_ID_PLACE].rstrip(b"\0")
    if re.fullmatch(b"[0-9A-F]{16}", text):
        return bytes.fromhex(text.decode("ascii"))
    return b"\xff" * 4 + image[252:256]


def miva(review_ns: int = REVIEW_NS) -> Dialect:
    """The dialect with so long a look at the parameters between the run key and the motor."""

    def make() -> Make:
        log = EventLog()

        def power_up(power_on: PowerOn) -> MivaPump:
            return MivaPump(power_on, log, review_ns)

        return power_up

    return Dialect(
        make,
        frozenset(FaultKind) - _NOT_THIS_PUMPS,
        serials=_SERIALS,
        serial_rule=_SERIAL_RULE,
        serial=f"{SIMULATED_SERIAL}00001",
        profile="miva",
    )


MIVA = miva()
