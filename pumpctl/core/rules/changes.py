"""How results stand to each other and to the doses between them: rises, jumps, gaps (Q06, Q14, Q15, Q16).

Refuses to know limits. Samples are at most 200 (order.py), so every pair of them may be looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from pumpctl.core.exposure import Certainty
from pumpctl.core.quantity import Creatinine, Duration, Percent, Quantity
from pumpctl.core.rules.case import Case, Moment

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
RISE_MS, RISE_PERCENT_MS = 48 * HOUR_MS, 7 * DAY_MS  # Q16
CHANGE_MS = 14 * DAY_MS  # Q15


def creatinine_rise(case: Case) -> Sequence[Quantity]:
    """Q16: the largest rise between two results within 48 h."""
    rises = [
        Creatinine(later.num * earlier.den - earlier.num * later.den, later.den * earlier.den)
        for earlier, later in _rising(case, RISE_MS)
    ]
    return (max(rises),) if rises else ()


def creatinine_rise_percent(case: Case) -> Sequence[Quantity]:
    """Q16: the largest rise within 7 days, in percent of the earlier result."""
    rises = [
        Percent(100 * (later.num * earlier.den - earlier.num * later.den), later.den * earlier.num)
        for earlier, later in _rising(case, RISE_PERCENT_MS)
    ]
    return (max(rises),) if rises else ()


def _rising(case: Case, within_ms: int) -> Sequence[tuple[Quantity, Quantity]]:
    samples = case.figures.laboratory.series.get("creatinine", ())
    if len(samples) < 2:
        return ()
    rising: list[tuple[Quantity, Quantity]] = []
    for earlier, later in combinations(samples, 2):  # oldest first
        if later.utc_ms - earlier.utc_ms <= within_ms:
            low, high = earlier.value, later.value
            if earlier.utc_ms == later.utc_ms and low > high:  # drawn at once: nobody knows which is right
                low, high = high, low
            if high > low:
                rising.append((low, high))
    return rising


def every_serum_magnesium(case: Case) -> Sequence[Quantity]:
    """Q15: an implausible result makes the others of that laboratory doubtful too."""
    return [sample.value for sample in case.figures.laboratory.series.get("magnesium", ())]


def serum_change(case: Case) -> Sequence[Quantity]:
    """Q15: the larger of two results within 14 days in percent of the smaller, therapy unchanged between them."""
    samples = case.figures.laboratory.series.get("magnesium", ())
    if len(samples) < 2:
        return ()
    times = case.figures.times
    changed = [instant for instant in (times.therapy_started, times.therapy_changed) if instant is not None]
    ratios: list[Quantity] = []
    for earlier, later in combinations(samples, 2):
        same_therapy = not any(earlier.utc_ms < instant <= later.utc_ms for instant in changed)
        if later.utc_ms - earlier.utc_ms <= CHANGE_MS and same_therapy:
            low, high = sorted((earlier.value, later.value))
            ratios.append(Percent(100 * high.num * low.den, high.den * low.num))
    return (max(ratios),) if ratios else ()


def electrolyte_gaps(case: Case) -> Sequence[Quantity]:
    """Q06: from the magnesium sample to the nearest one of potassium, and of calcium."""
    magnesium = case.figures.serum_magnesium
    if magnesium is None:
        return ()
    series, drawn = case.figures.laboratory.series, magnesium.utc_ms
    return [
        Duration(min([abs(sample.utc_ms - drawn) for sample in series[kind]]))
        for kind in ("potassium", "calcium")
        if kind in series
    ]


def serum_after_dose(case: Case) -> Sequence[Quantity]:
    """Q14: from the end of the last magnesium infusion to the sample; 0 where the sample came first or during it.

    After subcutaneous doses only those count that began before the sample; of other ones every one that has begun.
    """
    magnesium = case.figures.serum_magnesium
    if magnesium is None:
        return ()
    drawn = magnesium.utc_ms
    ends = _ends_in_ledger(case, drawn) if case.ledger.segments else []
    ends += [other.end_utc_ms for other in case.figures.other if other.start_utc_ms <= case.at_utc_ms]
    return (Duration(max(0, drawn - max(ends))),) if ends else ()


def _ends_in_ledger(case: Case, drawn: int) -> list[int]:
    # The infusion that runs or is being started is in the ledger from its intent on, and is not its own predecessor.
    running = {
        segment.occurrence
        for segment in case.ledger.segments
        if segment.order_digest == case.order.digest
        and segment.certainty in {Certainty.RUNNING, Certainty.UNCERTAIN}
        and (segment.end_utc_ms > case.at_utc_ms or case.moment is not Moment.CHECK)
    }
    return [
        segment.end_utc_ms
        for segment in case.ledger.segments
        if segment.patient_id == case.order.patient.id
        and not (segment.order_digest == case.order.digest and segment.occurrence in running)
        and segment.certainty is not Certainty.PLANNED
        and segment.start_utc_ms <= (drawn if segment.route == "sc" else case.at_utc_ms)
    ]
