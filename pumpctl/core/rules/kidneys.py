"""Kidneys: what must be known of them before any magnesium (Q01, Q02, Q03, Q16).

The figures are rows of the library; here is what a missing or bad answer means.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pumpctl.core.limit import Condition
from pumpctl.core.rules.case import Case
from pumpctl.core.rules.finding import Finding
from pumpctl.core.rules.rule import HARD, SCHEDULE, SOFT, Rule


def reduced_clearance_is_monitored(case: Case) -> Iterable[Finding]:
    """Q02: closer checks of serum magnesium."""
    if Condition.REDUCED_CLEARANCE not in case.conditions:
        return ()
    when = "every 2 weeks" if case.order.care_area == "home" else "6 h after the start"
    message = f"clearance is reduced: check serum magnesium {when}"
    return (Finding("Q02", SCHEDULE, message, "reduced clearance", when, "seed-Q; reference"),)


def clearance_is_known(case: Case) -> Iterable[Finding]:
    """Q03: never read as normal."""
    if case.figures.laboratory.clearance is not None:
        return ()
    message = "creatinine clearance is missing; measure it before giving magnesium"
    return (Finding("Q03", HARD, message, "missing", "known", "seed-Q"),)


def kidneys_are_steady(case: Case) -> Iterable[Finding]:
    """Q16: an emergency softens nothing here."""
    told = case.order.assessment
    return () if told.dialysis is False and not told.acute_kidney_injury else _unsteady(case)


def _unsteady(case: Case) -> Iterator[Finding]:
    told = case.order.assessment
    if told.dialysis is None:
        severity = SOFT if case.is_subcutaneous else HARD
        message = "whether the patient is on dialysis is not stated; ask, and state assessment.dialysis"
        yield Finding("Q16", severity, message, "dialysis missing", "not on dialysis", "seed-Q")
    elif told.dialysis:
        yield Finding(
            "Q16", HARD, "assessment.dialysis: no magnesium on dialysis", "dialysis", "not on dialysis", "seed-Q"
        )
    if told.acute_kidney_injury:
        message = "assessment.acute_kidney_injury: no magnesium until creatinine is steady"
        yield Finding("Q16", HARD, message, "acute kidney injury", "none", "seed-Q, reference")


RULES = (
    Rule(
        "Q01",
        (),
        "creatinine clearance of 20 mL/min or less, every route and emergency",
        ("results: creatinine_clearance",),
    ),
    Rule(
        "Q02",
        (reduced_clearance_is_monitored,),
        "clearance above 20 and at most 30 mL/min: halved limits, closer checks; one override covers its soft findings",
        ("results: creatinine_clearance",),
        (SCHEDULE,),
        "seed-Q; reference",
    ),
    Rule(
        "Q03",
        (clearance_is_known,),
        "clearance missing or too old: home counts at acceptance, IV at the start",
        ("results: creatinine_clearance", "course", "therapy"),
        (HARD,),
        "seed-Q",
    ),
    Rule(
        "Q16",
        (kidneys_are_steady,),
        "dialysis, or creatinine rising within 48 h or 7 days",
        ("assessment.dialysis", "assessment.acute_kidney_injury", "results: creatinine"),
        (HARD, SOFT),
        "seed-Q, reference",
    ),
)
