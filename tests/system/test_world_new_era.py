"""The daemon's function and a simulated New Era pump in virtual time: what it gives, what it refuses, how it stops."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from pumpctl.configuration import ChannelConfiguration, ControllerConfiguration, Mode, NewEraSetup
from simulator.faults import FaultKind
from simulator.firmware.new_era import new_era
from simulator.pump import Button, SimPump
from simulator.rig.world import World, journal_of
from tests.controller.orders import PATIENT, START_UTC_MS, monitored_iv_continuous, once
from tests.simulator.new_era_desk import EXACT
from tests.system.worlds import (
    HOUR,
    LIBRARY,
    MINUTE,
    OVERRIDE_Q31,
    A,
    S,
    _nurse,
    answer,
    checked,
    heal,
    inject,
    latched,
    ledger_covers_truth,
    refusal,
    state,
    submit,
    truth,
    until,
)

SERIAL = "SIM-0001"
SAFE = NewEraSetup(address=0, diameter_um=26_590, syringe_ul=60_000, safe_s=30, simulated=True)
BASIC = replace(SAFE, safe_s=0)
SHORT = once()  # 200 mg in 10 mL over one hour
HOME = once(dose="1.2 g", volume="60 mL", duration="6 h")


def new_era_world(setup: NewEraSetup = SAFE) -> World:
    """A daemon with one such pump plugged in, three seconds old."""
    channel = ChannelConfiguration(A, "new_era", SERIAL, PATIENT, new_era=setup)
    pumps = {A: SimPump(EXACT, serial=SERIAL, seed=1, dialect=new_era(setup.address))}
    configuration = ControllerConfiguration(Mode.RIG, 1, (channel,))
    made = World(configuration, LIBRARY, pumps, journal_of([]), seed=1, start_utc_ms=START_UTC_MS)
    made.plug_in(A)
    made.run_for(3 * S)
    return made


def loaded(order: dict[str, Any] = HOME, setup: NewEraSetup = SAFE) -> World:
    made = new_era_world(setup)
    submit(made, order)
    until(made, lambda: state(made) == "awaiting_confirmation", 10 * S)
    return made


def infusing(order: dict[str, Any] = HOME, setup: NewEraSetup = SAFE, flow: str = "10 mL/h") -> World:
    made = loaded(order, setup)
    made.ask("confirm", flow=flow)
    until(made, lambda: state(made) == "infusing", 5 * S)
    return made


def not_prepared(made: World, order: dict[str, Any]) -> list[str]:
    number = made.ask(
        "order.submit", text=json.dumps(order), channel=A, overrides=[OVERRIDE_Q31], check=checked(made, order)
    )
    made.run_for(5 * S)
    return [reason["message"] for reason in answer(made, number)["not_prepared"] if reason["code"] == "U04"]


@pytest.mark.parametrize(("setup", "order", "hours"), [(SAFE, HOME, 6), (BASIC, SHORT, 1)], ids=["safe", "basic"])
def test_a_whole_home_infusion(setup: NewEraSetup, order: dict[str, Any], hours: int):
    """In safe mode 1.2 g in 60 mL over six hours, one whole syringe."""
    made = infusing(order, setup)
    begun_ns = made.now_ns
    until(made, lambda: state(made) == "completed", (hours + 1) * HOUR)
    assert abs(made.now_ns - begun_ns - hours * HOUR) < 10 * S
    seen = truth(made)
    assert 9_900 * hours <= seen.delivered_ul <= 10_000 * hours
    assert (seen.starts, seen.resumes, seen.stops_received) == (1, 0, 0)
    assert seen.max_commanded_flow_ul_h == 10_000
    assert ledger_covers_truth(made)
    assert made.controller.ward.channels[A].alarms == {}


def test_an_intravenous_order_is_refused_in_basic_mode_with_the_reason():
    made = new_era_world(BASIC)
    told = not_prepared(made, monitored_iv_continuous())
    assert any("NE1000 cannot stop when nobody supervises it" in each for each in told)
    assert (state(made), truth(made).starts) == ("idle", 0)


def test_in_safe_mode_it_runs_with_its_lease():
    made = infusing(monitored_iv_continuous(), flow="6 mL/h")
    made.observers.append(_nurse(made.now_ns))
    until(made, lambda: state(made) == "completed", 3 * HOUR)
    assert 11_900 <= truth(made).delivered_ul <= 12_000
    assert ledger_covers_truth(made)
    assert made.controller.ward.channels[A].alarms == {}


def test_a_companion_that_is_gone_leaves_a_pump_that_stops_within_its_lease():
    made = infusing(monitored_iv_continuous(), flow="6 mL/h")
    made.observers.append(_nurse(made.now_ns))
    made.run_for(MINUTE)
    made.unplug(A)
    lost_ns = made.now_ns
    until(made, lambda: truth(made).commanded_flow_ul_h == 0, 5 * MINUTE)
    assert made.now_ns - lost_ns <= 121 * S
    until(made, lambda: "lease_end_unproven" in made.controller.ward.channels[A].alarms, MINUTE)
    made.plug_in(A)
    until(made, lambda: state(made) == "stopped", 10 * S)
    assert ledger_covers_truth(made)


def test_a_renewal_that_is_withheld_is_a_stop_though_the_line_is_sound():
    """The journal has failed: the daemon renews no more, and each of its questions would renew the pump's own lease."""
    made = infusing(monitored_iv_continuous(), flow="6 mL/h")
    made.observers.append(_nurse(made.now_ns))
    made.run_for(MINUTE)
    made.controller.ward.journal_sound = False
    lost_ns = made.now_ns
    until(made, lambda: truth(made).commanded_flow_ul_h == 0, 5 * MINUTE)
    assert made.now_ns - lost_ns <= 122 * S
    until(made, lambda: state(made) == "stopped", 10 * S)
    assert latched(made) == {"lease_ended"}
    assert truth(made).stops_received >= 2
    assert ledger_covers_truth(made)


