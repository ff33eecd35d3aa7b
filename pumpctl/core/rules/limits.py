"""The rules that are rows of the drug library: a measure against its bounds.

Refuses to know any figure. A rule of this kind is complete when the library has its rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class Broken:
    """A limit that does not hold, and the value that breaks it; `path` names the phase."""

    limit: Limit
    path: str
    most: Quantity
    least: Quantity


def limits_of(rule: str) -> Callable[[Case], Sequence[Finding]]:
    """The rule that judges every library row with this id."""

    def judge(case: Case) -> Sequence[Finding]:
        broken = _broken_rows(case).get(rule)
        return [_finding(each) for each in broken] if broken else ()

    return judge


def phase_findings(case: Case, profile: Profile, path: str, measured: Measured) -> list[Finding]:
    """Every limit on the figures of one phase: to judge it again after rounding."""
    return [_finding(each) for each in _of_phase(case, (profile, path, measured))]


_MEMO = "broken rows"
_Broken = dict[str, list[Broken]]


def _broken_rows(case: Case) -> _Broken:
    """Every row that does not hold, by rule: the rows are gone through once, not once for each rule."""
    known = case.memo.get(_MEMO)
    if known is None:
        found: _Broken = {}
        for phase in (*case.known_phases, *_taken_together(case)):
            for broken in _of_phase(case, phase):
                found.setdefault(broken.limit.rule, []).append(broken)
        for broken in _of_case(case):
            found.setdefault(broken.limit.rule, []).append(broken)
        known = case.memo[_MEMO] = found
    return known  # pyright: ignore[reportReturnType] - only written above


def _of_phase(case: Case, phase: KnownPhase) -> list[Broken]:
    profile, path, measured = phase
    found: list[Broken] = []
    for rows in profile.rows(case.conditions):
        values = measured.get(rows.measure)
        if values is not None:
            most, least = values
            found += [Broken(limit, path, most, least) for limit in rows.broken(most, least)]
    return found


def _taken_together(case: Case) -> Iterator[KnownPhase]:
    """Several phases of one profile are one infusion for the limits on a dose: splitting it changes nothing."""
    if len(case.known_phases) < 2:
        return
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


def _of_case(case: Case) -> Iterator[Broken]:
    """Limits beyond one phase; phases of several profiles may share a row, which speaks once."""
    told: set[int] = set()
    for profile, _, _ in case.known_phases:
        for rows in profile.rows(case.conditions):
            measure = CASE_MEASURES.get(rows.measure)
            if measure is None:
                continue
            for value in measure(case, rows.ceiling if rows.floor is None else None):
                for limit in rows.broken(value, value):
                    if id(limit) not in told:
                        yield Broken(limit, "", value, value)
        if len(case.known_phases) > 1:
            told.update(id(limit) for rows in profile.rows(case.conditions) for limit in rows.limits)


def _finding(broken: Broken) -> Finding:
    limit = broken.limit
    upper = limit.above is not None or limit.at_or_above is not None
    shown = figure_against(broken.most if upper else broken.least, limit.bound, limit.unit)
    what = _SAID.get(limit.measure) or limit.measure.value.replace("_", " ")
    where = f"{broken.path}: " if broken.path else ""
    message = f"{where}{what} {shown}, allowed {limit.text}; {limit.note}"
    return Finding(limit.rule, limit.severity, message, shown, limit.text, limit.basis)
