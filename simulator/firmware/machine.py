"""A companion pump without its link: states, program, token, lease, alarms (SPEC.md sections 3 to 6).

Refuses to know frames, sessions and who asks. Whoever calls has checked the request; here is what it does, and what
the pump does by itself when an instant comes. Each change that SPEC.md wants told unasked is left in `notices`.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random

from protocols.companion.messages import Load, Notice
from protocols.companion.vocabulary import STOPPING_ALARMS, Alarm, EventKind, NoticeCause, PumpState, Purpose
from simulator import motor
from simulator.firmware.drive import Drive
from simulator.firmware.event_ring import EventRing
from simulator.firmware.registers import ProgramRegisters, re_encode, settle
from simulator.firmware.sensors import KeptMemory, Sensors
from simulator.firmware.token import TokenDesk
from simulator.firmware.uptime import Uptime
from simulator.instant import NS_PER_MS, SimNow, earlier
from simulator.physics import Plant
from simulator.profile import PumpProfile

AUTO_PRESS_AFTER_MS = 500  # SPEC.md section 3: a simulator's auto-confirm
NO_PROGRAM_ID = bytes(8)
ALL_ALARMS = int(~Alarm(0))


class Machine:
    """One power-on of one pump. Every method takes the present instant, which never goes back."""

    def __init__(
        self,
        profile: PumpProfile,
        plant: Plant,
        kept: KeptMemory,
        rng: Random,
        now: SimNow,
        *,
        auto_confirm: bool,
        drift_permille: int = 0,
    ) -> None:
        self.profile = profile
        self.auto_confirm = auto_confirm
        self.state = PumpState.IDLE
        self.program: ProgramRegisters | None = None
        self.program_zero = 0  # motor position at LOAD
        self.alarms = Alarm(0)
        self.events = EventRing(profile.event_ring)
        self.tokens = TokenDesk(rng)
        self.sensors = Sensors(profile, plant, kept, now.therapy_ns)
        self.notices: list[Notice] = []  # taken by the caller after each call; at most one for each change
        self.lease_ends_ns: int | None = None
        self.drive = Drive(profile, plant, self.sensors, now.link_ns)
        self.uptime = Uptime(now.link_ns, drift_permille)
        self.keypad_touched = False  # since LOAD
        self.purge_zero: int | None = None  # motor position where a purge at the keypad began
        self._plant = plant
        self._kept = kept
        self._auto_press_ns: int | None = None
        self._prime_ul = 0
        self._settled: tuple[int, Alarm] | None = None  # plant changes and alarms when nothing was left to do
        self._foretold: tuple[int, Alarm, int | None] | None = None
        kept.boot_count += 1
        self.record(now, EventKind.POWER_ON, kept.boot_count)

    # What a request or a person does.

    def load(self, load: Load, now: SimNow) -> None:
        """Take an accepted program in."""
        self.halt(now)
        self.tokens.void()
        self.keypad_touched = False
        self.program = settle(load, self.profile.steps_per_ul)
        self.program_zero = self.drive.position(now)
        self.state = PumpState.LOADED
        self.drive.connect(now, connected=True)
        self._schedule_auto_press(now)
        self.record(now, EventKind.LOADED, load.flow_ul_h)

    def start(self, now: SimNow) -> None:
        """From confirmed: the token has been used."""
        self._infuse(now, EventKind.STARTED)

    def resume(self, now: SimNow) -> None:
        """From paused: same rate, same counter, a new lease."""
        self._infuse(now, EventKind.RESUMED)

    def pause(self, now: SimNow) -> None:
        """Program and counter stay."""
        self.halt(now)
        self.state = PumpState.PAUSED
        self._schedule_auto_press(now)
        self.record(now, EventKind.PAUSED, self.sensors.motor_ul(now.therapy_ns))

    def stop(self, now: SimNow) -> None:
        """Legal everywhere: motor still, program and token void."""
        self.halt(now)
        self.tokens.void()
        self.lease_ends_ns = self._auto_press_ns = None
        if self.program is None and self.state is not PumpState.PRIMING:
            return
        if self.state is not PumpState.COMPLETED:
            self.state = PumpState.STOPPED
        self.record(now, EventKind.STOPPED, self.sensors.motor_ul(now.therapy_ns))
        self.program = None

    def prime(self, volume_ul: int, flow_ul_h: int, now: SimNow) -> None:
        """Nobody is connected until the next LOAD. A completed program is void."""
        self.halt(now)
        self.state = PumpState.PRIMING
        self.program = None
        self._prime_ul = volume_ul
        self.drive.connect(now, connected=False)
        self.drive.dispense(now, volume_ul, flow_ul_h)

    def acknowledge(self, bits: int, now: SimNow) -> None:
        """A bit whose cause persists stays."""
        cleared = self.alarms & Alarm(bits & ALL_ALARMS) & ~self.sensors.causes(now.therapy_ns)
        if cleared:
            self.alarms &= ~cleared
            self.record(now, EventKind.ALARM_CLEARED, int(cleared))
            self.tell(now, NoticeCause.ALARMS)

    def lose_token(self, now: SimNow) -> None:
        """The token died of age or was used up by a refusal: confirmed is loaded again."""
        if self.state is PumpState.CONFIRMED:
            self.state = PumpState.LOADED
        self.tell(now, NoticeCause.TOKEN)

    def press_confirm(self, now: SimNow) -> None:
        """A second press draws a new token and voids the old one."""
        if self.program is None or self.state not in (PumpState.LOADED, PumpState.CONFIRMED, PumpState.PAUSED):
            return
        purpose = Purpose.RESUME if self.state is PumpState.PAUSED else Purpose.START
        self.tokens.issue(purpose, self.digest, self.uptime.after_ms(self.profile.token_life_ms, now.link_ns))
        if self.state is PumpState.LOADED:
            self.state = PumpState.CONFIRMED
        self.record(now, EventKind.CONFIRMED, purpose)
        self.tell(now, NoticeCause.TOKEN)

    def see_bubble(self, volume_ul: int, now: SimNow) -> None:
        """The air detector adds it up; settle makes of it what it is."""
        self.sensors.see_bubble(volume_ul, now.therapy_ns)
        self._settled = None

    def halt(self, now: SimNow) -> None:
        """No step more. A purge that runs ends here: its volume is not the program's."""
        self.drive.halt(now)
        if self.purge_zero is not None:
            purged = self.drive.position(now) - self.purge_zero
            self.program_zero += purged
            self.purge_zero = None
            self.record(now, EventKind.PRIMED, motor.volume_of_position_ul(purged, self.profile.steps_per_ul))

    def set_kvo(self, kvo_ul_h: int, now: SimNow) -> None:
        """Into the register of the loaded program, whoever does it; a motor that keeps a vein open hears of it."""
        if self.program is None:
            return
        interval = motor.interval_of_flow(kvo_ul_h, self.profile.steps_per_ul) if kvo_ul_h else 0
        self.program = replace(self.program, after_target_interval=interval)
        if self.state is PumpState.COMPLETED:
            self.halt(now)
            self._keep_vein_open(now)

    def run_program(self, now: SimNow) -> None:
        """As its registers say, if it is to run."""
        if self.program is not None and self.state is PumpState.INFUSING:
            stop_position = self.program_zero + self.program.target_steps * motor.POSITION_ONE_STEP
            self.drive.run(now, self.program.step_interval, stop_position)

    # What the pump does by itself.

    def settle(self, now: SimNow) -> None:
        """Everything that is due at this instant."""
        if self._is_quiet(now):
            return
        if self.tokens.expire(now.link_ns):
            self.lose_token(now)
        if self._auto_press_ns is not None and now.link_ns >= self._auto_press_ns:
            self._auto_press_ns = None
            if self.tokens.alive is None:
                self.press_confirm(now)
        if self.drive.has_arrived(now):
            self._arrive(now)
        if self.lease_ends_ns is not None and now.link_ns >= self.lease_ends_ns:
            self._raise(now, Alarm.LEASE_ENDED)
        while rising := self.sensors.causes(now.therapy_ns) & ~self.alarms:
            self._raise(now, rising)  # ends: each round latches at least one of the thirteen bits
        self._settled = (self._plant.changes, self.alarms)

    def next_link_ns(self) -> int | None:
        """The next instant of link time at which settle has something to do."""
        token = self.tokens.alive
        return earlier(token.dies_ns if token else None, earlier(self.lease_ends_ns, self._auto_press_ns))

    def next_therapy_ns(self) -> int | None:
        """The same in therapy time. Foretold once for each change of the plant or of the alarms."""
        foretold = self._foretold
        if foretold is None or foretold[0] != self._plant.changes or foretold[1] is not self.alarms:
            due_ns = earlier(self.drive.arrives_ns(), self.sensors.next_cause_ns(self.alarms))
            foretold = self._foretold = (self._plant.changes, self.alarms, due_ns)
        return foretold[2]

    # What it shows.

    @property
    def digest(self) -> bytes:
        """Of the program as the motor holds it."""
        return re_encode(self.program, self.profile.steps_per_ul).digest if self.program else bytes(16)

    @property
    def program_id(self) -> bytes:
        return self.program.program_id if self.program else NO_PROGRAM_ID

    @property
    def boot_count(self) -> int:
        return self._kept.boot_count

    def uptime_ms(self, now: SimNow) -> int:
        return self.uptime.ms(now.link_ns)

    def left_ms(self, until_ns: int, now: SimNow) -> int:
        """By the uptime that the pump shows, which has whole milliseconds."""
        return max(0, self.uptime.ms(until_ns) - self.uptime_ms(now))

    def program_ul(self, now: SimNow) -> int:
        """The VTBI counter."""
        if self.program is None:
            return 0
        position = self.drive.position(now) if self.purge_zero is None else self.purge_zero
        travelled = position - self.program_zero
        return motor.volume_of_position_ul(travelled, self.profile.steps_per_ul)

    def _is_quiet(self, now: SimNow) -> bool:
        """Nothing has changed since the last time, and nothing foretold has come."""
        if self._settled != (self._plant.changes, self.alarms):
            return False
        link_ns, therapy_ns = self.next_link_ns(), self.next_therapy_ns()
        return (link_ns is None or now.link_ns < link_ns) and (therapy_ns is None or now.therapy_ns < therapy_ns)

    def _infuse(self, now: SimNow, kind: EventKind) -> None:
        if self.program is None:
            raise AssertionError(f"{self.state.name} without a program")
        self.halt(now)
        self.state = PumpState.INFUSING
        self._auto_press_ns = None
        lease_ms = self.program.lease_ns // NS_PER_MS
        self.lease_ends_ns = self.uptime.after_ms(lease_ms, now.link_ns) if self.program.stops_at_lease_end else None
        self.run_program(now)
        self.record(now, kind, self.sensors.motor_ul(now.therapy_ns))

    def _arrive(self, now: SimNow) -> None:
        purged = self.purge_zero is not None
        self.halt(now)
        if purged:
            self.run_program(now)
        elif self.state is PumpState.PRIMING:
            self.state = PumpState.IDLE
            self.record(now, EventKind.PRIMED, self._prime_ul)
        else:
            self.state = PumpState.COMPLETED
            self.lease_ends_ns = None
            self.record(now, EventKind.COMPLETED, self.sensors.motor_ul(now.therapy_ns))
            self._keep_vein_open(now)
        if not purged:
            self.tell(now, NoticeCause.STATE)

    def _keep_vein_open(self, now: SimNow) -> None:
        """What the register says is what the motor does after VTBI; a sound pump's says nothing."""
        if self.program is not None and self.program.after_target_interval:
            self.drive.run(now, self.program.after_target_interval, motor.ENDLESS)

    def _raise(self, now: SimNow, rising: Alarm) -> None:
        """The motor first, then the word; the history has the alarm, then the stop that it causes."""
        if rising & STOPPING_ALARMS:
            self.halt(now)
        if rising & Alarm.RESERVOIR_EMPTY:
            self._kept.felt_empty = True
        self.alarms |= rising
        self.record(now, EventKind.ALARM_RAISED, int(rising))
        if rising & STOPPING_ALARMS:
            self.stop(now)
        self.tell(now, NoticeCause.ALARMS)

    def _schedule_auto_press(self, now: SimNow) -> None:
        if self.auto_confirm:
            self._auto_press_ns = self.uptime.after_ms(AUTO_PRESS_AFTER_MS, now.link_ns)

    def record(self, now: SimNow, kind: EventKind, detail: int) -> None:
        self.events.record(self.uptime_ms(now), kind, detail, self.program_id)

    def tell(self, now: SimNow, cause: NoticeCause) -> None:
        self.notices.append(Notice(self.uptime_ms(now), self.events.count, self.state, self.alarms, cause))
