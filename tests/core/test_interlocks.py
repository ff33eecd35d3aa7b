"""Each permissive and each trip on both sides of its edge, in exact integers; and that none can get lost."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import pytest

from pumpctl.core import interlocks
from pumpctl.core.interlocks import (
    PERMISSIVES,
    TRIPS,
    moved_while_still,
    refusals,
    trips,
)
from pumpctl.core.reason import Priority, Reason
from pumpctl.core.snapshots import RunSnapshot, StartSnapshot, StillSnapshot, Trip

S = 1_000_000_000
H_MS = 3_600_000
PERMITTED = StartSnapshot(
    mode_permits=True,
    identity_matches=True,
    journal_sound=True,
    guard_alive=True,
    latched=(),
    stop_pending=False,
    status_age_ns=3 * S,
    alarms=(),
    read_back_equal=True,
    another_running=None,
    unresolved_dosing=False,
    wall_step_ms=120_000,
    verdict_reasons=(),
    exceeds_dose_rate=False,
    battery_runs_ms=7_200_000,
    needed_ms=3_600_000,
)
# 10 mL/h of a 100 mL program, 1 uL counters, 5 %: a window of two seconds of therapy time is due 5.55 uL.
RUNNING = RunSnapshot(
    route="iv",
    program_flow_ul_h=10_000,
    vtbi_ul=100_000,
    volume_step_ul=1,
    accuracy_permille=50,
    same_program=True,
    boot_changed=False,
    commanded_flow_ul_h=10_000,
    exceeds_dose_rate=False,
    smallest_ul=50_000,
    largest_ul=50_000,
    completed=False,
    alarms=(),
    stopping_alarms=(),
    moved_in_window_ul=100,
    window_therapy_ns=36 * S,
    excess_ul=50,
    pausing_ns=5 * S - 1,
    reservoir_ul=200_000,
    on_battery=True,
    battery_permille=81,
    battery_runs_ms=5 * H_MS,
    pressure_mmhg=8,
    idle_pressure_mmhg=8,
)


def _codes(snapshot: StartSnapshot) -> list[str]:
    return [reason.code for reason in refusals(snapshot)]


def _tripped(snapshot: RunSnapshot) -> list[str]:
    return [trip.reason.code for trip in trips(snapshot)]


def test_the_edge_of_everything_permits():
    assert _codes(PERMITTED) == []
    assert _codes(replace(PERMITTED, wall_step_ms=-120_000)) == []
    assert _codes(replace(PERMITTED, status_age_ns=0)) == []


FORBIDDEN: list[tuple[dict[str, Any], str]] = [
    ({"mode_permits": False}, "mode_refuses_pump"),
    ({"identity_matches": False}, "identity_unproven"),
    ({"journal_sound": False}, "journal_unsound"),
    ({"guard_alive": False}, "guard_absent"),
    ({"latched": (Reason("door_open", "open"),)}, "latched"),
    ({"stop_pending": True}, "stop_pending"),
    ({"status_age_ns": 3 * S + 1}, "status_stale"),
    ({"status_age_ns": None}, "status_stale"),
    ({"alarms": ("door_open",)}, "pump_alarm_active"),
    ({"read_back_equal": False}, "read_back_differs"),
    ({"another_running": "b"}, "another_infusion"),
    ({"another_running": ""}, "another_infusion"),
    ({"unresolved_dosing": True}, "dosing_unresolved"),
    ({"wall_step_ms": 120_001}, "wall_clock_stepped"),
    ({"wall_step_ms": -120_001}, "wall_clock_stepped"),
    ({"verdict_reasons": (Reason("D24", "too much"),)}, "order_refused_now"),
    ({"exceeds_dose_rate": True}, "dose_rate_above_hard_limit"),
    ({"battery_runs_ms": 7_199_999}, "battery_too_low"),
    ({"needed_ms": 3_600_001}, "battery_too_low"),
]


@pytest.mark.parametrize(("changes", "code"), FORBIDDEN, ids=lambda each: str(each)[:50])
def test_one_thing_wrong_is_one_refusal(changes: dict[str, Any], code: str):
    assert _codes(replace(PERMITTED, **changes)) == [code]


def test_everything_wrong_is_every_reason():
    changes: dict[str, Any] = {}
    for change, _ in FORBIDDEN:
        changes |= change
    assert _codes(replace(PERMITTED, **changes)) == list(dict.fromkeys(code for _, code in FORBIDDEN))


def test_every_field_can_forbid():
    assert {name for changes, _ in FORBIDDEN for name in changes} == {each.name for each in fields(StartSnapshot)}


def test_a_running_pump_as_it_should_be_runs_on():
    assert _tripped(RUNNING) == []


PUMP_ALARMS = {"air_in_line", "motor_stall", "over_temperature", "reservoir_empty", "occlusion_upstream"}


# Over-delivery: 100 mL x 1.05 and 2 mL. Counters: 5 % of 50 mL. Runaway: 1.1 x 100 uL and 3 increments.
EDGES: list[tuple[dict[str, Any], dict[str, Any], str, Priority]] = [
    ({"stopping_alarms": ()}, {"stopping_alarms": ("air_in_line",)}, "air_in_line", Priority.HIGH),
    ({"boot_changed": False}, {"boot_changed": True}, "pump_reset", Priority.HIGH),
    ({"same_program": True}, {"same_program": False}, "foreign_program", Priority.HIGH),
    ({"exceeds_dose_rate": False}, {"exceeds_dose_rate": True}, "dose_rate_above_hard_limit", Priority.HIGH),
    ({"commanded_flow_ul_h": 10_000}, {"commanded_flow_ul_h": 10_001}, "external_change", Priority.HIGH),
    (
        {"smallest_ul": 107_000, "largest_ul": 107_000},
        {"smallest_ul": 107_001, "largest_ul": 107_001},
        "over_delivery",
        Priority.HIGH,
    ),
    (
        {"vtbi_ul": 1_000, "smallest_ul": 2_050, "largest_ul": 2_050},
        {"vtbi_ul": 1_000, "smallest_ul": 2_051, "largest_ul": 2_051},
        "over_delivery",
        Priority.HIGH,
    ),
    ({"moved_in_window_ul": 113}, {"moved_in_window_ul": 114}, "runaway", Priority.HIGH),
    (
        {"moved_in_window_ul": 140, "volume_step_ul": 10},
        {"moved_in_window_ul": 141, "volume_step_ul": 10},
        "runaway",
        Priority.HIGH,
    ),
    ({"excess_ul": 50}, {"excess_ul": 51}, "over_infusion", Priority.HIGH),
    ({"excess_ul": 60, "volume_step_ul": 20}, {"excess_ul": 61, "volume_step_ul": 20}, "over_infusion", Priority.HIGH),
    ({"pausing_ns": 5 * S - 1}, {"pausing_ns": 5 * S}, "pause_ignored", Priority.HIGH),
    ({"pausing_ns": None}, {"pausing_ns": 6 * S}, "pause_ignored", Priority.HIGH),
    ({"battery_permille": 81}, {"battery_permille": 80}, "battery_critical", Priority.HIGH),
    ({"battery_permille": 80, "on_battery": False}, {"battery_permille": 0}, "battery_critical", Priority.HIGH),
    ({"stopping_alarms": ()}, {"stopping_alarms": ("motor_stall",)}, "motor_stall", Priority.MEDIUM),
    ({"stopping_alarms": ()}, {"stopping_alarms": ("over_temperature",)}, "over_temperature", Priority.MEDIUM),
    (
        {"stopping_alarms": ("reservoir_empty",), "completed": True, "smallest_ul": 95_000, "largest_ul": 95_000},
        {"stopping_alarms": ("reservoir_empty",)},
        "reservoir_empty",
        Priority.MEDIUM,
    ),
    (
        {"route": "sc"},
        {"route": "sc", "stopping_alarms": ("air_in_line",)},
        "air_in_line",
        Priority.MEDIUM,
    ),
    (
        {"route": "sc"},
        {"route": "sc", "stopping_alarms": ("air_in_line", "occlusion_upstream")},
        "occlusion_upstream",
        Priority.HIGH,
    ),
    ({"moved_in_window_ul": 1}, {"moved_in_window_ul": 0}, "no_progress", Priority.MEDIUM),
    ({"smallest_ul": 47_500}, {"smallest_ul": 47_499}, "counters_disagree", Priority.HIGH),
    (
        {"smallest_ul": 0, "largest_ul": 500},
        {"smallest_ul": 0, "largest_ul": 501},
        "counters_disagree",
        Priority.HIGH,
    ),
    (
        {"completed": True, "smallest_ul": 95_000, "largest_ul": 95_000},
        {"completed": True, "smallest_ul": 94_999, "largest_ul": 94_999},
        "completed_short",
        Priority.MEDIUM,
    ),
    (
        {"completed": True, "vtbi_ul": 2_000, "smallest_ul": 1_500, "largest_ul": 1_500},
        {"completed": True, "vtbi_ul": 2_000, "smallest_ul": 1_499, "largest_ul": 1_499},
        "completed_short",
        Priority.MEDIUM,
    ),
]


@pytest.mark.hazard("H02")
@pytest.mark.hazard("H03")
@pytest.mark.hazard("H04")
@pytest.mark.hazard("H13")
@pytest.mark.hazard("H08")
@pytest.mark.hazard("H10")
@pytest.mark.hazard("H12")
@pytest.mark.hazard("H17")
@pytest.mark.hazard("H60")
@pytest.mark.hazard("H63")
@pytest.mark.parametrize(("good", "bad", "code", "priority"), EDGES, ids=lambda each: str(each)[:40])
def test_a_trip_on_both_sides_of_its_edge(good: dict[str, Any], bad: dict[str, Any], code: str, priority: Priority):
    assert _tripped(replace(RUNNING, **good)) == []
    (trip,) = trips(replace(RUNNING, **bad))
    assert (trip.reason.code, trip.priority) == (code, priority)


def test_a_window_that_is_not_full_is_not_judged():
    assert _tripped(replace(RUNNING, moved_in_window_ul=None, window_therapy_ns=0)) == []


def test_every_trip_is_pulled_by_some_edge():
    pulled = {code for _, _, code, _ in EDGES}
    own = {code for code in pulled if code not in PUMP_ALARMS}
    assert len(own) == len(TRIPS) - 1  # one of them speaks for all of the pump's own alarms


@pytest.mark.parametrize(("tuple_", "snapshot_kind"), [(PERMISSIVES, "StartSnapshot"), (TRIPS, "RunSnapshot")])
def test_the_tuple_holds_every_interlock_of_the_module(tuple_: tuple[Callable[..., object], ...], snapshot_kind: str):
    written = [
        function
        for _, function in inspect.getmembers(interlocks, inspect.isfunction)
        if function.__module__ == interlocks.__name__
        and [str(p.annotation) for p in inspect.signature(function).parameters.values()] == [snapshot_kind]
        and function.__name__.startswith("_")
    ]
    assert set(tuple_) == set(written)
    assert len(tuple_) == len(set(tuple_))


@pytest.mark.hazard("H51")
@pytest.mark.parametrize("index", range(len(PERMISSIVES)))
def test_a_permissive_that_raises_refuses(index: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(interlocks, "PERMISSIVES", _with_a_broken_one(PERMISSIVES, index))
    assert _codes(PERMITTED) == ["interlock_failed"]


@pytest.mark.hazard("H51")
@pytest.mark.parametrize("index", range(len(TRIPS)))
def test_a_trip_that_raises_trips_loudly(index: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(interlocks, "TRIPS", _with_a_broken_one(TRIPS, index))
    assert [(trip.reason.code, trip.priority) for trip in trips(RUNNING)] == [("interlock_failed", Priority.HIGH)]


def _with_a_broken_one(tuple_: tuple[Callable[..., Any], ...], index: int) -> tuple[Callable[..., Any], ...]:
    def broken(_: object) -> None:
        raise ZeroDivisionError

    return (*tuple_[:index], broken, *tuple_[index + 1 :])


@pytest.mark.hazard("H06")
@pytest.mark.parametrize(("step_ul", "limit_ul"), [(1, 50), (16, 50), (17, 51), (1_000, 3_000)])
def test_what_may_move_while_still(step_ul: int, limit_ul: int):
    assert moved_while_still(StillSnapshot(limit_ul, step_ul)) is None
    trip = moved_while_still(StillSnapshot(limit_ul + 1, step_ul))
    assert isinstance(trip, Trip)
    assert (trip.reason.code, trip.priority) == ("moved_while_stopped", Priority.HIGH)
