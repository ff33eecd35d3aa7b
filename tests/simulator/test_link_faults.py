"""What goes wrong with requests and their answers, and what a hand at the keys does behind the companion's back."""

from __future__ import annotations

import pytest

from protocols.companion import messages as m
from protocols.companion.vocabulary import EventKind, PumpState, RefusalReason, StatusFlag
from simulator.instant import NS_PER_MS, SimNow
from simulator.pump import BROWN_OUT_NS, SimPump
from tests.simulator.desk import PROGRAM_ID, Desk, program
from tests.simulator.reach import in_state

FLOW_UL_H = 10_000


def infusing(vtbi_ul: int = 40_000) -> Desk:
    desk = Desk()
    desk.run(program(flow_ul_h=FLOW_UL_H, vtbi_ul=vtbi_ul))
    desk.wait(60)
    return desk


def last_event(desk: Desk) -> m.Event:
    return desk.ask(m.GetEvent(desk.status().event_count - 1), m.Event)


@pytest.mark.hazard("H55")
def test_only_the_answer_of_a_start_is_lost():
    desk = Desk()
    desk.inject("drop_start_ack:1")
    desk.ask(program(), m.Loaded)
    token = desk.confirm()
    assert desk.exchange(m.Start(PROGRAM_ID, token)) is None
    assert desk.state is PumpState.INFUSING
    desk.stop()
    desk.run(program())
    assert desk.truth.starts == 2


@pytest.mark.hazard("H29")
def test_a_pump_that_takes_a_start_twice_gives_the_program_twice():
    desk = Desk()
    desk.ask(program(vtbi_ul=1_000), m.Loaded)
    start = m.Start(PROGRAM_ID, desk.confirm())
    desk.ask(start, m.Started)
    desk.wait(200)
    assert desk.exchange(start) is RefusalReason.BAD_STATE
    desk.inject("double_start")
    assert desk.exchange(m.Start(b"another!", 1)) is RefusalReason.BAD_STATE
    desk.ask(start, m.Started)
    desk.wait(400)
    assert (desk.state, desk.truth.starts) == (PumpState.COMPLETED, 2)
    assert desk.truth.delivered_ul == pytest.approx(1_000 + FLOW_UL_H * 200 / 3600, abs=2)
    desk.ask(start, m.Started)
    desk.heal("double_start")
    desk.wait(400)
    assert desk.exchange(start) is RefusalReason.BAD_STATE


@pytest.mark.hazard("H56")
def test_a_busy_pump_refuses_all_but_stop():
    desk = infusing()
    desk.inject("busy")
    for request in (m.GetStatus(), m.ReadProgram(), m.Pause(PROGRAM_ID), m.Acknowledge(0), m.GetEvent(0)):
        assert desk.exchange(request) is RefusalReason.BAD_STATE
    desk.stop()
    assert (desk.stopped_count, desk.truth.state) == (1, "stopped")
    desk.heal("busy")
    assert desk.state is PumpState.STOPPED


@pytest.mark.hazard("H57")
def test_garbage_between_the_frames_leaves_the_frames():
    desk = infusing()
    desk.inject("babble", by="1 kB/s")
    before_bytes = desk.garbage_bytes
    for _ in range(20):
        desk.wait(1)
        assert desk.state is PumpState.INFUSING
    assert desk.garbage_bytes - before_bytes == pytest.approx(20_000, rel=0.1)
    desk.stop()
    assert desk.stopped_count == 1
    desk.heal("babble")
    before_bytes = desk.garbage_bytes
    desk.wait(10)
    assert desk.garbage_bytes == before_bytes


def test_garbage_that_nobody_fetches_is_bounded():
    pump = SimPump(serial="SIM-0001", seed=1)
    from simulator.faults import parse_fault

    pump.inject(parse_fault("babble", "10 kB/s"), SimNow(0, 0))
    assert len(pump.advance(SimNow(3_600 * 10**9, 3_600 * 10**9))) == 100_000


@pytest.mark.hazard("H58")
@pytest.mark.parametrize("state", [PumpState.INFUSING, PumpState.CONFIRMED, PumpState.COMPLETED])
def test_a_brown_out_forgets_all_within_a_tenth_of_a_second(state: PumpState):
    desk = in_state(state)
    desk.inject("brown_out")
    assert not desk.truth.powered
    assert BROWN_OUT_NS <= 100 * NS_PER_MS
    desk.wait(0.1)
    assert desk.exchange(m.GetStatus()) is RefusalReason.WRONG_SESSION
    identity = desk.open(0xBEEF)
    status = desk.status()
    assert (identity.boot_count, status.state, status.program_id) == (2, PumpState.IDLE, bytes(8))
    assert (status.motor_ul, desk.truth.faults) == (0, ())


# What the motor is set to.


