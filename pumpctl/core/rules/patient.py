"""What the library measures beyond one phase: blood results, rolling windows, the course.

Refuses to know limits. An empty list says that there is nothing to measure; the rules on missing
inputs report that. The second argument of a measure is a value known to break nothing: a measure
that is certainly at most that need not be worked out.
"""

from __future__ import annotations

from collections.abc import Callable

from pumpctl.core.exposure import D7_MS
from pumpctl.core.limit import Measure
from pumpctl.core.rules import windows
from pumpctl.core.rules.case import Case
from pumpctl.core.rules.reading import Sample
from pumpctl.core.units import Count, Duration, Quantity


def _value(sample: Sample | None) -> list[Quantity]:
    return [] if sample is None else [sample.value]


def _age(case: Case, sample: Sample | None) -> list[Quantity]:
    """Ages count at acceptance for home orders and at the start for IV (Q03). A result from the future is T02's."""
    if sample is None:
        return []
    if case.order.care_area == "home":
        judged_ms = case.accepted_utc_ms
    else:
        first_due = [occurrence.due_utc_ms for occurrence in case.timetable.occurrences[:1]]
        judged_ms = max([case.at_utc_ms, *first_due])
    return [Duration(max(0, judged_ms - sample.utc_ms))]


def _starts_7d(case: Case, _: Quantity | None) -> list[Quantity]:
    """This order's occurrences at their due instants, those of other orders when they began (Q31)."""
    own = [occurrence.due_utc_ms for occurrence in case.timetable.occurrences]
    if not own:
        return []
    began = case.ledger.starts_utc_ms(case.order.patient.id, "sc")
    others = [instant for (digest, _), instant in began.items() if digest != case.order.digest]
    starts = sorted(own + others)
    oldest, most = 0, 0
    for newest, instant in enumerate(starts):
        while starts[oldest] <= instant - D7_MS:  # half-open: exactly seven days ago is outside
            oldest += 1
        if instant >= own[0]:
            most = max(most, newest - oldest + 1)
    return [Count(most)]


def _course(case: Case, _: Quantity | None) -> list[Quantity]:
    return [] if case.timetable.course is None else [case.timetable.course]


CASE_MEASURES: dict[Measure, Callable[[Case, Quantity | None], list[Quantity]]] = {
    Measure.CREATININE_CLEARANCE: lambda case, _: _value(case.figures.clearance),
    Measure.CLEARANCE_AGE: lambda case, _: _age(case, case.figures.clearance),
    Measure.SERUM_MAGNESIUM: lambda case, _: _value(case.figures.serum_magnesium),
    Measure.SERUM_AGE: lambda case, _: _age(case, case.figures.serum_magnesium),
    Measure.DOSE_24H: windows.dose_24h,
    Measure.DOSE_7D: windows.dose_7d,
    Measure.VOLUME_24H: windows.volume_24h,
    Measure.STARTS_7D: _starts_7d,
    Measure.COURSE: _course,
}
