"""The heart: block and damage (L05), and what puts it at risk of torsades (Q09)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pumpctl.core.limit import Condition
from pumpctl.core.rules.case import Case
from pumpctl.core.rules.finding import Finding
from pumpctl.core.rules.rule import ADVISORY, HARD, SCHEDULE, SOFT, Rule

FLAGS = ("heart_failure", "arrhythmia", "digoxin", "qtc_above_500_ms")


def cardiac_flags_are_known(case: Case) -> Iterable[Finding]:
    """Q09, clinical.md section 3."""
    told = case.order.assessment
    if None not in (told.heart_failure, told.arrhythmia, told.digoxin, told.qtc_above_500_ms):
        return ()
    missing = ", ".join(name for name in FLAGS if getattr(told, name) is None)
    severity = ADVISORY if case.is_subcutaneous else SOFT
    return (Finding("Q09", severity, f"not stated in assessment: {missing}", f"missing: {missing}", "known", "seed-Q"),)


def risk_is_watched(case: Case) -> Iterable[Finding]:
    """Q09: an ECG now; before a monitored infusion it must be there."""
    if Condition.CARDIAC_RISK not in case.conditions:
        return ()
    message = "long QTc, arrhythmia, digoxin or heart failure: record an ECG now; keep magnesium above 2 mg/dL"
    watch = Finding("Q09", SCHEDULE, message, "cardiac risk", "ECG now", "seed-Q")
    if case.figures.times.ecg is not None or case.is_subcutaneous:
        return (watch,)
    message = "no ECG is recorded in assessment.ecg_at; record one before the start"
    return (watch, Finding("Q09", SOFT, message, "ECG missing", "within 24 h", "seed-Q"))


def heart_conducts(case: Case) -> Iterable[Finding]:
    """L05."""
    told = case.order.assessment
    return () if told.heart_block is False and told.myocardial_damage is False else _unsound(case)


def _unsound(case: Case) -> Iterator[Finding]:
    told = case.order.assessment
    for name, answer in (("heart_block", told.heart_block), ("myocardial_damage", told.myocardial_damage)):
        said = name.replace("_", " ")
        if answer is None:
            severity = SOFT if case.is_subcutaneous else HARD
            message = f"assessment.{name} is not stated; find out before giving magnesium"
            yield Finding("L05", severity, message, f"{said} missing", f"no {said}", "label")
        elif answer:
            message = f"assessment.{name}: magnesium slows conduction further; do not give it"
            yield Finding("L05", HARD, message, said, f"no {said}", "label")


RULES = (
    Rule(
        "Q09",
        (cardiac_flags_are_known, risk_is_watched),
        "QTc above 500 ms, arrhythmia, digoxin or heart failure: ECG now, magnesium above 2 mg/dL; or not stated",
        (*(f"assessment.{name}" for name in FLAGS), "assessment.ecg_at", "observations: qtc", "results: magnesium"),
        (SCHEDULE, ADVISORY, SOFT),
        "seed-Q",
    ),
    Rule(
        "L05",
        (heart_conducts,),
        "heart block or myocardial damage, or not stated",
        ("assessment.heart_block", "assessment.myocardial_damage"),
        (HARD, SOFT),
        "label",
    ),
)
