"""The confirm token: what draws it, what uses it up, what it is good for."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from protocols.companion import messages as m
from protocols.companion.session import Unasked
from protocols.companion.vocabulary import (
    NoticeCause,
    PumpState,
    Purpose,
    RefusalReason,
)
from simulator.firmware.token import TokenDesk
from simulator.profile import REFERENCE
from tests.simulator.desk import PROGRAM_ID, Desk, program
from tests.simulator.reach import in_state

TOKEN_LIFE_S = REFERENCE.token_life_ms / 1000


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
    assert (desk.notices[-1].cause, desk.notices[-1].state) == (NoticeCause.TOKEN, PumpState.LOADED)
    desk.ask(m.Start(PROGRAM_ID, desk.confirm()), m.Started)


def test_a_resume_token_that_died_says_so():
    desk = in_state(PumpState.PAUSED)
    token = desk.confirm()
    desk.wait(TOKEN_LIFE_S)
    assert (desk.notices[-1].cause, desk.notices[-1].state) == (NoticeCause.TOKEN, PumpState.PAUSED)
    told = len(desk.notices)
    assert desk.exchange(m.Resume(PROGRAM_ID, token)) is RefusalReason.TOKEN_EXPIRED
    assert desk.exchange(m.Resume(PROGRAM_ID, token ^ 1)) is RefusalReason.WRONG_TOKEN
    assert desk.exchange(m.Resume(PROGRAM_ID, token)) is RefusalReason.TOKEN_EXPIRED
    assert len(desk.notices) == told  # none of them has changed anything
    desk.confirm()
    assert desk.exchange(m.Resume(PROGRAM_ID, token)) is RefusalReason.WRONG_TOKEN


def test_a_wrong_token_uses_the_right_one_up():
    desk = in_state(PumpState.LOADED)
    token = desk.confirm()
    assert desk.exchange(m.Start(PROGRAM_ID, token ^ 1)) is RefusalReason.WRONG_TOKEN
    assert desk.exchange(m.Start(PROGRAM_ID, token)) is RefusalReason.BAD_STATE
    assert desk.state is PumpState.LOADED


@pytest.mark.parametrize("state", [PumpState.CONFIRMED, PumpState.PAUSED])
def test_the_notice_of_a_used_up_token_follows_the_refusal(state: PumpState):
    desk = in_state(state)
    token = desk.confirm()
    request = (m.Start if state is PumpState.CONFIRMED else m.Resume)(PROGRAM_ID, token ^ 1)
    sent = desk.pump.receive(desk.session.request(request), desk.now)
    assert [piece[2:3] for piece in sent.split(b"\0")[:-1]] == [bytes([m.Refused.TYPE]), bytes([m.Notice.TYPE])]
    [_, unasked] = desk.session.receive(sent)
    assert isinstance(unasked, Unasked)
    assert unasked.notice.cause is NoticeCause.TOKEN


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
