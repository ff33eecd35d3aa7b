"""Why magnesium is low, and what else was and is done about it: Q32 to Q37."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pumpctl.core.monitoring import WASTING_KINDS
from pumpctl.core.rules.case import Case
from pumpctl.core.rules.finding import Finding
from pumpctl.core.rules.reading import ALFACALCIDOL
from pumpctl.core.rules.rule import ADVISORY, SCHEDULE, SOFT, Rule


def other_routes_failed(case: Case) -> Iterable[Finding]:
    """Q32: oral before elective IV; oral and IV before SC."""
    reviews = case.order.reviews
    oral = case.is_emergency or reviews.oral_magnesium_failed is True
    intravenous = not case.is_subcutaneous or reviews.intravenous_magnesium_failed is True
    return () if oral and intravenous else _not_tried(oral, intravenous)


def oral_plan_is_organic(case: Case) -> Iterable[Finding]:
    """Q33."""
    plan = (case.order.reviews.oral_plan or "").strip()
    folded = plan.casefold()
    if folded not in ("", "none") and "oxide" not in folded:
        return ()
    message = "after volume and IV repletion: an organic salt (citrate, glycinate, aspartate), 12-24 mmol at night"
    return (Finding("Q33", ADVISORY, message, plan or "missing", "an organic salt", "seed-Q"),)


def calcium_is_watched(case: Case) -> Iterable[Finding]:
    """Q34."""
    medicines = case.order.medicines
    if not medicines or all(medicine.kind != ALFACALCIDOL for medicine in medicines):
        return ()
    message = "1-alpha-OH-D3 may raise calcium: check calcium regularly"
    return (Finding("Q34", SCHEDULE, message, "1-alpha-OH-D3", "calcium at each check", "seed-Q"),)


def medicines_were_reviewed(case: Case) -> Iterable[Finding]:
    """Q35."""
    reviews, medicines = case.order.reviews, case.order.medicines
    if reviews.medication_review_at is not None and not reviews.wasting_drugs and not medicines:
        return ()
    return _not_reviewed(case)


def losses_are_told(case: Case) -> Iterable[Finding]:
    """Q36: sets how often blood is checked (Q42)."""
    told = case.order.assessment
    if not (told.gastrointestinal_losses or told.renal_losses or told.diarrhoea):
        return ()
    losses = [*(told.gastrointestinal_losses or ()), *(told.renal_losses or ())]
    if told.diarrhoea and "diarrhoea" not in losses:
        losses.append("diarrhoea")
    why = "magnesium goes on being lost; checks are closer (Q42)"
    return [Finding("Q36", ADVISORY, f"{loss}: {why}", loss, "none", "seed-Q, seed-P") for loss in losses]


def oral_magnesium_is_told(case: Case) -> Iterable[Finding]:
    """Q37."""
    if not case.order.other_magnesium.oral:
        return ()
    message = "oral magnesium continues; it is not added to what is given by the pump"
    return (Finding("Q37", ADVISORY, message, "oral", "told", "seed-Q"),)


def _not_tried(oral: bool, intravenous: bool) -> Iterator[Finding]:
    if not oral:
        message = "that oral magnesium failed or was not tolerated is not recorded: reviews.oral_magnesium_failed"
        yield Finding("Q32", ADVISORY, message, "oral not recorded", "recorded", "seed-Q, seed-P")
    if not intravenous:
        message = (
            "that intravenous magnesium failed or was not tolerated is not recorded: "
            "reviews.intravenous_magnesium_failed"
        )
        yield Finding("Q32", ADVISORY, message, "IV not recorded", "recorded", "seed-Q, seed-P")


def _not_reviewed(case: Case) -> Iterator[Finding]:
    reviews = case.order.reviews
    if reviews.medication_review_at is None:
        message = "no dated review of the medicines: reviews.medication_review_at"
        yield Finding("Q35", SOFT, message, "missing", "dated", "seed-Q")
    wasting = [*(reviews.wasting_drugs or ())]
    wasting += [medicine.name for medicine in case.order.medicines or () if medicine.kind in WASTING_KINDS]
    for name in wasting:
        message = f"{name} wastes magnesium; can it be changed? Checks are closer while it is given (Q42)"
        yield Finding("Q35", ADVISORY, message, name, "none", "seed-Q")


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
