"""Subcutaneous magnesium: Q30, Q31, Q38, P02, P03, P08, P09, P10, L03, L04."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pumpctl.core.rules.case import Case
from pumpctl.core.rules.finding import Finding
from pumpctl.core.rules.rule import ADVISORY, HARD, SOFT, Rule, Stage

SALINE = "sodium_chloride_0.9_percent"
# P02: what one of these words stands in is water, undiluted stock or an IV-only premix, however it is written
NOT_UNDER_THE_SKIN = ("water", "undiluted", "none", "stock", "premix", "magnesium")
INDICATED = frozenset({"short_bowel", "malabsorption"})  # Q38
_FLOW = ("phases", "product")


def indication_is_one(case: Case) -> Iterable[Finding]:
    """Q38."""
    if not case.is_subcutaneous:
        return ()
    reviews, losses = case.order.reviews, case.order.assessment.gastrointestinal_losses or ()
    refractory = reviews.oral_magnesium_failed and reviews.intravenous_magnesium_failed
    if refractory or not INDICATED.isdisjoint(losses):
        return ()
    message = "the skin is for short bowel, malabsorption, or what oral and intravenous magnesium did not help"
    value = case.order.indication.condition or "missing"
    return (Finding("Q38", ADVISORY, message, value, "one of these", "seed-Q, seed-P"),)


def diluent_suits(case: Case) -> Iterable[Finding]:
    """P02: under the skin only 0.9 % saline is evidence; hypotonic, undiluted or IV-only bags never."""
    found: list[Finding] = []
    for phase in case.figures.phases:
        if phase.diluent is None:
            message = f"{phase.path}.bag.diluent is missing"
            found.append(Finding("P02", HARD, message, "missing", SALINE, "seed-P"))
        elif case.is_subcutaneous and phase.diluent != SALINE:
            written = phase.diluent.casefold()
            severity = HARD if any(word in written for word in NOT_UNDER_THE_SKIN) else SOFT
            message = f"{phase.path}: {phase.diluent} is not for subcutaneous magnesium; use {SALINE}"
            found.append(Finding("P02", severity, message, phase.diluent, SALINE, "seed-P, label"))
    return found


def stock_is_diluted(case: Case) -> Iterable[Finding]:
    """P02: a bag as strong as its stock holds no diluent, whatever its label says."""
    stock = case.figures.stock
    if stock is None or not case.is_subcutaneous:
        return ()
    why = f"the bag is as strong as its stock; dilute it with {SALINE}"
    return [
        Finding("P02", HARD, f"{phase.path}: {why}", "undiluted stock", SALINE, "seed-P, label")
        for phase in case.figures.phases
        if phase.concentration is not None and phase.concentration >= stock
    ]


def home_course_is_agreed(case: Case) -> Iterable[Finding]:
    """P08: one finding for each that is absent."""
    reviews = case.order.reviews
    agreed = reviews.consent and reviews.pharmacist_review and reviews.nephrologist_review
    return () if agreed or not case.is_home_subcutaneous else _not_agreed(case)


def off_label_is_known(case: Case) -> Iterable[Finding]:
    """P09."""
    if not case.is_subcutaneous or case.order.reviews.off_label_acknowledged is True:
        return ()
    message = "subcutaneous magnesium is off-label and little studied: reviews.off_label_acknowledged = true"
    return (Finding("P09", SOFT, message, "not acknowledged", "acknowledged", "seed-P, label"),)


def _not_agreed(case: Case) -> Iterator[Finding]:
    reviews = case.order.reviews
    for name, answer in (
        ("consent", reviews.consent),
        ("pharmacist_review", reviews.pharmacist_review),
        ("nephrologist_review", reviews.nephrologist_review),
    ):
        if answer is not True:
            message = f"home subcutaneous magnesium without reviews.{name} = true"
            yield Finding("P08", SOFT, message, f"no {name.replace('_', ' ')}", "done", "seed-P")


RULES = (
    Rule("Q30", (), "SC dose of an infusion outside 4-12 mmol", _FLOW),
    Rule(
        "Q31",
        (),
        "more than 3 SC starts in any rolling 7 days, this order's own occurrences included",
        ("schedule", "the dose ledger"),
    ),
    Rule(
        "Q38",
        (indication_is_one,),
        "SC indication other than short bowel, malabsorption, or refractory to oral and IV",
        ("assessment.gastrointestinal_losses", "reviews.oral_magnesium_failed", "reviews.intravenous_magnesium_failed"),
        (ADVISORY,),
        "seed-Q, seed-P",
    ),
    Rule("P01", (), "the golden order: 2 g in 100 mL saline, SC, over 10 h, daily, at home", stage=Stage.DEFINITION),
    Rule(
        "P02",
        (diluent_suits, stock_is_diluted),
        "SC diluent other than 0.9 % NaCl; water, undiluted stock, IV-only premix; any route: diluent missing",
        ("phases.bag.diluent", "product.stock_concentration"),
        (HARD, SOFT),
        "seed-P, label",
    ),
    Rule("P03", (), "SC rate outside 1-3.4 mg/min", _FLOW),
    Rule(
        "P08",
        (home_course_is_agreed,),
        "home SC without consent, pharmacist review and nephrologist review",
        ("reviews",),
        (SOFT,),
        "seed-P",
    ),
    Rule(
        "P09",
        (off_label_is_known,),
        "SC is off-label and little studied: not acknowledged",
        ("reviews.off_label_acknowledged",),
        (SOFT,),
        "seed-P, label",
    ),
    Rule("P10", (), "SC dose above the only evidence point", _FLOW),
    Rule("L03", (), "SC concentration and osmolarity", (*_FLOW, "phases.bag.diluent")),
    Rule("L04", (), "SC flow per site, and volume in 24 h", (*_FLOW, "schedule")),
)
