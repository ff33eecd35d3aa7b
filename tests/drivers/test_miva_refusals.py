"""What the MIVA driver refuses to start, to send and to believe."""

from __future__ import annotations

from dataclasses import replace

import pytest

from protocols.miva.requests import PROTOCOL_RATE
from pumpctl.core.instant import NS_PER_MS, NS_PER_S
from pumpctl.core.program import LinkLoss, Program
from pumpctl.drivers import pump
from pumpctl.drivers.miva_scripts import REVIEW_NS
from pumpctl.drivers.pump import PumpActivity
from simulator.faults import Fault, FaultKind
from tests.drivers.miva_talk import PROGRAM, Talk, say

START = pump.Start(PROGRAM.program_id, 1)


@pytest.mark.parametrize("code", ["wrong_program", "not_read_back", "ran_already", "line_unsettled", "stopped_since"])
@pytest.mark.hazard("H29")
def test_a_start_that_may_not_leave_is_a_harmless_question(code: str) -> None:
    talk = Talk()
    talk.loaded()
    start = START
    match code:
        case "wrong_program":
            start = pump.Start(bytes(8), 1)
        case "not_read_back":
            talk.do(pump.LoadProgram(PROGRAM))
            talk.status()
        case "ran_already":
            talk.do(START)
            talk.wait(4 * NS_PER_S)
            talk.status()
        case "line_unsettled":
            talk.pump.inject(Fault(FaultKind.DROP_REPLY, 1), talk.sim_now)
            assert talk.do(pump.ReadEvent(0)) == [pump.Unanswered(pump.ReadEvent(0))]
        case _:
            talk.driver.receive(talk.stop())
            talk.do(pump.ReadStatus())
    talk.asked.clear()
    assert talk.do(start) == [pump.Denied(start, code)]
    assert talk.asked == ["RS"]


@pytest.mark.parametrize(
    "command",
    [pump.Resume(PROGRAM.program_id, 1), pump.Pause(PROGRAM.program_id), pump.Prime(1_000, 1_000),
     pump.Renew(PROGRAM.program_id, 1), pump.AcknowledgeAlarms()],
)  # fmt: skip
def test_what_the_link_cannot_do_is_denied(command: pump.Command) -> None:
    talk = Talk()
    talk.do(pump.Identify())
    talk.asked.clear()
    assert talk.do(command) == [pump.Denied(command, "not_by_link")]
    assert talk.asked == ["RS"]


@pytest.mark.hazard("H54")
def test_after_a_lost_answer_a_late_one_is_dropped_behind_a_fence() -> None:
    talk = Talk()
    talk.started()
    talk.driver.command(pump.ReadStatus(), talk.now)  # its answer is held up on the line
    late = say("RNSIM00001")
    talk.wait(500 * NS_PER_MS)
    assert talk.driver.wake(talk.now) == [pump.Unanswered(pump.ReadStatus())]
    talk.asked.clear()
    first = talk.driver.command(pump.ReadStatus(), talk.now)
    assert talk.driver.receive(late) == [pump.LineNoise("stray RN")]
    assert talk.driver.receive(talk.hear(first)) == []
    assert talk.asked == ["RS"]  # the fence
    assert talk.driver.receive(talk.hear(talk.driver.outgoing(talk.now))) == []
    assert talk.asked == ["RS", "RN"]


@pytest.mark.hazard("H56")
def test_a_late_answer_to_the_run_key_does_not_say_that_the_stop_key_was_taken() -> None:
    """Run and stop are answered alike, and for seconds after the run key the pump shows parameters and stands still."""
    talk = Talk()
    talk.loaded()
    late = talk.hear(talk.driver.command(START, talk.now))
    talk.wait(500 * NS_PER_MS)
    assert talk.driver.wake(talk.now) == [pump.Unanswered(START)]
    talk.driver.stopping(talk.now)  # and this STOP is lost
    (noise,) = talk.driver.receive(late)
    assert isinstance(noise, pump.LineNoise)
    written = talk.driver.command(pump.ReadStatus(), talk.now)
    assert talk.driver.receive(talk.hear(written)) == []  # the fence
    assert talk.driver.receive(talk.stop()) == [pump.StopTaken()] * 2


@pytest.mark.hazard("H01")
@pytest.mark.parametrize("question", ["QD", "QE", PROTOCOL_RATE, "Q0", "QC"])
def test_every_figure_that_can_be_asked_for_is_compared(question: str) -> None:
    wrong = {"QD": "QD03E9", "QE": "QE0E11", PROTOCOL_RATE: "10.25", "Q0": "Q0BOLUS", "QC": "QCMG/MIN"}
    talk = Talk()
    talk.loaded()
    written, facts = talk.driver.command(pump.ReadProgram(PROGRAM), talk.now), list[pump.Fact]()
    while talk.driver.busy:
        answer = talk.hear(written)
        facts += talk.driver.receive(say(wrong[question]) if talk.asked[-1] == question else answer)
        written = talk.driver.outgoing(talk.now)
    assert facts == [pump.ProgramRead(PROGRAM.program_id, None)]
    assert talk.do(START) == [pump.Denied(START, "not_read_back")]


