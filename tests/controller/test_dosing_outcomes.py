"""The four outcomes of a dosing command: not sent, unconfirmed, denied, confirmed. None is ever repeated."""

from __future__ import annotations

import pytest

from protocols.companion import messages as wire
from protocols.companion.vocabulary import Alarm, PumpState, RefusalReason
from pumpctl.core.delivery import DeliveryState
from pumpctl.core.exposure import Certainty
from pumpctl.core.reason import Priority
from tests.controller.desk import A, B, Desk
from tests.controller.orders import once
from tests.controller.scenes import infusing, loaded, two_channels

D = DeliveryState


def _unanswered(order: dict[str, object] | None = None, *, carried_out: bool) -> Desk:
    """START was written; its answer (or the START itself) got lost, and so does every status."""
    desk = loaded(order or once())
    (desk.pump.mute if carried_out else desk.pump.deaf).add(wire.Start)
    desk.press()
    desk.must(lambda: desk.pump.count(wire.Start) == 1, 3_000)
    desk.pump.deaf.add(wire.GetStatus)
    desk.run_for(700)
    return desk


def _outcomes(desk: Desk) -> list[str]:
    return [record.body["outcome"] for record in desk.recorded("dosing_outcome")]


def test_confirmed_by_the_status_and_not_by_the_answer():
    desk = loaded(once())
    desk.pump.deaf = {wire.GetStatus}
    desk.press()
    desk.run_for(3_000)  # the notice of the press asks for a status first: it is lost, and the press is not read
    assert desk.pump.count(wire.Start) == 0
    desk.pump.deaf = set()
    desk.must(lambda: desk.pump.count(wire.Start) == 1, 5_000)
    desk.pump.deaf = {wire.GetStatus}
    desk.run_for(400)
    assert desk.state is D.STARTING  # STARTED was heard
    desk.pump.deaf = set()
    desk.must_be(D.INFUSING, 3_000)
    assert _outcomes(desk) == ["confirmed"]


def test_denied_goes_back_to_the_button_and_counts_nothing():
    desk = loaded(once())
    desk.pump.deny = {wire.Start: RefusalReason.TOKEN_EXPIRED}
    desk.press()
    desk.must(lambda: _outcomes(desk) == ["denied"], 3_000)
    assert desk.state is D.AWAITING_CONFIRMATION
    assert desk.controller.ward.ledger.segments == ()
    assert "pump refused" in desk.alarms("start_refused")[0].message
    desk.pump.deny = {}
    desk.run_for(5_000)
    assert desk.pump.count(wire.Start) == 1  # nothing is repeated
    desk.press(token=8)
    desk.must_be(D.INFUSING, 3_000)
    assert "start_refused" not in desk.active_alarms()


@pytest.mark.hazard("H55")
@pytest.mark.hazard("H29")
def test_an_unanswered_start_is_never_resent_and_resolved_by_asking():
    desk = _unanswered(carried_out=True)
    assert _outcomes(desk) == ["unconfirmed"]
    (alarm,) = desk.alarms("dosing_unconfirmed")
    assert alarm.priority is Priority.HIGH
    assert {s.certainty for s in desk.controller.ward.ledger.segments} == {Certainty.UNCERTAIN}
    desk.run_for(20_000)
    assert desk.written(wire.Start) == 1
    desk.pump.deaf = set()
    desk.must_be(D.INFUSING, 3_000)
    desk.run_for(5_000)
    assert desk.written(wire.Start) == 1
    assert len(desk.pump.begun) == 1
    assert _outcomes(desk) == ["unconfirmed", "confirmed"]
    assert "dosing_unconfirmed" not in desk.active_alarms()


@pytest.mark.hazard("H55")
def test_a_lost_start_is_proven_lost_and_needs_another_press():
    desk = _unanswered(carried_out=False)
    desk.pump.deaf = set()
    desk.must_be(D.AWAITING_CONFIRMATION, 3_000)
    assert _outcomes(desk) == ["unconfirmed", "denied"]
    desk.run_for(3_000)
    assert desk.written(wire.Start) == 1  # the token of the first press is not used again
    desk.press(token=8)
    desk.must_be(D.INFUSING, 3_000)
    assert len(desk.pump.begun) == 1


@pytest.mark.hazard("H55")
def test_an_unconfirmed_start_blocks_every_other_start_of_the_patient():
    desk = Desk(channels=two_channels())
    for channel in (A, B):
        desk.plug_in(channel)
    desk.run_for(1_000)
    desk.submit(once("one"), A)
    desk.submit(once("two"), B)
    desk.run_for(3_000)
    desk.pump.mute = {wire.Start}
    desk.press(A)
    desk.must(lambda: desk.pump.count(wire.Start) == 1, 3_000)
    desk.pump.deaf = {wire.GetStatus}
    desk.run_for(700)
    desk.press(B)
    desk.run_for(5_000)
    assert desk.doubles[B].count(wire.Start) == 0
    assert "another_infusion" in desk.alarms("start_refused")[0].message


@pytest.mark.hazard("H55")
@pytest.mark.parametrize("carried_out", [True, False])
def test_the_block_holds_over_a_restart_until_the_pump_has_been_asked(carried_out: bool):
    desk = _unanswered(carried_out=carried_out)
    again = desk.restarted()
    again.plug_in()
    again.run_for(3_000)  # the status does not come through yet
    number = again.prepare()
    again.run_for(10)
    codes = {reason.code for reason in again.refused(number).reasons}
    assert codes & {"identity_unproven", "channel_busy", "S01"}
    again.pump.deaf = set()
    again.must(lambda: again.channel.reconciled, 5_000)
    again.run_for(3_000)
    assert again.state is (D.INFUSING if carried_out else D.IDLE)
    assert again.pump.count(wire.Start) == 1
    assert len(again.pump.begun) == int(carried_out)


