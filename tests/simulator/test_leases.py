"""Pause, resume, and the lease that ends a program nobody renews."""

from __future__ import annotations

import pytest

from protocols.companion import messages as m
from protocols.companion.vocabulary import (
    Alarm,
    NoticeCause,
    PumpState,
    RefusalReason,
)
from simulator.pump import Button
from tests.simulator.desk import PROGRAM_ID, Desk, program
from tests.simulator.reach import in_state


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


@pytest.mark.parametrize(("early_ms", "taken"), [(1, True), (0, False)])
def test_a_renewal_in_the_millisecond_of_the_end_is_too_late(early_ms: int, taken: bool):
    desk = leased()
    desk.wait((LEASE_MS - early_ms) / 1000)
    got = desk.exchange(m.Renew(PROGRAM_ID, 2 * LEASE_MS - early_ms))
    assert got == (m.Renewed(2 * LEASE_MS - early_ms) if taken else RefusalReason.BAD_STATE)


def test_completion_in_the_millisecond_of_the_lease_end_wins():
    desk = Desk()
    desk.run(program(flow_ul_h=100_000, flow_limit_ul_h=100_000, vtbi_ul=100, lease_ms=3_600))
    desk.wait(3.599)
    assert desk.state is PumpState.INFUSING
    desk.wait(0.001)
    assert (desk.state, desk.alarms) == (PumpState.COMPLETED, Alarm(0))


def test_a_lease_ends_at_a_whole_millisecond_of_uptime():
    desk = Desk()
    desk.wait(0.0007)
    desk.run(program(lease_ms=LEASE_MS))
    desk.wait((LEASE_MS - 1) / 1000)
    assert desk.status().lease_left_ms == 1
    desk.wait(0.0003)  # the millisecond begins
    assert desk.status().uptime_ms == LEASE_MS
    assert desk.exchange(m.Renew(PROGRAM_ID, LEASE_MS + 1)) is RefusalReason.BAD_STATE
    assert desk.alarms is Alarm.LEASE_ENDED
