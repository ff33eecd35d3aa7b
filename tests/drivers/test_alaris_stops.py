"""The Alaris driver where the pump would not know better: what may start, and what proves a stop."""

from __future__ import annotations

import pytest

from protocols.alaris import messages as m
from protocols.alaris.codec import encode, security_code
from pumpctl.drivers import pump
from simulator.firmware.dialect import Button
from tests.drivers.alaris_bench import PROGRAM, SERIAL, Bench

A = pump.PumpActivity
START = encode(m.Order.START)
SETS = (b"!INF_RATE^", b"!INF_VTBI^")


@pytest.mark.parametrize("command", [pump.Start(PROGRAM.program_id, 1), pump.Resume(PROGRAM.program_id, 1)])
def test_a_start_leaves_in_one_write_and_nothing_follows_it(command: pump.Command):
    bench = Bench()
    bench.load()
    written = bench.driver.command(command, bench.now)
    assert written == encode(m.Enable(m.Switch.CONTROL, security_code(SERIAL))) + START
    assert bench.driver.outgoing(bench.now) == b""


def never_dosed(bench: Bench) -> bool:
    return not any(START in each for each in bench.written)


def test_a_start_of_what_was_not_loaded_never_leaves():
    bench = Bench()
    assert bench.one(pump.Start(PROGRAM.program_id, 1), pump.Denied).code == "wrong_program"
    bench.load()
    assert bench.one(pump.Start(b"87654321", 1), pump.Denied).code == "wrong_program"
    assert never_dosed(bench)


@pytest.mark.hazard("H32")
@pytest.mark.parametrize("again", [pump.Start, pump.Resume])
def test_a_start_after_a_stop_never_leaves(again: type[pump.Start | pump.Resume]):
    """The pump itself would take it: rate and volume stay in it."""
    bench = Bench()
    bench.load()
    bench.stop()
    assert bench.one(again(PROGRAM.program_id, 1), pump.Denied).code == "wrong_program"
    assert never_dosed(bench)
    assert bench.status().activity is A.STOPPED


@pytest.mark.parametrize("questions", range(5))
def test_a_stop_amid_a_load_ends_it_and_nothing_is_loaded(questions: int):
    bench = Bench()
    facts = bench.exchange(bench.driver.command(pump.LoadProgram(PROGRAM), bench.now))
    for _ in range(questions):
        facts += bench.exchange(bench.driver.outgoing(bench.now))
    done = not bench.driver.busy
    written = len(bench.written)
    bench.stop()
    assert bench.driver.outgoing(bench.now) == b""
    assert not any(each.startswith(SETS) for each in bench.written[written:])
    assert done or bench.carry_on(b"")[-1] == pump.Unanswered(pump.LoadProgram(PROGRAM))
    assert bench.one(pump.Start(PROGRAM.program_id, 1), pump.Denied).code == "wrong_program"


def test_a_stop_between_the_last_question_of_a_load_and_its_answer_voids_it_too():
    bench = Bench()
    bench.exchange(bench.driver.command(pump.LoadProgram(PROGRAM), bench.now))
    for _ in range(3):
        bench.exchange(bench.driver.outgoing(bench.now))
    last = bench.driver.outgoing(bench.now)
    bench.driver.stopping(bench.now)
    assert bench.exchange(last) == [pump.Unanswered(pump.LoadProgram(PROGRAM))]
    assert bench.one(pump.Start(PROGRAM.program_id, 1), pump.Denied).code == "wrong_program"


def test_the_echo_of_a_stop_says_that_it_was_taken_and_the_next_status_that_it_worked():
    bench = Bench()
    bench.run()
    bench.wait(3)
    bench.facts.clear()
    bench.stop()
    assert [type(fact) for fact in bench.facts if not isinstance(fact, pump.LineNoise)] == [pump.StopTaken]
    assert not bench.status().moving
    assert bench.truth.commanded_flow_ul_h == 0