def test_a_start_that_provably_never_ran_before_the_restart_may_be_prepared_again():
    desk = _unanswered(carried_out=False)
    again = desk.restarted()
    again.pump.deaf = set()
    again.plug_in()
    again.run_for(3_000)
    assert again.state is D.IDLE
    assert again.controller.ward.ledger.segments == ()
    assert not again.latched
    number = again.prepare()
    again.run_for(3_000)
    prepared = again.given(number)["prepared"]
    first = desk.recorded("dosing_intent")[0].body["program"]["program_id"]
    assert prepared["program_id"] != first  # another attempt is another program
    again.press(token=9)
    again.must_be(D.INFUSING, 3_000)


def test_an_answer_that_comes_after_its_time_is_nobodys():
    """H54: the late STARTED belongs to no outstanding request; the status decides."""
    desk = _unanswered(carried_out=True)
    asked = desk.frames()[-1]
    assert isinstance(asked[1], wire.GetStatus)
    desk.run_for(100)
    assert desk.state is D.STARTING


def test_a_stop_during_an_unconfirmed_start_books_the_worst_and_ends_the_alarm():
    desk = _unanswered(carried_out=True)
    desk.ask("stop")
    desk.pump.deaf = set()
    desk.must_be(D.STOPPED, 3_000)
    assert "dosing_unconfirmed" not in desk.active_alarms()
    (account,) = desk.recorded("settled")
    assert account.body["least_ul"] <= desk.pump.moved_ul <= account.body["most_ul"]


@pytest.mark.parametrize("state", [PumpState.STOPPED, PumpState.IDLE])
def test_a_pump_found_without_the_program_after_a_start_is_stopped_and_latched(state: PumpState):
    desk = _unanswered(carried_out=True)
    desk.pump.run_to(desk.link_ns)
    desk.pump.halt(state)
    desk.pump.deaf = set()
    desk.must_be(D.STOPPED, 3_000)
    assert desk.latched == {"stopped_at_pump"}


def test_a_read_back_that_differs_is_never_shown():
    for field, value in {
        "vtbi_ul": 10_001,
        "flow_ul_h": 10_100,
        "flow_limit_ul_h": 1,
        "kvo_ul_h": 100,
        "lease_ms": 5,
    }.items():
        desk = Desk()
        desk.plug_in()
        desk.run_for(1_000)
        desk.pump.read_back = {field: value}
        desk.submit(once())
        desk.must_be(D.STOPPED, 3_000)
        assert desk.latched == {"read_back_differs"}, field
        assert desk.pump.count(wire.GetConfirmation) == 0


@pytest.mark.hazard("H15")
def test_an_alarm_at_the_pump_before_the_press_takes_the_program_back():
    desk = loaded(once())
    desk.say(desk.pump.raise_alarm(Alarm.DOOR_OPEN, desk.link_ns))
    desk.must_be(D.STOPPED, 3_000)
    assert desk.latched == {"door_open"}
    desk.press()
    desk.run_for(3_000)
    assert desk.pump.begun == []


@pytest.mark.hazard("H60")
@pytest.mark.parametrize(("commanded", "code"), [(10_100, "external_change"), (12_100, "dose_rate_above_hard_limit")])
def test_a_higher_flow_set_at_the_keypad_is_stopped(commanded: int, code: str):
    desk = infusing(once())
    desk.run_for(5_000)
    desk.pump.commanded_ul_h = commanded
    desk.must_be(D.STOPPED, 3_000)
    assert code in desk.latched


@pytest.mark.hazard("H05")
def test_a_pump_that_says_it_is_through_too_early_is_not_believed():
    desk = infusing(once(dose="2 g", volume="100 mL", duration="10 h"))
    desk.run_for(60_000)
    desk.pump.run_to(desk.link_ns)
    desk.pump.halt(PumpState.COMPLETED)
    desk.must_be(D.STOPPED, 3_000)
    assert desk.latched == {"completed_short"}


@pytest.mark.parametrize(("kind", "state"), [(wire.Load, D.IDLE), (wire.ReadProgram, D.IDLE)])
def test_a_program_that_the_pump_never_takes_is_given_up_after_ten_seconds(kind: type, state: DeliveryState):
    desk = Desk()
    desk.plug_in()
    desk.run_for(1_000)
    desk.pump.mute = {kind}
    desk.submit(once())
    desk.run_for(9_000)
    assert desk.state is D.PROGRAMMING
    desk.must_be(state, 3_000)
    assert desk.active_alarms() == {"not_programmed"}
    assert desk.pump.count(wire.Load) <= 21
    desk.pump.mute = set()
    desk.prepare()
    desk.must_be(D.AWAITING_CONFIRMATION, 3_000)
    assert desk.active_alarms() == set()


def test_a_program_that_the_pump_refuses_is_told_until_the_next_one():
    desk = Desk()
    desk.plug_in()
    desk.run_for(1_000)
    desk.pump.deny = {wire.Load: RefusalReason.VTBI_ABOVE_RESERVOIR}
    desk.submit(once())
    desk.run_for(3_000)
    assert desk.state is D.IDLE
    assert desk.pump.count(wire.Load) == 1
    assert "vtbi_above_reservoir" in desk.alarms("program_refused")[0].message
    desk.pump.deny = {}
    desk.prepare()
    desk.must_be(D.AWAITING_CONFIRMATION, 3_000)
    assert desk.active_alarms() == set()
