"""The rules that are rows of the drug library: a measure against its bounds.

Refuses to know any figure. A rule of this kind is complete when the library has its rows.
"""

from __future__ import annotations

from collections.abc import Callable

from pumpctl.core.figures import figure_against
from pumpctl.core.limit import Limit, Measure
from pumpctl.core.rules.case import Case
from pumpctl.core.rules.finding import Finding
from pumpctl.core.rules.patient import CASE_MEASURES
from pumpctl.core.rules.phase import PhaseFigures, measure_phase
from pumpctl.core.units import Quantity

_SAID = {
    Measure.CLEARANCE_AGE: "age of the creatinine clearance",
    Measure.SERUM_AGE: "age of the serum magnesium",
    Measure.DOSE_24H: "magnesium in the fullest 24 h",
    Measure.DOSE_7D: "magnesium in the fullest 7 days",
    Measure.VOLUME_24H: "volume in the fullest 24 h",
    Measure.STARTS_7D: "infusions in the fullest 7 days:",
    Measure.COURSE: "length of the course",
}


def limits_of(rule: str) -> Callable[[Case], list[Finding]]:
    """The rule that judges every library row with this id."""

    def judge(case: Case) -> list[Finding]:
        found: list[Finding] = []
        of_case: dict[Limit, None] = {}  # in order, once even when several phases share the row
        for profile, phase, measured in zip(case.profiles, case.figures.phases, case.measured, strict=True):
            for limit in () if profile is None else profile.limits.get(rule, ()):
                if limit.when not in case.conditions:
                    continue
                if limit.measure in CASE_MEASURES:
                    of_case[limit] = None
                elif limit.measure in measured:
                    found += _broken(limit, phase.path, *measured[limit.measure])
        return found + _of_case(case, list(of_case)) if of_case else found

    return judge


def phase_findings(case: Case, index: int, phase: PhaseFigures) -> list[Finding]:
    """Every limit on the figures of one phase: to judge it again after rounding."""
    profile = case.profiles[index]
    measured = measure_phase(phase)
    return [
        finding
        for rows in (() if profile is None else profile.limits.values())
        for limit in rows
        if limit.measure in measured and limit.when in case.conditions
        for finding in _broken(limit, phase.path, *measured[limit.measure])
    ]


def _of_case(case: Case, limits: list[Limit]) -> list[Finding]:
    found: list[Finding] = []
    for measure in dict.fromkeys(limit.measure for limit in limits):
        rows = [limit for limit in limits if limit.measure is measure]
        # What is certainly within the tightest row need not be worked out exactly.
        harmless = min((limit.above for limit in rows if limit.above is not None), default=None)
        for value in CASE_MEASURES[measure](case, harmless):
            for limit in rows:
                found += _broken(limit, "", value, value)
    return found


def _broken(limit: Limit, path: str, most: Quantity, least: Quantity) -> tuple[Finding, ...]:
    if not limit.is_broken(most, least):
        return ()
    upper = limit.above is not None or limit.at_or_above is not None
    shown = figure_against(most if upper else least, limit.bound, limit.unit)
    what = _SAID.get(limit.measure, limit.measure.value.replace("_", " "))
    where = f"{path}: " if path else ""
    message = f"{where}{what} {shown}, allowed {limit.text}; {limit.note}"
    return (Finding(limit.rule, limit.severity, message, shown, limit.text, limit.basis),)
