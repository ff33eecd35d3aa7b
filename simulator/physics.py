"""The machine and the fluid: what really moves, from one change of conditions to the next.

Refuses to know what the pump believes, says or decides; its firmware reads sensors and drives the motor
through here. Between two changes everything follows closed forms from the last change, so a quiet day
costs as much as a quiet second, and the result does not depend on how often it was looked at.
`delivered_ul` is what entered the patient: the truth that judges everything else.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from simulator import battery, motor, reservoir, tubing
from simulator.instant import NS_PER_H, NS_PER_S
from simulator.profile import PumpProfile

_NEARLY = 1.0 - 1e-9  # a level computed from its own crossing time counts as reached


@dataclass(frozen=True, slots=True)
class Conditions:
    """What acts on the plant; each lasts until changed. interval 0: the motor is not driven."""

    interval: int = 0
    stop_position: int = 0  # the motor control's own comparator: no step beyond it
    stalled: bool = False
    occluded: bool = False
    connected: bool = True  # False while a person primes the line into the air
    on_mains: bool = True
    air_at_sensor: bool = False  # the two only sensors see
    door_open: bool = False


@dataclass(frozen=True, slots=True)
class PlantState:
    """Positions in 2**-20 steps, volumes in uL. Fluid conservation: drawn = entered = delivered + spilled + stored."""

    motor_position: int
    rotor_position: int
    slack_left_ul: float
    content_ul: float
    dry_ul: float
    entered_line_ul: float
    stored_ul: float
    delivered_ul: float
    spilled_ul: float
    charge_permille: float


class Plant:
    """The one mutable thing: the last change, its instant, and the conditions since."""

    def __init__(self, profile: PumpProfile, at_ns: int) -> None:
        self.profile = profile
        self.conditions = Conditions()
        self.max_flow_ul_h = 0.0
        self.changes = 0  # what was foretold holds until this counts on
        self._base_ns = at_ns
        self._base = PlantState(
            motor_position=0,
            rotor_position=0,
            slack_left_ul=float(profile.slack_ul),
            content_ul=float(profile.reservoir_ul),
            dry_ul=0.0,
            entered_line_ul=0.0,
            stored_ul=0.0,
            delivered_ul=0.0,
            spilled_ul=0.0,
            charge_permille=battery.FULL_PERMILLE,
        )
        self._seen_ns = at_ns
        self._seen = self._base

    def at(self, at_ns: int) -> PlantState:
        """The state at an instant not before the last change."""
        if at_ns != self._seen_ns:
            self._seen_ns, self._seen = at_ns, self._advance(at_ns)
        return self._seen

    def change(self, at_ns: int, conditions: Conditions) -> None:
        """From this instant on other conditions act."""
        if conditions == self.conditions:
            return
        self._rebase(at_ns, self.at(at_ns))
        self.conditions = conditions
        self._note_flow(at_ns)

    def fill(self, at_ns: int, content_ul: int) -> None:
        """A bag with this content hangs there now."""
        self._rebase(at_ns, replace(self.at(at_ns), content_ul=float(content_ul), dry_ul=0.0))

    def flow_ul_h(self, at_ns: int) -> float:
        """What flows into the patient at this instant."""
        if not self.conditions.connected:
            return 0.0
        constant_s = self.profile.line_time_constant_s
        per_s = tubing.outflow_ul_s(self.at(at_ns).stored_ul, constant_s, occluded=self.conditions.occluded)
        return per_s * (NS_PER_H / NS_PER_S)

    def pressure_mmhg(self, at_ns: int) -> float:
        """Downstream pressure at the sensor."""
        return self.profile.idle_pressure_mmhg + self.at(at_ns).stored_ul / self.profile.compliance_ul_mmhg

    def lag(self, at_ns: int) -> int:
        """How far the encoder is behind the motor, as a distance of the rotor."""
        state = self.at(at_ns)
        return state.motor_position - state.rotor_position

    # When something will be reached under the present conditions: an absolute instant, None for never.

    def motor_reaches_ns(self, position: int) -> int | None:
        """When the motor stands at `position` (not when it already does)."""
        distance = position - self._base.motor_position
        interval = self.conditions.interval
        if interval == 0 or distance <= 0 or position > self.conditions.stop_position:
            return None
        return self._base_ns + motor.travel_time_ns(interval, distance)

    def lag_reaches_ns(self, lag: int) -> int | None:
        """When a stalled rotor is behind by so much."""
        return self.motor_reaches_ns(self._base.rotor_position + lag) if self.conditions.stalled else None

    def pressure_alarm_ns(self) -> int | None:
        """When the line holds its occlusion volume."""
        inflow_ul_s = self._true_flow_ul_s
        slack_s = self._base.slack_left_ul / inflow_ul_s if inflow_ul_s else 0.0
        constant_s, occluded = self.profile.line_time_constant_s, self.conditions.occluded
        stored_ul = tubing.pass_through(self._base.stored_ul, 0.0, slack_s, constant_s, occluded=occluded).stored_ul
        level_ul = float(self.profile.occlusion_volume_ul)
        wait_s = tubing.fills_after_s(stored_ul, level_ul, inflow_ul_s, constant_s, occluded=occluded)
        if wait_s is None or wait_s * inflow_ul_s > self._base.content_ul:
            return None
        return self._base_ns + int((slack_s + wait_s) * NS_PER_S) + 1

    def dry_reaches_ns(self, dry_ul: int) -> int | None:
        """When the rotor has turned that far without fluid."""
        inflow_ul_s = self._true_flow_ul_s
        missing_ul = dry_ul - self._base.dry_ul
        if inflow_ul_s == 0.0 or missing_ul <= 0.0:
            return None
        ahead_ul = self._base.slack_left_ul + self._base.content_ul + missing_ul
        return self._base_ns + int(ahead_ul / inflow_ul_s * NS_PER_S) + 1

    def charge_falls_ns(self, level_permille: int) -> int | None:
        """When the battery is down to the level."""
        life_h, on_mains = self.profile.battery_life_h, self.conditions.on_mains
        wait_ns = battery.falls_after_ns(self._base.charge_permille, level_permille, life_h, on_mains=on_mains)
        return None if wait_ns is None else self._base_ns + wait_ns

    def holds_occlusion_volume(self, at_ns: int) -> bool:
        """Whether the pressure is at the alarm level."""
        return self.at(at_ns).stored_ul >= self.profile.occlusion_volume_ul * _NEARLY

    def is_dry(self, at_ns: int) -> bool:
        """Whether a dry stroke was long enough to be felt."""
        return self.at(at_ns).dry_ul >= self.profile.empty_stroke_ul * _NEARLY

    @property
    def _positions_per_ul(self) -> int:
        return motor.position_of_volume(1, self.profile.steps_per_ul)

    @property
    def _true_ul_per_position(self) -> float:
        return (1000 + self.profile.rate_error_permille) / 1000 / self._positions_per_ul

    @property
    def _true_flow_ul_s(self) -> float:
        if self.conditions.stalled or self.conditions.interval == 0:
            return 0.0
        positions_per_s = NS_PER_S * motor.INTERVAL_ONE_NS * motor.POSITION_ONE_STEP / self.conditions.interval
        return positions_per_s * self._true_ul_per_position

    def _rebase(self, at_ns: int, state: PlantState) -> None:
        self._note_flow(at_ns)
        self.changes += 1
        self._base_ns = self._seen_ns = at_ns
        self._base = self._seen = state

    def _note_flow(self, at_ns: int) -> None:
        self.max_flow_ul_h = max(self.max_flow_ul_h, self.flow_ul_h(at_ns))

    def _advance(self, at_ns: int) -> PlantState:
        elapsed_ns = at_ns - self._base_ns
        if elapsed_ns < 0:
            raise ValueError(f"the plant is asked for {elapsed_ns} ns before its last change")
        base, conditions = self._base, self.conditions
        room = max(0, conditions.stop_position - base.motor_position)
        turned = min(motor.travel(conditions.interval, elapsed_ns), room)
        drawn = 0 if conditions.stalled else turned
        parts = reservoir.draw(drawn * self._true_ul_per_position, base.slack_left_ul, base.content_ul)
        stored_ul, left_ul = self._through_the_line(parts, elapsed_ns / NS_PER_S)
        life_h = self.profile.battery_life_h
        return PlantState(
            motor_position=base.motor_position + turned,
            rotor_position=base.rotor_position + drawn,
            slack_left_ul=base.slack_left_ul - parts.slack_ul,
            content_ul=base.content_ul - parts.wet_ul,
            dry_ul=base.dry_ul + parts.dry_ul,
            entered_line_ul=base.entered_line_ul + parts.wet_ul,
            stored_ul=stored_ul,
            delivered_ul=base.delivered_ul + (left_ul if conditions.connected else 0.0),
            spilled_ul=base.spilled_ul + (0.0 if conditions.connected else left_ul),
            charge_permille=battery.discharge(base.charge_permille, elapsed_ns, life_h, on_mains=conditions.on_mains),
        )

    def _through_the_line(self, parts: reservoir.Draw, elapsed_s: float) -> tuple[float, float]:
        """Slack, fluid and dry stroke follow one another at the same rotor speed: three even stretches."""
        displaced_ul = parts.slack_ul + parts.wet_ul + parts.dry_ul
        if displaced_ul == 0.0:
            stretches = ((elapsed_s, 0.0),)
        else:
            s_per_ul = elapsed_s / displaced_ul
            volumes = ((parts.slack_ul, 0.0), (parts.wet_ul, parts.wet_ul), (parts.dry_ul, 0.0))
            stretches = tuple((turned_ul * s_per_ul, inflow_ul) for turned_ul, inflow_ul in volumes if turned_ul)
        stored_ul, left_ul = self._base.stored_ul, 0.0
        for stretch_s, inflow_ul in stretches:
            passage = tubing.pass_through(
                stored_ul, inflow_ul, stretch_s, self.profile.line_time_constant_s, occluded=self.conditions.occluded
            )
            stored_ul, left_ul = passage.stored_ul, left_ul + passage.left_ul
        return stored_ul, left_ul