@pytest.mark.hazard("H56")
def test_a_stop_that_the_pump_did_not_see_is_not_taken():
    bench = Bench()
    bench.run()
    bench.inject("ignore_stop:1")
    bench.facts.clear()
    bench.stop()
    assert pump.StopTaken() not in bench.facts
    assert bench.status().moving
    bench.stop()
    assert pump.StopTaken() in bench.facts
    assert not bench.status().moving


def test_a_stop_does_not_end_a_status_that_is_under_way():
    """STOP is repeated; a round that each of them ended would never be through."""
    bench = Bench()
    bench.run()
    bench.exchange(bench.driver.command(pump.ReadStatus(), bench.now))
    bench.stop()
    facts = bench.carry_on(bench.driver.outgoing(bench.now))
    assert [type(fact) for fact in facts if not isinstance(fact, pump.LineNoise)] == [pump.StatusRead]


@pytest.mark.hazard("H55")
@pytest.mark.parametrize("lost", ["drop_reply:1", "drop_start_ack:1"])
def test_a_start_without_its_echo_is_unanswered_and_the_next_status_tells(lost: str):
    bench = Bench()
    bench.load()
    if lost == "drop_reply:1":
        bench.inject("drop_reply:2")
    else:
        bench.inject(lost)
    assert bench.start()[-1] == pump.Unanswered(pump.Start(PROGRAM.program_id, 1))
    assert sum(START in each for each in bench.written) == 1
    assert bench.status().activity is A.INFUSING


def test_a_start_that_the_pump_refused_is_denied_and_the_program_is_still_there():
    bench = Bench()
    bench.load()
    bench.inject("door")
    assert bench.start()[-1] == pump.Denied(pump.Start(PROGRAM.program_id, 1), "alarm")
    assert bench.status().activity is A.LOADED


def test_nothing_is_set_while_nobody_has_said_which_syringe_it_is():
    bench = Bench()
    bench.inject("door")
    bench.heal("door")
    written = len(bench.written)
    assert bench.one(pump.LoadProgram(PROGRAM), pump.Denied).code == "syringe_not_confirmed"
    assert not any(each.startswith(SETS) for each in bench.written[written:])
    bench.press(Button.CONFIRM)
    bench.load()


@pytest.mark.parametrize(("enabled", "permitted"), [(True, False), (False, True), (False, None)])
def test_without_remote_control_a_round_ends_with_its_first_answer(enabled: bool, permitted: bool | None):
    bench = Bench()
    bench.driver.command(pump.LoadProgram(PROGRAM), bench.now)
    denied = m.Switched(m.Switch.CONTROL, enabled=enabled, permitted=permitted)
    facts = bench.driver.receive(encode(denied))
    assert facts == [pump.Denied(pump.LoadProgram(PROGRAM), "no_remote_control")]
    assert bench.driver.outgoing(bench.now) == b""


def test_a_stop_amid_a_read_back_leaves_it_unanswered():
    bench = Bench()
    bench.load()
    bench.exchange(bench.driver.command(pump.ReadProgram(PROGRAM), bench.now))
    written = bench.driver.outgoing(bench.now)
    bench.driver.stopping(bench.now)
    assert bench.exchange(written) == [pump.Unanswered(pump.ReadProgram(PROGRAM))]


@pytest.mark.parametrize("taken", [m.Vtbi(PROGRAM.vtbi_ul + 1, m.EndAction.STOP), m.Vtbi(None, None)])
def test_a_volume_that_the_pump_took_otherwise_is_not_loaded(taken: m.Vtbi):
    bench = Bench()
    bench.exchange(bench.driver.command(pump.LoadProgram(PROGRAM), bench.now))
    for _ in range(2):
        bench.exchange(bench.driver.outgoing(bench.now))
    bench.driver.outgoing(bench.now)
    assert bench.driver.receive(encode(taken)) == [pump.Denied(pump.LoadProgram(PROGRAM), "not_taken")]
