"""Who the patient is and what else they take: L05b, L06, L08, L08b."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pumpctl.core.library import PhaseKind
from pumpctl.core.monitoring import WASTING_KINDS
from pumpctl.core.quantity import Age
from pumpctl.core.rules.case import Case
from pumpctl.core.rules.finding import Finding
from pumpctl.core.rules.reading import ALFACALCIDOL
from pumpctl.core.rules.rule import ADVISORY, HARD, SOFT, Rule

MAY_BE_PREGNANT_FROM, NO_LONGER_FROM = Age(12 * 12), Age(56 * 12)  # clinical.md section 3: 12 to 55 years
INTERACTING = frozenset({"neuromuscular_blocker", "calcium_channel_blocker", "cns_depressant", "digoxin"})
KNOWN_KINDS = INTERACTING | WASTING_KINDS | {ALFACALCIDOL, "antiepileptic", "oral_magnesium", "other"}


def muscles_are_sound(case: Case) -> Iterable[Finding]:
    """L05b."""
    told = case.order.assessment
    return () if told.myasthenia is False and told.lambert_eaton is False else _weak(case)


def interactions_are_told(case: Case) -> Iterable[Finding]:
    """L06; a class that no rule knows is told too."""
    return _interacting(case) if case.order.assessment.digoxin or case.order.medicines else ()


def _interaction(kind: str, name: str) -> Finding:
    message = f"{name}: magnesium adds to {kind.replace('_', ' ')}; watch breathing, reflexes and pressure"
    return Finding("L06", ADVISORY, message, kind, "none", "label")


def patient_is_within_this_library(case: Case) -> Iterable[Finding]:
    """L08: another library would be needed."""
    return () if case.order.assessment.pregnant is False and case.figures.age is not None else _not_within(case)


def _may_be_pregnant(case: Case) -> bool:
    """Unless told to be male, or of another age."""
    age = case.figures.age
    return case.order.patient.sex != "male" and (age is None or MAY_BE_PREGNANT_FROM <= age < NO_LONGER_FROM)


def weight_is_known(case: Case) -> Iterable[Finding]:
    """L08b."""
    if case.figures.weight is not None:
        return ()
    loading = any(phase.kind in (PhaseKind.LOADING, PhaseKind.EMERGENCY) for phase in case.figures.phases)
    message = "the patient's weight is missing; state patient.weight, as in 70 kg"
    return (Finding("L08b", SOFT if loading else ADVISORY, message, "weight missing", "known", "reference"),)


def _weak(case: Case) -> Iterator[Finding]:
    told = case.order.assessment
    for name, answer in (("myasthenia", told.myasthenia), ("lambert_eaton", told.lambert_eaton)):
        if answer is None:
            severity = SOFT if case.is_subcutaneous else HARD
            message = f"assessment.{name} is not stated; find out before giving magnesium"
            yield Finding("L05b", severity, message, f"{name} missing", "neither", "label")
        elif answer:
            message = f"assessment.{name}: magnesium weakens the muscles of breathing; do not give it"
            yield Finding("L05b", HARD, message, name, "neither", "label")


def _interacting(case: Case) -> Iterator[Finding]:
    if case.order.assessment.digoxin:
        yield _interaction("digoxin", "assessment.digoxin")
    for index, medicine in enumerate(case.order.medicines or ()):
        if medicine.kind in INTERACTING:
            yield _interaction(medicine.kind, medicine.name)
        elif medicine.kind not in KNOWN_KINDS:
            message = f"medicines[{index}]: {medicine.name}: no rule knows the class {medicine.kind or 'missing'}"
            yield Finding("L06", ADVISORY, message, medicine.kind or "missing", "a known class", "label")


def _not_within(case: Case) -> Iterator[Finding]:
    if case.figures.age is None:
        message = "the patient's age is missing; state patient.age, as in 46 y"
        yield Finding("L08", HARD, message, "age missing", "at least 18 y", "project")
    pregnant = case.order.assessment.pregnant
    if pregnant:
        yield Finding(
            "L08", HARD, "assessment.pregnant: pregnancy is outside this library", "pregnant", "not pregnant", "project"
        )
    elif pregnant is None and _may_be_pregnant(case):
        message = "whether the patient is pregnant is not stated; find out, and state assessment.pregnant"
        yield Finding("L08", HARD, message, "pregnancy missing", "not pregnant", "project")


RULES = (
    Rule(
        "L05b",
        (muscles_are_sound,),
        "myasthenia gravis or Lambert-Eaton syndrome, or not stated",
        ("assessment.myasthenia", "assessment.lambert_eaton"),
        (HARD, SOFT),
        "label",
    ),
    Rule(
        "L06",
        (interactions_are_told,),
        "neuromuscular blocker, calcium-channel blocker, CNS depressant, digoxin",
        ("medicines", "assessment.digoxin"),
        (ADVISORY,),
        "label",
    ),
    Rule(
        "L08",
        (patient_is_within_this_library,),
        "pregnancy, or younger than 18; or not stated",
        ("patient.age", "patient.sex", "assessment.pregnant"),
        (HARD,),
        "project",
    ),
    Rule(
        "L08b",
        (weight_is_known,),
        "weight below 40 kg, loading above 50 mg/kg; or no weight",
        ("patient.weight", "phases"),
        (SOFT, ADVISORY),
        "reference",
    ),
)
