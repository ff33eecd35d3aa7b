"""Magnesium in and around the patient: serum magnesium and other sources (Q12, D25)."""

from __future__ import annotations

from collections.abc import Iterator

from pumpctl.core.rules.case import Case
from pumpctl.core.rules.finding import Finding, Severity


def serum_magnesium_is_known(case: Case) -> Iterator[Finding]:
    """Q12; in an emergency (Q10) only advice."""
    if case.figures.serum_magnesium is None:
        severity = Severity.ADVISORY if case.is_emergency else Severity.SOFT
        yield Finding("Q12", severity, "serum magnesium is missing; measure it", "missing", "known", "project")


def other_magnesium_was_asked(case: Case) -> Iterator[Finding]:
    """D25: an empty list says "none", no list says "not asked"."""
    if case.order.other_magnesium.parenteral is None:
        message = "other parenteral magnesium was not asked about; list it in other_magnesium.parenteral, [] for none"
        yield Finding("D25", Severity.SOFT, message, "missing", "asked", "project")
