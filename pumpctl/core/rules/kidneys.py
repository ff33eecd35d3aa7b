"""Kidneys and volume: what must be known before any magnesium (Q02, Q03, Q04).

The figures are rows of the library; here is what a missing or bad answer means.
"""

from __future__ import annotations

from collections.abc import Iterator

from pumpctl.core.limit import Condition
from pumpctl.core.rules.case import Case
from pumpctl.core.rules.finding import Finding, Severity

VOLUME_IS_RIGHT = frozenset({"euvolaemic", "corrected"})


def _in_emergency_soft(case: Case) -> Severity:
    return Severity.SOFT if case.is_emergency else Severity.HARD


def reduced_clearance_is_monitored(case: Case) -> Iterator[Finding]:
    """Q02: closer checks of serum magnesium."""
    if Condition.REDUCED_CLEARANCE in case.conditions:
        when = "every 2 weeks" if case.order.care_area == "home" else "6 h after the start"
        yield Finding(
            "Q02", Severity.SCHEDULE, f"check serum magnesium {when}", "reduced clearance", when, "seed-Q; reference"
        )


def clearance_is_known(case: Case) -> Iterator[Finding]:
    """Q03: never read as normal."""
    if case.figures.clearance is None:
        message = "creatinine clearance is missing; measure it before giving magnesium"
        yield Finding("Q03", _in_emergency_soft(case), message, "missing", "known", "seed-Q")


def volume_is_corrected(case: Case) -> Iterator[Finding]:
    """Q04: the first step, and the one commonly missed."""
    status = case.order.assessment.volume_status
    if status not in VOLUME_IS_RIGHT:
        message = (
            "volume depletion drives aldosterone and renal magnesium loss: correct it first, then state "
            "assessment.volume_status as euvolaemic or corrected"
        )
        yield Finding(
            "Q04", _in_emergency_soft(case), message, status or "missing", "euvolaemic or corrected", "seed-Q"
        )
