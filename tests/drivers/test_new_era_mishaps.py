"""The New Era driver when something goes wrong: alarms, power, keys, lost and late replies."""

from __future__ import annotations

from dataclasses import replace

import pytest

from protocols.errors import LocalProtocolError
from protocols.new_era.framing import Mode, encode_reply, encode_request
from pumpctl.configuration import NewEraSetup
from pumpctl.core.instant import NS_PER_S
from pumpctl.core.program import LinkLoss
from pumpctl.drivers import pump
from pumpctl.drivers.new_era import LATE_NS, REPLY_NS, NewEraDriver
from pumpctl.drivers.pump import PumpActivity as A
from pumpctl.supervision.stopping import REPEAT_NS
from tests.drivers.new_era_bench import BASIC, HOME, SAFE, SERIAL, Bench

SETUPS = pytest.mark.parametrize("setup", [SAFE, BASIC], ids=["safe", "basic"])
START = pump.Start(HOME.program_id, 1)


@SETUPS
def test_a_stall_is_told_until_it_is_acknowledged(setup: NewEraSetup):
    bench = Bench(setup)
    bench.run(replace(HOME, flow_rate_ul_h=600_000, vtbi_ul=50_000))
    bench.inject("stall")
    bench.wait(5)
    status = bench.status()
    assert (status.activity, status.stopping_alarms, status.program_id) == (A.STOPPED, ("motor_stall",), None)
    assert (pump.Noticed(A.STOPPED, ("motor_stall",)) in bench.facts) is bool(setup.safe_s)
    bench.heal("stall")
    bench.one(pump.LoadProgram(HOME), pump.Done)
    bench.one(pump.ReadProgram(HOME), pump.ProgramRead)
    assert bench.one(START, pump.Denied).code == "alarm_active"
    bench.one(pump.AcknowledgeAlarms(), pump.Done)
    assert bench.status().stopping_alarms == ()
    bench.one(START, pump.Done)


@SETUPS
def test_a_power_cut_is_another_boot_and_no_program(setup: NewEraSetup):
    bench = Bench(setup)
    bench.run()
    bench.wait(60)
    before = bench.status()
    bench.inject("power_cycle")
    bench.wait_ns(2 * NS_PER_S)
    status = bench.status()
    assert status.counters.boot_count > before.counters.boot_count
    assert (status.activity, status.program_id, status.moving) == (A.IDLE, None, False)


@SETUPS
@pytest.mark.hazard("H45")
def test_two_daemons_that_each_heard_of_one_power_on_heard_of_two(setup: NewEraSetup):
    """Its counters would be taken for those of before."""
    bench = Bench(setup)  # it has just been switched on
    before = bench.status()
    bench.driver = NewEraDriver(setup, SERIAL)
    bench.driver.open(2)
    bench.one(pump.Identify(), pump.Identified)
    bench.inject("power_cycle")
    bench.wait_ns(2 * NS_PER_S)
    assert bench.status().counters.boot_count != before.counters.boot_count


@SETUPS
def test_a_pump_that_runs_what_was_not_started_here_runs_no_program_of_ours(setup: NewEraSetup):
    bench = Bench(setup)
    bench.ready()
    other = NewEraDriver(setup, SERIAL)
    other.open(2)
    bench.driver = other
    bench.one(pump.Identify(), pump.Identified)
    bench.pump.receive(_request(setup, "RUN"), bench.sim_now)
    status = bench.status()
    assert (status.activity, status.program_id, status.commanded_flow_ul_h) == (A.INFUSING, None, 10_000)
    assert bench.one(pump.ReadProgram(HOME), pump.ProgramRead) == pump.ProgramRead(None, None)


def _request(setup: NewEraSetup, command: str) -> bytes:
    return encode_request(f"0{command}".encode(), Mode.SAFE if setup.safe_s else Mode.BASIC)


@SETUPS
def test_a_change_at_the_keys_shows_in_the_flow(setup: NewEraSetup):
    bench = Bench(setup)
    bench.run()
    bench.inject("keypad_rate")
    assert bench.status().commanded_flow_ul_h == 5_000


@SETUPS
def test_no_reply_is_told_once_after_the_late_ones_have_had_their_time(setup: NewEraSetup):
    bench = Bench(setup)
    bench.ready()
    bench.inject("drop_start_ack")
    began_ns = bench.now.link_ns
    assert bench.one(START, pump.Unanswered) == pump.Unanswered(START)
    assert bench.now.link_ns - began_ns == REPLY_NS + LATE_NS
    assert bench.status().activity is A.INFUSING
    assert bench.asked.count("0RUN") == 1


