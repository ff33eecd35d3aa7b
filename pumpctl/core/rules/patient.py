"""What the library measures beyond one phase: blood results, rolling windows, the course.

Refuses to know limits. An empty list says that there is nothing to measure; the rules on missing
inputs report that.
"""

from __future__ import annotations

from collections.abc import Callable

from pumpctl.core.exposure import D7_MS, H24_MS, Certainty, Piece, largest_in_window
from pumpctl.core.limit import Measure
from pumpctl.core.rules.case import Case
from pumpctl.core.rules.reading import Sample
from pumpctl.core.units import Count, Duration, Mass, Quantity, Volume

# D7 counts SC doses of this library and magnesium from elsewhere; its IV doses count in D24 only.
_D7_ROUTES = frozenset({"sc"})


def _value(sample: Sample | None) -> list[Quantity]:
    return [] if sample is None else [sample.value]


def _age(case: Case, sample: Sample | None) -> list[Quantity]:
    """Ages count at acceptance for home orders and at the start for IV (Q03). A result from the future is T02's."""
    if sample is None:
        return []
    judged_ms = case.at_utc_ms
    if case.order.care_area != "home" and case.timetable.occurrences:
        judged_ms = max(judged_ms, case.timetable.occurrences[0].due_utc_ms)
    return [Duration(max(0, judged_ms - sample.utc_ms))]


def _pieces(case: Case, routes: frozenset[str] | None) -> list[Piece]:
    """Ledger, this order's occurrences that have not begun, and magnesium from elsewhere."""
    begun = case.ledger.begun(case.order.digest)
    patient_id, own = case.order.patient.id, case.order.digest
    pieces: list[Piece] = [
        (segment.start_utc_ms, segment.end_utc_ms, segment.most_ug, segment.certainty is Certainty.UNCERTAIN)
        for segment in case.ledger.segments
        if segment.patient_id == patient_id
        and (routes is None or segment.route in routes)
        and (segment.order_digest != own or segment.occurrence in begun)
    ]
    if routes is None or case.order.route in routes:
        pieces += [(spell.start_utc_ms, spell.end_utc_ms, spell.most_ug, False) for spell in case.spells]
    pieces += [(other.start_utc_ms, other.end_utc_ms, other.mass.ceiling(), False) for other in case.figures.other]
    return pieces


def _dose_24h(case: Case) -> list[Quantity]:
    return [Mass(*largest_in_window(_pieces(case, None), H24_MS, case.at_utc_ms))]


def _dose_7d(case: Case) -> list[Quantity]:
    return [Mass(*largest_in_window(_pieces(case, _D7_ROUTES), D7_MS, case.at_utc_ms))]


def _volume_24h(case: Case) -> list[Quantity]:
    pieces = [(spell.start_utc_ms, spell.end_utc_ms, spell.volume_ul, False) for spell in case.spells]
    return [Volume(*largest_in_window(pieces, H24_MS, case.at_utc_ms))]


def _starts_7d(case: Case) -> list[Quantity]:
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


def _course(case: Case) -> list[Quantity]:
    return [] if case.timetable.course is None else [case.timetable.course]


CASE_MEASURES: dict[Measure, Callable[[Case], list[Quantity]]] = {
    Measure.CREATININE_CLEARANCE: lambda case: _value(case.figures.clearance),
    Measure.CLEARANCE_AGE: lambda case: _age(case, case.figures.clearance),
    Measure.SERUM_MAGNESIUM: lambda case: _value(case.figures.serum_magnesium),
    Measure.SERUM_AGE: lambda case: _age(case, case.figures.serum_magnesium),
    Measure.DOSE_24H: _dose_24h,
    Measure.DOSE_7D: _dose_7d,
    Measure.VOLUME_24H: _volume_24h,
    Measure.STARTS_7D: _starts_7d,
    Measure.COURSE: _course,
}
