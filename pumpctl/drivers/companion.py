"""The driver of pumps that speak the companion link (protocols/companion/SPEC.md).

Refuses to know what a program is for. It turns one command into one frame and frames into facts;
the read-back is compared here, field by field, with the frame that the program compiles to.
"""

from __future__ import annotations

from typing import assert_never

from protocols.companion import messages as wire
from protocols.companion.codec import NO_PROGRAM, STOP_FRAME, STOPPED_FRAME, sealed
from protocols.companion.framing import Garbage
from protocols.companion.session import CompanionSession, Heard, Refused, Reply, Stray, Unasked
from protocols.companion.vocabulary import (
    NO_FLOW_SENSOR_UL,
    NOT_CONNECTED,
    STOPPING_ALARMS,
    Alarm,
    EventKind,
    IdentityFlag,
    Phase,
    PumpState,
    Purpose,
    RefusalReason,
    StatusFlag,
)
from protocols.companion.vocabulary import LinkLoss as WireLinkLoss
from protocols.errors import LocalProtocolError
from pumpctl.core.capability import ALARMS, Capability, Lease, ReadBack
from pumpctl.core.delivered import Counters
from pumpctl.core.instant import NS_PER_MS, Now
from pumpctl.core.program import LinkLoss, Program
from pumpctl.drivers.pump import (
    LOADING_KINDS,
    AcknowledgeAlarms,
    Command,
    ConfirmationRead,
    Denied,
    Done,
    EventRead,
    Fact,
    Identified,
    Identify,
    LineNoise,
    LoadProgram,
    Noticed,
    Pause,
    Prime,
    ProgramRead,
    PumpActivity,
    ReadConfirmation,
    ReadEvent,
    ReadProgram,
    ReadStatus,
    Renew,
    Resume,
    SessionLost,
    Start,
    StatusRead,
    StopTaken,
    Unanswered,
)

# The pump answers within 50 ms (SPEC.md section 1); ten times that for the host and its buses.
REPLY_NS = 500 * NS_PER_MS
_ACTIVITY = {state: PumpActivity[state.name] for state in PumpState}
_LINK_LOSS = {loss: WireLinkLoss[loss.name] for loss in LinkLoss}


class CompanionDriver:
    """One transaction at a time; see drivers/pump.py Driver for what each method promises."""

    stop_frame = b"\x00" + STOP_FRAME  # the delimiter ends whatever was half-written before it
    stopped_frame = STOPPED_FRAME

    def __init__(self) -> None:
        self._session: CompanionSession | None = None
        self._command: Command | None = None
        self._asked = Now(0, 0, 0)
        self._alarm_bits = 0

    @property
    def busy(self) -> bool:
        return self._command is not None

    def open(self, session: int) -> None:
        self._session = CompanionSession(session)
        self._command = None

    def command(self, command: Command, now: Now) -> bytes:
        if self._session is None:
            raise LocalProtocolError("no link is open")
        frame = self._session.request(self._request(command))
        self._command, self._asked = command, now
        return frame

    def receive(self, received: bytes) -> list[Fact]:
        if self._session is None:
            return []
        facts: list[Fact] = []
        for heard in self._session.receive(received):
            facts.append(self._fact(heard))
            if isinstance(heard, Refused) and heard.reason is RefusalReason.WRONG_SESSION:
                facts.append(SessionLost())
        return facts

    def outgoing(self, now: Now) -> bytes:  # noqa: ARG002 - one exchange a command, whatever the time
        return b""

    def stopping(self, now: Now) -> None:
        """STOP has a sequence number of its own: what was asked before may still be answered."""

    def wake(self, now: Now) -> list[Fact]:
        command, session = self._command, self._session
        if command is None or session is None or now.link_ns < self._asked.link_ns + REPLY_NS:
            return []
        session.expire()
        self._command = None
        return [Unanswered(command)]

    def next_wake_ns(self) -> int | None:
        return None if self._command is None else self._asked.link_ns + REPLY_NS

    def _request(self, command: Command) -> wire.Request:
        match command:
            case Identify():
                return wire.Identify()
            case ReadStatus():
                return wire.GetStatus()
            case LoadProgram():
                return load_request(command.program)
            case ReadProgram():
                return wire.ReadProgram()
            case ReadConfirmation():
                return wire.GetConfirmation()
            case Start():
                return wire.Start(command.program_id, command.token)
            case Resume():
                return wire.Resume(command.program_id, command.token)
            case Pause():
                return wire.Pause(command.program_id)
            case Prime():
                return wire.Prime(command.volume_ul, command.flow_ul_h, NOT_CONNECTED)
            case Renew():
                return wire.Renew(command.program_id, command.until_uptime_ms)
            case ReadEvent():
                return wire.GetEvent(command.index)
            case AcknowledgeAlarms():
                return wire.Acknowledge(self._alarm_bits)
            case _:
                assert_never(command)

    def _fact(self, heard: Heard) -> Fact:
        match heard:
            case Reply():
                command, self._command = self._command, None
                if command is None:
                    return LineNoise("a reply to nothing that was asked")
                return self._answer(heard.message, command)
            case Refused():
                command, self._command = self._command, None
                if command is None:
                    return LineNoise("a refusal of nothing that was asked")
                return Denied(command, heard.reason.name.lower())
            case Unasked():
                return Noticed(_ACTIVITY[heard.notice.state], _names(heard.notice.alarms & STOPPING_ALARMS))
            case wire.Stopped():
                return StopTaken()
            case Stray():
                return LineNoise(f"stray {type(heard.envelope.message).__name__}")
            case Garbage():
                return LineNoise(heard.reason.value)
            case _:
                assert_never(heard)

    def _answer(self, answer: wire.Answer, command: Command) -> Fact:
        match answer:
            case wire.Identity():
                return _identified(answer)
            case wire.Status():
                self._alarm_bits = int(answer.alarms)
                return _status(answer, self._asked)
            case wire.Program():
                return _read_back(answer, command)
            case wire.Confirmation():
                given = answer.purpose is not Purpose.NONE and answer.token != 0
                token = answer.token if given else None
                return ConfirmationRead(answer.program_id, token, for_resume=answer.purpose is Purpose.RESUME)
            case wire.Event():
                rose = (
                    Alarm(answer.detail & int(STOPPING_ALARMS)) if answer.kind is EventKind.ALARM_RAISED else Alarm(0)
                )
                return EventRead(answer.index, answer.kind.name.lower(), _names(rose))
            case wire.Stopped() | wire.Refused():
                return LineNoise(f"unexpected {type(answer).__name__}")
            case _:
                return Done(command)


