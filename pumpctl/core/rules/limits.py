"""The rules that are rows of the drug library: a measure against its bounds.

Refuses to know any figure. A rule of this kind is complete when the library has its rows.
"""

from __future__ import annotations

from collections.abc import Callable

from pumpctl.core.figures import figure_against
from pumpctl.core.library import Profile
from pumpctl.core.limit import Limit, Measure
from pumpctl.core.rules.case import Case
from pumpctl.core.rules.finding import Finding
from pumpctl.core.rules.patient import CASE_MEASURES
from pumpctl.core.rules.phase import Measured
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
        done: list[Limit] = []
        for profile, path, measured in case.known_phases:
            for limit in profile.limits.get(rule, ()):
                if limit.when not in case.conditions:
                    continue
                if limit.measure in measured:
                    found += _broken(limit, path, *measured[limit.measure])
                elif limit.measure in CASE_MEASURES and limit not in done:  # several phases may share the row
                    done.append(limit)
                    for value in CASE_MEASURES[limit.measure](case, limit.above):
                        found += _broken(limit, "", value, value)
        return found

    return judge


def phase_findings(case: Case, profile: Profile, path: str, measured: Measured) -> list[Finding]:
    """Every limit on the figures of one phase: to judge it again after rounding."""
    return [
        finding
        for rows in profile.limits.values()
        for limit in rows
        if limit.measure in measured and limit.when in case.conditions
        for finding in _broken(limit, path, *measured[limit.measure])
    ]


def _broken(limit: Limit, path: str, most: Quantity, least: Quantity) -> tuple[Finding, ...]:
    if not limit.is_broken(most, least):
        return ()
    upper = limit.above is not None or limit.at_or_above is not None
    shown = figure_against(most if upper else least, limit.bound, limit.unit)
    what = _SAID.get(limit.measure, limit.measure.value.replace("_", " "))
    where = f"{path}: " if path else ""
    message = f"{where}{what} {shown}, allowed {limit.text}; {limit.note}"
    return (Finding(limit.rule, limit.severity, message, shown, limit.text, limit.basis),)
