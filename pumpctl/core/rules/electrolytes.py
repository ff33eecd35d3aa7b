"""Potassium and calcium beside the magnesium (Q06, Q07, Q08)."""

from __future__ import annotations

from collections.abc import Iterable

from pumpctl.core.quantity import SerumMagnesium
from pumpctl.core.rules.case import Case
from pumpctl.core.rules.finding import Finding
from pumpctl.core.rules.rule import ADVISORY, SOFT, Rule

LOWEST_NORMAL = SerumMagnesium(70, 100)  # clinical.md section 1: low is below 0.70 mmol/L


def electrolytes_are_known(case: Case) -> Iterable[Finding]:
    """Q06."""
    series = case.figures.laboratory.series
    if "potassium" in series and "calcium" in series:
        return ()
    return [
        Finding(
            "Q06",
            SOFT,
            f"{kind} is missing; it stays low until magnesium is normal, so measure it with the magnesium",
            f"{kind} missing",
            "known",
            "seed-Q",
        )
        for kind in ("potassium", "calcium")
        if kind not in series
    ]


def magnesium_comes_first(case: Case) -> Iterable[Finding]:
    """Q07: advice only, since calcium is the antidote and must never wait."""
    told = case.order.assessment
    if not (told.potassium_replacement or told.calcium_replacement) or not magnesium_may_be_low(case):
        return ()
    return [
        Finding(
            "Q07",
            ADVISORY,
            f"{name} replacement rarely works before magnesium is normal; this never bars calcium as antidote",
            f"{name} replacement",
            "magnesium first",
            "seed-Q",
        )
        for name, active in (("potassium", told.potassium_replacement), ("calcium", told.calcium_replacement))
        if active
    ]


def no_bolus_of_potassium(case: Case) -> Iterable[Finding]:
    """Q08."""
    if not case.order.assessment.potassium_bolus or not magnesium_may_be_low(case):
        return ()
    message = "bolus potassium while magnesium is low does not work and may harm; correct magnesium first"
    return (Finding("Q08", ADVISORY, message, "bolus potassium", "magnesium first", "seed-Q"),)


def magnesium_may_be_low(case: Case) -> bool:
    serum = case.figures.serum_magnesium
    return serum is None or serum.value < LOWEST_NORMAL


RULES = (
    Rule(
        "Q06",
        (electrolytes_are_known,),
        "potassium or calcium missing, or drawn more than 24 h from the magnesium",
        ("results: potassium, calcium, magnesium",),
        (SOFT,),
        "seed-Q",
    ),
    Rule(
        "Q07",
        (magnesium_comes_first,),
        "potassium or calcium replacement active while magnesium is low; never blocks calcium",
        ("assessment.potassium_replacement", "assessment.calcium_replacement", "results: magnesium"),
        (ADVISORY,),
        "seed-Q",
    ),
    Rule(
        "Q08",
        (no_bolus_of_potassium,),
        "bolus potassium ordered while magnesium is low",
        ("assessment.potassium_bolus", "results: magnesium"),
        (ADVISORY,),
        "seed-Q",
    ),
)
