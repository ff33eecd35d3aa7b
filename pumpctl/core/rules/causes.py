"""Why magnesium is low, and what else was and is done about it: Q32 to Q37."""

from __future__ import annotations

from collections.abc import Iterator

from pumpctl.core.monitoring import WASTING_KINDS
from pumpctl.core.rules.case import Case
from pumpctl.core.rules.finding import Finding
from pumpctl.core.rules.reading import ALFACALCIDOL
from pumpctl.core.rules.rule import ADVISORY, SCHEDULE, SOFT, Rule


def other_routes_failed(case: Case) -> Iterator[Finding]:
    """Q32: oral before elective IV; oral and IV before SC."""
    reviews = case.order.reviews
    if not case.is_emergency and reviews.oral_magnesium_failed is not True:
        message = "that oral magnesium failed or was not tolerated is not recorded: reviews.oral_magnesium_failed"
        yield Finding("Q32", ADVISORY, message, "oral not recorded", "recorded", "seed-Q, seed-P")
    if case.is_subcutaneous and reviews.intravenous_magnesium_failed is not True:
        message = (
            "that intravenous magnesium failed or was not tolerated is not recorded: "
            "reviews.intravenous_magnesium_failed"
        )
        yield Finding("Q32", ADVISORY, message, "IV not recorded", "recorded", "seed-Q, seed-P")


def oral_plan_is_organic(case: Case) -> Iterator[Finding]:
    """Q33."""
    plan = (case.order.reviews.oral_plan or "").strip()
    if plan.casefold() in ("", "none") or "oxide" in plan.casefold():
        message = "after volume and IV repletion: an organic salt (citrate, glycinate, aspartate), 12-24 mmol at night"
        yield Finding("Q33", ADVISORY, message, plan or "missing", "an organic salt", "seed-Q")


def calcium_is_watched(case: Case) -> Iterator[Finding]:
    """Q34."""
    if any(medicine.kind == ALFACALCIDOL for medicine in case.order.medicines or ()):
        message = "1-alpha-OH-D3 may raise calcium: check calcium regularly"
        yield Finding("Q34", SCHEDULE, message, "1-alpha-OH-D3", "calcium at each check", "seed-Q")


def medicines_were_reviewed(case: Case) -> Iterator[Finding]:
    """Q35."""
    reviews = case.order.reviews
    if reviews.medication_review_at is None:
        message = "no dated review of the medicines: reviews.medication_review_at"
        yield Finding("Q35", SOFT, message, "missing", "dated", "seed-Q")
    wasting = [*(reviews.wasting_drugs or ())]
    wasting += [medicine.name for medicine in case.order.medicines or () if medicine.kind in WASTING_KINDS]
    for name in wasting:
        message = f"{name} wastes magnesium; can it be changed? Checks are closer while it is given (Q42)"
        yield Finding("Q35", ADVISORY, message, name, "none", "seed-Q")


def losses_are_told(case: Case) -> Iterator[Finding]:
    """Q36: sets how often blood is checked (Q42)."""
    told = case.order.assessment
    losses = [*(told.gastrointestinal_losses or ()), *(told.renal_losses or ())]
    if told.diarrhoea and "diarrhoea" not in losses:
        losses.append("diarrhoea")
    for loss in losses:
        message = f"{loss}: magnesium goes on being lost; checks are closer (Q42)"
        yield Finding("Q36", ADVISORY, message, loss, "none", "seed-Q, seed-P")


def oral_magnesium_is_told(case: Case) -> Iterator[Finding]:
    """Q37."""
    if case.order.other_magnesium.oral:
        message = "oral magnesium continues; it is not added to what is given by the pump"
        yield Finding("Q37", ADVISORY, message, "oral", "told", "seed-Q")


RULES = (
    Rule(
        "Q32",
        (other_routes_failed,),
        "failed or not tolerated: oral (elective IV), oral and IV (SC): not recorded",
        ("reviews.oral_magnesium_failed", "reviews.intravenous_magnesium_failed"),
        (ADVISORY,),
        "seed-Q, seed-P",
    ),
    Rule("Q33", (oral_plan_is_organic,), "oral plan is oxide, or none", ("reviews.oral_plan",), (ADVISORY,), "seed-Q"),
    Rule(
        "Q34",
        (calcium_is_watched,),
        "1-alpha-OH-D3 outside 0.25-9 ug a day; while given, calcium is checked",
        ("medicines: alfacalcidol",),
        (SCHEDULE,),
        "seed-Q",
    ),
    Rule(
        "Q35",
        (medicines_were_reviewed,),
        "loop, thiazide, PPI, aminoglycoside, cisplatin, calcineurin inhibitor; no dated review of the medicines",
        ("reviews.wasting_drugs", "reviews.medication_review_at", "medicines"),
        (ADVISORY, SOFT),
        "seed-Q",
    ),
    Rule(
        "Q36",
        (losses_are_told,),
        "gastrointestinal or renal losses",
        ("assessment.gastrointestinal_losses", "assessment.renal_losses", "assessment.diarrhoea"),
        (ADVISORY,),
        "seed-Q, seed-P",
    ),
    Rule(
        "Q37",
        (oral_magnesium_is_told,),
        "oral magnesium continues; not summed with parenteral",
        ("other_magnesium.oral",),
        (ADVISORY,),
        "seed-Q",
    ),
)
