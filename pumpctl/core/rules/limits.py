"""The rules that are rows of the drug library: a measure against its bounds.

Refuses to know any figure. A rule of this kind is complete when the library has its rows: they are
gone through once for all rules, each speaks under its own id.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pumpctl.core.figures import figure_against
from pumpctl.core.library import Profile
from pumpctl.core.limit import Limit, Measure
from pumpctl.core.quantity import Mass, Quantity
from pumpctl.core.rules.case import Case, KnownPhase
from pumpctl.core.rules.finding import Finding
from pumpctl.core.rules.patient import CASE_MEASURES
from pumpctl.core.rules.phase import Measured

_SAID = {
    Measure.CLEARANCE_AGE: "age of the creatinine clearance",
    Measure.SERUM_AGE: "age of the serum magnesium",
    Measure.ANY_SERUM_MAGNESIUM: "a serum magnesium of",
    Measure.SERUM_CHANGE: "one serum magnesium within 14 days is another's",
    Measure.SERUM_AFTER_DOSE: "time from the last magnesium to the sample:",
    Measure.CREATININE_RISE: "rise of creatinine within 48 h",
    Measure.CREATININE_RISE_PERCENT: "rise of creatinine within 7 days",
    Measure.ELECTROLYTE_GAP: "time between the magnesium sample and that of potassium or calcium:",
    Measure.ECG_AGE: "age of the ECG",
    Measure.URINE: "urine of the last 4 h",
    Measure.SYSTOLIC_FALL: "fall of the systolic pressure from its baseline",
    Measure.SALINE_TIME: "saline without reassessment for",
    Measure.ALFACALCIDOL: "1-alpha-OH-D3",
    Measure.DOSE_PER_WEIGHT: "loading dose by body weight",
    Measure.DOSE_24H: "magnesium in the fullest 24 h",
    Measure.OWN_DOSE_24H: "magnesium of this order in 24 h",
    Measure.DOSE_7D: "magnesium in the fullest 7 days",
    Measure.VOLUME_24H: "volume in the fullest 24 h",
    Measure.STARTS_7D: "infusions in the fullest 7 days:",
    Measure.COURSE: "length of the course",
    Measure.ORDER_AGE: "age of the order",
}


@dataclass(slots=True)
class Broken:
    """A limit that does not hold, and the value that breaks it; `path` names the phase."""

    limit: Final[Limit]
    path: Final[str]
    most: Final[Quantity]
    least: Final[Quantity]


def library_findings(case: Case) -> list[Finding]:
    """Every row of the library that does not hold, under the id of its rule."""
    found: list[Broken] = []
    for phase in case.known_phases:
        found += _of_phase(case, phase)
    if len(case.known_phases) > 1:
        for phase in _taken_together(case):
            found += _of_phase(case, phase)
    found += _of_case(case)
    return [_finding(broken) for broken in found]


def phase_findings(case: Case, profile: Profile, path: str, measured: Measured) -> list[Finding]:
    """Every limit on the figures of one phase: to judge it again after rounding."""
    return [_finding(each) for each in _of_phase(case, (profile, path, measured))]


def _of_phase(case: Case, phase: KnownPhase) -> list[Broken]:
    profile, path, measured = phase
    found: list[Broken] = []
    for rows in profile.rows(case.conditions).of_phase:
        values = measured.get(rows.measure)
        if values is not None:
            most, least = values
            for limit in rows.broken(most, least):
                found.append(Broken(limit, path, most, least))  # noqa: PERF401 - nearly always empty
    return found


def _taken_together(case: Case) -> Iterator[KnownPhase]:
    """Several phases of one profile are one infusion for the limits on a dose: splitting it changes nothing."""
    for profile in {id(profile): profile for profile, _, _ in case.known_phases}.values():
        doses = [measured[Measure.DOSE] for own, _, measured in case.known_phases if own is profile]
        if len(doses) > 1:
            together = (_sum([most for most, _ in doses]), _sum([least for _, least in doses]))
            yield profile, "phases together", {Measure.DOSE: together}


def _sum(doses: list[Quantity]) -> Mass:
    total = Mass(0)
    for dose in doses:
        total = total.plus(Mass(dose.num, dose.den))
    return total


def _of_case(case: Case) -> list[Broken]:
    """Limits beyond one phase; phases of several profiles may share a row, which speaks once."""
    found: list[Broken] = []
    told: set[int] = set()
    for profile, _, _ in case.known_phases:
        of_case = profile.rows(case.conditions).of_case
        for rows in of_case:
            for value in CASE_MEASURES[rows.measure](case, rows.harmless_below):
                # Rows.broken() in place: most values end here, in every check.
                floor, ceiling = rows.floor, rows.ceiling
                if (ceiling is None or value.num * ceiling.den < ceiling.num * value.den + rows.at_ceiling) and (
                    floor is None or value.num * floor.den + rows.at_floor > floor.num * value.den
                ):
                    continue
                broken = [limit for limit in rows.limits if limit.is_broken(value, value)]
                found += [Broken(limit, "", value, value) for limit in broken if id(limit) not in told]
        if len(case.known_phases) > 1:
            told.update(id(limit) for rows in of_case for limit in rows.limits)
    return found


def _finding(broken: Broken) -> Finding:
    limit = broken.limit
    upper = limit.above is not None or limit.at_or_above is not None
    shown = figure_against(broken.most if upper else broken.least, limit.bound, limit.unit)
    what = _SAID.get(limit.measure) or limit.measure.value.replace("_", " ")
    where = f"{broken.path}: " if broken.path else ""
    message = f"{where}{what} {shown}, allowed {limit.text}; {limit.note}"
    return Finding(limit.rule, limit.severity, message, shown, limit.text, limit.basis)
