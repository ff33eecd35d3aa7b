"""Twenty pumps on one line at 19200 baud, in virtual time: fair turns, STOP at once, and nothing behind its back."""

from __future__ import annotations

import pytest

from pumpctl.core.instant import NS_PER_MS, NS_PER_S
from pumpctl.supervision.channel import Link
from pumpctl.supervision.silence import NOTED_NS
from tests.controller.chain import Chain

COUNT = 20
REPLY_MS = 500  # drivers/new_era.py: what a question costs that nobody answers
ROUND_MS = 1_450  # twenty statuses of three questions, see docs/dialects/new_era.md


def identified(count: int = COUNT) -> Chain:
    chain = Chain(count)
    chain.must(lambda: all(chain.channel(name).status for name in chain.names), 10_000)
    return chain


@pytest.fixture(scope="module")
def infusing() -> Chain:
    """All twenty. Tests that share it leave it as it was, or say what they took."""
    chain = identified()
    chain.infuse(*chain.names)
    return chain


def test_all_are_known_within_three_seconds_and_one_question_is_on_the_line_at_a_time():
    chain = Chain(COUNT)
    chain.must(lambda: all(chain.channel(name).status for name in chain.names), 3_000)
    assert chain.collisions == 0
    open_until_ns = 0
    for written in chain.written:
        assert written.at_ns >= open_until_ns, "a command before the reply"
        open_until_ns = written.at_ns + (len(written.frame) + 8) * chain.byte_ns  # no reply is shorter than 8 bytes


def test_twenty_that_infuse_are_asked_fairly_and_none_is_taken_for_silent(infusing: Chain):
    oldest_ms = infusing.oldest_during(6_000, *infusing.names)
    print(f"oldest status of {COUNT} infusing pumps at 19200 baud: {oldest_ms} ms")
    assert oldest_ms <= ROUND_MS
    assert ROUND_MS * NS_PER_MS < NOTED_NS
    assert infusing.alarms() == {}
    assert infusing.collisions == 0
    since_ns = infusing.link_ns - 5 * NS_PER_S
    asked = [infusing.questions(name, since_ns).count("DIS") for name in infusing.names]
    assert max(asked) - min(asked) <= 1, asked


@pytest.mark.hazard("H56")
def test_stop_is_on_the_line_amid_the_transaction_of_another_and_stops_that_pump_alone():
    chain = identified(6)
    chain.infuse(*chain.names)
    line = chain.controller.ward.lines[0]
    chain.must(lambda: line.holder not in {None, "p03"} and line.overdue_ns > chain.link_ns)
    holder, asked_ns = line.holder, chain.link_ns
    chain.ask("stop", channel="p03")
    stops = [written for written in chain.written if written.is_stop]
    assert [(written.channel, written.at_ns) for written in stops] == [("p03", asked_ns)]
    chain.must(lambda: chain.states("p03") == {"stopped"}, 1_500)
    assert {written.channel for written in chain.written if written.is_stop} == {"p03"}
    chain.run_for(3_000)
    assert [chain.flow_ul_h(name) for name in chain.names] == [0 if name == "p03" else 10_000 for name in chain.names]
    assert chain.states(*(name for name in chain.names if name != "p03")) == {"infusing"}
    assert holder is not None
    assert chain.questions(holder).count("RUN") == 1


@pytest.mark.hazard("H56", "H77")
def test_no_start_is_written_after_a_stop_that_was_asked_for_while_it_waited_for_its_turn():
    chain = identified(6)
    for name in ("p01", "p02"):
        chain.load(name)
    chain.must(lambda: chain.states("p01", "p02") == {"awaiting_confirmation"})
    line = chain.controller.ward.lines[0]
    chain.deaf = {"p00"}
    chain.must(lambda: line.holder == "p00")  # the line is held for a whole time-out
    for name in ("p01", "p02"):
        chain.ask("confirm", channel=name, flow="10 mL/h", person="N. Nurse")
    chain.run_for(100)
    assert line.holder == "p00"
    assert "RUN" not in chain.questions("p01") + chain.questions("p02"), "nothing is queued"
    chain.ask("stop", channel="p01")
    chain.run_for(5_000)
    assert "RUN" not in chain.questions("p01")
    assert chain.questions("p02").count("RUN") == 1
    assert (chain.flow_ul_h("p01"), chain.flow_ul_h("p02")) == (0, 10_000)


