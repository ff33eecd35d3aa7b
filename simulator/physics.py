"""The machine and the fluid: what really moves, from one change of conditions to the next.

Refuses to know what the pump believes, says or decides; its firmware reads sensors and drives the motor
through here. Between two changes everything follows closed forms from the last change, so a quiet day
costs as much as a quiet second, and the result does not depend on how often it was looked at.
`delivered_ul` is what entered the patient: the truth that judges everything else.
"""

from __future__ import annotations

from dataclasses import replace

from simulator import battery, motor, reservoir, thermal, tubing
from simulator.instant import NS_PER_H, NS_PER_S
from simulator.outlook import Outlook
from simulator.plant_state import Conditions, PlantState
from simulator.profile import PumpProfile

_NEARLY = 1.0 - 1e-9  # a level computed from its own crossing time counts as reached


class Plant:
    """The one mutable thing: the last change, its instant, and the conditions since."""

    def __init__(self, profile: PumpProfile, at_ns: int) -> None:
        self.profile = profile
        self.conditions = Conditions()
        self.max_flow_ul_h = 0.0
        self.changes = 0  # what was foretold holds until this counts on
        self._seen_ns = at_ns
        self._seen = PlantState(
            motor_position=0,
            rotor_position=0,
            excess_position=0,
            slack_left_ul=float(profile.slack_ul),
            content_ul=float(profile.reservoir_ul),
            dry_ul=0.0,
            void_ul=0.0,
            entered_line_ul=0.0,
            metered_ul=0.0,
            stored_ul=0.0,
            delivered_ul=0.0,
            spilled_ul=0.0,
            charge_permille=battery.FULL_PERMILLE,
            temperature_c=float(thermal.ROOM_C),
        )
        self.outlook = self._look_ahead(at_ns, 0)

    def at(self, at_ns: int) -> PlantState:
        """The state at an instant not before the last change."""
        if at_ns != self._seen_ns:
            self._seen_ns, self._seen = at_ns, self._advance(at_ns)
        return self._seen

    def change(self, at_ns: int, conditions: Conditions) -> None:
        """From this instant on other conditions act."""
        if conditions == self.conditions:
            return
        state = self.at(at_ns)
        if not conditions.upstream_closed and state.void_ul:
            state = replace(state, void_ul=0.0)
        if not (conditions.runaway_permille and conditions.powered) and state.excess_position:
            state = replace(state, excess_position=0)
        self._rebase(at_ns, state, conditions)

    def fill(self, at_ns: int, content_ul: int) -> None:
        """A bag with this content hangs there now."""
        self._rebase(at_ns, replace(self.at(at_ns), content_ul=float(content_ul), dry_ul=0.0))

    def loosen(self, at_ns: int, slack_ul: int) -> None:
        """A fresh set: the rotor has to take up so much before fluid moves."""
        self._rebase(at_ns, replace(self.at(at_ns), slack_left_ul=float(slack_ul)))

    def charge(self, at_ns: int, charge_permille: float) -> None:
        """The battery holds so much now."""
        self._rebase(at_ns, replace(self.at(at_ns), charge_permille=charge_permille))

    def flow_ul_h(self, at_ns: int) -> float:
        """What flows into the patient at this instant; ripple as if the line followed at once."""
        conditions, outlook = self.conditions, self.outlook
        if not conditions.connected or conditions.disconnected:
            return 0.0
        state = self.at(at_ns)
        per_s = tubing.outflow_ul_s(state.stored_ul, self.profile.line_time_constant_s, occluded=conditions.occluded)
        return per_s * (1.0 + outlook.swing_of_flow(state.rotor_position)) * (NS_PER_H / NS_PER_S)

    def pressure_mmhg(self, at_ns: int) -> float:
        """Downstream pressure at the sensor. Off the patient, the patient's own is missing."""
        at_rest = self.profile.idle_pressure_mmhg
        if self.conditions.disconnected:
            at_rest -= self.profile.patient_pressure_mmhg
        return at_rest + self.at(at_ns).stored_ul / self.profile.compliance_ul_mmhg

    def lag(self, at_ns: int) -> int:
        """How far the encoder is behind the motor, as a distance of the rotor."""
        state = self.at(at_ns)
        return state.motor_position - state.rotor_position

    def turning_interval(self, at_ns: int) -> int:
        """At which the motor really steps; 0 at rest."""
        return 0 if self.is_cut_off(at_ns) else self.outlook.interval

    def is_cut_off(self, at_ns: int) -> bool:
        """Whether the independent cut-off has taken the motor's power; it comes back with the pump's own."""
        return self.outlook.cut_ns is not None and at_ns >= self.outlook.cut_ns

    def holds_occlusion_volume(self, at_ns: int) -> bool:
        """Whether the pressure is at the alarm level."""
        if self.at(at_ns).stored_ul >= self.profile.occlusion_volume_ul * _NEARLY:
            return True
        return _has_come(self.outlook.pressure_alarm_ns(), at_ns)

    def is_dry(self, at_ns: int) -> bool:
        """Whether a dry stroke was long enough to be felt."""
        if self.at(at_ns).dry_ul >= self.profile.empty_stroke_ul * _NEARLY:
            return True
        return _has_come(self.outlook.dry_reaches_ns(self.profile.empty_stroke_ul), at_ns)

    def is_drawn_empty(self, at_ns: int) -> bool:
        """Whether the rotor has pulled a vacuum that is felt: the clamp at the bag is closed."""
        if self.at(at_ns).void_ul >= self.profile.upstream_stroke_ul * _NEARLY:
            return True
        return _has_come(self.outlook.void_reaches_ns(self.profile.upstream_stroke_ul), at_ns)

    def is_hot(self, at_ns: int) -> bool:
        """Whether the motor is as warm as its own limit."""
        if self.at(at_ns).temperature_c >= self.profile.hot_c * _NEARLY:
            return True
        return _has_come(self.outlook.warms_to_ns(self.profile.hot_c), at_ns)

    def _rebase(self, at_ns: int, state: PlantState, conditions: Conditions | None = None) -> None:
        self._note_flow(at_ns)
        self.changes += 1
        turned_at = self.turning_interval(at_ns)
        self.conditions = conditions or self.conditions
        self._seen_ns, self._seen = at_ns, state
        self.outlook = self._look_ahead(at_ns, self._obeyed(turned_at))
        self._note_flow(at_ns)

    def _obeyed(self, turned_at: int) -> int:
        """The interval at which the motor steps from now on; a runaway motor at rest stays there until driven."""
        conditions = self.conditions
        if not conditions.powered:
            return 0
        if not conditions.runaway_permille:
            return conditions.interval
        if conditions.interval:
            return max(1, conditions.interval * 1000 // conditions.runaway_permille)
        return turned_at

    def _look_ahead(self, at_ns: int, interval: int) -> Outlook:
        cut_ns = self._cut_ns(at_ns, interval) if self.conditions.runaway_permille else None
        return Outlook(self.profile, self.conditions, at_ns, self._seen, interval, cut_ns)

    def _cut_ns(self, at_ns: int, interval: int) -> int | None:
        """When a runaway motor is so far beyond its orders that the cut-off acts; a little late, never early."""
        if not self.profile.cut_off_ul:
            return None
        limit = motor.position_of_volume(self.profile.cut_off_ul, self.profile.steps_per_ul)
        missing = limit - self._seen.excess_position
        if missing <= 0:
            return at_ns
        if interval == 0:
            return None
        ordered = self.conditions.interval
        per_ns = motor.INTERVAL_ONE_NS * motor.POSITION_ONE_STEP * (1 / interval - (1 / ordered if ordered else 0.0))
        return at_ns + int((missing + 2) / per_ns) + 1

    def _note_flow(self, at_ns: int) -> None:
        self.max_flow_ul_h = max(self.max_flow_ul_h, self.flow_ul_h(at_ns))

    def _advance(self, at_ns: int) -> PlantState:
        outlook = self.outlook
        base, conditions = outlook.base, outlook.conditions
        elapsed_ns = at_ns - outlook.base_ns
        if elapsed_ns < 0:
            raise ValueError(f"the plant is asked for {elapsed_ns} ns before its last change")
        turned, turning_ns, excess = self._turned(elapsed_ns)
        drawn = 0 if conditions.stalled else turned
        elapsed_s = elapsed_ns / NS_PER_S
        rotor_position = base.rotor_position + drawn
        parts = self._drawn(drawn, rotor_position, turning_ns / NS_PER_S, elapsed_s)
        entered_ul = 0.0 if conditions.upstream_closed else parts.wet_ul + parts.siphoned_ul
        stored_ul, left_ul = self._through_the_line(parts)
        away_ul = 0.0 if conditions.connected and not conditions.disconnected else left_ul
        life_h = self.profile.battery_life_h
        return PlantState(
            motor_position=base.motor_position + turned,
            rotor_position=rotor_position,
            excess_position=base.excess_position + excess,
            slack_left_ul=base.slack_left_ul - parts.slack_ul,
            content_ul=base.content_ul - entered_ul,
            dry_ul=base.dry_ul + (0.0 if conditions.upstream_closed else parts.dry_ul),
            void_ul=base.void_ul + (parts.wet_ul + parts.dry_ul if conditions.upstream_closed else 0.0),
            entered_line_ul=base.entered_line_ul + entered_ul,
            metered_ul=base.metered_ul + self._metered_ul(entered_ul, parts.siphoned_ul),
            stored_ul=stored_ul,
            delivered_ul=base.delivered_ul + (left_ul - away_ul),
            spilled_ul=base.spilled_ul + away_ul,
            charge_permille=battery.discharge(base.charge_permille, elapsed_ns, life_h, on_mains=conditions.charges),
            temperature_c=thermal.relax_c(base.temperature_c, outlook.warmth_c, elapsed_s),
        )

    def _turned(self, elapsed_ns: int) -> tuple[int, int, int]:
        """How far the motor came, in how long, and how much of it nobody asked for."""
        outlook, conditions = self.outlook, self.conditions
        room = max(0, conditions.stop_position - outlook.base.motor_position)
        if not conditions.runaway_permille:
            turned = motor.travel(outlook.interval, elapsed_ns)
            if turned <= room:
                return turned, elapsed_ns, 0
            return room, motor.travel_time_ns(outlook.interval, room), 0
        run_ns = elapsed_ns if outlook.cut_ns is None else min(elapsed_ns, outlook.cut_ns - outlook.base_ns)
        turned = motor.travel(outlook.interval, run_ns)
        return turned, run_ns, turned - min(motor.travel(conditions.interval, run_ns), room)

    def _drawn(self, drawn: int, rotor_position: int, turning_s: float, elapsed_s: float) -> reservoir.Draw:
        outlook = self.outlook
        base = outlook.base
        displaced_ul = drawn * outlook.true_ul_per_position
        if drawn:
            displaced_ul += outlook.swing_ul(rotor_position) - outlook.swing_ul(base.rotor_position)
        siphon_ul_s = outlook.siphon_ul_s
        if siphon_ul_s:
            return reservoir.draw_beside_siphon(
                displaced_ul, base.slack_left_ul, base.content_ul, turning_s, elapsed_s, siphon_ul_s
            )
        return reservoir.draw(displaced_ul, base.slack_left_ul, base.content_ul, turning_s, elapsed_s)

    def _metered_ul(self, entered_ul: float, siphoned_ul: float) -> float:
        """A flow sensor that shares the rotor's error takes what the rotor moves for less, or more."""
        shared = self.conditions.common_bias_permille
        if not shared:
            return entered_ul
        moves = 1000 + self.profile.rate_error_permille + self.conditions.error_permille
        return (entered_ul - siphoned_ul) * (moves - shared) / moves + siphoned_ul

    def _through_the_line(self, parts: reservoir.Draw) -> tuple[float, float]:
        stored_ul, left_ul = self.outlook.base.stored_ul, 0.0
        constant_s, occluded = self.profile.line_time_constant_s, self.conditions.occluded
        for stretch_s, inflow_ul in parts.stretches:
            wet_ul = 0.0 if self.conditions.upstream_closed else inflow_ul
            passage = tubing.pass_through(stored_ul, wet_ul, stretch_s, constant_s, occluded=occluded)
            stored_ul, left_ul = passage.stored_ul, left_ul + passage.left_ul
        return stored_ul, left_ul


def _has_come(due_ns: int | None, at_ns: int) -> bool:
    return due_ns is not None and at_ns >= due_ns
