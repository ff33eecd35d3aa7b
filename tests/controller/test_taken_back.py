"""A loaded program that leaves the pump before its start: somebody waits for it and is told what becomes of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from protocols.companion import messages as wire
from protocols.companion.vocabulary import PumpState
from pumpctl.core.delivery import DeliveryState
from pumpctl.core.reason import Priority
from tests.controller.desk import Desk
from tests.controller.orders import monitored_iv, once, two_containers
from tests.controller.scenes import infusing, left_alone, loaded

D = DeliveryState
REST_LOST = "the rest of this occurrence will not be given"
AGAIN = "prepare the order again"


def _at_the_second(order: dict[str, object]) -> Desk:
    desk = infusing(order)
    desk.must(lambda: desk.state is not D.INFUSING, 40_000_000)
    desk.must_be(D.AWAITING_CONFIRMATION, 3_000)
    return desk


def _flap(desk: Desk) -> Desk:
    return left_alone(desk, restart=False, for_ms=1_000)


def _stopped_at_the_key(desk: Desk) -> Desk:
    desk.pump.halt(PumpState.STOPPED)
    return desk


def _restart(desk: Desk) -> Desk:
    return left_alone(desk, restart=True)


def _told(desk: Desk, code: str) -> str:
    """What the one alarm that is on says."""
    assert desk.active_alarms() == {code}
    active = desk.channel.alarms[code]
    assert active.priority is Priority.MEDIUM
    return active.message


@pytest.mark.hazard("H39")
@pytest.mark.parametrize(
    ("order", "happens", "code"),
    [
        (monitored_iv(), _flap, "link_lost_before_start"),
        (two_containers(), _flap, "link_lost_before_start"),
        (monitored_iv(), _stopped_at_the_key, "program_gone"),
        (monitored_iv(), _restart, "next_phase_expired"),
    ],
    ids=["phase-flap", "container-flap", "phase-key", "phase-restart"],
)
def test_the_rest_of_an_occurrence_is_not_dropped_in_silence(
    order: dict[str, object], happens: Callable[[Desk], Desk], code: str
):
    desk = happens(_at_the_second(order))
    desk.run_for(10_000)
    assert desk.state is D.IDLE
    assert not desk.latched
    assert desk.pump.program is None
    assert REST_LOST in _told(desk, code)
    assert "S01" in {reason.code for reason in desk.refused(_prepared(desk)).reasons}
    assert desk.active_alarms() == {code}


@pytest.mark.hazard("H39")
@pytest.mark.parametrize(
    ("happens", "code", "told"),
    [
        (_flap, "link_lost_before_start", AGAIN),
        (_stopped_at_the_key, "program_gone", AGAIN),
        (_restart, "foreign_program", "prepare it again"),
    ],
)
def test_a_first_program_that_waits_is_taken_back_and_told_until_it_is_prepared_again(
    happens: Callable[[Desk], Desk], code: str, told: str
):
    desk = happens(loaded(once()))
    desk.run_for(10_000)
    assert desk.state is D.IDLE
    assert told in _told(desk, code)
    desk.given(_prepared(desk))
    desk.must_be(D.AWAITING_CONFIRMATION, 5_000)
    assert desk.active_alarms() == set()
    desk.press(token=11)
    desk.must_be(D.INFUSING, 5_000)


def _prepared(desk: Desk) -> int:
    number = desk.prepare()
    desk.run_for(500)
    return number


def test_the_lost_rest_is_told_by_the_life_that_lost_it_and_with_no_pump_at_hand():
    desk = _at_the_second(monitored_iv()).restarted()
    desk.run_for(100)
    assert REST_LOST in _told(desk, "next_phase_expired")
    desk.plug_in()
    desk.must_be(D.IDLE, 5_000)
    again = desk.restarted()
    again.plug_in()
    again.must_be(D.IDLE, 5_000)
    assert again.active_alarms() == set()


def test_a_second_start_that_was_not_carried_out_is_a_lost_rest_after_a_restart():
    desk = _at_the_second(monitored_iv())
    desk.pump.deaf = {wire.Start}
    desk.press(token=9)
    desk.must_be(D.STARTING, 3_000)
    desk.must_be(D.AWAITING_CONFIRMATION, 5_000)
    assert desk.restarted().active_alarms() == {"next_phase_expired"}


def test_a_second_part_that_runs_is_no_lost_rest():
    desk = _at_the_second(monitored_iv())
    desk.press(token=9)
    desk.must_be(D.INFUSING, 5_000)
    again = _restart(desk)
    again.must_be(D.INFUSING, 5_000)
    assert again.active_alarms() == set()


def test_who_cancels_the_order_is_not_told_that_its_rest_is_lost():
    desk = _at_the_second(monitored_iv())
    desk.ask("order.cancel", order=next(iter(desk.controller.ward.orders)))
    desk.must_be(D.IDLE, 5_000)
    assert desk.active_alarms() == set()
    assert desk.restarted().active_alarms() == set()
    # The same in a life that has not heard of the pump yet.
    again = _at_the_second(monitored_iv()).restarted()
    again.ask_and_wait("order.cancel", order=next(iter(again.controller.ward.orders)))
    assert again.restarted().active_alarms() == set()


def test_a_program_that_runs_though_nobody_started_it_here_is_stopped_for_good():
    """Its button was pressed while the cable was out."""
    desk = loaded(once())
    desk.unplug()
    desk.run_for(1_000)
    desk.pump.run_to(desk.link_ns)
    desk.pump.state, desk.pump.flow_ul_h = PumpState.INFUSING, 10_000
    desk.run_for(1_000)
    desk.plug_in()
    desk.must_be(D.STOPPED, 5_000)
    assert desk.latched >= {"link_lost_before_start"}
    assert not desk.pump.flow_ul_h