def _read_back(answer: wire.Program, command: Command) -> ProgramRead:
    if answer == NO_PROGRAM or not isinstance(command, ReadProgram):
        return ProgramRead(None, None)
    # Load and Program have one layout (SPEC.md 03, 84): every field, digest included.
    equal = _fields(load_request(command.expected)) == _fields(answer)
    return ProgramRead(answer.program_id, command.expected if equal else None)


def load_request(program: Program) -> wire.Load:
    """The LOAD frame that a program compiles to, digest included."""
    return sealed(
        wire.Load(
            program_id=program.program_id,
            digest=bytes(16),
            phase=Phase.LOADING if program.phase_kind in LOADING_KINDS else Phase.INFUSION,
            flow_ul_h=program.flow_rate_ul_h,
            vtbi_ul=program.vtbi_ul,
            flow_limit_ul_h=program.flow_limit_ul_h,
            kvo_ul_h=program.kvo_ul_h,
            link_loss=_LINK_LOSS[program.link_loss],
            lease_ms=program.lease_ms,
            dose_ug=program.dose_ug,
        )
    )


def _fields(program: wire.Load | wire.Program) -> tuple[bytes | int, ...]:
    return (
        program.program_id,
        program.digest,
        program.phase,
        program.flow_ul_h,
        program.vtbi_ul,
        program.flow_limit_ul_h,
        program.kvo_ul_h,
        program.link_loss,
        program.lease_ms,
        program.dose_ug,
    )


def _names(alarms: Alarm) -> tuple[str, ...]:
    # Nearly every status carries no alarm: iterating an empty flag costs more than asking.
    return tuple((alarm.name or "unnamed").lower() for alarm in alarms) if alarms else ()


def _identified(answer: wire.Identity) -> Identified:
    return Identified(
        serial=answer.serial,
        firmware=answer.firmware,
        simulated=IdentityFlag.SIMULATED in answer.flags,
        auto_confirm=IdentityFlag.AUTO_CONFIRM in answer.flags,
        boot_count=answer.boot_count,
        uptime_ms=answer.uptime_ms,
        capability=Capability(
            model=answer.model,
            min_flow_ul_h=answer.min_flow_ul_h,
            max_flow_ul_h=answer.max_flow_ul_h,
            flow_step_ul_h=answer.flow_step_ul_h,
            reservoir_ul=answer.reservoir_ul,
            volume_step_ul=answer.volume_step_ul,
            accuracy_permille=answer.accuracy_permille,
            lease=Lease.EXPLICIT if answer.max_lease_ms else Lease.NONE,
            max_lease_ms=answer.max_lease_ms,
            kvo_can_be_zero=answer.kvo_min_ul_h == 0,
            has_confirm_button=IdentityFlag.CONFIRM_BUTTON in answer.flags,
            read_back=ReadBack.WHOLE_PROGRAM,
            alarms=ALARMS,  # SPEC.md section 5
        ),
        idle_pressure_mmhg=answer.idle_pressure_mmhg,
    )


def _status(answer: wire.Status, asked: Now) -> StatusRead:
    return StatusRead(
        asked=asked,
        uptime_ms=answer.uptime_ms,
        activity=_ACTIVITY[answer.state],
        program_id=None if answer.program_id == NO_PROGRAM.program_id else answer.program_id,
        counters=Counters(
            answer.boot_count,
            answer.motor_ul,
            answer.encoder_ul,
            None if answer.flow_ul == NO_FLOW_SENSOR_UL else answer.flow_ul,
        ),
        program_ul=answer.program_ul,
        commanded_flow_ul_h=answer.commanded_flow_ul_h,
        measured_flow_ul_h=answer.measured_flow_ul_h,
        moving=bool(answer.flags & StatusFlag.MOTOR_MOVING),
        confirmation_waits=bool(answer.flags & StatusFlag.TOKEN_ALIVE),
        alarms=_names(answer.alarms),
        stopping_alarms=_names(answer.alarms & STOPPING_ALARMS),
        pressure_mmhg=answer.pressure_mmhg,
        reservoir_ul=answer.reservoir_ul,
        battery_permille=answer.battery_permille,
        event_count=answer.event_count,
        lease_left_ms=answer.lease_left_ms,
        on_battery=bool(answer.flags & StatusFlag.ON_BATTERY),
    )
