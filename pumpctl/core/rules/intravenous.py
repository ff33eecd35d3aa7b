"""Intravenous phases: Q20 to Q24, L01, L02, L07. The figures are rows of the library."""

from __future__ import annotations

from collections.abc import Iterable

from pumpctl.core.library import PhaseKind
from pumpctl.core.limit import Condition
from pumpctl.core.rules.case import Case
from pumpctl.core.rules.finding import Finding
from pumpctl.core.rules.rule import ADVISORY, HARD, SOFT, Rule

_INITIAL = (PhaseKind.LOADING, PhaseKind.EMERGENCY)
EVENING, MORNING = "18:00", "06:00"  # Q24
# L07: what one of these words stands in forms a salt that does not dissolve, or one that breaks down
INCOMPATIBLE = ("calcium", "phosphate", "bicarbonate", "salicyl")
_FLOW = ("phases", "product")


def continuous_follows_a_loading_dose(case: Case) -> Iterable[Finding]:
    """Q23."""
    kinds = [phase.kind for phase in case.figures.phases]
    if PhaseKind.CONTINUOUS not in kinds or case.order.indication.no_loading_reason:
        return ()
    if any(initial in kinds for initial in _INITIAL):
        return ()
    message = "a continuous infusion without a loading dose; say why in indication.no_loading_reason"
    return (Finding("Q23", ADVISORY, message, "no loading phase", "a loading phase or a reason", "seed-Q"),)


def severe_deficiency_is_treated_at_night(case: Case) -> Iterable[Finding]:
    """Q24, local time of the order: half past six in the evening is night, noon is not."""
    if Condition.SEVERE_AND_SYMPTOMATIC not in case.conditions:
        return ()
    start = _local_start(case)
    intermittent = PhaseKind.INTERMITTENT in [phase.kind for phase in case.figures.phases]
    if not intermittent or start is None or not MORNING < start < EVENING:
        return ()
    message = f"severe and symptomatic: starts {start}; the first dose is given at night"
    return (Finding("Q24", ADVISORY, message, start, f"{EVENING} to {MORNING}", "seed-Q"),)


def _local_start(case: Case) -> str | None:
    """As written: the schedule's local time, or the time of day of a single start in its own offset."""
    schedule = case.order.schedule
    if not case.timetable.occurrences:
        return None
    return schedule.at[11:16] if schedule.at is not None else schedule.local_time


def line_is_compatible(case: Case) -> Iterable[Finding]:
    """L07: the same line, whatever the route; what runs in it must be known for IV."""
    told = case.order.assessment.co_infusions
    if told is None:
        if not case.is_intravenous:
            return ()
        message = "what else runs in the same line is not stated: assessment.co_infusions, [] for nothing"
        return (Finding("L07", SOFT, message, "missing", "known", "label"),)
    why = "in the same line precipitates or breaks down; use another line"
    return [
        Finding("L07", HARD, f"assessment.co_infusions: {fluid} {why}", fluid, "another line", "label")
        for fluid in told
        if any(word in fluid.casefold() for word in INCOMPATIBLE)
    ]


RULES = (
    Rule("Q20", (), "IV loading dose outside 1-2 g", _FLOW),
    Rule("Q21", (), "IV loading over less than 15 min and not an emergency", _FLOW),
    Rule("Q22", (), "continuous IV outside 1-4 mg/min", _FLOW),
    Rule(
        "Q23",
        (continuous_follows_a_loading_dose,),
        "continuous IV without a loading phase or a stated reason",
        ("phases", "indication.no_loading_reason"),
        (ADVISORY,),
        "seed-Q",
    ),
    Rule(
        "Q24",
        (severe_deficiency_is_treated_at_night,),
        "intermittent IV: above 12 mmol, below 3 h, or faster; severe and symptomatic: too little or not at night",
        (*_FLOW, "schedule", "indication.severe_and_symptomatic"),
        (ADVISORY,),
        "seed-Q",
    ),
    Rule("L01", (), "IV rate", _FLOW),
    Rule("L02", (), "IV concentration, in the smaller of final and labelled volume", _FLOW),
    Rule(
        "L07",
        (line_is_compatible,),
        "calcium salt, phosphate, bicarbonate or salicylate in the same line; IV: not stated",
        ("assessment.co_infusions",),
        (HARD, SOFT),
        "label",
    ),
)
