"""Both clock changes of the year, and two pumps at one patient, under watch."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from pumpctl.configuration import ChannelConfiguration, ControllerConfiguration, Mode
from simulator.pump import SimPump
from simulator.rig.bag_check import bag_check
from simulator.rig.invariants import watch
from simulator.rig.invariants.liveness import dated_anew
from simulator.rig.invariants.prescription import Submission
from simulator.rig.world import World, journal_of
from tests.controller.orders import PATIENT, START_UTC_MS, once
from tests.rig.watched import SHORT
from tests.system.worlds import LIBRARY, MINUTE, A, B, S, press_and_start, state, submit, truth, until

BEFORE_NS = 10 * MINUTE


def beds(channels: tuple[str, ...], start_utc_ms: int) -> World:
    configuration = ControllerConfiguration(
        Mode.RIG, 1, tuple(ChannelConfiguration(name, "companion", f"SIM-{name}", PATIENT) for name in channels)
    )
    pumps = {name: SimPump(serial=f"SIM-{name}", seed=1) for name in channels}
    return World(configuration, LIBRARY, pumps, journal_of([]), seed=1, start_utc_ms=start_utc_ms)


@pytest.mark.hazard("H41")
@pytest.mark.parametrize("changes_at", ["2027-03-28T01:00:00+00:00", "2026-10-25T01:00:00+00:00"])
def test_an_infusion_across_a_clock_change_is_like_any_other(changes_at: str):
    start_utc_ms = int(datetime.fromisoformat(changes_at).timestamp() * 1000) - BEFORE_NS // 1_000_000
    made = beds((A,), start_utc_ms)
    watching = watch(made)
    made.plug_in(A)
    made.run_for(3 * S)
    order = dated_anew(Submission(json.dumps(SHORT), (), START_UTC_MS), made.utc_ms)
    check = bag_check(order, at=datetime.fromtimestamp(made.utc_ms / 1000, UTC), bag="BAG-CHANGE")
    made.ask("order.submit", text=json.dumps(order), channel=A, overrides=[], check=json.dumps(check))
    made.run_for(5 * S)
    press_and_start(made)
    until(made, lambda: state(made) == "completed", 20 * MINUTE)
    assert made.now_ns > BEFORE_NS + MINUTE
    assert truth(made).motor_ul == 2_500
    assert watching.finish() is True
    assert watching.violations == []


@pytest.mark.hazard("H33")
def test_two_pumps_at_one_patient_give_one_infusion_and_break_nothing():
    made = beds((A, B), START_UTC_MS)
    watching = watch(made)
    for name in (A, B):
        made.plug_in(name)
    made.run_for(3 * S)
    submit(made, SHORT, A)
    submit(made, once("another", dose="50 mg", volume="2.5 mL", duration="15 min"), B)
    press_and_start(made, A)
    until(made, lambda: state(made) == "completed", 20 * MINUTE)
    assert (truth(made, A).starts, truth(made, B).starts) == (1, 0)
    assert watching.finish() is True, watching.violations
    assert watching.violations == []