def test_stop_is_proven_by_the_second_reply_and_the_program_is_void():
    made = infusing()
    made.run_for(MINUTE)
    made.ask("stop")
    until(made, lambda: state(made) == "stopped", 2 * S)
    assert truth(made).commanded_flow_ul_h == 0
    assert latched(made) == {"operator_stop"}
    made.run_for(MINUTE)
    assert truth(made).starts == 1
    assert ledger_covers_truth(made)


def test_a_pause_and_a_resume_that_is_confirmed_again():
    made = infusing(SHORT)
    made.run_for(MINUTE)
    made.ask("pause")
    until(made, lambda: state(made) == "paused", 5 * S)
    made.run_for(MINUTE)
    assert truth(made).commanded_flow_ul_h == 0
    made.ask("resume")
    until(made, lambda: state(made) == "awaiting_confirmation", 5 * S)
    made.ask("confirm", flow="10 mL/h")
    until(made, lambda: state(made) == "infusing", 5 * S)
    until(made, lambda: state(made) == "completed", 2 * HOUR)
    assert (truth(made).starts, truth(made).resumes) == (1, 1)
    assert 9_900 <= truth(made).delivered_ul <= 10_000
    assert ledger_covers_truth(made)


@pytest.mark.hazard("H07")
def test_a_stall_stops_latches_and_is_cleared_by_one_person():
    made = infusing()
    made.run_for(10 * MINUTE)
    inject(made, FaultKind.OCCLUSION)
    until(made, lambda: state(made) == "stopped", 2 * HOUR)
    assert latched(made) == {"motor_stall"}
    assert ledger_covers_truth(made)
    heal(made, FaultKind.OCCLUSION)
    made.run_for(10 * S)
    number = made.ask("clear", persons=["nurse"])
    made.run_for(10 * S)
    assert answer(made, number)["cleared"] == ["motor_stall"]
    assert state(made) == "idle"


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (FaultKind.POWER_CYCLE, "pump_reset"),
        (FaultKind.SAY_STOPPED, "stopped_at_pump"),
        (FaultKind.VOLUME_FREEZE, "no_progress"),
    ],
)
def test_what_is_not_as_it_should_be_stops_it(kind: FaultKind, code: str):
    made = infusing()
    made.run_for(10 * MINUTE)
    inject(made, kind)
    until(made, lambda: state(made) in {"stopping", "stopped"}, HOUR)
    heal(made, kind)
    until(made, lambda: state(made) == "stopped", 30 * S)
    assert code in latched(made)
    assert truth(made).commanded_flow_ul_h == 0
    assert ledger_covers_truth(made)


def test_another_flow_at_its_keys_is_told():
    made = infusing()
    made.run_for(MINUTE)
    inject(made, FaultKind.KEYPAD_RATE)  # half of it
    until(made, lambda: "flow_lowered_at_pump" in made.controller.ward.channels[A].alarms, 5 * S)
    assert ledger_covers_truth(made)


def test_a_read_back_that_differs_starts_nothing():
    made = new_era_world()
    inject(made, FaultKind.READ_BACK)
    submit(made, HOME)
    until(made, lambda: state(made) == "stopped", 10 * S)
    assert latched(made) == {"read_back_differs"}
    assert truth(made).starts == 0


def test_a_start_whose_answer_is_lost_is_found_running_and_never_sent_again():
    made = loaded()
    inject(made, FaultKind.DROP_START_ACK)
    made.ask("confirm", flow="10 mL/h")
    until(made, lambda: state(made) == "infusing", 10 * S)
    made.run_for(MINUTE)
    assert truth(made).starts == 1
    assert ledger_covers_truth(made)


def test_stops_that_the_pump_does_not_see_are_repeated():
    made = infusing()
    made.run_for(MINUTE)
    inject(made, FaultKind.IGNORE_STOP, 3)
    made.ask("stop")
    until(made, lambda: state(made) == "stopped", 5 * S)
    assert truth(made).stops_ignored == 3
    assert truth(made).commanded_flow_ul_h == 0


def test_a_stop_key_at_the_pump_ends_it():
    made = infusing()
    made.run_for(MINUTE)
    made.press(A, Button.STOP)
    until(made, lambda: state(made) in {"stopped", "paused"}, 10 * S)
    assert truth(made).commanded_flow_ul_h == 0
    assert ledger_covers_truth(made)


def test_another_flow_than_the_program_runs_at_starts_nothing():
    made = loaded()
    number = made.ask("confirm", flow="100 mL/h")
    made.run_for(5 * S)
    assert refusal(made, number) == ["flow_differs"]
    assert truth(made).starts == 0
