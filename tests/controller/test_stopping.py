"""STOP: written first, in every state, repeated until it is proven, told loudly when it is not."""

from __future__ import annotations

import itertools

import pytest

from protocols.companion import messages as wire
from protocols.companion.codec import STOPPED_FRAME
from protocols.companion.vocabulary import Alarm
from pumpctl.core.delivery import DeliveryState
from pumpctl.core.reason import Priority
from pumpctl.effects import Refuse, Reply, WritePump
from tests.controller.desk import MS, A, Desk
from tests.controller.orders import once
from tests.controller.scenes import infusing, loaded

D = DeliveryState


def _in_state(state: DeliveryState) -> Desk:
    """A desk whose channel is in this state, by the road a pump takes there."""
    if state is D.UNKNOWN:
        return Desk()
    if state in {D.IDLE, D.PROGRAMMING, D.READY}:
        desk = Desk()
        desk.plug_in()
        desk.run_for(1_000)
        if state is not D.IDLE:
            desk.submit(once())
            desk.must_be(state)
        return desk
    if state in {D.AWAITING_CONFIRMATION, D.STARTING}:
        desk = loaded(once())
        if state is D.STARTING:
            desk.holds_records = True
            desk.press()
            desk.must_be(D.STARTING)
        return desk
    desk = infusing(once())
    match state:
        case D.PAUSING | D.PAUSED:
            desk.ask("pause")
        case D.STOPPING:
            desk.pump.ignores_stops = 1
            desk.ask("stop")
        case D.STOPPED:
            desk.ask("stop")
        case D.COMPLETED:
            desk.must_be(D.COMPLETED, 4_000_000)
        case _:
            assert state is D.INFUSING
    desk.must_be(state)
    return desk


REACHABLE = [state for state in D if state is not D.PHASE_COMPLETE]  # left at once for programming


@pytest.mark.hazard("H56")
@pytest.mark.parametrize("state", REACHABLE)
def test_stop_is_obeyed_in_every_state(state: DeliveryState):
    desk = _in_state(state)
    desk.holds_records = False
    desk.release_records()
    stops = desk.pump.count(wire.Stop)
    desk.ask("stop")
    if state is D.UNKNOWN:
        desk.plug_in()
    desk.must(lambda: desk.pump.count(wire.Stop) > stops, 2_000)
    desk.must(lambda: desk.channel.stop is None, 2_000)
    starts = desk.pump.count(wire.Start)
    desk.run_for(2_000)
    assert desk.pump.flow_ul_h == 0
    assert desk.pump.count(wire.Start) == starts


@pytest.mark.parametrize("state", [D.INFUSING, D.AWAITING_CONFIRMATION, D.STARTING])
def test_stop_is_the_first_effect_and_what_is_recorded_comes_after(state: DeliveryState):
    desk = _in_state(state)
    before = len(desk.effects)
    desk.ask("stop")
    first = desk.effects[before]
    assert isinstance(first, WritePump)
    assert first.is_stop
    assert [r.kind for r in desk.records][-1:] != []


@pytest.mark.hazard("H56")
def test_an_ignored_stop_is_repeated_every_250_ms_and_told_after_two_seconds():
    desk = infusing(once())
    desk.pump.ignores_stops = 40
    asked_ns = desk.link_ns
    number = desk.ask("stop")
    desk.run_for(1_999)
    assert not desk.alarms("stop_unproven")
    assert number not in desk.answers
    desk.run_for(2)
    (alarm,) = desk.alarms("stop_unproven")
    assert alarm.priority is Priority.HIGH
    assert "clamp the line" in alarm.message
    answer = desk.answers[number]
    assert isinstance(answer, Refuse)
    assert (answer.exit_code, answer.reasons[0].code) == (5, "stop_unproven")
    desk.must_be(D.STOPPED, 20_000)
    times = desk.pump.times(wire.Stop)
    assert times[0] - asked_ns <= 2 * MS
    assert {later - earlier for earlier, later in itertools.pairwise(times)} == {250 * MS}
    assert len(times) == 41
    assert "stop_unproven" not in desk.active_alarms()  # ended by its proof


def test_a_stop_is_proven_by_stopped_and_by_a_status_asked_after_it():
    desk = infusing(once())
    desk.run_for(5_000)
    number = desk.ask("stop")
    desk.must(lambda: number in desk.answers, 1_000)
    assert desk.answers[number] == Reply(number, {"stopped": [A], "proven": True})
    assert desk.state is D.STOPPED


def test_a_status_that_is_still_does_not_prove_a_stop_that_was_not_answered():
    desk = infusing(once())
    desk.pump.mute = {wire.Stop}
    desk.ask("stop")
    desk.run_for(1_500)
    assert desk.state is D.STOPPING
    assert desk.pump.count(wire.Stop) >= 5
    desk.pump.mute = set()
    desk.must_be(D.STOPPED, 1_000)


