"""Dates of the monitoring plan: each rule's days, the day it is overdue, and what changes them."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from pumpctl.core.monitoring import MAX_MONTHS, Task, monitoring_plan, overdue_checks
from tests.core.golden import FIRST_DUE, GOLDEN, ONCE, instant, order

FIRST_DAY = date(2026, 12, 1)


def plan(changes: dict[str, Any] | None = None, start_utc_ms: int = FIRST_DUE) -> tuple[Task, ...]:
    return monitoring_plan(order(changes), start_utc_ms)


def days(tasks: tuple[Task, ...], rule: str) -> list[str]:
    return [task.due.isoformat() for task in tasks if task.rule == rule]


def test_first_blood_check_is_due_on_day_14_and_overdue_on_day_22():
    first = next(task for task in plan() if task.rule == "Q40")
    assert (first.due, first.overdue) == (date(2026, 12, 15), date(2026, 12, 23))
    assert (first.overdue - FIRST_DAY).days == 22
    assert all(word in first.what for word in ("magnesium", "potassium", "calcium", "creatinine"))


def test_golden_order_is_followed_as_the_case_was():
    assert days(plan(), "P04") == ["2026-12-01", "2026-12-08", "2026-12-15", "2027-10-01", "2027-12-01"]
    assert days(plan(), "Q41") == ["2027-03-01", "2027-06-01", "2027-09-01", "2027-12-01"]
    assert len(days(plan(), "P07")) == 14
    assert days(plan(), "Q42") == days(plan(), "Q09") == days(plan(), "P05") == []


def test_days_are_local():
    """20:00 in Berlin on 1 December, 00:30 on 2 December, and 1 December in Honolulu."""
    assert days(plan(start_utc_ms=instant("2026-12-01T23:30:00Z")), "Q40") == ["2026-12-16"]
    honolulu = plan({"schedule.time_zone": "Pacific/Honolulu"}, instant("2026-12-02T06:00:00Z"))
    assert days(honolulu, "Q40") == ["2026-12-15"]
    assert days(plan({"schedule": ONCE}), "Q40") == ["2026-12-15"]


@pytest.mark.parametrize(
    "losses",
    [
        {"assessment.gastrointestinal_losses": ["short bowel"]},
        {"assessment.renal_losses": ["Gitelman"]},
        {"assessment.diarrhoea": True},
        {"reviews.wasting_drugs": ["furosemide"]},
        {"medicines": [{"name": "omeprazole", "kind": "proton_pump_inhibitor"}]},
    ],
)
def test_losses_and_wasting_medicines_are_checked_more_often(losses: dict[str, Any]):
    tasks = plan(losses)
    assert days(tasks, "Q40") == ["2026-12-15"]
    assert days(tasks, "Q42")[:6] == [
        *("2026-12-29", "2027-01-12", "2027-01-26", "2027-02-09", "2027-02-23"),  # every two weeks to week 12
        "2027-04-01",  # then monthly
    ]
    assert days(tasks, "Q42")[-1] == "2027-12-01"
    assert days(tasks, "Q41") == []


def test_other_medicines_are_not_wasting():
    assert days(plan({"medicines": [{"name": "paracetamol", "kind": "analgesic"}, {"name": "x"}]}), "Q42") == []


@pytest.mark.parametrize("course", ["start", "dose_change", "renewal"])
def test_each_start_or_change_has_its_first_check(course: str):
    assert days(plan({"course": course}), "Q40") == ["2026-12-15"]


def test_stable_maintenance_is_checked_every_three_months_from_the_change():
    therapy = {"started_at": "2025-01-01T10:00:00+01:00", "changed_at": "2026-01-20T10:00:00+01:00"}
    tasks = plan({"course": "stable_maintenance", "therapy": therapy})
    assert days(tasks, "Q40") == []
    assert days(tasks, "Q41") == ["2027-01-20", "2027-04-20", "2027-07-20", "2027-10-20"]
    assert days(tasks, "P04") == []


def test_renewal_counts_from_the_last_change():
    tasks = plan({"course": "renewal", "therapy": {"started_at": "2026-11-25T10:00:00+01:00"}})
    assert days(tasks, "Q40") == ["2026-12-09"]
    past = plan({"course": "renewal", "therapy": {"started_at": "2026-11-01T10:00:00+01:00"}})
    assert days(past, "Q40") == []  # it lies before this order


@pytest.mark.parametrize(
    "risk",
    [
        {"assessment.qtc_above_500_ms": True},
        {"assessment.arrhythmia": True},
        {"assessment.digoxin": True},
        {"assessment.heart_failure": True},
        {"medicines": [{"name": "digoxin", "kind": "digoxin"}]},
    ],
)
def test_cardiac_risk_needs_an_ecg_now(risk: dict[str, Any]):
    assert days(plan(risk), "Q09") == ["2026-12-01"]


def magnesium(*values: str) -> list[dict[str, str]]:
    """Drawn a day apart, the last one on 30 November."""
    last = 30
    return [
        {"kind": "magnesium", "value": value, "at": f"2026-11-{last - len(values) + place + 1}T08:00:00+01:00"}
        for place, value in enumerate(values)
    ]


@pytest.mark.parametrize(
    ("values", "offered"),
    [
        (("0.7 mmol/L", "0.7 mmol/L", "0.7 mmol/L"), True),
        (("1.05 mmol/L", "1.05 mmol/L", "1.05 mmol/L"), True),
        (("0.69 mmol/L", "0.7 mmol/L", "0.7 mmol/L"), False),
        (("0.7 mmol/L", "0.7 mmol/L", "1.06 mmol/L"), False),
        (("0.45 mmol/L", "0.8 mmol/L", "0.8 mmol/L", "0.8 mmol/L"), True),
        (("0.8 mmol/L", "0.8 mmol/L"), False),
        (("0.8 mmol/L", "0.8 mmol/L", "unknown"), False),
    ],
)
def test_step_down_is_offered_after_three_normal_results(values: tuple[str, ...], offered: bool):
    assert bool(days(plan({"results": magnesium(*values)}), "P05")) is offered


def test_step_down_is_not_offered_twice():
    stepped = {
        "results": magnesium("0.8 mmol/L", "0.8 mmol/L", "0.8 mmol/L"),
        "schedule": {**GOLDEN["schedule"], "repeat": "two_of_three_days"},
    }
    tasks = plan(stepped)
    assert days(tasks, "P05") == []
    assert len(days(tasks, "P07")) == 10


def test_intravenous_orders_have_no_site_log():
    tasks = plan({"route": "iv", "care_area": "monitored"})
    assert days(tasks, "P07") == days(tasks, "P04") == []
    assert days(tasks, "Q40") == ["2026-12-15"]


@pytest.mark.parametrize(
    ("today", "drawn", "overdue"),
    [
        ("2026-12-22", None, False),
        ("2026-12-23", None, True),  # day 22
        ("2026-12-23", "2026-12-06", True),
        ("2026-12-23", "2026-12-07", False),  # eight days before it was due
        ("2026-12-23", "2026-12-22", False),
    ],
)
def test_overdue_at_a_renewal(today: str, drawn: str | None, overdue: bool):
    results = blood(f"{drawn}T08:00:00+01:00") if drawn else []
    renewal = {"course": "renewal", "therapy": {"started_at": "2026-12-01T20:00:00+01:00"}, "results": results}
    found = overdue_checks(order(renewal), instant(f"{today}T12:00:00Z"))
    assert [task.rule for task in found] == (["Q40"] if overdue else [])


@pytest.mark.parametrize("late", ["magnesium", "potassium", "calcium", "creatinine"])
def test_a_check_is_of_all_four(late: str):
    """Q40: one of them drawn before the start and never since is a check that was not made."""
    drawn = [
        result | {"at": "2026-11-30T08:00:00Z" if result["kind"] == late else result["at"]}
        for result in blood("2026-12-20T08:00:00Z")
    ]
    renewal = {"course": "renewal", "therapy": {"started_at": "2026-12-01T20:00:00+01:00"}, "results": drawn}
    assert [task.rule for task in overdue_checks(order(renewal), instant("2026-12-23T12:00:00Z"))] == ["Q40"]


def blood(at: str) -> list[dict[str, str]]:
    values = {"magnesium": "0.8", "potassium": "4", "calcium": "2.2"}
    drawn = [{"kind": kind, "value": f"{value} mmol/L", "at": at} for kind, value in values.items()]
    return [*drawn, {"kind": "creatinine", "value": "70 umol/L", "at": at}]


def test_nothing_is_overdue_of_a_start_or_of_an_unknown_past():
    for changes in ({}, {"course": "renewal"}, {"course": "renewal", "therapy": {"started_at": "soon"}}):
        assert overdue_checks(order(changes), instant("2027-06-01T12:00:00Z")) == ()


def test_a_result_of_an_unknown_day_answers_no_check():
    renewal = {"course": "renewal", "therapy": {"started_at": "2026-12-01T20:00:00+01:00"}}
    drawn = blood("2026-12-20T08:00:00Z")
    for at, expected in ((drawn[0]["at"], []), ("last week", ["Q40"])):
        results = [drawn[0] | {"at": at}, *drawn[1:]]
        found = overdue_checks(order(renewal | {"results": results}), instant("2026-12-23T12:00:00Z"))
        assert [task.rule for task in found] == expected


@pytest.mark.parametrize("zone", ["Mars/Olympus_Mons", "../Europe/Berlin", "Europe", None])
def test_days_of_an_unknown_zone_are_those_of_utc(zone: str | None):
    """T02 refuses such an order; whoever asks for its dates all the same gets dates."""
    changes = {"schedule.time_zone": zone}
    assert days(plan(changes, instant("2026-12-01T23:59:59Z")), "Q40") == ["2026-12-15"]
    assert days(plan(changes, instant("2026-12-02T00:00:00Z")), "Q40") == ["2026-12-16"]


def test_a_long_course_is_bounded():
    ancient: dict[str, Any] = {"course": "stable_maintenance", "therapy": {"started_at": "2000-01-01T00:00:00Z"}}
    assert len(plan(ancient)) < 30
    for at, checks, last in (("2049-12-31", 199, date(2049, 10, 1)), ("2099-12-31", 200, date(2050, 1, 1))):
        found = overdue_checks(order(ancient | {"results": []}), instant(f"{at}T12:00:00Z"))
        assert (len(found), found[-1].due) == (checks, last)
    assert MAX_MONTHS == 600
