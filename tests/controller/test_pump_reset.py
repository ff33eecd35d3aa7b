"""A pump switched on anew has forgotten what it gave: nothing goes on, and the worst is booked (H45, ADR 0007)."""

from __future__ import annotations

import pytest

from protocols.companion.vocabulary import PumpState
from pumpctl.configuration import ChannelConfiguration
from pumpctl.core.delivery import DeliveryState
from tests.controller.desk import A
from tests.controller.orders import PATIENT, once
from tests.controller.pump_double import PumpDouble
from tests.controller.scenes import infusing, left_alone

D = DeliveryState

both = pytest.mark.parametrize("restart", [False, True], ids=["link", "daemon"])


@both
@pytest.mark.hazard("H45")
def test_a_pump_switched_off_meanwhile_is_latched_and_booked(restart: bool):
    desk = infusing(once())
    desk.run_for(600_000)
    given_ul = desk.pump.moved_ul
    desk.pump.restart(desk.link_ns)
    again = left_alone(desk, restart)
    again.must_be(D.STOPPED, 5_000)
    assert again.latched == {"pump_reset"}
    assert again.recorded("settled")[-1].body["most_ul"] >= given_ul


@both
@pytest.mark.hazard("H45")
@pytest.mark.parametrize("unseen", ["flow_put_back", "resumed"])
def test_a_pump_that_forgot_what_its_keys_did_out_of_sight_is_booked_in_full(unseen: str, restart: bool):
    """The flow that was last read, lowered or none, bounds nothing (ADR 0007)."""
    desk = infusing(once())
    desk.run_for(60_000)
    program_flow_ul_h = desk.pump.flow_ul_h
    desk.pump.run_to(desk.link_ns)
    if unseen == "flow_put_back":
        desk.pump.flow_ul_h = program_flow_ul_h // 10
        desk.run_for(30_000)
    else:
        desk.ask("pause")
        desk.must_be(D.PAUSED)
        desk.run_for(3_000)
    desk.pump.run_to(desk.link_ns)
    desk.unplug()
    desk.pump.state, desk.pump.flow_ul_h = PumpState.INFUSING, program_flow_ul_h
    desk.run_for(900_000)
    desk.pump.run_to(desk.link_ns)
    given_ul = desk.pump.moved_ul
    assert given_ul > 2_500
    desk.pump.restart(desk.link_ns)
    again = left_alone(desk, restart)
    again.must_be(D.STOPPED, 5_000)
    (settled,) = again.recorded("settled")
    assert settled.body["most_ul"] == 10_500  # 10 mL, and 5 % for the pump's accuracy
    assert settled.body["least_ul"] <= given_ul


@both
def test_what_was_given_before_a_pause_is_not_forgotten_when_the_pump_forgets_it(restart: bool):
    desk = infusing(once())
    desk.run_for(1_800_000)
    desk.ask("pause")
    desk.must_be(D.PAUSED)
    desk.ask("resume")
    desk.run_for(1_100)
    desk.press(token=9)
    desk.must_be(D.INFUSING)
    given_ul = desk.pump.moved_ul
    assert given_ul > 4_900
    desk.pump.restart(desk.link_ns)
    again = left_alone(desk, restart)
    again.must_be(D.STOPPED, 5_000)
    assert again.recorded("settled")[-1].body["most_ul"] >= given_ul


@pytest.mark.hazard("H13")
@pytest.mark.parametrize("counted_ul", [0, 300, 12_000])
def test_another_pump_in_its_place_does_not_tell_what_the_first_one_gave(counted_ul: int):
    """Both were switched on once, so that their boot counts are the same."""
    desk = infusing(once())
    desk.unplug()
    desk.run_for(3_700_000)
    desk.pump.run_to(desk.link_ns)
    assert desk.pump.moved_ul == 10_000
    desk.channels = (ChannelConfiguration(A, "companion", "SIM-0009", PATIENT),)
    desk.doubles = {A: PumpDouble("SIM-0009")}
    desk.pump.moved_ul = counted_ul
    again = desk.restarted()
    again.plug_in()
    again.must_be(D.STOPPED, 5_000)
    assert again.latched == {"pump_reset"}
    (settled,) = again.recorded("settled")
    assert settled.body["most_ul"] == 10_500
