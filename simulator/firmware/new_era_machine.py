"""A New Era pump without its link: the program and its phases, pause and stop, the alarm that waits to be told.

Refuses to know packets and commands. The plunger pushes and never pulls: the plant has no way back.
"""

from __future__ import annotations

from protocols.companion.vocabulary import Alarm
from protocols.new_era.messages import AlarmKind, Prompt
from simulator import motor
from simulator.firmware.drive import Drive
from simulator.firmware.new_era_memory import PHASES, Memory, Phase
from simulator.firmware.sensors import Sensors
from simulator.instant import NS_PER_H, NS_PER_S, SimNow, earlier
from simulator.physics import Plant
from simulator.profile import PumpProfile

# Whatever holds the plunger back, its motor stalls: there is no other sensor.
HELD_BACK = Alarm.OCCLUSION_DOWNSTREAM | Alarm.OCCLUSION_UPSTREAM | Alarm.RESERVOIR_EMPTY | Alarm.MOTOR_STALL
_RUNNING = frozenset({Prompt.INFUSING, Prompt.PURGING})


class NewEraMachine:
    """Of one power-on. `alarm` waits until a reply has told it; `unasked` until the link has sent its copy."""

    def __init__(self, profile: PumpProfile, plant: Plant, sensors: Sensors, memory: Memory, now: SimNow) -> None:
        self.memory = memory
        self.prompt = Prompt.STOPPED
        self.alarm: AlarmKind | None = AlarmKind.RESET
        self.unasked: AlarmKind | None = None
        self.phase_number = 1
        self.run_zero = 0  # motor position at which the program began
        self.drive = Drive(profile, plant, sensors, now.link_ns)
        self._steps = profile.steps_per_ul
        self._sensors = sensors
        self._stop_at = 0  # of the phase that runs, or was paused
        self._silent_ns: int | None = None  # when safe mode gives up

    @property
    def is_running(self) -> bool:
        return self.prompt in _RUNNING

    @property
    def phase(self) -> Phase:
        """The one that runs."""
        return self.memory.phase(self.phase_number)

    # What a command or a key does.

    def run(self, number: int, now: SimNow) -> None:
        """From stopped: the program, from this phase on."""
        self.run_zero = self.drive.position(now)
        self._enter(number, now)

    def resume(self, now: SimNow) -> None:
        """From paused: the rest of its phase."""
        self.prompt = Prompt.INFUSING
        self.drive_phase(now)

    def stop(self, now: SimNow) -> None:
        """Running pauses; whatever else stops, and its program begins anew."""
        paused = self.prompt is Prompt.INFUSING
        self.halt(now)
        self.prompt = Prompt.PAUSED if paused else Prompt.STOPPED

    def purge(self, now: SimNow) -> None:
        """Top speed, until somebody stops it."""
        self.prompt = Prompt.PURGING
        self.drive.run(now, self._interval(self.memory.max_nl_h), motor.ENDLESS)

    def halt(self, now: SimNow) -> None:
        """No step more, and no program."""
        self.drive.halt(now)
        self.prompt = Prompt.STOPPED

    def drive_phase(self, now: SimNow) -> None:
        """At the rate that its phase has now, as far as it was to go."""
        self.drive.run(now, self._interval(self.phase.rate_nl_h), self._stop_at)

    def heard(self, now: SimNow) -> None:
        """A valid packet: safe mode counts its time anew."""
        self._silent_ns = now.link_ns + self.memory.safe_s * NS_PER_S if self.memory.safe_s else None

    def raise_alarm(self, alarm: AlarmKind, now: SimNow) -> None:
        """The motor first, then the word."""
        self.halt(now)
        self.alarm = self.unasked = alarm

    # What it does by itself.

    def settle(self, now: SimNow) -> None:
        if self._silent_ns is not None and now.link_ns >= self._silent_ns:
            self._silent_ns = None
            self.raise_alarm(AlarmKind.TIMED_OUT, now)
        if self.is_running and self._sensors.causes(now.therapy_ns) & HELD_BACK:
            self.raise_alarm(AlarmKind.STALLED, now)
        for _ in range(PHASES):  # a phase without volume behind one that ended at once, at most so many
            if self.prompt is not Prompt.INFUSING or not self.drive.has_arrived(now):
                return
            self._enter(self.phase_number + 1, now)

    def next_link_ns(self) -> int | None:
        return self._silent_ns

    def next_therapy_ns(self) -> int | None:
        if not self.is_running:
            return None
        return earlier(self.drive.arrives_ns(), self._sensors.next_cause_ns(~HELD_BACK))

    # What it shows.

    def infused_nl(self, now: SimNow) -> int:
        """Since it was cleared."""
        return self._nl(self.drive.position(now) - self.memory.zero_at)

    def clear_infused(self, now: SimNow) -> None:
        self.memory.zero_at = self.drive.position(now)

    def program_ul(self, now: SimNow) -> int:
        return self._nl(self.drive.position(now) - self.run_zero) // 1000

    def position_of_program_ul(self, volume_ul: int) -> int:
        return self.run_zero + motor.position_of_volume(volume_ul, self._steps)

    def _enter(self, number: int, now: SimNow) -> None:
        """The next phase, as its function says; after the last one the program is over."""
        if number > PHASES or self.memory.phase(number).function == "STP":
            self.halt(now)
            self.phase_number = 1
            return
        self.phase_number, self.prompt = number, Prompt.INFUSING
        target_nl = self.memory.target_nl(self.phase)
        travel = target_nl * self._steps * motor.POSITION_ONE_STEP // 1000
        self._stop_at = self.drive.position(now) + travel if target_nl else motor.ENDLESS
        self.drive_phase(now)

    def _interval(self, nl_h: int) -> int:
        """Rounded up, as motor.py has it: never faster than asked."""
        return -(-NS_PER_H * motor.INTERVAL_ONE_NS * 1000 // (nl_h * self._steps))

    def _nl(self, distance: int) -> int:
        return distance * 1000 // (motor.POSITION_ONE_STEP * self._steps)
