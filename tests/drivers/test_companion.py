"""The companion driver: one transaction, each command one frame, each answer one fact, and nothing of its own."""

from __future__ import annotations

from typing import get_args

import pytest

from protocols.companion import messages as wire
from protocols.companion.codec import STOP_FRAME, STOPPED_FRAME, encode
from protocols.companion.vocabulary import (
    RefusalReason,
)
from protocols.errors import LocalProtocolError
from pumpctl.configuration import ChannelConfiguration
from pumpctl.core.instant import NS_PER_MS, Now
from pumpctl.drivers import pump
from pumpctl.drivers.companion import REPLY_NS, CompanionDriver, load_request
from pumpctl.drivers.registry import UnknownDialect, driver_for
from tests.controller.pump_double import PumpDouble
from tests.drivers.conversation import (
    ASKED,
    LATER,
    PROGRAM,
    SESSION,
    asked,
    opened,
)

COMMANDS: list[tuple[pump.Command, wire.Message]] = [
    (pump.Identify(), wire.Identify()),
    (pump.ReadStatus(), wire.GetStatus()),
    (pump.LoadProgram(PROGRAM), load_request(PROGRAM)),
    (pump.ReadProgram(PROGRAM), wire.ReadProgram()),
    (pump.ReadConfirmation(), wire.GetConfirmation()),
    (pump.Start(b"12345678", 5), wire.Start(b"12345678", 5)),
    (pump.Resume(b"12345678", 6), wire.Resume(b"12345678", 6)),
    (pump.Pause(b"12345678"), wire.Pause(b"12345678")),
    (pump.Renew(b"12345678", 99), wire.Renew(b"12345678", 99)),
    (pump.Prime(2_000, 100_000), wire.Prime(2_000, 100_000, 0xA5)),
    (pump.ReadEvent(4), wire.GetEvent(4)),
    (pump.AcknowledgeAlarms(), wire.Acknowledge(0)),
]


def test_every_command_is_here():
    assert {type(command) for command, _ in COMMANDS} == set(get_args(pump.Command))


@pytest.mark.parametrize(("command", "request_"), COMMANDS, ids=lambda each: type(each).__name__)
def test_a_command_is_one_frame_and_holds_the_line(command: pump.Command, request_: wire.Message):
    driver = opened()
    assert not driver.busy
    sequence, message = asked(driver.command(command, ASKED))
    assert (sequence, message) == (1, request_)
    assert driver.busy
    with pytest.raises(LocalProtocolError):
        driver.command(pump.ReadStatus(), ASKED)
    assert driver.next_wake_ns() == LATER.link_ns


@pytest.mark.parametrize(("command", "_"), COMMANDS, ids=lambda each: type(each).__name__)
def test_no_answer_in_half_a_second_is_told_once_and_never_repeated(command: pump.Command, _: wire.Message):
    driver = opened()
    frame = driver.command(command, ASKED)
    assert driver.wake(Now(LATER.link_ns - 1, 0, 0)) == []
    assert driver.wake(LATER) == [pump.Unanswered(command)]
    assert driver.wake(LATER) == []
    assert not driver.busy
    assert driver.next_wake_ns() is None
    sequence, _request = asked(frame)
    (late,) = driver.receive(encode(wire.Started(b"12345678"), SESSION, sequence))
    assert isinstance(late, pump.LineNoise)


@pytest.mark.parametrize(("command", "_"), COMMANDS, ids=lambda each: type(each).__name__)
def test_a_refusal_names_command_and_reason(command: pump.Command, _: wire.Message):
    driver = opened()
    sequence, request = asked(driver.command(command, ASKED))
    facts = driver.receive(encode(wire.Refused(request.TYPE, RefusalReason.BAD_STATE), SESSION, sequence))
    assert facts == [pump.Denied(command, "bad_state")]
    assert not driver.busy


def test_a_lost_session_is_told_beside_the_refusal():
    driver = opened()
    sequence, _ = asked(driver.command(pump.ReadStatus(), ASKED))
    facts = driver.receive(encode(wire.Refused(wire.GetStatus.TYPE, RefusalReason.WRONG_SESSION), SESSION, sequence))
    assert facts == [pump.Denied(pump.ReadStatus(), "wrong_session"), pump.SessionLost()]
    assert not driver.busy


def test_without_a_link_nothing_is_asked_and_nothing_heard():
    driver = CompanionDriver()
    with pytest.raises(LocalProtocolError):
        driver.command(pump.Identify(), ASKED)
    assert driver.receive(STOPPED_FRAME) == []


def test_a_new_link_forgets_the_transaction_of_the_old_one():
    driver = opened()
    driver.command(pump.Start(b"12345678", 5), ASKED)
    driver.open(SESSION + 1)
    assert not driver.busy
    assert driver.wake(LATER) == []
    (stray,) = driver.receive(encode(wire.Started(b"12345678"), SESSION, 1))
    assert isinstance(stray, pump.LineNoise)


def test_stop_is_a_delimiter_and_the_constant_frame():
    assert CompanionDriver.stop_frame == b"\x00" + STOP_FRAME
    assert CompanionDriver.stopped_frame == STOPPED_FRAME
    driver = opened()
    driver.command(pump.ReadStatus(), ASKED)
    assert driver.receive(STOPPED_FRAME) == [pump.StopTaken()]
    assert driver.busy  # it answered no request


@pytest.mark.hazard("H54")
def test_answers_of_another_session_sequence_or_type_are_noise():
    for session, offset, answer in (
        (SESSION + 1, 0, PumpDouble().status(0)),
        (SESSION, 1, PumpDouble().status(0)),
        (SESSION, 0, wire.Started(b"12345678")),
    ):
        driver = opened()
        sequence, _ = asked(driver.command(pump.ReadStatus(), ASKED))
        (fact,) = driver.receive(encode(answer, session, sequence + offset))
        assert isinstance(fact, pump.LineNoise)
        assert driver.busy


@pytest.mark.hazard("H53")
def test_a_status_arrives_byte_by_byte_and_out_of_noise():
    driver = opened()
    sequence, _ = asked(driver.command(pump.ReadStatus(), ASKED))
    frame = b"\x05garbage\x00" + encode(PumpDouble().status(0), SESSION, sequence)
    facts = [fact for byte in frame for fact in driver.receive(bytes([byte]))]
    assert [type(fact) for fact in facts] == [pump.LineNoise, pump.StatusRead]


def test_half_a_second_is_ten_times_what_the_pump_may_take():
    assert REPLY_NS == 10 * 50 * NS_PER_MS


def test_an_unknown_dialect_is_refused_with_the_known_ones():
    with pytest.raises(UnknownDialect, match="companion"):
        driver_for(ChannelConfiguration("a", "telepathy", "SIM-0001", "patient"))
