"""An Alaris syringe pump without its link: hold or infuse, rate, VTBI, alarms (docs/dialects/alaris.md).

Refuses to know frames, names and who asks. Whoever calls has checked the request; here is what it does, and what the
pump does by itself when an instant comes. What no capture shows is invented, and the document lists it.
"""

from __future__ import annotations

from protocols.alaris.alarms import Alarm
from protocols.alaris.messages import EndAction
from protocols.companion.vocabulary import Alarm as Cause
from simulator import motor
from simulator.firmware.dialect import PowerOn
from simulator.firmware.drive import Drive
from simulator.firmware.sensors import Sensors
from simulator.instant import SimNow, earlier

KVO_UL_H = 1_000  # invented: where the end action says KVO
PURGE_FLOW_UL_H = 100_000

# What the shared sensors feel, in the order in which ALARM tells it, and whether the pump stops for it.
# A syringe pump feels no air and no clamp upstream; an open door is an open syringe clamp.
_CAUSES: tuple[tuple[Cause, Alarm, bool], ...] = (
    (Cause.OCCLUSION_DOWNSTREAM, Alarm.OCCLUSION, True),
    (Cause.MOTOR_STALL, Alarm.DRIVE_DISENGAGED, True),
    (Cause.DOOR_OPEN, Alarm.SYRINGE_CLAMP, True),
    (Cause.OVER_TEMPERATURE, Alarm.FAULT, True),
    (Cause.FLOW_MISMATCH, Alarm.FAULT, True),
    (Cause.BATTERY_EMPTY, Alarm.BATTERY_EMPTY, True),
    (Cause.RESERVOIR_EMPTY, Alarm.END_OF_INFUSION_STOPPED, True),
    (Cause.BATTERY_LOW, Alarm.BATTERY_LOW, False),
    (Cause.RESERVOIR_LOW, Alarm.NEAR_END, False),
)
_ENDS = {
    EndAction.STOP: Alarm.VTBI_DONE_STOPPED,
    EndAction.KVO: Alarm.VTBI_DONE_KVO,
    EndAction.CONTINUE: Alarm.VTBI_DONE_CONTINUES,
}
CODES = {cause: alarm for cause, alarm, _ in _CAUSES}
_SENSED = Cause(sum(int(cause) for cause, _, _ in _CAUSES))
_STOPPING = Cause(sum(int(cause) for cause, _, stops in _CAUSES if stops))


