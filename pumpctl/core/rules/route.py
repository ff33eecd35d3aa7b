"""Whether the library knows this way of giving the drug at all (U05, Q10, P02)."""

from __future__ import annotations

from collections.abc import Iterator

from pumpctl.core.library import PhaseKind
from pumpctl.core.rules.case import Case
from pumpctl.core.rules.finding import Finding, Severity

SALINE = "sodium_chloride_0.9_percent"
NOT_UNDER_THE_SKIN = frozenset({"water_for_injection", "undiluted_stock", "iv_premix"})


def profile_exists(case: Case) -> Iterator[Finding]:
    """U05: an unknown route, care area, phase kind or drug has no limits, so it is refused."""
    order = case.order
    for phase, written, profile in zip(case.figures.phases, order.phases, case.profiles, strict=True):
        if profile is None:
            asked = (order.product.drug, order.route, order.care_area, written.kind)
            value = ", ".join(part or "missing" for part in asked)
            known = "; ".join(f"{p.route}, {p.care_area}, {p.phase.value}" for p in case.library.profiles)
            message = f"{phase.path}: no profile for {value}; {case.library.drug} is given as: {known}"
            yield Finding("U05", Severity.HARD, message, value, "a profile of the library", "project")


def emergency_is_one(case: Case) -> Iterator[Finding]:
    """Q10: an emergency dose needs the event in progress; a history never triggers it. Never SC, never at home."""
    emergency = [phase for phase in case.figures.phases if phase.kind is PhaseKind.EMERGENCY]
    if not emergency:
        return
    if not case.emergency_is_stated:
        message = "an emergency dose needs torsades, ventricular_arrhythmia or seizure, and that it is in progress"
        value = case.order.indication.emergency_event or "missing"
        yield Finding("Q10", Severity.HARD, message, value, "an event in progress", "seed-Q")
    if (case.order.route, case.order.care_area) != ("iv", "monitored"):
        value = f"{case.order.route or 'missing'}, {case.order.care_area or 'missing'}"
        message = "an emergency dose is given intravenously under monitoring"
        yield Finding("Q10", Severity.HARD, message, value, "iv, monitored", "seed-Q; project")


def diluent_suits(case: Case) -> Iterator[Finding]:
    """P02: under the skin only 0.9 % saline is evidence; hypotonic, undiluted or IV-only bags never."""
    for phase in case.figures.phases:
        if phase.diluent is None:
            message = f"{phase.path}.bag.diluent is missing"
            yield Finding("P02", Severity.HARD, message, "missing", SALINE, "seed-P")
        elif case.order.route == "sc" and phase.diluent != SALINE:
            severity = Severity.HARD if phase.diluent in NOT_UNDER_THE_SKIN else Severity.SOFT
            message = f"{phase.path}: {phase.diluent} is not for subcutaneous magnesium; use {SALINE}"
            yield Finding("P02", severity, message, phase.diluent, SALINE, "seed-P, label")
