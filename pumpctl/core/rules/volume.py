"""Volume: corrected before any magnesium, and not with too much saline (Q04, Q05, Q05b)."""

from __future__ import annotations

from collections.abc import Iterable

from pumpctl.core.rules.case import Case
from pumpctl.core.rules.finding import Finding
from pumpctl.core.rules.rule import HARD, SOFT, Rule

VOLUME_IS_RIGHT = frozenset({"euvolaemic", "corrected"})


def volume_is_corrected(case: Case) -> Iterable[Finding]:
    """Q04: the first step, and the one commonly missed."""
    status = case.order.assessment.volume_status
    if status in VOLUME_IS_RIGHT:
        return ()
    message = (
        "volume depletion drives aldosterone and renal magnesium loss: correct it first, then state "
        "assessment.volume_status as euvolaemic or corrected"
    )
    return (Finding("Q04", HARD, message, status or "missing", "euvolaemic or corrected", "seed-Q"),)


def saline_is_stated_in_heart_failure(case: Case) -> Iterable[Finding]:
    """Q05b: saline of unknown volume is not little."""
    saline, stopped = case.order.saline, case.figures.times.saline_stopped
    if saline is None or saline.per_day is not None or not case.order.assessment.heart_failure:
        return ()
    if stopped is not None and stopped <= case.at_utc_ms:
        return ()
    message = "heart failure, and saline runs of which saline.per_day is not stated"
    return (Finding("Q05b", SOFT, message, "missing", "below 2 L/d", "seed-Q"),)


RULES = (
    Rule(
        "Q04",
        (volume_is_corrected,),
        "volume depletion present and not corrected, or unknown",
        ("assessment.volume_status",),
        (HARD,),
        "seed-Q",
    ),
    Rule(
        "Q05",
        (),
        "saline for repletion outside 2-4 L a day, or beyond days 1-3 without reassessment",
        ("saline",),
    ),
    Rule(
        "Q05b",
        (saline_is_stated_in_heart_failure,),
        "heart failure and saline of 2 L a day or more still running",
        ("saline", "assessment.heart_failure"),
        (SOFT,),
        "seed-Q",
    ),
)