@pytest.mark.hazard("H01")
def test_another_program_is_not_the_one_that_was_read_back() -> None:
    talk = Talk()
    talk.loaded()
    for other in (replace(PROGRAM, vtbi_ul=9_750), replace(PROGRAM, flow_rate_ul_h=9_750),
                  replace(PROGRAM, attempt=2, program_id=bytes(range(8)))):  # fmt: skip
        assert talk.do(pump.ReadProgram(other)) == [pump.ProgramRead(PROGRAM.program_id, None)]


@pytest.mark.parametrize(
    "unsettable",
    [replace(PROGRAM, flow_rate_ul_h=10_100), replace(PROGRAM, vtbi_ul=9_999), replace(PROGRAM, kvo_ul_h=250),
     replace(PROGRAM, link_loss=LinkLoss.STOP_AT_LEASE_END, lease_ms=60_000)],
)  # fmt: skip
def test_what_the_pump_cannot_hold_exactly_is_never_sent(unsettable: Program) -> None:
    talk = Talk()
    talk.do(pump.Identify())
    talk.asked.clear()
    assert talk.do(pump.LoadProgram(unsettable)) == [pump.Denied(pump.LoadProgram(unsettable), "not_settable")]
    assert talk.asked == ["RS"]


def test_an_upload_that_the_pump_refuses_says_why() -> None:
    talk = Talk()
    talk.started()
    load = pump.LoadProgram(PROGRAM)
    assert talk.do(load) == [pump.Denied(load, "wrong_state")]
    over = replace(PROGRAM, flow_rate_ul_h=135_250)
    fresh = Talk()
    fresh.do(pump.Identify())
    assert fresh.do(pump.LoadProgram(over)) == [pump.Denied(pump.LoadProgram(over), "data_integrity")]


def test_a_start_that_is_not_seen_in_time_is_no_start() -> None:
    talk = Talk()
    talk.loaded()
    talk.pump.inject(Fault(FaultKind.BUSY), talk.sim_now)
    assert talk.do(START) == [pump.Unanswered(START)]
    talk.pump.heal(Fault(FaultKind.BUSY), talk.sim_now)
    assert talk.do(pump.ReadStatus()) == [pump.Denied(pump.ReadStatus(), "start_under_review")]
    talk.wait(REVIEW_NS - 500 * NS_PER_MS - 1)
    assert talk.do(pump.ReadStatus()) == [pump.Denied(pump.ReadStatus(), "start_under_review")]
    talk.wait(1)
    assert talk.status().activity is PumpActivity.LOADED


def swapped(frame: bytes, start: int) -> bytes:
    """Two wrong bits that the sum does not see: a 0 that became 1, and behind it a 1 that became 0."""
    zero = frame.index(b"0", start)
    one = frame.index(b"1", zero)
    changed = frame[:zero] + b"1" + frame[zero + 1 : one] + b"0" + frame[one + 1 :]
    assert sum(changed) == sum(frame)
    return changed


@pytest.mark.hazard("H53")
@pytest.mark.parametrize("which", ["LI", "LS", "LC"])
def test_an_upload_changed_unseen_by_the_checksum_is_refused_by_the_pump(which: str) -> None:
    talk = Talk()
    talk.do(pump.Identify())
    load = pump.LoadProgram(PROGRAM)
    written, facts = talk.driver.command(load, talk.now), list[pump.Fact]()
    changed = 0
    for _ in range(11):
        if changed == 0 and written[1:3] == which.encode():
            written, changed = swapped(written, 3 if which != "LS" else 11), 1
        facts += talk.driver.receive(talk.hear(written))
        written = talk.driver.outgoing(talk.now)
    assert changed == 1
    assert isinstance(facts[-1], pump.Denied)
    assert facts[-1].command == load
    assert talk.pump.truth(talk.sim_now).program_id == ""


@pytest.mark.hazard("H53")
def test_a_read_back_changed_unseen_by_the_checksum_is_no_read_back() -> None:
    """Each row of the log that carries the prescription; the figures that are asked for have a test above."""
    for place in range(2, 18):
        talk = Talk()
        talk.do(pump.Identify())
        talk.do(pump.LoadProgram(PROGRAM))
        written, facts = talk.driver.command(pump.ReadProgram(PROGRAM), talk.now), list[pump.Fact]()
        while talk.driver.busy:
            answer = talk.hear(written)
            if talk.asked[-1] == f"RE{place:08X}":
                answer = flipped(answer)
            facts += talk.driver.receive(answer)
            written = talk.driver.outgoing(talk.now)
        (read,) = facts
        assert isinstance(read, pump.ProgramRead)
        assert read.equals is None, place


def flipped(answer: bytes) -> bytes:
    """The worst that can be: the first digit of the row another one, and a checksum that fits it."""
    text = answer[1:-3].decode()
    changed = text[:10] + ("1" if text[10] != "1" else "0") + text[11:]
    return say(changed)
