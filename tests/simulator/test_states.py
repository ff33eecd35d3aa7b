"""The pump's own life: STOP everywhere, events, power."""

from __future__ import annotations

import pytest

from protocols.companion import messages as m
from protocols.companion.codec import NO_PROGRAM, STOP_FRAME, STOPPED_FRAME
from protocols.companion.vocabulary import (
    Alarm,
    EventKind,
    PumpState,
    Purpose,
    RefusalReason,
    StatusFlag,
)
from simulator.instant import NS_PER_MS
from simulator.profile import REFERENCE
from tests.simulator.desk import PROGRAM_ID, Desk, program
from tests.simulator.reach import REACH, in_state


def test_every_state_is_reached():
    assert set(REACH) == set(PumpState)


# STOP.


@pytest.mark.hazard("H56")
@pytest.mark.parametrize("state", PumpState)
def test_stop_in_every_state(state: PumpState):
    desk = in_state(state)
    before = desk.stopped_count
    desk.stop()
    assert desk.stopped_count == before + 1
    rests = state in (PumpState.IDLE, PumpState.COMPLETED)
    status = desk.status()
    assert status.state is (state if rests else PumpState.STOPPED)
    assert not status.flags & (StatusFlag.MOTOR_MOVING | StatusFlag.TOKEN_ALIVE)
    assert (status.program_id, status.program_ul, status.lease_left_ms) == (bytes(8), 0, 0)
    assert desk.ask(m.ReadProgram(), m.Program) == NO_PROGRAM
    assert desk.ask(m.GetConfirmation(), m.Confirmation) == m.Confirmation(Purpose.NONE, bytes(8), 0, 0)
    volume_ul = status.motor_ul
    desk.wait(3600)
    assert desk.status().motor_ul == volume_ul
    desk.stop()
    assert desk.stopped_count == before + 2


@pytest.mark.parametrize("state", [PumpState.CONFIRMED, PumpState.PAUSED])
def test_start_or_resume_after_stop_is_refused(state: PumpState):
    desk = in_state(state)
    token = desk.confirm()
    desk.stop()
    assert desk.exchange(m.Start(PROGRAM_ID, token)) is RefusalReason.BAD_STATE
    assert desk.exchange(m.Resume(PROGRAM_ID, token)) is RefusalReason.BAD_STATE
    assert desk.status().program_id == bytes(8)
    assert desk.pump.truth(desk.now).commanded_flow_ul_h == 0


def test_stopped_comes_only_from_a_proven_still_motor_and_in_time():
    desk = in_state(PumpState.INFUSING)
    at_ns = desk.now.link_ns
    assert desk.pump.receive(STOP_FRAME, desk.now) == b""
    assert desk.pump.truth(desk.now).commanded_flow_ul_h == 0  # still at once, proven later
    due_ns = desk.pump.call_at()
    assert due_ns - at_ns == REFERENCE.still_proof_ms * NS_PER_MS <= 100 * NS_PER_MS
    desk.now = type(desk.now)(due_ns, due_ns)
    assert desk.pump.advance(desk.now) == STOPPED_FRAME
    assert desk.pump.receive(STOP_FRAME, desk.now) == STOPPED_FRAME


def test_answers_keep_the_order_of_their_requests():
    desk = in_state(PumpState.INFUSING)
    asked = STOP_FRAME + desk.session.request(m.GetStatus())
    assert desk.pump.receive(asked, desk.now) == b""
    desk.now = type(desk.now)(desk.pump.call_at(), desk.pump.call_at())
    sent = desk.pump.advance(desk.now)
    assert sent.startswith(STOPPED_FRAME)
    assert len(sent) > len(STOPPED_FRAME)


@pytest.mark.hazard("H77")
def test_ten_thousand_stops_are_one_stop():
    desk = in_state(PumpState.INFUSING)
    before = desk.status().event_count
    desk.pump.receive(STOP_FRAME * 10_000, desk.now)
    desk.wait(1)
    status = desk.status()
    assert status.event_count == before + 1
    assert desk.pump.truth(desk.now).stops_received == 10_000


@pytest.mark.parametrize("state", PumpState)
def test_a_stop_is_in_the_history_when_there_was_something_to_stop(state: PumpState):
    desk = in_state(state)
    before = desk.status()
    desk.stop()
    desk.stop()
    nothing = state in (PumpState.IDLE, PumpState.STOPPED)
    assert desk.status().event_count == before.event_count + (0 if nothing else 1)
    if not nothing:
        event = desk.ask(m.GetEvent(before.event_count), m.Event)
        assert (event.kind, event.program_id) == (EventKind.STOPPED, before.program_id)


# Events, acknowledging, power.


def test_the_ring_keeps_the_last_events():
    desk = Desk()
    for _ in range(REFERENCE.event_ring):
        desk.ask(program(), m.Loaded)
    count = desk.status().event_count
    assert count == REFERENCE.event_ring + 1
    assert desk.exchange(m.GetEvent(0)) is RefusalReason.NO_SUCH_EVENT
    assert desk.ask(m.GetEvent(1), m.Event).kind is EventKind.LOADED
    assert desk.ask(m.GetEvent(count - 1), m.Event).index == count - 1
    assert desk.exchange(m.GetEvent(count)) is RefusalReason.NO_SUCH_EVENT


def test_the_history_of_an_infusion():
    desk = in_state(PumpState.PAUSED)
    desk.stop()
    events = [desk.ask(m.GetEvent(index), m.Event) for index in range(desk.status().event_count)]
    assert [event.kind for event in events] == [
        EventKind.POWER_ON,
        EventKind.LOADED,
        EventKind.CONFIRMED,
        EventKind.STARTED,
        EventKind.PAUSED,
        EventKind.STOPPED,
    ]
    assert [event.detail for event in events] == [1, 10_000, Purpose.START, 0, 166, 166]
    assert {event.program_id for event in events[1:]} == {PROGRAM_ID}


@pytest.mark.hazard("H58")
@pytest.mark.parametrize("state", PumpState)
def test_power_off_forgets_and_never_starts_by_itself(state: PumpState):
    desk = in_state(state)
    desk.inject("power_cycle")
    delivered_ul = desk.pump.truth(desk.now).motor_ul
    assert delivered_ul == 0
    assert desk.exchange(m.GetStatus()) is None
    desk.wait(3600)
    assert desk.exchange(m.GetStatus()) is RefusalReason.WRONG_SESSION
    assert desk.open(0xBEEF).boot_count == 2
    status = desk.status()
    assert (status.state, status.program_id, status.alarms) == (PumpState.IDLE, bytes(8), Alarm(0))
    assert (status.motor_ul, status.encoder_ul, status.flow_ul, status.refused_count) == (0, 0, 0, 1)
    assert desk.ask(m.GetEvent(0), m.Event).detail == 2


def test_a_new_session_leaves_the_program_running():
    desk = in_state(PumpState.INFUSING)
    desk.open(0xBEEF)
    desk.wait(10)
    status = desk.status()
    assert (status.state, status.program_id, status.commanded_flow_ul_h) == (PumpState.INFUSING, PROGRAM_ID, 10_000)


def test_time_does_not_run_back():
    desk = in_state(PumpState.INFUSING)
    with pytest.raises(ValueError, match="time ran back"):
        desk.pump.advance(type(desk.now)(desk.now.link_ns - 1, desk.now.therapy_ns))
