"""When the plant will reach a level if nothing else changes: an absolute instant of therapy time, None for never.

Refuses to know what happens then. Made anew at each change, so every instant is counted from the last one. Where
motion is not quite even (ripple) it foretells by the mean; what is foretold counts as reached, so that all agree.
"""

from __future__ import annotations

import math

from simulator import battery, motor, thermal, tubing
from simulator.instant import NS_PER_H, NS_PER_S
from simulator.plant_state import Conditions, PlantState
from simulator.profile import PumpProfile


class Outlook:
    """`interval`: at which the motor really steps, 0 for a motor at rest. `cut_ns`: when the cut-off acts."""

    __slots__ = (
        "_depth_ul",
        "_ripple",
        "base",
        "base_ns",
        "conditions",
        "cut_ns",
        "interval",
        "profile",
        "siphon_ul_s",
        "true_ul_per_position",
        "warmth_c",
    )

    def __init__(
        self,
        profile: PumpProfile,
        conditions: Conditions,
        base_ns: int,
        base: PlantState,
        interval: int,
        cut_ns: int | None,
    ) -> None:
        self.profile, self.conditions = profile, conditions
        self.base_ns, self.base = base_ns, base
        self.interval, self.cut_ns = interval, cut_ns
        moves_permille = 1000 + profile.rate_error_permille + conditions.error_permille
        self.true_ul_per_position = moves_permille / 1000 / motor.position_of_volume(1, profile.steps_per_ul)
        # A head of fluid opens no closed line.
        is_closed = conditions.occluded or conditions.upstream_closed
        self.siphon_ul_s = 0.0 if is_closed else conditions.siphon_ul_h * NS_PER_S / NS_PER_H
        # Where the temperature goes.
        self.warmth_c = thermal.target_c(conditions.ambient_c, heats_itself=conditions.stalled and interval != 0)
        self._ripple = (profile.ripple_permille + conditions.ripple_permille) / 1000
        # d(swing)/d(volume) is the ripple of even motion at its largest, never above it.
        self._depth_ul = self._ripple * profile.revolution_ul / math.tau

    @property
    def rotor_ul_s(self) -> float:
        """What the rotor displaces."""
        if self.conditions.stalled or self.interval == 0:
            return 0.0
        positions_per_s = NS_PER_S * motor.INTERVAL_ONE_NS * motor.POSITION_ONE_STEP / self.interval
        return positions_per_s * self.true_ul_per_position

    def motor_reaches_ns(self, position: int) -> int | None:
        """When the motor stands at `position` (not when it already does)."""
        distance = position - self.base.motor_position
        if self.interval == 0 or distance <= 0:
            return None
        if not self.conditions.runaway_permille and position > self.conditions.stop_position:
            return None
        due_ns = self.base_ns + motor.travel_time_ns(self.interval, distance)
        return due_ns if self.cut_ns is None or due_ns <= self.cut_ns else None

    def lag_reaches_ns(self, lag: int) -> int | None:
        """When a stalled rotor is behind by so much."""
        return self.motor_reaches_ns(self.base.rotor_position + lag) if self.conditions.stalled else None

    def pressure_alarm_ns(self) -> int | None:
        """When the line holds its occlusion volume."""
        rotor_ul_s, siphon_ul_s = self.rotor_ul_s, self.siphon_ul_s
        inflow_ul_s = 0.0 if self.conditions.upstream_closed else rotor_ul_s + siphon_ul_s
        slack_s = self.base.slack_left_ul / rotor_ul_s if rotor_ul_s else 0.0
        wait_s = self._fills_after_s(self.base.stored_ul, siphon_ul_s)
        if wait_s is None or wait_s > slack_s:
            constant_s, occluded = self.profile.line_time_constant_s, self.conditions.occluded
            taken_up = tubing.pass_through(
                self.base.stored_ul, siphon_ul_s * slack_s, slack_s, constant_s, occluded=occluded
            )
            after_s = self._fills_after_s(taken_up.stored_ul, inflow_ul_s)
            wait_s = None if after_s is None else slack_s + after_s
        if wait_s is None or wait_s * inflow_ul_s > self.base.content_ul + self.base.slack_left_ul:
            return None
        return self._before_the_cut(wait_s)

    def dry_reaches_ns(self, dry_ul: int) -> int | None:
        """When the rotor has turned that far without fluid."""
        rotor_ul_s = self.rotor_ul_s
        missing_ul = dry_ul - self.base.dry_ul
        if rotor_ul_s == 0.0 or missing_ul <= 0.0 or self.conditions.upstream_closed:
            return None
        slack_s, siphon_ul_s = self.base.slack_left_ul / rotor_ul_s, self.siphon_ul_s
        left_ul = max(0.0, self.base.content_ul - siphon_ul_s * slack_s)
        return self._before_the_cut(slack_s + left_ul / (rotor_ul_s + siphon_ul_s) + missing_ul / rotor_ul_s)

    def void_reaches_ns(self, void_ul: int) -> int | None:
        """When the rotor has turned that far against a closed clamp."""
        rotor_ul_s = self.rotor_ul_s
        missing_ul = void_ul - self.base.void_ul
        if rotor_ul_s == 0.0 or missing_ul <= 0.0 or not self.conditions.upstream_closed:
            return None
        return self._before_the_cut((self.base.slack_left_ul + missing_ul) / rotor_ul_s)

    def charge_falls_ns(self, level_permille: int) -> int | None:
        """When the battery is down to the level."""
        life_h, on_mains = self.profile.battery_life_h, self.conditions.charges
        wait_ns = battery.falls_after_ns(self.base.charge_permille, level_permille, life_h, on_mains=on_mains)
        return None if wait_ns is None else self.base_ns + wait_ns

    def warms_to_ns(self, level_c: int) -> int | None:
        """When the motor is as warm as that."""
        wait_s = thermal.reaches_after_s(self.base.temperature_c, self.warmth_c, level_c)
        return None if wait_s is None else self._after_s(wait_s)

    def swing_ul(self, rotor_position: int) -> float:
        """Where in its revolution the rotor has given more, or less, than even motion; 0 on the mean of each."""
        return self._depth_ul * math.sin(self._angle(rotor_position)) if self._depth_ul else 0.0

    def swing_of_flow(self, rotor_position: int) -> float:
        """The flow of this instant, in parts of the mean, on top of it."""
        return self._ripple * math.cos(self._angle(rotor_position)) if self._ripple else 0.0

    def _fills_after_s(self, stored_ul: float, inflow_ul_s: float) -> float | None:
        level_ul, constant_s = float(self.profile.occlusion_volume_ul), self.profile.line_time_constant_s
        return tubing.fills_after_s(stored_ul, level_ul, inflow_ul_s, constant_s, occluded=self.conditions.occluded)

    def _angle(self, rotor_position: int) -> float:
        revolution = motor.position_of_volume(self.profile.revolution_ul, self.profile.steps_per_ul)
        return math.tau * (rotor_position % revolution) / revolution

    def _before_the_cut(self, wait_s: float) -> int | None:
        due_ns = self._after_s(wait_s)
        return due_ns if self.cut_ns is None or due_ns <= self.cut_ns else None

    def _after_s(self, wait_s: float) -> int:
        return self.base_ns + int(wait_s * NS_PER_S) + 1
