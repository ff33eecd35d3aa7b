"""What the patient will have had in the fullest window, this order's own occurrences included (D24, D7, L04).

Refuses to know limits: a value below `harmless` is known to break none, and what is certainly below
it is not worked out exactly, since the exact maximum is the costliest thing in a check.
"""

from __future__ import annotations

from collections.abc import Sequence

from pumpctl.core.exposure import D7_MS, H24_MS, Piece, largest_in_window
from pumpctl.core.limit import Measure
from pumpctl.core.quantity import Mass, Quantity, Volume
from pumpctl.core.rules.case import Case
from pumpctl.core.rules.phase import Measured

START_WINDOW_MS = 6 * 3_600_000  # S02: an occurrence may start so long after it is due

# D7 counts SC doses of this library and magnesium from elsewhere; its IV doses count in D24 only.
D7_ROUTES = frozenset({"sc"})

Extent = tuple[int, int]  # of one phase: ms, and ug or uL


def dose_24h(case: Case, harmless: Quantity | None) -> Sequence[Quantity]:
    return _fullest(case, _doses(case), _elsewhere(case, None), H24_MS, Mass, harmless)


def own_dose_24h(case: Case, _: Quantity | None) -> Sequence[Quantity]:
    """The least that this order may give in its fullest 24 h (Q24)."""
    own = [
        (_shortest_ms(measured), measured[Measure.DOSE][1].floor())
        for measured in case.figures.measured
        if Measure.DOSE in measured
    ]
    return (Mass(*largest_in_window(_planned(case, own), H24_MS, case.at_utc_ms)),) if own else ()


def dose_7d(case: Case, harmless: Quantity | None) -> Sequence[Quantity]:
    own = _doses(case) if case.order.route in D7_ROUTES else []
    return _fullest(case, own, _elsewhere(case, D7_ROUTES), D7_MS, Mass, harmless)


def volume_24h(case: Case, harmless: Quantity | None) -> Sequence[Quantity]:
    """This order's own: what other fluids run under the skin is not known here."""
    own = [
        (_shortest_ms(measured), phase.volume.ceiling())
        for phase, measured in zip(case.figures.phases, case.figures.measured, strict=True)
        if phase.volume is not None
    ]
    return _fullest(case, own, [], H24_MS, Volume, harmless)


def _doses(case: Case) -> list[Extent]:
    """Of each phase the shortest time and the largest dose that its figures allow; D24 and D7 both ask."""
    known = case.memo.get(_MEMO)
    if known is None:
        known = case.memo[_MEMO] = _worst_extents(case)
    return known  # pyright: ignore[reportReturnType] - only written above


_MEMO = "doses"


def _worst_extents(case: Case) -> list[Extent]:
    return [
        (_shortest_ms(measured), measured[Measure.DOSE][0].ceiling())
        for measured in case.figures.measured
        if Measure.DOSE in measured
    ]


def _shortest_ms(measured: Measured) -> int:
    """Unreadable is refused; until then, all at once."""
    return measured[Measure.DURATION][1].ceiling() if Measure.DURATION in measured else 0


def _elsewhere(case: Case, routes: frozenset[str] | None) -> list[Piece]:
    """The ledger without what is merely planned of this order, and magnesium from elsewhere (D25)."""
    if not case.ledger.segments and not case.figures.other:
        return []
    own, patient_id = case.order.digest, case.order.patient.id
    begun = case.ledger.begun(own)
    pieces: list[Piece] = [
        (segment.start_utc_ms, segment.end_utc_ms, segment.most_ug, segment.at_once)
        for segment in case.ledger.segments
        if segment.patient_id == patient_id
        and (routes is None or segment.route in routes)
        and (segment.order_digest != own or segment.occurrence in begun)
    ]
    pieces += [(other.start_utc_ms, other.end_utc_ms, other.mass.ceiling(), False) for other in case.figures.other]
    return pieces


def _fullest(
    case: Case,
    own: list[Extent],
    elsewhere: list[Piece],
    window_ms: int,
    kind: type[Quantity],
    harmless: Quantity | None,
) -> Sequence[Quantity]:
    if harmless is not None and _certainly_at_most(case, own, elsewhere, window_ms) * harmless.den < harmless.num:
        return ()
    pieces = _planned(case, own) + elsewhere
    return (kind(*largest_in_window(pieces, window_ms, case.at_utc_ms)),)


def _certainly_at_most(case: Case, own: list[Extent], elsewhere: list[Piece], window_ms: int) -> int:
    """All from elsewhere, and each occurrence that can touch one window, taken whole.

    Occurrences lie at least `shortest_gap_ms` apart and each may start late, so a window touches those
    due in a span as long as itself, the lateness and the occurrence.
    """
    span_ms, one = window_ms + START_WINDOW_MS, 0
    for duration_ms, amount in own:
        span_ms += duration_ms
        one += amount
    touching = len(case.timetable.occurrences)
    gap_ms = case.timetable.shortest_gap_ms
    if gap_ms is not None:
        touching = min(touching, span_ms // gap_ms + 1)
    most = touching * one
    for piece in elsewhere:
        most += piece[2]
    return most


def _planned(case: Case, own: list[Extent]) -> list[Piece]:
    """Phases run one after the other. What is overdue starts now at the earliest, or never."""
    begun = case.ledger.begun(case.order.digest)
    pieces: list[Piece] = []
    for occurrence in case.timetable.occurrences:
        if occurrence.number in begun or occurrence.due_utc_ms + START_WINDOW_MS < case.at_utc_ms:
            continue
        start = max(occurrence.due_utc_ms, case.at_utc_ms)
        for duration_ms, amount in own:
            pieces.append((start, start + duration_ms, amount, False))
            start += duration_ms
    return pieces
