"""The daemon's function and a simulated Alaris pump in virtual time: what it takes, what it refuses, how it stops."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from pumpctl.configuration import ChannelConfiguration, ControllerConfiguration, Mode
from simulator.faults import FaultKind
from simulator.firmware.alaris import CommsLoss
from simulator.firmware.alaris_pump import ALARIS, alaris
from simulator.firmware.dialect import Dialect
from simulator.profile import REFERENCE, SYRINGE, PumpProfile
from simulator.pump import Button, SimPump
from simulator.rig.world import Delays, World, journal_of
from tests.controller.orders import PATIENT, START_UTC_MS, monitored_iv_continuous, once
from tests.system.worlds import (
    HOUR,
    LIBRARY,
    MINUTE,
    OVERRIDE_Q31,
    A,
    S,
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


def alaris_world(dialect: Dialect = ALARIS, delays: Delays | None = None, profile: PumpProfile = SYRINGE) -> World:
    """A daemon with one such pump plugged in, three seconds old."""
    channel = ChannelConfiguration(A, "alaris", SERIAL, PATIENT)
    pumps = {A: SimPump(profile, serial=SERIAL, seed=1, dialect=dialect)}
    configuration = ControllerConfiguration(Mode.RIG, 1, (channel,))
    made = World(configuration, LIBRARY, pumps, journal_of([]), seed=1, start_utc_ms=START_UTC_MS, delays=delays)
    made.plug_in(A)
    made.run_for(3 * S)
    return made


def loaded(order: dict[str, Any] | None = None, dialect: Dialect = ALARIS, delays: Delays | None = None) -> World:
    made = alaris_world(dialect, delays)
    submit(made, order or once())
    until(made, lambda: state(made) == "awaiting_confirmation", 10 * S)
    return made


def test_it_is_known_by_its_serial_number_and_idle():
    made = alaris_world()
    assert state(made) == "idle"
    identity = made.controller.ward.channels[A].identity
    assert identity is not None
    assert (identity.serial, identity.simulated, identity.capability.model) == (SERIAL, True, "alaris")


def test_an_intravenous_order_is_refused_with_the_reason():
    made = alaris_world()
    order = monitored_iv_continuous()
    number = made.ask(
        "order.submit", text=json.dumps(order), channel=A, overrides=[OVERRIDE_Q31], check=checked(made, order)
    )
    made.run_for(5 * S)
    told = [reason["message"] for reason in answer(made, number)["not_prepared"] if reason["code"] == "U04"]
    assert any("alaris cannot stop when nobody supervises it" in each for each in told)
    assert state(made) == "idle"
    assert truth(made).starts == 0


def test_a_home_order_is_set_read_back_and_then_waits_for_a_person():
    made = loaded()
    pump = truth(made)
    assert (pump.state, pump.starts, pump.commanded_flow_ul_h) == ("hold", 0, 0)
    made.run_for(30 * S)
    assert state(made) == "awaiting_confirmation"
    assert truth(made).starts == 0


@pytest.mark.parametrize("kind", [FaultKind.READ_BACK, FaultKind.POWER_CYCLE])
def test_a_program_that_is_not_what_was_set_is_gone(kind: FaultKind):
    made = loaded()
    inject(made, kind)
    until(made, lambda: state(made) != "awaiting_confirmation", 10 * S)
    until(made, lambda: state(made) in {"stopped", "idle"}, 10 * S)
    assert truth(made).starts == 0


def test_a_pump_that_a_person_starts_at_its_keys_is_stopped():
    made = loaded()
    firmware = made.pumps[A]._firmware
    assert firmware is not None
    firmware.machine.start(made.pumps[A]._now)  # pyright: ignore[reportAttributeAccessIssue] - it has no such key
    until(made, lambda: state(made) == "stopped", 10 * S)
    assert latched(made) == {"program_gone"}
    assert truth(made).commanded_flow_ul_h == 0
    assert ledger_covers_truth(made)


def test_stop_is_proven_within_two_seconds():
    made = loaded()
    made.ask("stop")
    until(made, lambda: state(made) in {"stopped", "idle"}, 2 * S)
    assert truth(made).stops_received >= 1
    made.press(A, Button.STOP)
    made.run_for(5 * S)


def confirmed(dialect: Dialect = ALARIS, delays: Delays | None = None) -> World:
    """A person at the terminal has typed the flow, and the pump infuses."""
    made = loaded(dialect=dialect, delays=delays)
    number = made.ask("confirm", channel=A, flow="10 mL/h", person="nurse")
    until(made, lambda: state(made) == "infusing", 5 * S)
    answer(made, number)
    return made


def test_a_home_order_confirmed_at_the_terminal_is_given_and_no_more():
    """200 mg in 10 mL over one hour."""
    made = confirmed()
    begun_ns = made.now_ns
    until(made, lambda: state(made) == "completed", 65 * MINUTE)
    assert abs(made.now_ns - begun_ns - HOUR) < 10 * S
    pump = truth(made)
    assert (pump.motor_ul, pump.starts, pump.stops_received) == (10_000, 1, 0)
    assert pump.max_commanded_flow_ul_h == 10_000
    assert ledger_covers_truth(made)
    assert made.controller.ward.channels[A].latched == []


def test_an_order_for_two_syringes_is_confirmed_twice_and_given_once():
    """5 mL each. The pump says that the first is near its end, which stops nothing; a person fits the second."""
    made = alaris_world(profile=replace(REFERENCE, reservoir_ul=5_000))
    order = once()
    check = json.loads(checked(made, order))
    (whole,) = check["bags"]
    half = whole["label"] | {"content": "100 mg", "final_volume": "5 mL"}
    check["bags"] = [whole | {"bag_id": f"SYRINGE-{number}", "label": half} for number in (1, 2)]
    made.ask("order.submit", text=json.dumps(order), channel=A, overrides=[OVERRIDE_Q31], check=json.dumps(check))
    until(made, lambda: state(made) == "awaiting_confirmation", 10 * S)
    made.ask("confirm", channel=A, flow="10 mL/h", person="nurse")
    until(made, lambda: truth(made).state == "hold" and truth(made).motor_ul == 5_000, 35 * MINUTE)
    until(made, lambda: state(made) == "awaiting_confirmation", 10 * S)
    assert truth(made).alarms == ("near_end",)
    heal(made, FaultKind.EMPTY)
    made.press(A, Button.CONFIRM)
    made.run_for(5 * S)
    made.ask("confirm", channel=A, flow="10 mL/h", person="nurse")
    until(made, lambda: state(made) == "completed", 35 * MINUTE)
    pump = truth(made)
    assert (pump.motor_ul, pump.starts, pump.max_commanded_flow_ul_h) == (10_000, 2, 10_000)
    assert ledger_covers_truth(made)


def test_without_a_person_nothing_starts():
    made = loaded()
    number = made.ask("confirm", channel=A, flow="11 mL/h", person="nurse")
    made.run_for(10 * S)
    assert refusal(made, number)
    assert truth(made).starts == 0


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (FaultKind.OCCLUSION, "occlusion_downstream"),
        (FaultKind.DOOR, "syringe_clamp"),
        (FaultKind.STALL, "drive_disengaged"),
        (FaultKind.POWER_CYCLE, "counter_fell"),
        (FaultKind.KEYPAD_RATE, "foreign_program"),
        (FaultKind.COUNTER_RUNAWAY, "runaway"),
        (FaultKind.VOLUME_FREEZE, "no_progress"),
    ],
)
def test_what_goes_wrong_in_mid_infusion_stops_it_and_latches(kind: FaultKind, code: str):
    made = confirmed()
    made.run_for(5 * MINUTE)
    inject(made, kind)
    until(made, lambda: state(made) == "stopped", 15 * MINUTE)
    assert code in latched(made)
    assert truth(made).commanded_flow_ul_h == 0
    assert ledger_covers_truth(made)


def test_stop_in_mid_infusion_is_proven_within_two_seconds():
    made = confirmed()
    made.run_for(MINUTE)
    made.ask("stop")
    until(made, lambda: state(made) == "stopped", 2 * S)
    assert truth(made).commanded_flow_ul_h == 0


@pytest.mark.hazard("H56")
@pytest.mark.parametrize("one_way_ms", [20, 60, 100, 150])
def test_stop_is_proven_on_a_slow_line_too(one_way_ms: int):
    """Five questions there and back take a second and a half then, and STOP is repeated meanwhile."""
    made = confirmed(delays=Delays(line_ns=one_way_ms * S // 1000))
    made.run_for(MINUTE)
    made.ask("stop")
    until(made, lambda: state(made) == "stopped", 3 * S)
    assert truth(made).commanded_flow_ul_h == 0


@pytest.mark.hazard("H55")
def test_a_start_whose_echo_is_lost_is_not_repeated_and_is_found_running():
    made = loaded()
    inject(made, FaultKind.DROP_START_ACK)
    made.ask("confirm", channel=A, flow="10 mL/h", person="nurse")
    until(made, lambda: state(made) == "infusing", 10 * S)
    starts = [write for _, write in made.seen.writes if b"!INF_START|" in write.frame]
    assert len(starts) == 1
    assert truth(made).starts == 1


@pytest.mark.hazard("H52")
def test_a_silent_companion_is_back_and_supervises_on():
    """HOLD: the pump finishes what is loaded. It has told the silence, and the alarm does not stop it."""
    made = confirmed()
    made.run_for(MINUTE)
    made.unplug(A)
    made.run_for(MINUTE)
    made.plug_in(A)
    until(made, lambda: state(made) == "infusing" and made.controller.ward.channels[A].reconciled, 20 * S)
    assert truth(made).stops_received == 0
    assert "communications_timeout" in truth(made).alarms
    until(made, lambda: state(made) == "completed", HOUR)
    assert truth(made).motor_ul == 10_000


def test_a_pump_that_stops_by_itself_in_the_silence_is_found_stopped():
    made = confirmed(alaris(CommsLoss.STOPS))
    made.run_for(MINUTE)
    made.unplug(A)
    made.run_for(MINUTE)
    made.plug_in(A)
    until(made, lambda: state(made) in {"stopped", "paused"}, 30 * S)
    assert truth(made).commanded_flow_ul_h == 0
    assert ledger_covers_truth(made)


@pytest.mark.hazard("H44")
def test_a_daemon_that_is_back_knows_no_program_of_this_pump_and_stops_it():
    made = confirmed()
    made.run_for(MINUTE)
    made.restart()
    made.plug_in(A)
    until(made, lambda: state(made) == "stopped", 20 * S)
    assert truth(made).commanded_flow_ul_h == 0
    assert truth(made).starts == 1


def test_another_pump_on_the_line_is_not_spoken_to():
    made = alaris_world()
    inject(made, FaultKind.OTHER_SERIAL)
    until(made, lambda: made.controller.ward.channels[A].identity is None, 20 * S)
    made.run_for(10 * S)
    assert "wrong_pump" in made.controller.ward.channels[A].alarms
    assert truth(made).stops_received == 0
