"""The New Era driver at the simulated pump: what it asks, what it never asks, what it makes of the answers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from protocols.new_era.framing import Mode, encode_reply
from pumpctl.configuration import NewEraSetup
from pumpctl.core.capability import Lease
from pumpctl.core.instant import NS_PER_MS, NS_PER_S
from pumpctl.core.program import Program
from pumpctl.drivers import pump
from pumpctl.drivers.new_era import NewEraDriver
from pumpctl.drivers.pump import PumpActivity as A
from simulator.pump import Button
from tests.drivers.new_era_bench import BASIC, HOME, LEASED, SAFE, SERIAL, Bench

SETUPS = pytest.mark.parametrize("setup", [SAFE, BASIC], ids=["safe", "basic"])
START = pump.Start(HOME.program_id, 1)


def program(**changed: object) -> Program:
    return replace(HOME, **changed)  # pyright: ignore[reportArgumentType]


@SETUPS
def test_who_it_is_comes_from_the_channel_and_its_version_from_the_pump(setup: NewEraSetup):
    bench = Bench(setup, identify=False)
    who = bench.one(pump.Identify(), pump.Identified)
    assert (who.serial, who.simulated, who.firmware, who.capability.model) == (SERIAL, True, "V3.928", "NE1000")
    assert who.boot_count > 0  # the alarm of the power-on was told
    lease = Lease.IMPLICIT if setup.safe_s else Lease.NONE
    assert (who.capability.lease, who.capability.has_confirm_button) == (lease, False)
    assert (who.capability.min_flow_ul_h, who.capability.max_flow_ul_h) == (100, 999_900)
    small = Bench(replace(setup, diameter_um=8_585), identify=False).one(pump.Identify(), pump.Identified)
    assert (small.capability.min_flow_ul_h, small.capability.max_flow_ul_h) == (100, 177_100)


def test_safe_mode_is_entered_when_the_channel_wants_it_and_left_only_at_a_stopped_pump():
    bench = Bench(SAFE)
    assert "0SAF30" in bench.asked
    bench.run()
    other = NewEraDriver(BASIC, SERIAL)
    other.open(2)
    bench.driver, bench.asked = other, []
    assert bench.one(pump.Identify(), pump.Unanswered)  # it hears no basic line
    assert bench.one(pump.Identify(), pump.Denied).code == "in_safe_mode"
    assert not any(question.startswith("0SAF0") for question in bench.asked)
    for _ in range(2):
        bench.pump.press(Button.STOP, bench.sim_now)
    bench.one(pump.Identify(), pump.Identified)
    assert bench.asked[-1] == "0SAF0"


@SETUPS
def test_a_whole_program(setup: NewEraSetup):
    bench = Bench(setup)
    assert bench.status().activity is A.IDLE
    bench.one(pump.LoadProgram(HOME), pump.Done)
    loaded = bench.status()
    assert (loaded.activity, loaded.program_id, loaded.moving) == (A.LOADED, HOME.program_id, False)
    assert bench.one(pump.ReadProgram(HOME), pump.ProgramRead) == pump.ProgramRead(HOME.program_id, HOME)
    bench.one(START, pump.Done)
    running = bench.status()
    assert (running.activity, running.program_id, running.moving) == (A.INFUSING, HOME.program_id, True)
    assert (running.commanded_flow_ul_h, running.measured_flow_ul_h) == (10_000, 10_000)
    bench.wait(1_800)
    half = bench.status()
    assert half.program_ul == pytest.approx(5_000, abs=50)
    assert half.counters.motor_ul == half.program_ul
    assert half.reservoir_ul == 60_000 - half.program_ul
    bench.wait(1_800)
    ended = bench.status()
    assert (ended.activity, ended.program_id, ended.moving) == (A.COMPLETED, HOME.program_id, False)
    assert ended.program_ul == 10_000
    assert bench.truth.delivered_ul == pytest.approx(10_000, abs=1)
    assert (bench.truth.starts, bench.truth.max_commanded_flow_ul_h) == (1, 10_000)


@SETUPS
def test_totals_go_on_over_programs_though_the_pumps_own_is_cleared(setup: NewEraSetup):
    bench = Bench(setup)
    short = program(vtbi_ul=100)
    for run in (1, 2):
        bench.run(short)
        bench.wait(40)
        assert bench.status().counters.motor_ul == 100 * run
    assert bench.status().program_ul == 100


@SETUPS
def test_run_is_asked_only_after_a_read_back_that_was_equal_and_once(setup: NewEraSetup):
    bench = Bench(setup)
    bench.status()
    assert bench.one(START, pump.Denied).code == "wrong_program"
    bench.one(pump.LoadProgram(HOME), pump.Done)
    assert bench.one(START, pump.Denied).code == "not_read_back"
    bench.inject("read_back")
    assert bench.one(pump.ReadProgram(HOME), pump.ProgramRead) == pump.ProgramRead(HOME.program_id, None)
    assert bench.one(START, pump.Denied).code == "not_read_back"
    bench.heal("read_back")
    bench.one(pump.ReadProgram(HOME), pump.ProgramRead)
    assert not any("RUN" in question for question in bench.asked)
    bench.one(START, pump.Done)
    bench.stop()
    bench.status()
    assert bench.one(START, pump.Denied).code == "wrong_program"
    assert bench.asked.count("0RUN") == 1
    assert bench.truth.starts == 1


@SETUPS
def test_a_stop_voids_what_was_loaded_and_read_back(setup: NewEraSetup):
    bench = Bench(setup)
    bench.ready()
    assert pump.StopTaken() in bench.stop()
    assert bench.status().program_id is None
    assert bench.one(START, pump.Denied).code == "wrong_program"
    assert bench.truth.starts == 0


@SETUPS
def test_stop_ends_the_program_from_every_state_and_is_proven_by_the_second_reply(setup: NewEraSetup):
    bench = Bench(setup)
    bench.run()
    assert bench.stop()[-1] == pump.StopTaken()
    status = bench.status()
    assert (status.activity, status.moving, status.program_id) == (A.IDLE, False, None)
    assert pump.StopTaken() in bench.stop()
    assert bench.status().activity is A.IDLE
    bench.run()
    bench.one(pump.Pause(HOME.program_id), pump.Done)
    assert pump.StopTaken() in bench.stop()
    assert bench.truth.commanded_flow_ul_h == 0


@SETUPS
def test_a_stop_in_the_midst_of_a_command_lets_nothing_of_it_follow(setup: NewEraSetup):
    bench = Bench(setup)
    bench.status()
    bench.exchange(bench.driver.command(pump.LoadProgram(HOME), bench.now))
    bench.driver.stopping(bench.now)
    assert bench.driver.outgoing(bench.now) == b""
    assert bench.driver.busy
    asked = len(bench.asked)
    facts = bench.exchange(bench.driver.stop_frame)
    assert pump.StopTaken() in facts
    assert {question[:4] for question in bench.asked[asked:]} <= {"!", "0STP"}
    assert not bench.driver.busy
    assert bench.status().activity is A.IDLE


@SETUPS
def test_a_start_that_a_stop_overtook_is_unanswered_and_not_asked_again(setup: NewEraSetup):
    bench = Bench(setup)
    bench.ready()
    written = bench.driver.command(START, bench.now)
    late = bench.pump.receive(written, bench.sim_now)
    bench.driver.stopping(bench.now)
    facts = bench.hear(late + bench.pump.receive(bench.driver.stop_frame, bench.sim_now))
    assert pump.Unanswered(START) in facts
    assert pump.StopTaken() in facts
    assert bench.status().activity is A.IDLE
    assert bench.truth.starts == 1
    assert bench.truth.commanded_flow_ul_h == 0


@SETUPS
def test_the_stop_frame_gets_through_behind_half_a_question(setup: NewEraSetup):
    for cut in range(1, 10):
        bench = Bench(setup)
        bench.run()
        half = bench.driver.command(pump.ReadProgram(HOME), bench.now)[:cut]
        bench.pump.receive(half, bench.sim_now)
        said = bench.pump.receive(b"\0" + bench.driver.stop_frame, bench.sim_now)
        assert bench.driver.stopped_frame in said, cut
        assert bench.truth.commanded_flow_ul_h == 0


def test_a_half_number_before_a_stop_in_basic_mode_is_not_carried_out():
    bench = Bench(BASIC)
    bench.run()
    bench.pump.receive(b"0RAT1", bench.sim_now)
    bench.pump.receive(b"\0" + bench.driver.stop_frame, bench.sim_now)
    assert bench.pump.receive(b"0RAT\r", bench.sim_now) == encode_reply(b"00S10.00MH", Mode.BASIC)


@SETUPS
def test_pause_and_resume(setup: NewEraSetup):
    bench = Bench(setup)
    bench.run()
    bench.wait(360)
    bench.one(pump.Pause(HOME.program_id), pump.Done)
    paused = bench.status()
    assert (paused.activity, paused.program_id, paused.moving) == (A.PAUSED, HOME.program_id, False)
    assert bench.one(pump.Pause(HOME.program_id), pump.Denied).code == "bad_state"
    assert bench.status().activity is A.PAUSED  # no second STP
    bench.one(pump.Resume(HOME.program_id, 2), pump.Done)
    bench.wait(3_300)
    assert bench.status().activity is A.COMPLETED
    assert bench.truth.delivered_ul == pytest.approx(10_000, abs=1)
    assert (bench.truth.starts, bench.truth.resumes) == (1, 1)


@SETUPS
@pytest.mark.parametrize(
    ("changed", "code"),
    [({"flow_rate_ul_h": 10_001}, "not_settable"), ({"vtbi_ul": 10_005}, "not_settable"),
     ({"flow_rate_ul_h": 1_000_100}, "not_settable"), ({"flow_rate_ul_h": 20}, "out_of_range")],
)  # fmt: skip
def test_what_four_digits_or_the_syringe_cannot_do_is_denied(setup: NewEraSetup, changed: dict[str, int], code: str):
    bench = Bench(setup)
    bench.status()
    assert bench.one(pump.LoadProgram(program(**changed)), pump.Denied).code == code
    assert bench.status().program_id is None


def test_a_lease_becomes_the_silence_that_safe_mode_bears_and_basic_mode_has_none():
    bench = Bench(SAFE)
    bench.ready(LEASED)
    assert f"0SAF{LEASED.lease_ms // 1000}" in bench.asked
    basic = Bench(BASIC)
    basic.status()
    assert basic.one(pump.LoadProgram(LEASED), pump.Denied).code == "lease_out_of_range"
    assert basic.one(pump.Renew(LEASED.program_id, 1), pump.Denied).code == "lease_out_of_range"


def test_a_lease_that_is_not_renewed_is_ended_with_stop_though_every_question_renews_the_pumps():
    bench = Bench(SAFE)
    bench.run(LEASED)
    lease_s = LEASED.lease_ms // 1000
    bench.wait(lease_s - 2)
    assert bench.status().activity is A.INFUSING
    bench.one(pump.Renew(LEASED.program_id, bench.now.link_ns // NS_PER_MS + LEASED.lease_ms), pump.Done)
    bench.wait(lease_s - 2)
    assert bench.status().lease_left_ms <= 2_000
    asked = len(bench.asked)
    bench.wait(4)
    assert bench.asked[asked:].count("0STP") == 2
    status = bench.status()
    assert (status.activity, status.stopping_alarms) == (A.STOPPED, ("lease_ended",))
    assert bench.truth.commanded_flow_ul_h == 0


def test_a_dead_companion_is_noticed_by_the_pump_itself():
    bench = Bench(SAFE)
    bench.run(LEASED)
    bench.wait_ns(LEASED.lease_ms * NS_PER_MS + NS_PER_S)
    facts = bench.hear()
    assert facts == [pump.Noticed(A.STOPPED, ("lease_ended",))]
    assert bench.truth.commanded_flow_ul_h == 0
    assert bench.status().stopping_alarms == ("lease_ended",)
