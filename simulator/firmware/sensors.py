"""What the pump's own sensors tell its firmware: counters since power-on, and which alarms have a cause.

Refuses to know the truth: the bag is believed full until a stroke is felt dry, and volume is what steps, encoder
and flow sensor say. It also foretells the next instant at which a cause appears, so that nobody has to poll.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from protocols.companion.vocabulary import Alarm
from simulator import motor
from simulator.instant import NS_PER_S
from simulator.physics import Plant
from simulator.profile import PumpProfile

AIR_WINDOW_NS = 15 * 60 * NS_PER_S
MAX_BUBBLES = 1_000  # remembered; so many of one microlitre are an alarm already
_CHARGE_NOISE = 1e-6  # per mille: a level computed from its own crossing time counts as reached


@dataclass(slots=True)
class KeptMemory:
    """What survives power-off."""

    boot_count: int = 0
    bag_fitted_at: int = 0  # motor position
    felt_empty: bool = False

    def fit_bag(self, motor_position: int) -> None:
        """A person says that a full bag hangs there."""
        self.bag_fitted_at, self.felt_empty = motor_position, False


class Sensors:
    """Readings of one power-on. Everything takes the instant of therapy time."""

    def __init__(self, profile: PumpProfile, plant: Plant, kept: KeptMemory, at_ns: int) -> None:
        self._profile = profile
        self._plant = plant
        self._kept = kept
        state = plant.at(at_ns)
        self._motor_zero = state.motor_position
        self._rotor_zero = state.rotor_position
        self._flow_zero_ul = state.metered_ul
        self._lag_zero = plant.lag(at_ns)
        self._bubbles: deque[tuple[int, int]] = deque(maxlen=MAX_BUBBLES)  # instant, volume

    def motor_ul(self, at_ns: int) -> int:
        return self._volume_ul(self._plant.at(at_ns).motor_position - self._motor_zero)

    def encoder_ul(self, at_ns: int) -> int:
        return self._volume_ul(self._plant.at(at_ns).rotor_position - self._rotor_zero)

    def flow_ul(self, at_ns: int) -> int | None:
        if not self._profile.has_flow_sensor:
            return None
        return int(self._plant.at(at_ns).metered_ul - self._flow_zero_ul + 1e-6)  # a sum of floats, a whole count

    def reservoir_ul(self, at_ns: int) -> int:
        """The pump's estimate: a full bag less its own steps, nothing once a stroke was dry."""
        if self._kept.felt_empty:
            return 0
        used_ul = self._volume_ul(self._plant.at(at_ns).motor_position - self._kept.bag_fitted_at)
        return max(0, self._profile.reservoir_ul - used_ul)

    def pressure_mmhg(self, at_ns: int) -> int:
        return round(self._plant.pressure_mmhg(at_ns))

    def battery_permille(self, at_ns: int) -> int:
        return round(self._plant.at(at_ns).charge_permille)

    def measured_flow_ul_h(self, at_ns: int) -> int:
        """By the encoder."""
        if self._plant.conditions.stalled:
            return 0
        return motor.flow_of_interval(self._plant.turning_interval(at_ns), self._profile.steps_per_ul)

    def set_lag_zero(self, at_ns: int) -> None:
        """The motor starts: only what the encoder loses from here on is a stall."""
        self._lag_zero = self._plant.lag(at_ns)

    def see_bubble(self, volume_ul: int, at_ns: int) -> None:
        """The air detector has measured a bubble that passed."""
        self._bubbles.append((at_ns, volume_ul))

    def causes(self, at_ns: int) -> Alarm:
        """The alarms that have a cause now."""
        plant, conditions, profile = self._plant, self._plant.conditions, self._profile
        turning = plant.outlook.interval != 0
        charge_permille = plant.at(at_ns).charge_permille
        present = (
            (conditions.door_open, Alarm.DOOR_OPEN),
            (conditions.air_at_sensor or self._is_airy(at_ns), Alarm.AIR_IN_LINE),
            (plant.holds_occlusion_volume(at_ns), Alarm.OCCLUSION_DOWNSTREAM),
            (plant.is_drawn_empty(at_ns), Alarm.OCCLUSION_UPSTREAM),
            (plant.is_dry(at_ns), Alarm.RESERVOIR_EMPTY),
            (self.reservoir_ul(at_ns) <= profile.reservoir_low_ul, Alarm.RESERVOIR_LOW),
            (turning and plant.lag(at_ns) - self._lag_zero >= self._stall_lag, Alarm.MOTOR_STALL),
            (plant.is_cut_off(at_ns), Alarm.FLOW_MISMATCH),
            (plant.is_hot(at_ns), Alarm.OVER_TEMPERATURE),
            (charge_permille <= profile.battery_low_permille + _CHARGE_NOISE, Alarm.BATTERY_LOW),
            (charge_permille <= profile.battery_empty_permille + _CHARGE_NOISE, Alarm.BATTERY_EMPTY),
        )
        causes = Alarm(0)
        for holds, alarm in present:
            if holds:
                causes |= alarm
        return causes

    def next_cause_ns(self, latched: Alarm) -> int | None:
        """When the next alarm that is not latched gets a cause, if nothing else changes."""
        outlook, profile = self._plant.outlook, self._profile
        low_after_ul = profile.reservoir_ul - profile.reservoir_low_ul
        low_position = self._kept.bag_fitted_at + motor.position_of_volume(low_after_ul, profile.steps_per_ul)
        foreseen = [
            (Alarm.BATTERY_LOW, outlook.charge_falls_ns(profile.battery_low_permille)),
            (Alarm.BATTERY_EMPTY, outlook.charge_falls_ns(profile.battery_empty_permille)),
            (Alarm.OVER_TEMPERATURE, outlook.warms_to_ns(profile.hot_c)),
        ]
        if outlook.interval:
            foreseen += [
                (Alarm.OCCLUSION_DOWNSTREAM, outlook.pressure_alarm_ns()),
                (Alarm.OCCLUSION_UPSTREAM, outlook.void_reaches_ns(profile.upstream_stroke_ul)),
                (Alarm.RESERVOIR_EMPTY, outlook.dry_reaches_ns(profile.empty_stroke_ul)),
                (Alarm.RESERVOIR_LOW, outlook.motor_reaches_ns(low_position)),
                (Alarm.MOTOR_STALL, outlook.lag_reaches_ns(self._lag_zero + self._stall_lag)),
                (Alarm.FLOW_MISMATCH, outlook.cut_ns),
            ]
        return min((at_ns for alarm, at_ns in foreseen if at_ns is not None and not alarm & latched), default=None)

    def _is_airy(self, at_ns: int) -> bool:
        """A single bubble alarms as it passes, many of them while they lie within the window."""
        while self._bubbles and self._bubbles[0][0] <= at_ns - AIR_WINDOW_NS:
            self._bubbles.popleft()
        if not self._bubbles:
            return False
        last_ns, last_ul = self._bubbles[-1]
        single = last_ns == at_ns and last_ul > self._profile.air_single_ul
        return single or sum(volume_ul for _, volume_ul in self._bubbles) > self._profile.air_sum_ul

    @property
    def _stall_lag(self) -> int:
        return motor.position_of_volume(self._profile.stall_lag_ul, self._profile.steps_per_ul)

    def _volume_ul(self, distance: int) -> int:
        return motor.volume_of_position_ul(distance, self._profile.steps_per_ul)
