"""The dose ledger against brute force, and its windows to the millisecond."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumpctl.core.exposure import MAX_SEGMENTS, Certainty, Ledger, LedgerFull, Segment, largest_in_window
from pumpctl.core.units import Mass
from tests.core.held import held

DAY_MS = 24 * 3_600_000


def segment(key: str, start: int, end: int, most_ug: int, **more: object) -> Segment:
    fields: dict[str, object] = {
        "key": key,
        "patient_id": "p",
        "order_digest": "d",
        "occurrence": 1,
        "route": "sc",
        "start_utc_ms": start,
        "end_utc_ms": end,
        "most_ug": most_ug,
        "certainty": Certainty.COMMITTED,
    }
    return Segment(**(fields | more))  # pyright: ignore[reportArgumentType]


def in_window(pieces: list[tuple[int, int, int, bool]], end: Fraction, window: int) -> Fraction:
    """By the definition: (end - window, end]."""
    begin = end - window
    total = Fraction(0)
    for start, stop, most, at_once in pieces:
        if at_once or start == stop:
            touches = start <= end and stop > begin
            total += most if touches else 0
        else:
            overlap = min(Fraction(stop), end) - max(Fraction(start), begin)
            total += most * max(Fraction(0), overlap) / (stop - start)
    return total


piece = st.tuples(st.integers(0, 30), st.integers(0, 12), st.integers(0, 50), st.booleans()).map(
    lambda drawn: (drawn[0], drawn[0] + drawn[1], drawn[2], drawn[3])
)


@given(st.lists(piece, max_size=6), st.integers(1, 15), st.integers(-5, 40))
def test_largest_window_is_what_brute_force_finds(pieces: list[tuple[int, int, int, bool]], window: int, begin: int):
    """Small whole instants, so that a grid of eighths with points just before each holds every candidate."""
    num, den = largest_in_window(pieces, window, begin)
    tiny = Fraction(1, 10**9)
    grid = [begin + Fraction(step, 8) for step in range(8 * 70)]
    found = max(in_window(pieces, t, window) for point in grid for t in (point, point + 1 - tiny))
    exact = Fraction(num, den)
    assert found <= exact
    assert exact - found <= sum(most for _, _, most, _ in pieces) * tiny * 2


def test_window_is_half_open_to_the_millisecond():
    first = segment("a", 0, 0, 10)
    for start, most in ((DAY_MS - 1, 20), (DAY_MS, 10), (DAY_MS + 1, 10)):
        ledger = Ledger((first, segment("b", start, start, 10)))
        assert held(ledger, "p", DAY_MS, 0) == Mass(most)


def test_spread_doses_leave_the_window_gradually():
    """Two hours at 10 ug/h, 24 h apart: shifted by a millisecond, one millisecond's worth moves in."""
    hour = 3_600_000
    first = segment("a", 0, 2 * hour, 2 * hour)  # 1 ug a ms
    for gap, most in ((0, 2 * hour), (-1, 2 * hour + 1), (1, 2 * hour)):
        start = DAY_MS + gap
        ledger = Ledger((first, segment("b", start, start + 2 * hour, 2 * hour)))
        assert held(ledger, "p", DAY_MS, 0) == Mass(most)


def test_uncertain_counts_whole_wherever_it_may_have_run():
    uncertain = segment("a", 0, 1000, 100, certainty=Certainty.UNCERTAIN)
    later = segment("b", DAY_MS + 500, DAY_MS + 501, 1)
    assert held(Ledger((uncertain, later)), "p", DAY_MS, DAY_MS + 499) == Mass(101)
    spread = segment("a", 0, 1000, 100)
    assert held(Ledger((spread, later)), "p", DAY_MS, DAY_MS + 500) < Mass(101)


def test_only_windows_from_now_on_count():
    ledger = Ledger((segment("a", 0, 1000, 100),))
    assert held(ledger, "p", DAY_MS, 0) == Mass(100)
    assert held(ledger, "p", DAY_MS, DAY_MS + 500) == Mass(50)
    assert held(ledger, "p", DAY_MS, DAY_MS + 1000) == Mass(0)


def test_patients_are_apart_and_routes_add_up():
    ledger = Ledger((segment("a", 0, 1000, 100), segment("b", 0, 1000, 7, route="iv")))
    ledger = ledger.with_segment(segment("c", 0, 1000, 5, patient_id="q"))
    assert held(ledger, "p", DAY_MS, 0) == Mass(107)
    assert held(ledger, "q", DAY_MS, 0) == Mass(5)
    assert held(ledger, "nobody", DAY_MS, 0) == Mass(0)


def test_a_segment_replaces_the_one_of_its_key():
    ledger = Ledger().with_segment(segment("a", 0, 10, 5)).with_segment(segment("a", 0, 20, 9))
    assert held(ledger, "p", DAY_MS, 0) == Mass(9)
    assert ledger.without("a") == Ledger()
    assert ledger.since(20) == Ledger()
    assert ledger.since(19) == ledger


def test_starts_count_an_occurrence_once_and_plans_never():
    ledger = Ledger(
        (
            segment("a", 50, 60, 1),
            segment("b", 20, 50, 1),
            segment("c", 90, 99, 1, occurrence=2),
            segment("d", 99, 100, 1, occurrence=3, certainty=Certainty.PLANNED),
        )
    )
    assert ledger.starts_utc_ms("p", "sc") == {("d", 1): 20, ("d", 2): 90}
    assert ledger.begun("d") == {1, 2}


def test_nothing_is_forgotten_to_make_room():
    full = Ledger(tuple(segment(str(n), n, n, 1) for n in range(MAX_SEGMENTS)))
    with pytest.raises(LedgerFull):
        full.with_segment(segment("one more", 0, 0, 1))
    assert full.with_segment(segment("0", 5, 5, 5)).segments[0].most_ug == 5


@pytest.mark.parametrize(("start", "end", "most"), [(1, 0, 1), (0, 1, -1)])
def test_impossible_segments_are_bugs(start: int, end: int, most: int):
    with pytest.raises(ValueError, match="segment"):
        segment("a", start, end, most)