class AlarisMachine:
    """One power-on of one pump. Every method takes the present instant, which never goes back."""

    def __init__(self, power_on: PowerOn) -> None:
        self.profile = power_on.profile
        self.infusing = False
        self.rate_ul_h = 0
        self.vtbi_ul: int | None = None
        self.end = EndAction.STOP
        self.syringe_confirmed = True  # somebody fitted it before the simulator began
        self.kvo_ul_h = 0  # a fault: what a stop at VTBI leaves running
        self.log_entry = 1
        self.sensors = Sensors(power_on.profile, power_on.plant, power_on.kept, power_on.now.therapy_ns)
        self.drive = Drive(power_on.profile, power_on.plant, self.sensors, power_on.now.link_ns)
        self._plant = power_on.plant
        self._kept = power_on.kept
        self._latched = Cause(0)
        self._told: set[Alarm] = set()  # alarms of what happened, as against of what is
        self._vtbi_zero = 0  # motor position when the VTBI was set
        self._volume_zero_ul = 0
        self._purge_zero: int | None = None
        self._kept.boot_count += 1

    # What a request or a person does.

    def set_rate(self, rate_ul_h: int, now: SimNow) -> None:
        self.rate_ul_h = rate_ul_h
        if self.infusing and self._purge_zero is None:
            self._run(now)
        self._log()

    def set_vtbi(self, vtbi_ul: int | None, end: EndAction, now: SimNow) -> None:
        """From here on so much."""
        self.vtbi_ul, self.end, self._vtbi_zero = vtbi_ul, end, self.drive.position(now)
        self._told -= set(_ENDS.values())
        if self.infusing and self._purge_zero is None:
            self._run(now)
        self._log()

    def start(self, now: SimNow) -> None:
        self._halt(now)
        self.infusing = True
        self._run(now)
        self._log()

    def hold(self, now: SimNow) -> None:
        """Rate and VTBI stay."""
        self._halt(now)
        if self.infusing:
            self.infusing = False
            self._log()

    def clear_volume(self, now: SimNow) -> None:
        self._volume_zero_ul = self.sensors.motor_ul(now.therapy_ns)

    def lose_host(self, now: SimNow, *, stops: bool) -> None:
        """The host that had control is silent."""
        self._told.add(Alarm.COMMUNICATIONS_TIMEOUT)
        self._log()
        if stops:
            self.hold(now)

    def press_cancel(self, now: SimNow) -> None:
        """A person has seen it: what has no cause any more is over, the syringe that is there is the right one."""
        self._latched &= self.sensors.causes(now.therapy_ns)
        self._told.clear()
        self.syringe_confirmed = not self.drive.conditions.door_open
        self._log()

    def change_rate(self, permille: int, now: SimNow) -> None:
        """At the keys, to so much of the present one in steps of the pump. Beyond its range they do not answer."""
        step = self.profile.flow_step_ul_h
        rate_ul_h = self.rate_ul_h * permille // 1000 // step * step
        if self.profile.min_flow_ul_h <= rate_ul_h <= self.profile.max_flow_ul_h:
            self.set_rate(rate_ul_h, now)

    def purge(self, volume_ul: int, now: SimNow) -> None:
        """At the keys, beside any VTBI; then the infusion, if there was one, goes on."""
        if self._purge_zero is None and not self.stopping_causes:
            self._purge_zero = self.drive.position(now)
            self.drive.dispense(now, volume_ul, min(PURGE_FLOW_UL_H, self.profile.max_flow_ul_h))

    # What the pump does by itself.

    def settle(self, now: SimNow) -> None:
        """Everything that is due at this instant."""
        if self.drive.has_arrived(now):
            self._arrive(now)
        causes = self.sensors.causes(now.therapy_ns) & _SENSED
        if causes & Cause.DOOR_OPEN:
            self.syringe_confirmed = False
        rising = causes & ~self._latched
        if not rising:
            return
        self._latched |= rising
        self._log()
        if rising & Cause.RESERVOIR_EMPTY:
            self._kept.felt_empty = True
        if rising & _STOPPING:
            self.hold(now)

    def next_therapy_ns(self) -> int | None:
        return earlier(self.drive.arrives_ns(), self.sensors.next_cause_ns(self._latched | ~_SENSED))

    # What it shows.

    @property
    def stopping_causes(self) -> Cause:
        """Why it does not start."""
        return self._latched & _STOPPING

    def alarms(self) -> tuple[Alarm, ...]:
        """The first is the one that ALARM tells."""
        felt = [alarm for cause, alarm, _ in _CAUSES if cause & self._latched]
        mains = [] if self.drive.conditions.on_mains else [Alarm.MAINS_LOST]
        return tuple(dict.fromkeys([*felt, *sorted(self._told, key=lambda alarm: alarm.value), *mains]))

    def volume_ul(self, now: SimNow) -> int:
        """The counter of INF and INF_VI."""
        return self.sensors.motor_ul(now.therapy_ns) - self._volume_zero_ul

    def vtbi_done_ul(self, now: SimNow) -> int:
        position = self.drive.position(now) if self._purge_zero is None else self._purge_zero
        return motor.volume_of_position_ul(position - self._vtbi_zero, self.profile.steps_per_ul)

    def left_ms(self, now: SimNow) -> int | None:
        """Until the VTBI; None: no end is near."""
        if self.vtbi_ul is None or not self.rate_ul_h:
            return None
        return (self.vtbi_ul - self.vtbi_done_ul(now)) * 3_600_000 // self.rate_ul_h

    def reaches_ns(self, volume_ul: int) -> int | None:
        """When the VTBI counter is that far."""
        if self.vtbi_ul is None or self._purge_zero is not None:
            return None
        position = self._vtbi_zero + motor.position_of_volume(volume_ul, self.profile.steps_per_ul)
        return self._plant.outlook.motor_reaches_ns(position)

    def _run(self, now: SimNow) -> None:
        interval = motor.interval_of_flow(self.rate_ul_h, self.profile.steps_per_ul)
        self.drive.run(now, interval, motor.ENDLESS if self.vtbi_ul is None else self._vtbi_ends(self.vtbi_ul))

    def _vtbi_ends(self, vtbi_ul: int) -> int:
        return self._vtbi_zero + motor.position_of_volume(vtbi_ul, self.profile.steps_per_ul)

    def _halt(self, now: SimNow) -> None:
        """No step more. A purge that runs ends here: its volume is not the VTBI's."""
        self.drive.halt(now)
        if self._purge_zero is not None:
            self._vtbi_zero += self.drive.position(now) - self._purge_zero
            self._purge_zero = None

    def _arrive(self, now: SimNow) -> None:
        if self._purge_zero is not None:
            self._halt(now)
            if self.infusing:
                self._run(now)
            return
        self._told.add(_ENDS[self.end])
        self.vtbi_ul = None
        kvo_ul_h = KVO_UL_H if self.end is EndAction.KVO else self.kvo_ul_h
        if self.end is EndAction.CONTINUE:
            self._run(now)
        else:
            self.hold(now)
            if kvo_ul_h:
                self.drive.run(now, motor.interval_of_flow(kvo_ul_h, self.profile.steps_per_ul), motor.ENDLESS)
        self._log()

    def _log(self) -> None:
        self.log_entry += 1
