"""What must hold before flow may rise, and what forces it down.

Refuses to know how the figures were got. Each interlock is one small pure function; all of them
stand in one tuple, none can be switched off, and one that raises counts as tripped. Permissives
are asked at the one door before a start or a resume; trips after every status. A trip never
blocks a decrease: STOP asks nobody.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from pumpctl.core.energy import CRITICAL_PERMILLE
from pumpctl.core.instant import MS_PER_H, NS_PER_MS, NS_PER_S
from pumpctl.core.reason import Priority, Reason
from pumpctl.core.snapshots import RunSnapshot, StartSnapshot, StillSnapshot, Trip

# A wall clock that moved this far makes every "now" doubtful: no new start (hazard H40).
WALL_STEP_LIMIT_MS = 120_000
# The last word of the pump must not be older than this when flow is about to rise.
FRESH_NS = 3 * NS_PER_S
STILL_LIMIT_UL = 50
# Motor against encoder: slack of the gears before it is a disagreement (project).
COUNTER_BAND_UL = 500
# A pump has so long to pause: SPEC.md gives it 100 ms, a status comes once a second (project).
PAUSE_WITHIN_NS = 5 * NS_PER_S
# The pump's own alarms that are not HIGH (hazards H04, H12, H17).
MEDIUM_ALARMS = frozenset({"motor_stall", "over_temperature", "reservoir_empty"})


def _reason(condition: bool, code: str, message: str) -> Reason | None:
    return Reason(code, message) if condition else None


def _trip(condition: bool, code: str, message: str, priority: Priority = Priority.HIGH) -> Trip | None:
    return Trip(Reason(code, message), priority) if condition else None


# --- permissives -----------------------------------------------------------------------------


def _mode(s: StartSnapshot) -> Reason | None:
    return _reason(not s.mode_permits, "mode_refuses_pump", "this mode does not drive this pump (orders are unsigned)")


def _identity(s: StartSnapshot) -> Reason | None:
    return _reason(not s.identity_matches, "identity_unproven", "the pump has not answered with its serial number")


def _journal(s: StartSnapshot) -> Reason | None:
    return _reason(not s.journal_sound, "journal_unsound", "the journal is damaged or cannot write: STOP only")


def _guard(s: StartSnapshot) -> Reason | None:
    return _reason(not s.guard_alive, "guard_absent", "the guard process is not running")


def _latch(s: StartSnapshot) -> Reason | None:
    codes = ", ".join(reason.code for reason in s.latched)
    return _reason(bool(s.latched), "latched", f"stopped and latched: {codes}")


def _stop(s: StartSnapshot) -> Reason | None:
    return _reason(s.stop_pending, "stop_pending", "a stop was asked for")


def _fresh(s: StartSnapshot) -> Reason | None:
    stale = s.status_age_ns is None or s.status_age_ns > FRESH_NS
    return _reason(stale, "status_stale", "the pump's status is older than 3 s")


def _no_alarm(s: StartSnapshot) -> Reason | None:
    return _reason(bool(s.alarms), "pump_alarm_active", f"the pump shows {', '.join(s.alarms)}")


def _read_back(s: StartSnapshot) -> Reason | None:
    return _reason(not s.read_back_equal, "read_back_differs", "the pump's program is not the compiled one")


def _one_infusion(s: StartSnapshot) -> Reason | None:
    busy = s.another_running is not None
    return _reason(busy, "another_infusion", f"magnesium of this patient runs or is unresolved on {s.another_running}")


def _one_command(s: StartSnapshot) -> Reason | None:
    return _reason(s.unresolved_dosing, "dosing_unresolved", "an earlier dosing command has no known outcome")


def _wall_clock(s: StartSnapshot) -> Reason | None:
    stepped = abs(s.wall_step_ms) > WALL_STEP_LIMIT_MS
    return _reason(
        stepped, "wall_clock_stepped", f"the wall clock moved by {s.wall_step_ms} ms: set it right, or confirm-clock"
    )


def _order(s: StartSnapshot) -> Reason | None:
    told = "; ".join(f"{reason.code} {reason.message}" for reason in s.verdict_reasons)
    return _reason(bool(s.verdict_reasons), "order_refused_now", told)


def _dose_rate(s: StartSnapshot) -> Reason | None:
    return _reason(s.exceeds_dose_rate, "dose_rate_above_hard_limit", "the flow is above the hard mg/min limit")


def _energy(s: StartSnapshot) -> Reason | None:
    short = s.battery_runs_ms is not None and s.battery_runs_ms < 2 * s.needed_ms  # H63
    told = f"the battery lasts {(s.battery_runs_ms or 0) // 60_000} min, twice {s.needed_ms // 60_000} min are wanted"
    return _reason(short, "battery_too_low", told)


PERMISSIVES: tuple[Callable[[StartSnapshot], Reason | None], ...] = (
    _mode,
    _identity,
    _journal,
    _guard,
    _latch,
    _stop,
    _fresh,
    _no_alarm,
    _read_back,
    _one_infusion,
    _one_command,
    _wall_clock,
    _order,
    _dose_rate,
    _energy,
)


# --- trips -----------------------------------------------------------------------------------


def _pump_alarm(s: RunSnapshot) -> Trip | None:
    # Empty at its VTBI is completion (H12); empty before it is told as completed_short, too.
    alarms = tuple(code for code in s.stopping_alarms if not (s.completed and code == "reservoir_empty"))
    loudest = min(alarms, key=lambda code: alarm_priority(code, s.route) is not Priority.HIGH, default="")
    told = f"the pump alarms: {', '.join(alarms)}"
    return _trip(bool(alarms), loudest, told, alarm_priority(loudest, s.route))


def _pump_reset(s: RunSnapshot) -> Trip | None:
    return _trip(s.boot_changed, "pump_reset", "the pump was switched off and on: its program is void")  # H58


def _foreign_program(s: RunSnapshot) -> Trip | None:
    return _trip(not s.same_program and not s.boot_changed, "foreign_program", "the pump runs another program")


def _above_hard_limit(s: RunSnapshot) -> Trip | None:
    return _trip(s.exceeds_dose_rate, "dose_rate_above_hard_limit", "the pump runs above the hard mg/min limit")  # H60


def _external_change(s: RunSnapshot) -> Trip | None:
    # S05: no rate above the program. A lower one is told and left alone (alerts.py; H60: neither adopted nor undone).
    raised = s.same_program and s.commanded_flow_ul_h > s.program_flow_ul_h
    told = f"the pump is set to {s.commanded_flow_ul_h} uL/h, the program says {s.program_flow_ul_h} uL/h"
    return _trip(raised, "external_change", told)


def _over_delivery(s: RunSnapshot) -> Trip | None:
    # I1: the declared accuracy is the pump's own allowance; a fiftieth or 1 mL on top (H02).
    allowed = s.vtbi_ul * (1000 + s.accuracy_permille) // 1000 + max(1000, s.vtbi_ul // 50)
    return _trip(s.largest_ul > allowed, "over_delivery", f"{s.largest_ul} uL counted, VTBI {s.vtbi_ul} uL")


def _runaway(s: RunSnapshot) -> Trip | None:
    if s.moved_in_window_ul is None:
        return None
    due_ul_ns = s.program_flow_ul_h * s.window_therapy_ns
    # More than 1.1 times the commanded volume, and more than the increments explain (H03).
    excess_ul_ns = s.moved_in_window_ul * MS_PER_H * NS_PER_MS * 10 - due_ul_ns * 11
    slack_ul_ns = 3 * s.volume_step_ul * MS_PER_H * NS_PER_MS * 10
    return _trip(excess_ul_ns > slack_ul_ns, "runaway", "the pump moves more than 1.1 times the commanded flow")


def _over_infusion(s: RunSnapshot) -> Trip | None:
    # What is too little for a window adds up (H02). A pump within its declared accuracy never gets there.
    told = f"{s.excess_ul} uL ahead of the commanded flow and the declared accuracy"
    return _trip(s.excess_ul > moves_unasked_ul(s.volume_step_ul), "over_infusion", told)


def _no_progress(s: RunSnapshot) -> Trip | None:
    stuck = s.moved_in_window_ul == 0
    return _trip(stuck, "no_progress", "the pump counts no volume while it says it infuses", Priority.MEDIUM)  # H04


def _counters_disagree(s: RunSnapshot) -> Trip | None:
    gap_ul, band_ul = s.largest_ul - s.smallest_ul, max(COUNTER_BAND_UL, s.largest_ul * s.accuracy_permille // 1000)
    return _trip(gap_ul > band_ul, "counters_disagree", f"the volume counters differ by {gap_ul} uL")


def _completed_short(s: RunSnapshot) -> Trip | None:
    # "Finished" goes by what is certainly in the patient, not by the pump's word (ADR 0007, H05).
    band_ul = max(COUNTER_BAND_UL, s.vtbi_ul * s.accuracy_permille // 1000)
    short = s.completed and s.smallest_ul + band_ul < s.vtbi_ul
    told = f"the pump says it is through, {s.smallest_ul} uL of {s.vtbi_ul} uL are counted"
    return _trip(short, "completed_short", told, Priority.MEDIUM)


def _pause_ignored(s: RunSnapshot) -> Trip | None:
    ignored = s.pausing_ns is not None and s.pausing_ns >= PAUSE_WITHIN_NS
    return _trip(ignored, "pause_ignored", "a pause was asked for and the pump runs on: stopped")


def _battery_critical(s: RunSnapshot) -> Trip | None:
    critical = s.on_battery and s.battery_permille <= CRITICAL_PERMILLE
    return _trip(critical, "battery_critical", "the battery is nearly empty: stopped before it fails")  # H63


TRIPS: tuple[Callable[[RunSnapshot], Trip | None], ...] = (
    _pump_alarm,
    _pump_reset,
    _foreign_program,
    _above_hard_limit,
    _external_change,
    _over_delivery,
    _runaway,
    _over_infusion,
    _no_progress,
    _counters_disagree,
    _completed_short,
    _pause_ignored,
    _battery_critical,
)


def alarm_priority(code: str, route: str) -> Priority:
    """Of one of the pump's own stopping alarms; one that is not known is HIGH."""
    medium = code in MEDIUM_ALARMS or (code == "air_in_line" and route == "sc")  # H10
    return Priority.MEDIUM if medium else Priority.HIGH


