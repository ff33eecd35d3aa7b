"""The rules that are rows of the drug library: a measure against its bounds.

Refuses to know any figure. A rule of this kind is complete when the library has its rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pumpctl.core.figures import figure_against
from pumpctl.core.limit import Limit, Measure
from pumpctl.core.rules.case import Case
from pumpctl.core.rules.finding import Finding
from pumpctl.core.rules.patient import CASE_MEASURES
from pumpctl.core.rules.phase import PHASE_MEASURES, PhaseFigures
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


def limits_of(rule: str) -> Callable[[Case], Iterator[Finding]]:
    """The rule that judges every library row with this id."""

    def judge(case: Case) -> Iterator[Finding]:
        seen: dict[Measure, list[Quantity]] = {}
        for limit in case.library.limits_by_rule.get(rule, ()):
            if limit.measure in PHASE_MEASURES:
                for phase, profile in zip(case.figures.phases, case.profiles, strict=True):
                    if profile is not None and profile.name in limit.profiles and case.holds(limit.when):
                        yield from broken(limit, phase.path, PHASE_MEASURES[limit.measure](phase))
            elif limit.profiles & case.profile_names and case.holds(limit.when):
                if limit.measure not in seen:  # the windows are costly and have several rows each
                    seen[limit.measure] = CASE_MEASURES[limit.measure](case)
                yield from broken(limit, "", seen[limit.measure])

    return judge


def phase_findings(case: Case, index: int, phase: PhaseFigures) -> Iterator[Finding]:
    """Every limit on the figures of one phase: to judge it again after rounding."""
    profile = case.profiles[index]
    if profile is None:  # U05
        return
    for limit in case.library.limits:
        if limit.measure in PHASE_MEASURES and profile.name in limit.profiles and case.holds(limit.when):
            yield from broken(limit, phase.path, PHASE_MEASURES[limit.measure](phase))


def broken(limit: Limit, path: str, values: list[Quantity]) -> Iterator[Finding]:
    if not values:
        return
    most, least = max(values), min(values)
    if limit.is_broken(most, least):
        upper = limit.above is not None or limit.at_or_above is not None
        shown = figure_against(most if upper else least, limit.bound, limit.unit)
        what = _SAID.get(limit.measure, limit.measure.value.replace("_", " "))
        where = f"{path}: " if path else ""
        yield Finding(
            rule=limit.rule,
            severity=limit.severity,
            message=f"{where}{what} {shown}, allowed {limit.text}; {limit.note}",
            value=shown,
            limit=limit.text,
            basis=limit.basis,
        )
