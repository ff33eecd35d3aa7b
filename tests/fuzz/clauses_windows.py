"""Second reading of clinical.md: what adds up over hours and days (Q31, D24, D7, L04 volume, S03-S06).

Refuses to know pumpctl's rules and its ledger: each function is one clause of section 2, over windows.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise

from tests.fuzz.case import DAY_US, HOUR_US, MIN_US, Case, Phase, other_doses
from tests.fuzz.figure import G_PER_MOL
from tests.fuzz.objection import Clause, Objection, hard, shown_dose, soft
from tests.fuzz.windows import Piece, largest

WEEK_US = 7 * DAY_US


def q31_starts_in_a_week(case: Case) -> Iterator[Objection]:
    """More than 3 SC starts in any rolling 7 d: its own at their due instants, all others at actual start."""
    if not case.is_sc:
        return
    starts = sorted((*case.due.at_us, *_starts_given(case)))
    most = 0
    for end_us in starts:
        inside = [start for start in starts if end_us - WEEK_US < start <= end_us]
        if set(inside) & set(case.due.at_us):  # a week without one of its own is not this order's doing
            most = max(most, len(inside))
    if most > 3:
        yield soft("Q31", f"{most} starts in 7 d", starts=Fraction(most))


def _starts_given(case: Case) -> list[int]:
    """The first instant of each SC occurrence of another order in the ledger."""
    first: dict[tuple[str, int], int] = {}
    for one in case.patient_given:
        if one.route == "sc" and one.order_digest != case.digest:
            key = one.order_digest, one.occurrence
            first[key] = min(one.start_us, first.get(key, one.start_us))
    return list(first.values())


def d24_dose_in_a_day(case: Case) -> Iterator[Objection]:
    """Home > 24 mmol HARD; monitored > 24 mmol SOFT, > 8 g HARD. Halved with reduced clearance (Q02)."""
    mg = largest(_pieces(case, only_sc=False), DAY_US, case.at_us)
    mmol = mg / G_PER_MOL["heptahydrate"]
    if case.is_home and mmol > 24:
        yield hard("D24", "over 24 mmol a day")
    if not case.is_home and mg > 8000:
        yield hard("D24", "over 8 g a day")
    if not case.is_home and mmol > 24 and not case.has_reduced_clearance:
        yield soft("D24", "over 24 mmol a day", **shown_dose(mmol))
    if not case.has_reduced_clearance:
        return
    if case.is_home and mmol > 12:
        yield hard("Q02", "over 12 mmol a day")
    if not case.is_home and mg > 4000:
        yield hard("Q02", "over 4 g a day")
    if not case.is_home and mmol > 12:
        yield soft("Q02", "over 12 mmol a day", **shown_dose(mmol))


def d7_dose_in_a_week(case: Case) -> Iterator[Objection]:
    """SC salt and recorded parenteral magnesium > 65 mmol SOFT, > 84 HARD. Halved with reduced clearance (Q02)."""
    if not case.is_sc:
        return
    mg = largest(_pieces(case, only_sc=True), WEEK_US, case.at_us)
    mmol = mg / G_PER_MOL["heptahydrate"]
    if mmol > 84:
        yield hard("D7", "over 84 mmol a week")
    if case.has_reduced_clearance:
        if mmol > 42:
            yield hard("Q02", "over 42 mmol a week")
        if mmol > Fraction("32.5"):
            yield soft("Q02", "over 32.5 mmol a week", **shown_dose(mmol))
    elif mmol > 65:
        yield soft("D7", "over 65 mmol a week", **shown_dose(mmol))


def _pieces(case: Case, *, only_sc: bool) -> list[Piece]:
    """Milligrams of heptahydrate: planned, given, and recorded from elsewhere (D25)."""
    pieces = _planned(case, [phase.dose_most_mg for phase in case.phases])
    for one in case.patient_given:
        if one.route == "sc" or not only_sc:
            pieces.append(Piece(one.start_us, one.end_us, one.most_mg, whole=one.uncertain))
    for mass_mg, start_us, end_us in other_doses(case):
        if isinstance(mass_mg, Fraction) and isinstance(start_us, int) and isinstance(end_us, int):
            pieces.append(Piece(start_us, max(start_us, end_us), mass_mg))
    return pieces


def _planned(case: Case, amounts: list[Fraction | None]) -> list[Piece]:
    pieces: list[Piece] = []
    for due_us in case.planned_us:
        start_us = due_us
        for phase, amount in zip(case.phases, amounts, strict=True):
            end_us = start_us + _duration_us(phase)
            pieces.append(Piece(start_us, end_us, amount or Fraction(0)))
            start_us = end_us
    return pieces


def _duration_us(phase: Phase) -> int:
    return int(min(phase.durations_min, default=Fraction(0)) * MIN_US)


def l04_volume_in_a_day(case: Case) -> Iterator[Objection]:
    """SC volume > 1.5 L per 24 h SOFT, > 3 L HARD."""
    if not case.is_sc:
        return
    volumes = [phase.volume_ml if isinstance(phase.volume_ml, Fraction) else None for phase in case.phases]
    ml = largest(_planned(case, volumes), DAY_US, case.at_us)
    if ml > 3000:
        yield hard("L04", "over 3 L a day")
    if ml > 1500:
        yield soft("L04", "over 1.5 L a day", mL=ml, L=ml / 1000)


def s03_time_between(case: Case) -> Iterator[Objection]:
    """SC start < 20 h after the previous SC start, any order id; duration > repeat interval - 2 h: HARD.

    Of its own starts the due instants count: one that begins late leaves the next one its time to begin late too.
    """
    others = _starts_given(case)
    close = (0 <= own_us - other_us < 20 * HOUR_US for own_us in case.planned_us for other_us in others)
    gaps = [after - before for before, after in pairwise(case.due.at_us)]
    if case.is_sc and (any(close) or any(gap < 20 * HOUR_US for gap in gaps)):
        yield hard("S03", "under 20 h after the previous start")
    minutes = case.minutes_of_occurrence
    if gaps and minutes is not None and minutes * MIN_US > min(gaps) - 2 * HOUR_US:
        yield hard("S03", "longer than the interval leaves room for")


def s04_phases_in_order(case: Case) -> Iterator[Objection]:
    """A continuous phase starts before its loading phase ended: here, before it began. HARD."""
    kinds = [phase.kind for phase in case.phases]
    if any(kind == "loading" and "continuous" in kinds[:index] for index, kind in enumerate(kinds)):
        yield hard("S04", "loading after the continuous phase")


def s06_uncleared_stop(case: Case) -> Iterator[Objection]:
    """A Q25 or serum stop not cleared by a clinician and a second person: HARD for any new order."""
    if case.uncleared_stops:
        yield hard("S06", "a stop is not cleared")


CLAUSES: tuple[Clause, ...] = (
    q31_starts_in_a_week,
    d24_dose_in_a_day,
    d7_dose_in_a_week,
    l04_volume_in_a_day,
    s03_time_between,
    s04_phases_in_order,
    s06_uncleared_stop,
)