def moves_unasked_ul(volume_step_ul: int) -> int:
    """hazards.md rule 4: what the counters' increments and a motor's slack explain."""
    return max(3 * volume_step_ul, STILL_LIMIT_UL)


def moved_while_still(s: StillSnapshot) -> Trip | None:
    """H06: volume that rises while the pump is stopped is a siphon or a motor that ignores us."""
    limit = moves_unasked_ul(s.volume_step_ul)
    told = f"{s.moved_ul} uL moved while the pump should be still: clamp the line"
    return _trip(s.moved_ul > limit, "moved_while_stopped", told)


SnapshotT = TypeVar("SnapshotT")
FindingT = TypeVar("FindingT")


def refusals(snapshot: StartSnapshot) -> tuple[Reason, ...]:
    """All reasons why flow may not rise now; empty permits."""
    return ask_all(PERMISSIVES, snapshot, lambda name, error: Reason("interlock_failed", f"{name}: {error!r}"))


def trips(snapshot: RunSnapshot) -> tuple[Trip, ...]:
    """All reasons to stop now; empty lets it run."""
    failed = Priority.HIGH
    return ask_all(TRIPS, snapshot, lambda name, error: Trip(Reason("interlock_failed", f"{name}: {error!r}"), failed))


def ask_all(
    interlocks: tuple[Callable[[SnapshotT], FindingT | None], ...],
    snapshot: SnapshotT,
    failed: Callable[[str, Exception], FindingT],
) -> tuple[FindingT, ...]:
    """What each of them finds; one that raises has found `failed`."""
    found: list[FindingT] = []
    for interlock in interlocks:
        try:
            finding = interlock(snapshot)
        except Exception as error:  # one that cannot decide has decided: no
            finding = failed(getattr(interlock, "__name__", "interlock"), error)
        if finding is not None:
            found.append(finding)
    return tuple(found)
