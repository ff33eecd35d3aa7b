"""A calendar that was moved and found right: no window from then on holds less than it would by either calendar."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumpctl.core.exposure import Certainty, Ledger, Segment
from tests.core.held import held

NOW = 100  # by the calendar that was left
PATIENT, ROUTE, ORDER = "p", "sc", "d"

UNDATED, COMMITTED = Certainty.UNDATED, Certainty.COMMITTED


def segment(key: str, start: int, end: int, certainty: Certainty = COMMITTED, occurrence: int = 1) -> Segment:
    return Segment(key, PATIENT, ORDER, occurrence, ROUTE, start, end, 1_000, certainty)


given_before = st.builds(
    lambda number, start, lasted, certainty: segment(
        str(number), start, min(NOW, start + lasted) if certainty is COMMITTED else start + lasted, certainty, number
    ),
    st.integers(0, 9),
    st.integers(NOW - 60, NOW),
    st.integers(0, 20),
    st.sampled_from([COMMITTED, UNDATED, Certainty.UNCERTAIN]),
)


@pytest.mark.hazard("H40")
@given(st.lists(given_before, max_size=4), st.integers(-80, 80), st.integers(1, 40), st.integers(0, 30))
def test_no_window_holds_less_than_by_either_calendar(segments: list[Segment], by: int, window: int, later: int):
    ledger, now = Ledger().with_segments(segments), NOW + by
    moved = ledger.moved(by, now, frozenset())
    at_least = held(_by(ledger, by, now), PATIENT, window, now + later)
    assert held(moved, PATIENT, window, now + later) >= at_least, "as its age says"
    possible = [each for each in ledger.segments if (each.start_utc_ms if each.at_once else each.end_utc_ms) <= now]
    moved = Ledger(tuple(possible)).moved(by, now, frozenset())
    by_date = _by(Ledger(tuple(possible)), 0, now)
    assert held(moved, PATIENT, window, now + later) >= held(by_date, PATIENT, window, now + later), "as its date says"


@pytest.mark.hazard("H40")
@given(st.lists(given_before, max_size=4), st.integers(-80, 80))
def test_no_start_looks_longer_ago_than_it_was_by_the_clock_that_nobody_sets(segments: list[Segment], by: int):
    ledger, now = Ledger().with_segments(segments), NOW + by
    moved = ledger.moved(by, now, frozenset()).starts_utc_ms(PATIENT, ROUTE)
    for occasion, start in ledger.starts_utc_ms(PATIENT, ROUTE).items():
        assert moved[occasion] >= min(start + by, now)


def _by(ledger: Ledger, by: int, now: int) -> Ledger:
    """Every date as it was moved; nothing that may have been given was given after now."""
    cut = (min(each.end_utc_ms + by, max(now, each.start_utc_ms + by)) for each in ledger.segments)
    return Ledger(
        tuple(
            replace(each, start_utc_ms=each.start_utc_ms + by, end_utc_ms=end)
            for each, end in zip(ledger.segments, cut, strict=True)
        )
    )


@pytest.mark.hazard("H40")
@pytest.mark.parametrize(
    ("by", "before", "after"),
    [
        (5, (80, 90), (85, 95)),  # forward: as old as it is
        (10, (80, 100), (90, 110)),
        (8_000, (80, 90), (8_080, 8_090)),
        (-5, (80, 95), (80, 95)),  # back: not before now, it stays
        (-5, (80, 96), (75, 91)),  # what would lie ahead cannot be its date
        (-50, (80, 90), (30, 40)),
    ],
)
def test_to_the_millisecond(by: int, before: tuple[int, int], after: tuple[int, int]):
    (moved,) = Ledger((segment("a", *before),)).moved(by, NOW + by, frozenset()).segments
    assert (moved.start_utc_ms, moved.end_utc_ms) == after


@pytest.mark.hazard("H40")
def test_what_is_under_way_goes_with_the_calendar_and_what_is_planned_does_not():
    running, planned = segment("r", 90, 130, Certainty.RUNNING), segment("p", 150, 160, Certainty.PLANNED)
    moved = Ledger((running, planned)).moved(-40, 60, frozenset({"r"})).segments
    assert moved == (replace(running, start_utc_ms=50, end_utc_ms=90), planned)