@pytest.mark.hazard("H16")
@pytest.mark.parametrize("when", ["before", "loaded", "completed"])
def test_a_pump_that_keeps_the_vein_open_says_so_and_does_so(when: str):
    desk = Desk()
    if when == "before":
        desk.inject("kvo", by="1 mL/h")
    desk.ask(program(vtbi_ul=100), m.Loaded)
    if when == "loaded":
        desk.inject("kvo", by="1 mL/h")
    desk.ask(m.Start(PROGRAM_ID, desk.confirm()), m.Started)
    desk.wait(60)
    if when == "completed":
        desk.inject("kvo", by="1 mL/h")
    assert desk.ask(m.ReadProgram(), m.Program).kvo_ul_h == 1_000
    before_ul = desk.status().motor_ul
    assert desk.delivered_in(3600) == pytest.approx(1_000, abs=1)
    status = desk.status()
    assert (status.state, status.commanded_flow_ul_h) == (PumpState.COMPLETED, 1_000)
    assert status.motor_ul - before_ul == 1_000
    desk.stop()
    assert desk.stopped_count == 1
    assert desk.delivered_in(3600) < 0.1


def test_a_healed_kvo_stops_the_drip():
    desk = Desk()
    desk.inject("kvo")
    desk.run(program(vtbi_ul=100))
    desk.wait(60)
    desk.heal("kvo")
    assert desk.delivered_in(3600) < 0.1
    assert desk.ask(m.ReadProgram(), m.Program).kvo_ul_h == 0


# The keypad.


@pytest.mark.hazard("H60")
def test_another_rate_at_the_keypad_is_in_flag_history_and_read_back():
    desk = infusing()
    assert not desk.status().flags & StatusFlag.KEYPAD_TOUCHED
    desk.inject("keypad_rate", by="500 permille")
    status = desk.status()
    assert status.flags & StatusFlag.KEYPAD_TOUCHED
    assert status.commanded_flow_ul_h == FLOW_UL_H // 2
    event = last_event(desk)
    assert (event.kind, event.detail, event.program_id) == (EventKind.KEYPAD_CHANGE, FLOW_UL_H // 2, PROGRAM_ID)
    assert desk.ask(m.ReadProgram(), m.Program).flow_ul_h == FLOW_UL_H // 2
    assert desk.delivered_in(3600) == pytest.approx(FLOW_UL_H // 2, abs=1)
    desk.stop()
    desk.ask(program(), m.Loaded)
    assert not desk.status().flags & StatusFlag.KEYPAD_TOUCHED


@pytest.mark.parametrize(("permille", "flow_ul_h"), [(1_200, 12_000), (1_201, 12_000), (1_210, 10_000), (5, 10_000)])
def test_the_keypad_has_the_pumps_own_limits(permille: int, flow_ul_h: int):
    desk = infusing()  # its flow limit is 12 mL/h
    desk.inject("keypad_rate", by=f"{permille} permille")
    assert desk.status().commanded_flow_ul_h == flow_ul_h


def test_a_rate_changed_after_the_button_voids_what_was_confirmed():
    desk = Desk()
    desk.ask(program(), m.Loaded)
    token = desk.confirm()
    desk.inject("keypad_rate")
    assert desk.exchange(m.Start(PROGRAM_ID, token)) is RefusalReason.WRONG_TOKEN


@pytest.mark.hazard("H20")
def test_a_purge_is_in_the_counters_and_not_in_the_program():
    desk = infusing(vtbi_ul=2_000)
    before = desk.status()
    desk.inject("keypad_bolus", by="300 uL")
    assert desk.status().commanded_flow_ul_h == 100_000
    desk.wait(5)
    during = desk.status()
    assert during.program_ul == before.program_ul
    assert during.motor_ul > before.motor_ul + 100
    desk.wait(5.8)
    assert desk.status().commanded_flow_ul_h == FLOW_UL_H
    event = last_event(desk)
    assert (event.kind, event.detail) == (EventKind.PRIMED, 300)
    desk.wait(3600)
    after = desk.status()
    assert (after.state, after.program_ul, after.motor_ul) == (PumpState.COMPLETED, 2_000, 2_300)
    assert desk.truth.delivered_ul == pytest.approx(2_300, abs=1)


@pytest.mark.hazard("H20")
@pytest.mark.parametrize("state", [PumpState.IDLE, PumpState.LOADED, PumpState.PAUSED, PumpState.COMPLETED])
def test_a_purge_at_rest_leaves_the_state(state: PumpState):
    desk = in_state(state)
    before = desk.status()
    desk.inject("keypad_bolus", by="300 uL")
    assert desk.delivered_in(60) == pytest.approx(300, abs=1)
    after = desk.status()
    assert (after.state, after.program_ul, after.motor_ul) == (state, before.program_ul, before.motor_ul + 300)
    assert (last_event(desk).kind, last_event(desk).detail) == (EventKind.PRIMED, 300)


def test_a_stop_cuts_a_purge_short():
    desk = infusing()
    desk.inject("keypad_bolus", by="5 mL")
    desk.wait(3.6)
    desk.stop()
    assert (desk.stopped_count, desk.state) == (1, PumpState.STOPPED)
    assert desk.delivered_in(60) < 3  # what the line still held
    events = [desk.ask(m.GetEvent(desk.status().event_count - back), m.Event) for back in (2, 1)]
    assert [event.kind for event in events] == [EventKind.PRIMED, EventKind.STOPPED]
    assert events[0].detail == pytest.approx(100, abs=1)
