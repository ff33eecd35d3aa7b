"""What a probe may ask: identity, and nothing that any of the simulated pumps would act upon."""

from __future__ import annotations

from dataclasses import replace

import pytest

from protocols.new_era.framing import Mode, encode_reply
from pumpctl.drivers.probes import Found, Probe, probes
from simulator.firmware.dialect import Button
from simulator.firmware.registry import DIALECTS
from simulator.instant import SimNow
from simulator.profile import PROFILES
from simulator.pump import SimPump

SESSION = 0x5EED_0001
PROBES = probes(SESSION)
NOW = SimNow(0, 0)
TIMER = "; its silence timer runs from now: it stops unless somebody speaks to it"


def powered(dialect: str) -> SimPump:
    made = DIALECTS[dialect]
    return SimPump(PROFILES[made.profile], serial=made.serial, seed=1, dialect=made)


def asked(pump: SimPump, probe: Probe) -> Found | None:
    found = Found(probe.dialect)
    for question in probe.questions:
        answer = question.read(found, pump.receive(question.asks, NOW))
        if answer is None:
            return None
        found = answer
    return found


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_first_that_answers_is_the_right_one(dialect: str) -> None:
    pump = powered(dialect)
    found = next(found for probe in PROBES if (found := asked(pump, probe)) is not None)
    assert found.dialect == dialect
    assert found.simulated in ({None} if dialect == "new_era" else {True})
    assert found.serial == ("" if dialect == "new_era" else DIALECTS[dialect].serial)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("place", range(len(PROBES)))
def test_no_question_is_an_answer_or_an_order_to_a_pump_of_another_dialect(dialect: str, place: int) -> None:
    pump = powered(dialect)
    before = pump.truth(NOW)
    found = asked(pump, PROBES[place])
    assert found is None or found.dialect == dialect
    after = pump.truth(NOW)
    acknowledged = dialect == "new_era" and PROBES[place].dialect in {"new_era", "alaris"}
    assert after == (replace(before, alarms=()) if acknowledged else before)
    assert (after.starts, after.stops_received, after.commanded_flow_ul_h) == (0, 0, 0)


@pytest.mark.parametrize("place", range(len(PROBES)))
def test_a_question_is_read_whole_bytewise_and_in_noise_and_nothing_else_answers_it(place: int) -> None:
    probe = PROBES[place]
    question = probe.questions[0]
    answer = powered(probe.dialect).receive(question.asks, NOW)
    if not answer:  # a safe packet is taken in both modes: there is always one
        pytest.fail(f"{probe.dialect} does not answer its own probe")
    found = question.read(Found(probe.dialect), answer)
    assert found is not None
    assert question.read(Found(probe.dialect), b"\xff\x00\r\x02" + b"\x00" + answer) in (found, None)
    for cut in range(len(answer) - 1):
        assert question.read(Found(probe.dialect), answer[:cut]) is None
    assert question.read(Found(probe.dialect), b"") is None
    assert question.read(Found(probe.dialect), question.asks) is None  # an echo of the line


def test_a_new_era_pump_that_holds_an_alarm_back_is_said_to_have_told_it() -> None:
    read = PROBES[0].questions[0].read
    found = read(Found("new_era"), encode_reply(b"07A?T", Mode.SAFE))
    assert found is not None
    assert found.note == f"safe mode, address 7{TIMER}; it held back the alarm A?T, which this question acknowledged"
    assert read(Found("new_era"), encode_reply(b"00S?", Mode.BASIC)) is None
    assert read(Found("new_era"), b"\x0200Z\x03") is None


@pytest.mark.parametrize(("mode", "timer"), [(Mode.SAFE, TIMER), (Mode.BASIC, "")])
def test_that_the_silence_timer_of_safe_mode_runs_from_the_question_is_said(mode: Mode, timer: str) -> None:
    found = PROBES[0].questions[0].read(Found("new_era"), encode_reply(b"00SNE1000V3.928", mode))
    assert found == Found("new_era", model="NE1000", firmware="3.928", note=f"{mode.value} mode, address 0{timer}")


def test_what_runs_goes_on_while_it_is_probed() -> None:
    """A companion pump has a new session, and no other program."""
    pump = powered("companion")
    pump.press(Button.CONFIRM, NOW)
    before = pump.truth(NOW)
    assert asked(pump, PROBES[3]) is not None
    assert pump.truth(NOW) == before
