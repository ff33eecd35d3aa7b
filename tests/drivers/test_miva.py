"""The MIVA driver against the simulated pump in memory: what it asks, what it believes, how it stops."""

from __future__ import annotations

import itertools

import pytest

from protocols.errors import LocalProtocolError
from protocols.miva.requests import INFUSION_RATE, IS_RUNNING
from pumpctl.core.capability import MIVA_REFERENCE
from pumpctl.core.instant import NS_PER_S
from pumpctl.drivers import pump
from pumpctl.drivers.pump import PumpActivity
from simulator.faults import Fault, FaultKind
from simulator.instant import NS_PER_H
from tests.drivers.miva_talk import PROGRAM, Talk

START = pump.Start(PROGRAM.program_id, 1)
STATUS_QUESTIONS = ["RN", "RC", "RI", IS_RUNNING, "Q5", INFUSION_RATE, "R8", "R3", "S9"]


def test_it_learns_who_the_pump_is_and_reads_its_log_back_to_the_power_on() -> None:
    talk = Talk()
    (who,) = talk.do(pump.Identify())
    assert isinstance(who, pump.Identified)
    assert (who.serial, who.firmware, who.simulated, who.auto_confirm) == ("SIM00001", "sim-1.0", True, False)
    assert who.capability is MIVA_REFERENCE
    assert talk.asked == ["RN", "RS", "RL", "RC", "RI", "RE00000000"]


def test_a_status_is_nine_questions_and_no_bare_answer_stands_beside_another() -> None:
    talk = Talk()
    talk.do(pump.Identify())
    talk.asked.clear()
    status = talk.status()
    assert talk.asked == STATUS_QUESTIONS
    bare = [text.startswith((":", "*")) for text in talk.asked]  # their answers carry no name
    assert not any(one and other for one, other in itertools.pairwise(bare))
    assert not bare[0]
    assert not bare[-1]
    assert (status.activity, status.program_id, status.moving) == (PumpActivity.IDLE, None, False)
    assert (status.battery_permille, status.on_battery, status.event_count) == (1000, False, 1)
    assert (status.stopping_alarms, status.pressure_mmhg, status.lease_left_ms) == ((), 0, 0)


