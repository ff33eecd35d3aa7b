"""Each alert on both sides of its edge; none of them ever stops a pump."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pumpctl.core import alerts as subject
from pumpctl.core.alerts import ALERT_CODES, ALERTS, alerts
from pumpctl.core.energy import battery_runs_ms
from pumpctl.core.interlocks import trips
from pumpctl.core.reason import Priority
from pumpctl.core.snapshots import RunSnapshot

MIN_MS = 60_000
# Half of 100 mL given at 10 mL/h: 5 h to go.
RUNNING = RunSnapshot(
    route="sc",
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
    moved_in_window_ul=None,
    window_therapy_ns=0,
    excess_ul=0,
    pausing_ns=None,
    reservoir_ul=50_000,
    on_battery=True,
    battery_permille=500,
    battery_runs_ms=300 * MIN_MS,
    pressure_mmhg=8,
    idle_pressure_mmhg=8,
)
# A program of 10 mL of which 5 mL are to go, from a reservoir that holds too little: 0.5 mL is the counters' band.
SHORT: dict[str, Any] = {"vtbi_ul": 10_000, "smallest_ul": 2_000, "largest_ul": 2_000}
EDGES: list[tuple[dict[str, Any], dict[str, Any], str, Priority]] = [
    ({}, {"commanded_flow_ul_h": 9_999}, "flow_lowered_at_pump", Priority.MEDIUM),
    ({"smallest_ul": 0, "largest_ul": 50, "reservoir_ul": 100_000, "battery_runs_ms": 600 * MIN_MS},
     {"smallest_ul": 0, "largest_ul": 51, "reservoir_ul": 100_000, "battery_runs_ms": 600 * MIN_MS},
     "not_yet_delivering", Priority.LOW),
    ({"reservoir_ul": 45_000}, {"reservoir_ul": 44_999}, "reservoir_low", Priority.LOW),
    ({**SHORT, "reservoir_ul": 7_500}, {**SHORT, "reservoir_ul": 5_001}, "reservoir_low", Priority.LOW),
    ({**SHORT, "reservoir_ul": 7_500}, {**SHORT, "reservoir_ul": 5_000}, "reservoir_low", Priority.MEDIUM),
    ({"alarms": ("reservoir_low",)}, {"alarms": ("reservoir_low",), "reservoir_ul": 49_999}, "reservoir_low",
     Priority.LOW),
    ({}, {"battery_runs_ms": 300 * MIN_MS - 1}, "battery_low", Priority.MEDIUM),
    ({"on_battery": False, "battery_runs_ms": 0, "alarms": ("battery_low",)}, {"alarms": ("battery_low",)},
     "battery_low", Priority.MEDIUM),
    ({"pressure_mmhg": 4}, {"pressure_mmhg": 3}, "check_site", Priority.MEDIUM),
    ({"pressure_mmhg": -8, "idle_pressure_mmhg": 0}, {"pressure_mmhg": -8}, "check_site", Priority.MEDIUM),
    ({"pressure_mmhg": 0, "commanded_flow_ul_h": 0, "program_flow_ul_h": 0, "battery_runs_ms": 10**12},
     {"pressure_mmhg": 0}, "check_site", Priority.MEDIUM),
]  # fmt: skip


@pytest.mark.hazard("H11")
@pytest.mark.hazard("H14")
@pytest.mark.hazard("H18")
@pytest.mark.hazard("H60")
@pytest.mark.hazard("H63")
@pytest.mark.parametrize(("good", "bad", "code", "priority"), EDGES, ids=lambda each: str(each)[:40])
def test_an_alert_on_both_sides_of_its_edge(good: dict[str, Any], bad: dict[str, Any], code: str, priority: Priority):
    assert alerts(replace(RUNNING, **good)) == ()
    (alert,) = alerts(replace(RUNNING, **bad))
    assert (alert.reason.code, alert.priority) == (code, priority)
    assert trips(replace(RUNNING, **bad)) == ()


def test_every_alert_is_pulled_by_some_edge_and_ends_by_its_code():
    pulled = {code for _, _, code, _ in EDGES}
    assert len(pulled) == len(ALERTS)
    assert pulled | {"alert_failed"} == set(ALERT_CODES)


@pytest.mark.hazard("H51")
def test_an_alert_that_raises_is_told(monkeypatch: pytest.MonkeyPatch):
    def broken(_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(subject, "ALERTS", (broken, *ALERTS))
    assert [(alert.reason.code, alert.priority) for alert in alerts(RUNNING)] == [("alert_failed", Priority.MEDIUM)]


@pytest.mark.hazard("H63")
@pytest.mark.parametrize(
    ("permille", "life_h", "minutes"), [(1_000, 24, 1_368), (51, 1_000, 60), (50, 24, 0), (0, 24, 0), (550, 24, 720)]
)
def test_a_battery_lasts_to_the_level_at_which_pumps_stop(permille: int, life_h: int, minutes: int):
    assert battery_runs_ms(permille, life_h) == minutes * MIN_MS
