"""Occurrences as instants, over both clock changes, and never more than 35."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

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


def repeated(repeat: str, first: str, last: str, **more: object) -> Timetable:
    stated: dict[str, object] = {"local_time": "20:00", "time_zone": "Europe/Berlin", **more}
    return expand(Schedule.model_validate({"repeat": repeat, "first_date": first, "last_date": last, **stated}))


def days(timetable: Timetable) -> list[str]:
    return [text[:10] for text in due(timetable)]


def test_two_of_every_three_days():
    """The seed's step-down (P05): the first two of every three days, from the first date."""
    timetable = repeated("two_of_three_days", "2026-12-01", "2026-12-09")
    assert days(timetable) == [f"2026-12-0{day}" for day in (1, 2, 4, 5, 7, 8)]
    assert [occurrence.number for occurrence in timetable.occurrences] == [1, 2, 3, 4, 5, 6]
    assert timetable.shortest_gap_ms == DAY_MS
    assert days(repeated("two_of_three_days", "2026-12-01", "2026-12-01")) == ["2026-12-01"]
    assert days(repeated("two_of_three_days", "2026-12-01", "2026-12-03")) == ["2026-12-01", "2026-12-02"]


@pytest.mark.parametrize("per_week", range(1, 8))
def test_n_per_week(per_week: int):
    names = ["monday", "wednesday", "friday", "sunday", "tuesday", "thursday", "saturday"][:per_week]
    timetable = repeated("weekly", "2026-12-07", "2026-12-20", weekdays=names)  # two weeks from a Monday
    assert len(timetable.occurrences) == 2 * per_week
    assert timetable.occurrences[0].due_utc_ms == instant("2026-12-07T19:00:00Z")
    assert [o.due_utc_ms for o in timetable.occurrences] == sorted(o.due_utc_ms for o in timetable.occurrences)


def test_a_week_that_begins_in_the_middle_of_the_order():
    timetable = repeated("weekly", "2026-12-01", "2026-12-14", weekdays=["friday", "monday"])  # from a Tuesday
    assert days(timetable) == ["2026-12-04", "2026-12-07", "2026-12-11", "2026-12-14"]
    assert timetable.shortest_gap_ms == 3 * DAY_MS


@pytest.mark.parametrize("repeat", ["daily", "nightly", "weekly", "two_of_three_days"])
def test_every_kind_is_bounded(repeat: str):
    every_day = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
    more = {"weekdays": every_day} if repeat == "weekly" else {}
    longest = repeated(repeat, "2026-12-01", "2027-01-04", **more)
    assert 0 < len(longest.occurrences) <= 35
    too_long = repeated(repeat, "2026-12-01", "2027-01-05", **more)
    assert too_long.occurrences == ()
    assert too_long.course is not None


@pytest.mark.parametrize(
    ("local_time", "is_night"), [("18:00", True), ("17:59", False), ("06:00", True), ("06:01", False), ("02:30", True)]
)
def test_nightly_is_at_night(local_time: str, is_night: bool):
    timetable = repeated("nightly", "2026-12-01", "2026-12-02", local_time=local_time)
    assert bool(timetable.occurrences) is is_night
    assert [flaw.path for flaw in timetable.flaws] == ([] if is_night else ["schedule.local_time"])


@pytest.mark.parametrize(
    ("repeat", "weekdays", "reason"),
    [
        ("weekly", None, "missing"),
        ("weekly", [], "missing"),
        ("weekly", ["monday", "monday"], "once"),
        ("weekly", ["Monday"], "once"),
        ("weekly", ["someday"], "once"),
        ("daily", ["monday"], "belongs to repeat = weekly"),
        ("two_of_three_days", [], "belongs to repeat = weekly"),
    ],
)
def test_weekdays_are_strict(repeat: str, weekdays: list[str] | None, reason: str):
    timetable = repeated(repeat, "2026-12-01", "2026-12-14", weekdays=weekdays)
    assert timetable.occurrences == ()
    assert [(flaw.rule, flaw.path) for flaw in timetable.flaws] == [("T02", "schedule.weekdays")]
    assert reason in timetable.flaws[0].reason


def test_weekdays_outside_the_dates_are_a_flaw():
    timetable = repeated("weekly", "2026-12-01", "2026-12-02", weekdays=["monday"])
    assert [(flaw.rule, flaw.path) for flaw in timetable.flaws] == [("T02", "schedule.weekdays")]


@pytest.mark.hazard("H41")
@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "UTC"])
@pytest.mark.parametrize("first", ["2026-03-01", "2026-03-20", "2026-09-20", "2026-10-20"])
@pytest.mark.parametrize("local_time", ["02:30", "20:00", "00:00"])
def test_both_clock_changes_in_several_zones(zone: str, first: str, local_time: str):
    """Strictly one after the other, an hour or less off a day apart, each at its local time or right after the gap."""
    last = (date.fromisoformat(first) + timedelta(days=33)).isoformat()
    timetable = repeated("daily", first, last, time_zone=zone, local_time=local_time)
    instants = [occurrence.due_utc_ms for occurrence in timetable.occurrences]
    assert len(instants) == 34
    gaps = {later - earlier for earlier, later in pairwise(instants)}
    assert min(gaps) == timetable.shortest_gap_ms
    assert {abs(gap - DAY_MS) for gap in gaps} <= {0, 1_800_000, 3_600_000}
    shown = [datetime.fromtimestamp(at / 1000, ZoneInfo(zone)) for at in instants]
    assert all(each.strftime("%H:%M") == local_time or each.strftime("%H:%M") == "03:00" for each in shown)
    assert all(each.fold == 0 for each in shown)


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