@SETUPS
def test_a_reply_that_comes_late_is_no_answer_to_the_next_question(setup: NewEraSetup):
    bench = Bench(setup)
    bench.run()
    written = bench.driver.command(pump.ReadStatus(), bench.now)
    late = bench.pump.receive(written, bench.sim_now)
    bench.sleep()
    assert bench.driver.busy
    assert bench.hear(late) == [pump.LineNoise("a late reply")]
    assert bench.sleep() == [pump.Unanswered(pump.ReadStatus())]
    assert bench.hear(late) == [pump.LineNoise("a reply to nothing that was asked")]
    assert bench.status().activity is A.INFUSING


@SETUPS
def test_replies_of_another_address_or_shape_are_noise(setup: NewEraSetup):
    bench = Bench(setup)
    bench.run()
    mode = Mode.SAFE if setup.safe_s else Mode.BASIC
    written = bench.driver.command(pump.ReadStatus(), bench.now)
    said = bench.pump.receive(written, bench.sim_now)
    assert bench.hear(encode_reply(b"05S", mode)) == [pump.LineNoise("from address 5")]
    assert bench.hear(encode_reply(b"00S10.00MH", mode)) == [pump.LineNoise("a reply to nothing that was asked")]
    assert bench.hear(encode_reply(b"00Z", mode)) == [pump.LineNoise("not a reply")]
    assert bench.hear(said) == []
    (status,) = bench.carry_on(bench.driver.outgoing(bench.now))
    assert isinstance(status, pump.StatusRead)
    assert status.activity is A.INFUSING


def test_a_status_whose_replies_disagree_is_asked_again_and_not_for_ever():
    bench = Bench(SAFE)
    bench.run()
    replies = [b"00S", b"00II1.000W0.000ML", b"00I10.00MH"] * 5
    written = bench.driver.command(pump.ReadStatus(), bench.now)
    facts: list[pump.Fact] = []
    asked = 0
    while written:
        asked += 1
        facts = bench.driver.receive(encode_reply(replies.pop(0), Mode.SAFE))
        written = bench.driver.outgoing(bench.now)
    assert asked == 9
    assert facts[-1] == pump.Unanswered(pump.ReadStatus())
    assert not bench.driver.busy


@SETUPS
def test_one_question_at_a_time(setup: NewEraSetup):
    bench = Bench(setup)
    bench.driver.command(pump.ReadStatus(), bench.now)
    with pytest.raises(LocalProtocolError):
        bench.driver.command(pump.ReadStatus(), bench.now)


@pytest.mark.parametrize(("length", "still_at", "stopped_at"), [(0x85, 4, 4), (0xFF, 7, 8)])
def test_a_damaged_length_swallows_stops_but_not_for_two_seconds(length: int, still_at: int, stopped_at: int):
    """The pump waits for as many bytes as the length says; the STOPs themselves are what fills it (H56)."""
    bench = Bench(SAFE)
    bench.run()
    damaged = bytearray(encode_request(b"0", Mode.SAFE))
    assert damaged[1] == 0x05
    damaged[1] = length
    assert bench.pump.receive(bytes(damaged), bench.sim_now) == b""
    still, stopped, at = 0, 0, 0
    while not stopped and at < 10:
        at += 1
        said = bench.pump.receive(bench.driver.stop_frame, bench.sim_now)
        still = still or (at if bench.truth.commanded_flow_ul_h == 0 else 0)
        stopped = at if said.endswith(bench.driver.stopped_frame) else 0
        bench.wait_ns(REPEAT_NS)
        bench.pump.advance(bench.sim_now)
    assert (still, stopped) == (still_at, stopped_at)
    assert (stopped - 1) * REPEAT_NS < 2 * NS_PER_S


def test_what_it_cannot_do_is_denied_by_a_question_that_changes_nothing():
    bench = Bench(SAFE)
    for command, code in ((pump.Prime(1_000, 10_000), "prime_refused"), (pump.ReadEvent(0), "no_such_event")):
        assert bench.one(command, pump.Denied).code == code
        assert bench.asked[-1] == "0"
    assert bench.one(pump.ReadConfirmation(), pump.ConfirmationRead).token is None
    assert HOME.link_loss is LinkLoss.FINISH_LOADED


def test_on_a_line_of_many_it_speaks_to_its_own():
    bench = Bench(replace(SAFE, address=7))
    bench.run()
    assert all(question.startswith("7") for question in bench.asked)
    assert pump.StopTaken() in bench.stop()
