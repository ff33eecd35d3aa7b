"""The daemon's function and a simulated Alaris pump in virtual time: what it takes, what it refuses, how it stops."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pumpctl.configuration import ChannelConfiguration, ControllerConfiguration, Mode
from simulator.faults import FaultKind
from simulator.firmware.alaris_pump import ALARIS
from simulator.profile import SYRINGE
from simulator.pump import Button, SimPump
from simulator.rig.world import World, journal_of
from tests.controller.orders import PATIENT, START_UTC_MS, monitored_iv_continuous, once
from tests.system.worlds import (
    LIBRARY,
    OVERRIDE_Q31,
    A,
    S,
    answer,
    checked,
    inject,
    latched,
    ledger_covers_truth,
    state,
    submit,
    truth,
    until,
)

SERIAL = "SIM-0001"


def alaris_world() -> World:
    """A daemon with one such pump plugged in, three seconds old."""
    channel = ChannelConfiguration(A, "alaris", SERIAL, PATIENT)
    pumps = {A: SimPump(SYRINGE, serial=SERIAL, seed=1, dialect=ALARIS)}
    configuration = ControllerConfiguration(Mode.RIG, 1, (channel,))
    made = World(configuration, LIBRARY, pumps, journal_of([]), seed=1, start_utc_ms=START_UTC_MS)
    made.plug_in(A)
    made.run_for(3 * S)
    return made


def loaded(order: dict[str, Any] | None = None) -> World:
    made = alaris_world()
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


def test_another_pump_on_the_line_is_not_spoken_to():
    made = alaris_world()
    inject(made, FaultKind.OTHER_SERIAL)
    until(made, lambda: made.controller.ward.channels[A].identity is None, 20 * S)
    made.run_for(10 * S)
    assert "wrong_pump" in made.controller.ward.channels[A].alarms
    assert truth(made).stops_received == 0