@pytest.mark.hazard("H03")
def test_a_pump_that_says_stopped_and_moves_is_stopped_again():
    desk = infusing(once())
    desk.pump.lies_stopped = True
    desk.ask("stop")
    desk.run_for(4_000)
    assert desk.state is D.STOPPING
    assert desk.pump.count(wire.Stop) >= 4
    assert "stop_unproven" in desk.active_alarms()
    desk.pump.lies_stopped = False
    desk.must_be(D.STOPPED, 2_000)


def test_a_stopped_that_answers_nobody_here_does_not_stand_for_our_stop():
    """The guard's STOPs are answered on the same line, and a new link may begin with an old answer."""
    desk = infusing(once())
    again = desk.restarted()
    again.ask("stop")
    again.pump.deaf = {wire.Identify}
    again.plug_in()
    again.say(STOPPED_FRAME)
    again.pump.deaf = set()
    again.must_be(D.STOPPED, 5_000)
    assert again.pump.count(wire.Stop) >= 1
    assert again.pump.flow_ul_h == 0


@pytest.mark.hazard("H25")
def test_a_stop_is_not_written_before_the_serial_number_has_matched():
    desk = Desk()
    desk.ask("stop")
    desk.pump.deaf = {wire.Identify}
    desk.plug_in()
    desk.run_for(3_000)
    assert desk.pump.count(wire.Stop) == 0
    desk.pump.deaf = set()
    desk.must(lambda: desk.pump.count(wire.Stop) == 1, 2_000)


def test_what_a_pump_moves_while_it_ignores_stops_is_counted():
    """It runs a hundred times faster than it says: the counters tell, so the account may not go by the program."""
    desk = infusing(once())
    desk.run_for(60_000)
    desk.pump.ignores_stops = 20
    desk.pump.commanded_ul_h = desk.pump.measured_ul_h = 10_000
    desk.pump.flow_ul_h = 1_000_000
    desk.ask("stop")
    desk.must_be(D.STOPPED, 20_000)
    assert desk.pump.moved_ul > 1_400
    (account,) = desk.recorded("settled")
    assert account.body["least_ul"] <= desk.pump.moved_ul <= account.body["most_ul"]
    assert account.body["least_ul"] == desk.pump.moved_ul


@pytest.mark.hazard("H77")
def test_a_flood_of_stops_is_one_latch_and_one_alarm():
    desk = infusing(once())
    for _ in range(200):
        desk.ask("stop")
    desk.must_be(D.STOPPED)
    assert len([alarm for alarm in desk.alarms("operator_stop") if alarm.active]) == 1
    assert desk.latched == {"operator_stop"}
    assert len(desk.recorded("stop_requested")) == 1
    assert sum(isinstance(answer, Reply) for answer in desk.answers.values()) == 201  # and the order's


@pytest.mark.hazard("H34")
def test_a_stop_that_comes_to_latch_is_told_and_recorded_as_one():
    """The second wish finds the pump stopping, no more idle: what latches from then on is on after a restart, too."""
    desk = _in_state(D.IDLE)
    desk.pump.deaf = {wire.GetStatus}
    desk.ask("stop")
    desk.run_for(300)
    assert desk.active_alarms() == set()
    desk.ask("stop")
    desk.pump.deaf = set()
    desk.must_be(D.STOPPED, 3_000)
    assert (desk.latched, desk.active_alarms()) == ({"operator_stop"}, {"operator_stop"})
    assert [record.body["latches"] for record in desk.recorded("stop_requested")] == [False, True]
    desk.run_for(5)
    again = desk.restarted()
    again.plug_in()
    again.must_be(D.STOPPED, 3_000)
    assert again.latched == {"operator_stop"}


def test_a_stop_keeps_every_reason():
    desk = infusing(once())
    desk.say(desk.pump.raise_alarm(Alarm.OCCLUSION_DOWNSTREAM | Alarm.DOOR_OPEN, desk.link_ns))
    desk.ask("stop")
    desk.must_be(D.STOPPED)
    assert desk.latched == {"occlusion_downstream", "door_open", "operator_stop"}


@pytest.mark.hazard("H61")
def test_an_alarm_pulse_shorter_than_a_poll_is_found_in_the_history():
    desk = infusing(once())
    desk.run_for(1_100)
    desk.pump.raise_alarm(Alarm.AIR_IN_LINE, desk.link_ns)  # its notice is lost
    desk.pump.alarms = Alarm(0)  # and it was cleared at the pump
    desk.must_be(D.STOPPED)
    desk.run_for(12_000)
    assert desk.latched == {"stopped_at_pump", "air_in_line"}
    assert desk.state is D.STOPPED
    assert desk.pump.count(wire.Stop) == 2  # once for each reason, and not once for each poll