@pytest.mark.hazard("H30")
def test_a_start_that_is_cut_by_the_stop_of_another_is_asked_about_and_never_written_again():
    chain = identified(6)
    chain.load("p01")
    chain.must(lambda: chain.states("p01") == {"awaiting_confirmation"})
    chain.ask("confirm", channel="p01", flow="10 mL/h", person="N. Nurse")
    chain.must(lambda: "RUN" in chain.questions("p01"))
    chain.deaf = {"p01"}  # the STOP behind it has spoilt it
    chain.ask("stop", channel="p02")
    chain.run_for(900)
    assert "dosing_unconfirmed" in chain.alarms()["p01"]
    chain.deaf = set()
    chain.run_for(10_000)
    assert chain.questions("p01").count("RUN") == 1


def test_a_dead_pump_costs_its_time_out_and_no_other_pump_is_taken_for_silent(infusing: Chain):
    infusing.deaf = {"p07"}
    others = [name for name in infusing.names if name != "p07"]
    oldest_ms = infusing.oldest_during(8_000, *others)
    print(f"oldest status of the other 19 when one is dead: {oldest_ms} ms")
    assert oldest_ms <= ROUND_MS + 2 * REPLY_MS
    assert infusing.channel("p07").link is Link.SILENT
    assert {infusing.channel(name).link for name in others} == {Link.UP}
    infusing.deaf = set()
    infusing.must(lambda: infusing.channel("p07").link is Link.UP, 4_000)


def test_a_line_cut_in_its_middle_costs_each_pump_behind_it_one_time_out_and_then_next_to_nothing():
    chain = identified()
    chain.infuse(*chain.names[:10])
    chain.run_for(2_000)
    chain.deaf = set(chain.names[10:])
    near = chain.names[:10]
    first_ms = chain.oldest_during(12_000, *near)
    then_ms = chain.oldest_during(8_000, *near)
    print(f"ten of twenty behind a cut: oldest status of the others {first_ms} ms at first, then {then_ms} ms")
    assert first_ms <= ROUND_MS + 14 * REPLY_MS
    assert then_ms <= ROUND_MS + REPLY_MS
    assert {chain.channel(name).link for name in near} == {Link.UP}


@pytest.mark.hazard("H56")
def test_stops_that_nobody_answers_leave_the_line_to_the_others_and_a_fresh_stop_goes_before_them():
    chain = identified()
    chain.infuse(*chain.names[:4])
    chain.deaf = set(chain.names[8:])
    for name in chain.names[8:]:
        chain.ask("stop", channel=name)
    chain.run_for(5_000)
    oldest_ms = chain.oldest_during(5_000, *chain.names[:4])
    backlog_ms = (chain.line_free_ns - chain.link_ns) // NS_PER_MS
    print(f"twelve stops pursued in vain: oldest status of the others {oldest_ms} ms, {backlog_ms} ms of bytes wait")
    assert oldest_ms < NOTED_NS // NS_PER_MS
    assert backlog_ms <= 12 * 30, "never more than one STOP of each"
    asked_ns = chain.link_ns
    chain.ask("stop", channel="p01")
    assert chain.written[-1].at_ns == asked_ns
    assert (chain.written[-1].channel, chain.written[-1].is_stop) == ("p01", True)
    chain.must(lambda: chain.flow_ul_h("p01") == 0, 500)
    assert [chain.flow_ul_h(name) for name in ("p00", "p02", "p03")] == [10_000] * 3


def test_twenty_programs_at_a_time_all_arrive_though_the_line_is_busy():
    chain = identified()
    chain.infuse(*chain.names)
    assert chain.alarms() == {}
