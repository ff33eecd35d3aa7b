"""Occurrences as instants, over both clock changes, and never more than 35."""

from __future__ import annotations

import pytest

from pumpctl.core.order import Schedule
from pumpctl.core.schedule import Flaw, Occurrence, Timetable, expand, instant_text, read_instant
from pumpctl.core.units import Misread
from tests.core.golden import DAY_MS, instant


def daily(local_time: str, first: str, last: str, zone: str = "Europe/Berlin") -> Timetable:
    return expand(Schedule(repeat="daily", local_time=local_time, time_zone=zone, first_date=first, last_date=last))


def due(timetable: Timetable) -> list[str]:
    return [instant_text(occurrence.due_utc_ms) for occurrence in timetable.occurrences]


def test_once():
    timetable = expand(Schedule(repeat="once", at="2026-12-01T20:00:00+01:00"))
    assert timetable.occurrences == (Occurrence(1, instant("2026-12-01T19:00:00Z")),)
    assert timetable.shortest_gap_ms is None


def test_daily_is_numbered_from_one_and_both_dates_count():
    timetable = daily("20:00", "2026-12-01", "2026-12-03")
    assert [occurrence.number for occurrence in timetable.occurrences] == [1, 2, 3]
    assert due(timetable) == ["2026-12-01T19:00:00Z", "2026-12-02T19:00:00Z", "2026-12-03T19:00:00Z"]
    assert timetable.shortest_gap_ms == DAY_MS


@pytest.mark.parametrize(
    ("local_time", "zone", "day", "expected"),
    [
        # spring: 02:00 becomes 03:00 on 2026-03-29 in Berlin, so 02:30 does not exist
        ("01:59", "Europe/Berlin", "2026-03-29", "2026-03-29T00:59:00Z"),
        ("02:00", "Europe/Berlin", "2026-03-29", "2026-03-29T01:00:00Z"),
        ("02:30", "Europe/Berlin", "2026-03-29", "2026-03-29T01:00:00Z"),
        ("03:00", "Europe/Berlin", "2026-03-29", "2026-03-29T01:00:00Z"),
        # autumn: 03:00 becomes 02:00 on 2026-10-25, so 02:30 happens twice and the first counts
        ("02:30", "Europe/Berlin", "2026-10-25", "2026-10-25T00:30:00Z"),
        ("03:00", "Europe/Berlin", "2026-10-25", "2026-10-25T02:00:00Z"),
        ("02:30", "America/New_York", "2026-03-08", "2026-03-08T07:00:00Z"),
        ("01:30", "America/New_York", "2026-11-01", "2026-11-01T05:30:00Z"),
        ("02:15", "Australia/Lord_Howe", "2026-10-04", "2026-10-03T15:30:00Z"),  # a jump of half an hour
    ],
)
def test_clock_changes(local_time: str, zone: str, day: str, expected: str):
    assert due(daily(local_time, day, day, zone)) == [expected]


def test_the_short_day_is_the_shortest_gap():
    assert daily("20:00", "2026-03-27", "2026-03-31").shortest_gap_ms == DAY_MS - 3_600_000
    assert daily("20:00", "2026-10-23", "2026-10-27").shortest_gap_ms == DAY_MS


def test_thirty_five_days_and_no_more():
    assert len(daily("20:00", "2026-12-01", "2027-01-04").occurrences) == 35
    longer = daily("20:00", "2026-12-01", "2027-01-05")
    assert longer.occurrences == ()
    assert longer.course is not None
    endless = daily("20:00", "2026-12-01", "2199-12-31")
    assert endless.occurrences == ()


@pytest.mark.parametrize(
    ("schedule", "rule", "path"),
    [
        (Schedule(repeat="once"), "T02", "schedule.at"),
        (Schedule(repeat="once", at="2026-12-01T20:00:00"), "T02", "schedule.at"),
        (Schedule(repeat="once", at="2026-12-01T20:00:00Z", last_date="2026-12-05"), "T02", "schedule.last_date"),
        (Schedule(repeat="daily", at="2026-12-01T20:00:00Z"), "T02", "schedule.at"),
    ],
)
def test_flaws_of_the_shape(schedule: Schedule, rule: str, path: str):
    timetable = expand(schedule)
    assert (rule, path) in {(flaw.rule, flaw.path) for flaw in timetable.flaws}
    assert timetable.occurrences == ()


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        ("local_time", "24:00", "T02"),
        ("local_time", "20:60", "T02"),
        ("local_time", "8 pm", "T02"),
        ("local_time", None, "T02"),
        ("time_zone", "Mars/Olympus", "T02"),
        ("time_zone", "../../etc/passwd", "T02"),
        ("time_zone", "Europe", "T02"),
        ("time_zone", "", "T02"),
        ("time_zone", None, "T02"),
        ("first_date", "2026-02-30", "T02"),
        ("first_date", "0001-01-01", "T02"),
        ("first_date", None, "T02"),
        ("last_date", "2026-11-30", "T02"),
        ("last_date", None, "U07"),
        ("last_date", "soon", "U07"),
    ],
)
def test_flaws_of_one_field(field: str, value: str | None, rule: str):
    stated: dict[str, str | None] = {
        "local_time": "20:00",
        "time_zone": "Europe/Berlin",
        "first_date": "2026-12-01",
        "last_date": "2026-12-14",
    }
    timetable = expand(Schedule(repeat="daily", **(stated | {field: value})))
    assert [(flaw.rule, flaw.path) for flaw in timetable.flaws] == [(rule, f"schedule.{field}")]
    assert isinstance(timetable.flaws[0], Flaw)
    assert timetable.occurrences == ()


@pytest.mark.parametrize(
    "text",
    [
        "2026-12-01T20:00:00",
        "2026-12-01 20:00:00Z",
        "2026-12-01",
        "2026-12-01T20:00Z",
        "2026-13-01T20:00:00Z",
        "2026-12-01T25:00:00Z",
        "2026-12-01T20:00:00+25:00",
        "0001-01-01T00:00:00+14:00",
        "1764619200",
        "now",
    ],
)
def test_instants_are_strict(text: str):
    assert isinstance(read_instant(text), Misread)


def test_instants_with_offsets_are_one_instant():
    assert read_instant("2026-12-01T20:00:00+01:00") == read_instant("2026-12-01T19:00:00Z")
    assert instant_text(instant("2026-12-01T19:00:00.250Z")) == "2026-12-01T19:00:00.250000Z"