def test_the_life_of_a_program() -> None:
    talk = Talk()
    talk.loaded()
    assert (talk.status().activity, talk.status().confirmation_waits) == (PumpActivity.LOADED, False)
    assert talk.do(pump.ReadConfirmation()) == [
        pump.ConfirmationRead(PROGRAM.program_id, None, for_resume=False),
    ]
    talk.wait(NS_PER_S)
    talk.press()
    assert (talk.status().activity, talk.status().confirmation_waits) == (PumpActivity.CONFIRMED, True)
    (read,) = talk.do(pump.ReadConfirmation())
    assert isinstance(read, pump.ConfirmationRead)
    assert read.token is not None
    assert talk.do(START) == [pump.Done(START)]
    assert talk.do(pump.ReadStatus()) == [pump.Denied(pump.ReadStatus(), "start_under_review")]
    talk.wait(4 * NS_PER_S)
    status = talk.status()
    assert (status.activity, status.program_id) == (PumpActivity.INFUSING, PROGRAM.program_id)
    assert (status.commanded_flow_ul_h, status.measured_flow_ul_h, status.moving) == (10_000, 10_000, True)
    assert not status.confirmation_waits
    talk.wait(NS_PER_H // 2)
    counted = talk.status()
    assert (counted.counters.motor_ul, counted.counters.encoder_ul) == (4_991, 5_000)
    assert (counted.program_ul, counted.reservoir_ul) == (5_000, 5_000)
    assert counted.uptime_ms == (talk.now_ns // NS_PER_S) * 1000
    talk.wait(NS_PER_H)
    ended = talk.status()
    assert (ended.activity, ended.program_ul, ended.commanded_flow_ul_h) == (PumpActivity.COMPLETED, 10_000, 0)
    assert talk.pump.truth(talk.sim_now).starts == 1


def test_a_confirmation_lives_for_a_minute_and_another_press_is_another_token() -> None:
    talk = Talk()
    talk.loaded()
    tokens: list[int | None] = []
    for _ in range(2):
        talk.press()
        (read,) = talk.do(pump.ReadConfirmation())
        assert isinstance(read, pump.ConfirmationRead)
        tokens.append(read.token)
    assert None not in tokens
    assert tokens[0] != tokens[1]
    talk.wait(60 * NS_PER_S)
    assert talk.status().confirmation_waits
    talk.wait(NS_PER_S)
    assert not talk.status().confirmation_waits
    assert talk.do(pump.ReadConfirmation()) == [pump.ConfirmationRead(PROGRAM.program_id, None, for_resume=False)]


@pytest.mark.hazard("H56")
def test_a_stop_is_proven_by_a_status_and_voids_what_the_pump_still_holds() -> None:
    talk = Talk()
    talk.started()
    talk.status()
    talk.wait(NS_PER_H // 10)
    facts = talk.driver.receive(talk.stop())
    assert facts == [pump.StopTaken()] * 2
    talk.asked.clear()
    (status,) = talk.do(pump.ReadStatus())
    assert talk.asked == ["RC", "R3", "Q5", IS_RUNNING, "S9", "R8"]
    assert isinstance(status, pump.StatusRead)
    assert (status.activity, status.program_id, status.moving) == (PumpActivity.STOPPED, None, False)
    assert talk.do(START) == [pump.Denied(START, "stopped_since")]
    assert "WT01" not in talk.asked


def test_a_stop_that_the_pump_ignores_is_not_proven() -> None:
    talk = Talk()
    talk.started()
    talk.status()
    talk.pump.inject(Fault(FaultKind.IGNORE_STOP, 2), talk.sim_now)
    assert talk.driver.receive(talk.stop()) == []
    (status,) = talk.do(pump.ReadStatus())
    assert isinstance(status, pump.StatusRead)
    assert (status.activity, status.moving, status.commanded_flow_ul_h) == (PumpActivity.INFUSING, True, 10_000)


def test_stop_cuts_a_round_and_nothing_of_it_follows() -> None:
    talk = Talk()
    talk.do(pump.Identify())
    first = talk.driver.command(pump.LoadProgram(PROGRAM), talk.now)
    answer = talk.hear(first)
    talk.driver.stopping(talk.now)
    assert talk.driver.receive(answer) == [pump.Unanswered(pump.LoadProgram(PROGRAM))]
    assert talk.driver.outgoing(talk.now) == b""
    assert not talk.driver.busy


def test_an_upload_that_a_stop_overtook_is_void_though_the_pump_took_it() -> None:
    """Its LC0 is on its way when STOP is written: the log shows a prescription that nobody here has loaded."""
    talk = Talk()
    talk.do(pump.Identify())
    written = talk.driver.command(pump.LoadProgram(PROGRAM), talk.now)
    while not written.startswith(b"\x02LC"):
        assert talk.driver.receive(talk.hear(written)) == []
        written = talk.driver.outgoing(talk.now)
    answer = talk.hear(written)
    talk.driver.receive(answer + talk.stop())
    assert talk.pump.truth(talk.sim_now).state == "loaded"
    talk.do(pump.ReadStatus())
    talk.press()
    status = talk.status()
    assert (status.activity, status.program_id, status.confirmation_waits) == (PumpActivity.STOPPED, None, False)
    assert talk.do(START) == [pump.Denied(START, "stopped_since")]
    assert talk.do(pump.ReadProgram(PROGRAM)) == [pump.ProgramRead(None, None)]


def test_stop_between_an_answer_and_the_next_question_cuts_it_too() -> None:
    talk = Talk()
    talk.do(pump.Identify())
    talk.driver.receive(talk.hear(talk.driver.command(pump.ReadStatus(), talk.now)))
    talk.driver.stopping(talk.now)
    assert talk.driver.outgoing(talk.now) == b""
    assert talk.driver.next_wake_ns() == 0
    assert talk.driver.wake(talk.now) == [pump.Unanswered(pump.ReadStatus())]


@pytest.mark.hazard("H58")
def test_another_power_on_is_another_boot_count_and_counts_from_nothing() -> None:
    talk = Talk()
    talk.started()
    talk.wait(NS_PER_H // 2)
    before = talk.status()
    talk.pump.inject(Fault(FaultKind.POWER_CYCLE), talk.sim_now)
    talk.wait(2 * NS_PER_S)
    after = talk.status()
    assert after.counters.boot_count != before.counters.boot_count
    assert (after.counters.motor_ul, after.counters.encoder_ul) == (0, 0)
    assert (after.activity, after.program_id) == (PumpActivity.IDLE, None)
    again = Talk()
    again.pump = talk.pump
    again.now_ns = talk.now_ns
    (who,) = again.do(pump.Identify())
    assert isinstance(who, pump.Identified)
    assert who.boot_count == after.counters.boot_count


@pytest.mark.hazard("H25")
def test_another_pump_in_its_place_ends_the_session() -> None:
    talk = Talk()
    talk.do(pump.Identify())
    talk.pump = Talk("SIM00002").pump
    assert talk.do(pump.ReadStatus()) == [pump.Denied(pump.ReadStatus(), "another_pump"), pump.SessionLost()]


def test_alarms_come_from_the_log_and_its_rows_are_read_once_more_by_the_daemon() -> None:
    talk = Talk()
    talk.started()
    talk.status()
    talk.pump.inject(Fault(FaultKind.DOOR), talk.sim_now)
    status = talk.status()
    assert status.stopping_alarms == ("door_open",)
    assert status.activity is PumpActivity.STOPPED
    kinds = [talk.do(pump.ReadEvent(index)) for index in range(status.event_count)]
    told = [fact for facts in kinds for fact in facts if isinstance(fact, pump.EventRead)]
    assert [fact.kind for fact in told] == [
        "power_on", "infusion_data", *16 * ["prescription"], "infusion_data", "run", "cassette_detached", "paused",
    ]  # fmt: skip
    assert [fact.stopping_alarms for fact in told if fact.stopping_alarms] == [("door_open",)]


def test_a_flood_of_rows_that_cannot_all_be_read_asks_anew_who_it_is() -> None:
    talk = Talk()
    talk.do(pump.Identify())
    for _ in range(9):
        talk.pump.inject(Fault(FaultKind.EVENT_WRAP, 250), talk.sim_now)
    assert talk.do(pump.ReadStatus()) == [pump.Denied(pump.ReadStatus(), "log_overrun"), pump.SessionLost()]
    assert talk.do(pump.Identify()) == [pump.Denied(pump.Identify(), "no_power_on_in_log")]


def test_one_command_at_a_time_on_an_open_link() -> None:
    talk = Talk()
    talk.driver.command(pump.Identify(), talk.now)
    with pytest.raises(LocalProtocolError):
        talk.driver.command(pump.ReadStatus(), talk.now)
    talk.driver.open(2)
    assert not talk.driver.busy
    assert talk.driver.receive(b"\x02RNA1\x03") == [pump.LineNoise("wrong_checksum")]
