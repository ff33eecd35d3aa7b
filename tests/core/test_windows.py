"""What all orders of a patient come to in 24 hours and seven days (D24, D7, Q31, Q02)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumpctl.core.exposure import Certainty, Ledger, Segment, largest_in_window
from pumpctl.core.rules import windows
from pumpctl.core.rules.case import Context, open_case
from pumpctl.core.schedule import instant_text
from pumpctl.core.units import UG_PER_MMOL, Mass
from tests.core.golden import AT, DAY_MS, FIRST_DUE, HOUR_MS, LIBRARY, ONCE, infusion, order, severities, verdict

LENGTH_MS = 10 * HOUR_MS
DUE_ONCE = FIRST_DUE + HOUR_MS


def past(key: str, start: int, most_ug: int, **more: Any) -> Segment:  # noqa: ANN401
    fields: dict[str, Any] = {
        "key": key,
        "patient_id": "patient-0001",
        "order_digest": "another order",
        "occurrence": 1,
        "route": "sc",
        "start_utc_ms": start,
        "end_utc_ms": start + LENGTH_MS,
        "most_ug": most_ug,
        "certainty": Certainty.COMMITTED,
    }
    return Segment(**(fields | more))


def seen(rule: str, *segments: Segment, at: int = AT, **changes: Any) -> list[str]:  # noqa: ANN401
    return severities(verdict({"schedule": ONCE} | changes, context=Context(at, Ledger(segments))), rule)


TWELVE = infusion("12 mmol", "150 mL", "15 h", "10 mL/h")


@pytest.mark.parametrize(("more_ug", "expected"), [(0, []), (1, ["hard"])])
def test_24_mmol_exactly(more_ug: int, expected: list[str]):
    """12 mmol given in the last hours and 12 mmol now are 24, and one microgram more is over."""
    given_before = past("a", AT - 5 * HOUR_MS, 12 * UG_PER_MMOL + more_ug, end_utc_ms=AT)
    assert seen("D24", given_before, **TWELVE) == expected


def test_second_bag_on_the_same_day_under_another_order():
    """Two grams are due; a first bag of 12 mmol or more, unfinished business, is what D24 is for."""
    for most_ug, expected in ((2_000_000, []), (4_000_000, ["hard"])):
        running = past("a", AT - HOUR_MS, most_ug, certainty=Certainty.RUNNING)
        assert seen("D24", running) == expected


@pytest.mark.parametrize("certainty", list(Certainty))
def test_every_certainty_counts(certainty: Certainty):
    assert seen("D24", past("a", AT - HOUR_MS, 5_000_000, certainty=certainty)) == ["hard"]


@pytest.mark.parametrize(("later_ms", "expected"), [(-1, []), (0, []), (1, ["hard"])])
def test_window_of_24_h_to_the_millisecond(later_ms: int, expected: list[str]):
    """12 mmol over 15 h gives 0.8 mmol in its first hour: a dose 23 h before the start may be 23.2 mmol.

    A millisecond later it stays in the window for a millisecond more of the new dose.
    """
    at_once = DUE_ONCE - 23 * HOUR_MS + later_ms
    most_ug = 24 * UG_PER_MMOL - 8 * UG_PER_MMOL // 10
    assert seen("D24", past("a", at_once, most_ug, end_utc_ms=at_once), **TWELVE) == expected


def test_a_point_dose_and_a_later_one_share_no_window_after_exactly_a_day():
    start = DUE_ONCE - DAY_MS
    over = 24 * UG_PER_MMOL - 2_000_000 + 1
    gone = past("a", start - LENGTH_MS, over, end_utc_ms=start)
    assert seen("D24", gone) == []
    # Uncertain until a millisecond before the new dose has ended, less a day: all of it may meet all of that.
    met = past("a", start, over, end_utc_ms=DUE_ONCE + LENGTH_MS - DAY_MS, certainty=Certainty.UNCERTAIN)
    assert seen("D24", met) == ["hard"]
    apart = past("a", start - 1, 2_000_000, end_utc_ms=start, certainty=Certainty.UNCERTAIN)
    assert seen("D24", apart) == []


def test_another_patient_does_not_count():
    assert seen("D24", past("a", AT, 9_000_000, patient_id="patient-0002")) == []


def test_magnesium_from_elsewhere_counts():
    given = {"dose": "16 mmol", "start": "2026-12-01T10:00:00Z", "end": "2026-12-01T18:00:00Z"}
    assert seen("D24", **{"other_magnesium.parenteral": [given]}) == ["hard"]
    assert seen("D24", **{"other_magnesium.parenteral": [given | {"dose": "15.8 mmol"}]}) == []
    assert seen("U01", **{"other_magnesium.parenteral": [given | {"dose": "16 g"}]}) == ["hard"]


def test_this_orders_own_occurrences_count_once():
    """An occurrence that has begun is the ledger's; the same one merely planned in the ledger is the order's."""
    digest = order().digest
    for certainty in (Certainty.RUNNING, Certainty.PLANNED):
        own = past("own", FIRST_DUE, 2_000_000, order_digest=digest, certainty=certainty)
        case = open_case(order(), LIBRARY, Context(AT, Ledger((own,))))
        assert windows.dose_24h(case, None) == (Mass(2_000_000),)
        assert windows.dose_7d(case, None) == (Mass(14_000_000),)


@pytest.mark.parametrize(
    ("grams", "expected"), [("2.28", []), ("2.29", ["soft"]), ("2.95", ["soft"]), ("2.96", ["hard", "soft"])]
)
def test_seven_days(grams: str, expected: list[str]):
    """65 mmol a week is 2.2887 g a day, 84 mmol is 2.9577 g."""
    volume = {"2.28": "114 mL", "2.29": "114.5 mL", "2.95": "147.5 mL", "2.96": "148 mL"}[grams]
    hours = {"2.28": "11.4 h", "2.29": "11.45 h", "2.95": "14.75 h", "2.96": "14.8 h"}[grams]
    found = verdict(infusion(f"{grams} g", volume, hours, "10 mL/h"))
    assert severities(found, "D7") == expected


def test_intravenous_doses_count_in_24_hours_only():
    week = [past(f"iv{day}", AT - day * DAY_MS, 5_000_000, route="iv", occurrence=day) for day in range(2, 7)]
    assert seen("D7", *week) == []
    assert seen("D7", *[past(s.key, s.start_utc_ms, 5_000_000, occurrence=s.occurrence) for s in week]) == [
        "hard",
        "soft",
    ]


@pytest.mark.parametrize(("before", "expected"), [(2, []), (3, ["soft"])])
def test_fourth_start_in_seven_days(before: int, expected: list[str]):
    starts = [past(str(n), DUE_ONCE - (n + 1) * DAY_MS, 1000, occurrence=n) for n in range(before)]
    assert seen("Q31", *starts) == expected


def test_exactly_seven_days_ago_is_outside():
    near = [past(str(n), DUE_ONCE - (n + 1) * DAY_MS, 1000, occurrence=n) for n in range(2)]
    for offset, expected in ((0, []), (1, ["soft"])):
        oldest = past("old", DUE_ONCE - 7 * DAY_MS + offset, 1000, occurrence=9)
        assert seen("Q31", *near, oldest) == expected


def test_one_occurrence_in_several_parts_is_one_start():
    parts = [past(str(n), DUE_ONCE - DAY_MS + n * HOUR_MS, 1000) for n in range(5)]
    assert seen("Q31", *parts) == []


def test_the_count_stays_while_own_occurrences_start_late():
    """Own occurrences count when due, so that an override of "7 starts" holds for the whole order."""
    digest = order().digest
    begun = [
        past(str(n), FIRST_DUE + (n - 1) * DAY_MS + n * 600_000, 2_000_000, order_digest=digest, occurrence=n)
        for n in range(1, 5)
    ]
    found = verdict(context=Context(FIRST_DUE + 4 * DAY_MS, Ledger(tuple(begun))))
    assert [finding.value for finding in found.findings if finding.rule == "Q31"] == ["7 starts"]


@given(
    at_h=st.integers(-30, 400),
    elsewhere=st.lists(st.tuples(st.integers(-100, 300), st.integers(0, 30), st.integers(0, 3_000_000)), max_size=4),
    days=st.integers(1, 20),
    own_g=st.integers(1, 4),
    window_h=st.sampled_from([24, 168]),
)
def test_what_is_called_harmless_is(
    at_h: int, elsewhere: list[tuple[int, int, int]], days: int, own_g: int, window_h: int
):
    """The cheap bound never lies below the exact maximum."""
    last = instant_text(FIRST_DUE + (days - 1) * DAY_MS)[:10]
    changes = infusion(f"{own_g} g", "100 mL", "10 h", "10 mL/h") | {"schedule.last_date": last}
    segments = tuple(
        past(str(n), FIRST_DUE + start * HOUR_MS, ug, end_utc_ms=FIRST_DUE + (start + length) * HOUR_MS)
        for n, (start, length, ug) in enumerate(elsewhere)
    )
    case = open_case(order(changes), LIBRARY, Context(FIRST_DUE + at_h * HOUR_MS, Ledger(segments)))
    measure = windows.dose_24h if window_h == 24 else windows.dose_7d
    exact = measure(case, None)[0]
    assert measure(case, exact) in ((), (exact,))
    if exact > Mass(1):
        assert measure(case, Mass(exact.ceiling() - 1)) == (exact,)


@pytest.mark.parametrize(("late_h", "next_to_start"), [(0, 1), (6, 1), (7, 2)])
def test_an_overdue_occurrence_starts_now_or_never(late_h: int, next_to_start: int):
    """S02: up to 6 h late it may still start, from now; after that it will not, and nothing is caught up."""
    at = FIRST_DUE + late_h * HOUR_MS
    case = open_case(order({"schedule.last_date": "2026-12-02"}), LIBRARY, Context(at))
    rest = Mass(2_000_000 * (3 - next_to_start))
    assert windows.dose_7d(case, None) == (rest,)
    late_first_and_next = Mass(2_000_000) if next_to_start == 2 else Mass(2_000_000 + 200 * late_h * 1000)
    assert windows.dose_24h(case, None) == (late_first_and_next,)


def test_the_bound_allows_for_a_late_start():
    """Twenty hours long and six hours late, an infusion meets more of the next than the due instants tell."""
    changes = infusion("2 g", "100 mL", "20 h", "5 mL/h") | {"schedule.last_date": "2026-12-03"}
    case = open_case(order(changes), LIBRARY, Context(FIRST_DUE + 6 * HOUR_MS))
    (exact,) = windows.dose_24h(case, None)
    assert exact == Mass(2_600_000)
    assert windows.dose_24h(case, Mass(2_599_999)) == (exact,)


def test_the_sweep_agrees_with_the_ledger():
    pieces = [(0, 10, 100, False), (5, 5, 7, False), (2, 8, 9, True)]
    assert Mass(*largest_in_window(pieces, 5, 0)) == Mass(7 + 9 + 50)
