"""The pump's own life: STOP everywhere, tokens, leases, pause, events, acknowledging, power."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random

import pytest

from protocols.companion import messages as m
from protocols.companion.codec import STOP_FRAME, STOPPED_FRAME
from protocols.companion.vocabulary import (
    NOT_CONNECTED,
    Alarm,
    EventKind,
    NoticeCause,
    PumpState,
    Purpose,
    RefusalReason,
    StatusFlag,
)
from simulator.firmware.token import TokenDesk
from simulator.instant import NS_PER_MS
from simulator.profile import REFERENCE
from simulator.pump import Button
from tests.simulator.desk import PROGRAM_ID, Desk, program

TOKEN_LIFE_S = REFERENCE.token_life_ms / 1000


def idle(_: Desk) -> None:
    """As it comes."""


def loaded(desk: Desk) -> None:
    desk.ask(program(), m.Loaded)


def confirmed(desk: Desk) -> None:
    loaded(desk)
    desk.confirm()


def infusing(desk: Desk) -> None:
    desk.run(program(vtbi_ul=10_000))
    desk.wait(60)


def paused(desk: Desk) -> None:
    infusing(desk)
    desk.ask(m.Pause(PROGRAM_ID), m.Paused)


def stopped(desk: Desk) -> None:
    infusing(desk)
    desk.stop()


def completed(desk: Desk) -> None:
    desk.run(program(vtbi_ul=100))
    desk.wait(37)


def priming(desk: Desk) -> None:
    desk.ask(m.Prime(5_000, 100_000, NOT_CONNECTED), m.Primed)


REACH: dict[PumpState, Callable[[Desk], None]] = {
    PumpState.IDLE: idle,
    PumpState.LOADED: loaded,
    PumpState.CONFIRMED: confirmed,
    PumpState.INFUSING: infusing,
    PumpState.PAUSED: paused,
    PumpState.STOPPED: stopped,
    PumpState.COMPLETED: completed,
    PumpState.PRIMING: priming,
}


def in_state(state: PumpState) -> Desk:
    desk = Desk()
    REACH[state](desk)
    assert desk.state is state
    return desk


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


# Tokens.


@pytest.mark.parametrize(("after_s", "starts"), [(TOKEN_LIFE_S - 0.001, True), (TOKEN_LIFE_S, False)])
def test_a_token_lives_sixty_seconds(after_s: float, starts: bool):
    desk = in_state(PumpState.LOADED)
    token = desk.confirm()
    desk.wait(after_s)
    got = desk.exchange(m.Start(PROGRAM_ID, token))
    assert got == (m.Started(PROGRAM_ID) if starts else RefusalReason.BAD_STATE)
    assert desk.state is (PumpState.INFUSING if starts else PumpState.LOADED)


def test_confirmed_falls_back_with_a_notice():
    desk = in_state(PumpState.CONFIRMED)
    desk.wait(TOKEN_LIFE_S)
    assert (desk.notices[-1].cause, desk.notices[-1].state) == (NoticeCause.STATE, PumpState.LOADED)
    desk.ask(m.Start(PROGRAM_ID, desk.confirm()), m.Started)


def test_a_resume_token_that_died_says_so():
    desk = in_state(PumpState.PAUSED)
    token = desk.confirm()
    desk.wait(TOKEN_LIFE_S)
    assert desk.exchange(m.Resume(PROGRAM_ID, token)) is RefusalReason.TOKEN_EXPIRED
    assert desk.exchange(m.Resume(PROGRAM_ID, token)) is RefusalReason.WRONG_TOKEN


def test_a_wrong_token_uses_the_right_one_up():
    desk = in_state(PumpState.LOADED)
    token = desk.confirm()
    assert desk.exchange(m.Start(PROGRAM_ID, token ^ 1)) is RefusalReason.WRONG_TOKEN
    assert desk.exchange(m.Start(PROGRAM_ID, token)) is RefusalReason.BAD_STATE
    assert desk.state is PumpState.LOADED


def test_a_wrong_program_leaves_the_token():
    desk = in_state(PumpState.LOADED)
    token = desk.confirm()
    assert desk.exchange(m.Start(b"another!", token)) is RefusalReason.WRONG_PROGRAM
    desk.ask(m.Start(PROGRAM_ID, token), m.Started)


@pytest.mark.hazard("H29")
def test_a_token_starts_once():
    desk = in_state(PumpState.LOADED)
    token = desk.confirm()
    desk.ask(m.Start(PROGRAM_ID, token), m.Started)
    assert desk.exchange(m.Start(PROGRAM_ID, token)) is RefusalReason.BAD_STATE
    assert desk.pump.truth(desk.now).starts == 1


@pytest.mark.parametrize("changed", ["program", "purpose", "nothing"])
def test_a_token_is_bound_to_what_was_confirmed(changed: str):
    tokens = TokenDesk(Random(1))
    tokens.issue(Purpose.START, b"digest", dies_ns=1)
    assert tokens.alive is not None
    purpose = Purpose.RESUME if changed == "purpose" else Purpose.START
    digest = b"other" if changed == "program" else b"digest"
    expected = None if changed == "nothing" else RefusalReason.WRONG_TOKEN
    assert tokens.use(tokens.alive.number, purpose, digest) is expected


def test_a_motor_value_that_changed_after_the_button_is_not_started():
    desk = in_state(PumpState.LOADED)
    token = desk.confirm()
    assert desk.machine.program is not None
    desk.machine.program = replace(desk.machine.program, step_interval=desk.machine.program.step_interval // 2)
    assert desk.exchange(m.Start(PROGRAM_ID, token)) is RefusalReason.WRONG_TOKEN


def test_a_second_press_voids_the_first_token():
    desk = in_state(PumpState.LOADED)
    first, second = desk.confirm(), desk.confirm()
    assert first != second
    assert desk.exchange(m.Start(PROGRAM_ID, first)) is RefusalReason.WRONG_TOKEN


def test_the_life_left_is_told():
    desk = in_state(PumpState.CONFIRMED)
    desk.wait(15)
    confirmation = desk.ask(m.GetConfirmation(), m.Confirmation)
    assert (confirmation.purpose, confirmation.left_ms) == (Purpose.START, 45_000)


@pytest.mark.parametrize("state", [PumpState.IDLE, PumpState.INFUSING, PumpState.STOPPED, PumpState.COMPLETED])
def test_the_button_means_nothing_elsewhere(state: PumpState):
    desk = in_state(state)
    before = desk.status()
    assert desk.confirm() == 0
    assert desk.status().event_count == before.event_count


def test_auto_confirm_presses_after_load_and_after_pause():
    desk = Desk(auto_confirm=True)
    desk.ask(program(), m.Loaded)
    desk.wait(0.499)
    assert desk.state is PumpState.LOADED
    desk.wait(0.001)
    assert desk.state is PumpState.CONFIRMED
    desk.ask(m.Start(PROGRAM_ID, desk.ask(m.GetConfirmation(), m.Confirmation).token), m.Started)
    desk.ask(m.Pause(PROGRAM_ID), m.Paused)
    desk.wait(0.5)
    confirmation = desk.ask(m.GetConfirmation(), m.Confirmation)
    assert confirmation.purpose is Purpose.RESUME
    desk.ask(m.Resume(PROGRAM_ID, confirmation.token), m.Resumed)


def test_auto_confirm_leaves_a_hand_pressed_token():
    desk = Desk(auto_confirm=True)
    desk.ask(program(), m.Loaded)
    token = desk.confirm()
    desk.wait(1)
    assert desk.ask(m.GetConfirmation(), m.Confirmation).token == token


def test_without_the_bit_nobody_presses():
    desk = in_state(PumpState.LOADED)
    desk.wait(3600)
    assert desk.state is PumpState.LOADED


# Pause and resume.


def test_pause_keeps_the_counter_and_resume_needs_a_fresh_token():
    desk = in_state(PumpState.INFUSING)
    desk.ask(m.Pause(PROGRAM_ID), m.Paused)
    counted_ul = desk.status().program_ul
    desk.wait(600)
    assert desk.status().program_ul == counted_ul
    assert desk.exchange(m.Resume(PROGRAM_ID, 0)) is RefusalReason.WRONG_TOKEN
    desk.ask(m.Resume(PROGRAM_ID, desk.confirm()), m.Resumed)
    desk.wait(3600)
    assert desk.state is PumpState.COMPLETED
    assert desk.status().program_ul == 10_000
    assert desk.pump.truth(desk.now).delivered_ul <= 10_000


def test_pause_of_another_program_is_refused():
    desk = in_state(PumpState.INFUSING)
    assert desk.exchange(m.Pause(b"another!")) is RefusalReason.WRONG_PROGRAM
    assert desk.state is PumpState.INFUSING


def test_the_pumps_own_keys():
    desk = in_state(PumpState.INFUSING)
    desk.press(Button.PAUSE)
    assert (desk.notices[-1].cause, desk.state) == (NoticeCause.STATE, PumpState.PAUSED)
    desk.press(Button.STOP)
    assert (desk.notices[-1].cause, desk.state) == (NoticeCause.STATE, PumpState.STOPPED)
    told = len(desk.notices)
    desk.press(Button.STOP)
    desk.press(Button.PAUSE)
    assert len(desk.notices) == told


# Leases.

LEASE_MS = 10_000


def leased() -> Desk:
    desk = Desk()
    desk.run(program(lease_ms=LEASE_MS))
    return desk


def test_a_lease_ends_in_a_stop_with_its_alarm():
    desk = leased()
    desk.wait(LEASE_MS / 1000 - 0.001)
    assert desk.state is PumpState.INFUSING
    assert desk.status().lease_left_ms == 1
    desk.wait(0.001)
    status = desk.status()
    assert (status.state, status.alarms, status.program_id) == (PumpState.STOPPED, Alarm.LEASE_ENDED, bytes(8))
    assert desk.notices[-1].cause is NoticeCause.ALARMS
    assert desk.notices[-1].uptime_ms == LEASE_MS


@pytest.mark.parametrize(
    ("until_ms", "taken"),
    [(5_000, False), (5_001, True), (5_000 + LEASE_MS, True), (5_001 + LEASE_MS, False)],
)
def test_renew_is_after_now_and_at_most_a_lease_ahead(until_ms: int, taken: bool):
    desk = leased()
    desk.wait(5)
    got = desk.exchange(m.Renew(PROGRAM_ID, until_ms))
    assert got == (m.Renewed(until_ms) if taken else RefusalReason.LEASE_OUT_OF_RANGE)
    desk.wait(3600)
    assert desk.notices[-1].uptime_ms == (until_ms if taken else LEASE_MS)


def test_status_never_renews():
    desk = leased()
    for _ in range(200):
        desk.wait(0.1)
        desk.status()
    assert desk.state is PumpState.STOPPED


def test_a_lease_runs_on_while_paused_and_starts_anew_on_resume():
    desk = leased()
    desk.wait(6)
    desk.ask(m.Pause(PROGRAM_ID), m.Paused)
    desk.wait(3)
    desk.ask(m.Resume(PROGRAM_ID, desk.confirm()), m.Resumed)
    assert desk.status().lease_left_ms == LEASE_MS
    desk.ask(m.Pause(PROGRAM_ID), m.Paused)
    desk.wait(11)
    assert desk.alarms is Alarm.LEASE_ENDED


def test_renew_without_a_lease_or_for_another_program_is_refused():
    desk = in_state(PumpState.INFUSING)
    assert desk.exchange(m.Renew(PROGRAM_ID, desk.status().uptime_ms + 1)) is RefusalReason.LEASE_OUT_OF_RANGE
    assert desk.exchange(m.Renew(b"another!", desk.status().uptime_ms + 1)) is RefusalReason.WRONG_PROGRAM


def test_a_lease_is_real_time_at_any_speed():
    desk = Desk(speed=600)
    desk.run(program(lease_ms=LEASE_MS))
    desk.wait(9.999)
    assert desk.state is PumpState.INFUSING
    desk.wait(0.001)
    assert desk.state is PumpState.STOPPED
    assert desk.pump.truth(desk.now).delivered_ul == pytest.approx(10_000 * 600 * 10 / 3600, abs=1)


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
