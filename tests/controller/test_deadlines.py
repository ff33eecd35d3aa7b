"""When the controller wants to be called again: never in the past (the desk checks that), and never as a busy loop."""

from __future__ import annotations

import pytest

from protocols.companion import messages as wire
from protocols.companion.vocabulary import PumpState, RefusalReason
from pumpctl.core.delivery import DeliveryState
from tests.controller.desk import Desk
from tests.controller.orders import once
from tests.controller.scenes import infusing, loaded

# Telemetry once a second, a poll and its reply once a second, an identify and its time-out once a second, a STOP, its
# answer and a question four times a second: nothing honest needs more wakes than this in ten seconds of link time.
HONEST_WAKES = 160


def _wakes_in_10_s(desk: Desk) -> int:
    before = desk.wakes
    desk.run_for(10_000)
    return desk.wakes - before


def test_an_unplugged_pump_with_a_stop_pending_is_waited_for_in_peace():
    desk = infusing(once())
    desk.pump.ignores_stops = 1_000_000
    desk.ask("stop")
    desk.run_for(300)
    desk.unplug()
    assert _wakes_in_10_s(desk) < HONEST_WAKES


@pytest.mark.hazard("H56")
def test_a_stop_that_was_taken_and_not_proven_is_repeated_once_a_second_until_a_status_shows_it():
    """A status takes its time on a slow line, and a STOP may end it: asked for again and again it would never come."""
    desk = infusing(once())
    desk.pump.deaf = {wire.GetStatus}
    desk.ask("stop")
    assert _wakes_in_10_s(desk) < HONEST_WAKES
    assert 10 <= desk.pump.count(wire.Stop) <= 11


def test_a_stop_that_is_never_heard_is_repeated_four_times_a_second():
    desk = infusing(once())
    desk.pump.ignores_stops = 1_000_000
    desk.ask("stop")
    assert _wakes_in_10_s(desk) < HONEST_WAKES
    assert 39 <= desk.pump.count(wire.Stop) <= 42


def test_an_unconfirmed_start_of_a_silent_pump_is_waited_for_in_peace():
    desk = loaded(once())
    desk.pump.mute = {wire.Start}
    desk.press()
    desk.must(lambda: desk.pump.count(wire.Start) == 1)
    desk.pump.deaf = {wire.GetStatus}
    desk.run_for(6_000)  # past the life of an intent
    assert _wakes_in_10_s(desk) < HONEST_WAKES


def test_a_program_gone_before_it_was_shown_is_taken_back_and_not_asked_for_without_end():
    desk = Desk()
    desk.plug_in()
    desk.run_for(1_000)
    desk.submit(once())
    desk.must_be(DeliveryState.READY)
    desk.pump.halt(PumpState.STOPPED)
    asked = desk.pump.count(wire.GetStatus)
    desk.must_be(DeliveryState.IDLE)
    desk.run_for(10_000)
    assert desk.pump.count(wire.GetStatus) - asked < 10


def test_a_pump_that_loses_every_session_is_asked_who_it_is_once_a_second():
    desk = Desk()
    desk.pump.deny = {wire.GetStatus: RefusalReason.WRONG_SESSION}  # as with a second companion on the line
    desk.plug_in()
    assert _wakes_in_10_s(desk) < HONEST_WAKES
    assert desk.pump.count(wire.Identify) <= 11


@pytest.mark.parametrize("state", [DeliveryState.IDLE, DeliveryState.AWAITING_CONFIRMATION, DeliveryState.INFUSING])
def test_the_ordinary_states_are_quiet(state: DeliveryState):
    desk = Desk()
    if state is not DeliveryState.IDLE:
        desk = loaded(once()) if state is DeliveryState.AWAITING_CONFIRMATION else infusing(once())
    else:
        desk.plug_in()
        desk.run_for(1_000)
    assert desk.state is state
    assert _wakes_in_10_s(desk) < HONEST_WAKES


def test_a_pump_that_says_stopped_and_tells_old_pictures_of_a_run_is_stopped_four_times_a_second():
    """No status of it is believed, and none says that it is still (campaign seed 2, run 2248)."""
    desk = infusing(once())
    desk.pump.lies_stopped, desk.pump.uptime_lag_ms = True, 5_000
    desk.ask("stop")
    desk.run_for(10_000)
    assert 39 <= desk.pump.count(wire.Stop) <= 42
