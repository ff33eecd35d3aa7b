"""The companion's side: each rule of section 2 has a test that goes red without it."""

from __future__ import annotations

import pytest

from protocols.companion import messages, session
from protocols.companion.codec import STOP_FRAME, STOPPED_FRAME, Envelope, encode
from protocols.companion.framing import DELIMITER, FrameDecoder, Garbage, GarbageReason
from protocols.companion.messages import (
    GetConfirmation,
    GetStatus,
    Identify,
    Message,
    Notice,
    Paused,
    Request,
    Start,
    Started,
    Stop,
    Stopped,
)
from protocols.companion.session import CompanionSession, Refused, Reply, Stray, Unasked
from protocols.companion.vocabulary import Alarm, NoticeCause, PumpState, RefusalReason
from protocols.errors import LocalProtocolError
from tests.protocols.companion import naive
from tests.protocols.companion.speech import START, STATUS, build

SESSION = 0x5EED_0001
NOTICE = Notice(1, 2, PumpState.STOPPED, Alarm.DOOR_OPEN, NoticeCause.ALARMS)


@pytest.fixture
def companion() -> CompanionSession:
    """Opened: its first request was sequence 1 and is answered."""
    opened = CompanionSession(SESSION)
    opened.request(GetStatus())
    opened.receive(encode(STATUS, SESSION, 1))
    assert opened.outstanding is None
    return opened


def refused(kind: int, sequence: int, reason: RefusalReason = RefusalReason.BAD_STATE, number: int = SESSION) -> bytes:
    return encode(messages.Refused(kind, reason), number, sequence)


def test_the_first_frame_and_no_other_has_a_delimiter_before_it() -> None:
    fresh = CompanionSession(SESSION)
    assert fresh.request(Identify()) == DELIMITER + encode(Identify(), SESSION, 1)
    fresh.expire()
    assert fresh.request(Identify()) == encode(Identify(), SESSION, 2)


def test_a_stop_that_comes_first_opens_the_line() -> None:
    fresh = CompanionSession(SESSION)
    assert fresh.stop() == DELIMITER + STOP_FRAME
    assert fresh.request(Identify()) == encode(Identify(), SESSION, 1)


@pytest.mark.parametrize("number", [0, -1, 1 << 32])
def test_a_session_is_a_u32_other_than_0(number: int) -> None:
    with pytest.raises(LocalProtocolError):
        CompanionSession(number)


@pytest.mark.parametrize("number", [1, 0xFFFF_FFFF])
def test_a_session_at_its_edges(number: int) -> None:
    assert CompanionSession(number).session == number


def test_sequence_rises_by_one(companion: CompanionSession) -> None:
    for sequence in (2, 3, 4):
        assert companion.request(GetStatus()) == encode(GetStatus(), SESSION, sequence)
        assert companion.receive(encode(STATUS, SESSION, sequence)) == [Reply(GetStatus(), STATUS)]


def test_sequence_ends_before_it_would_wrap(companion: CompanionSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "LAST_NUMBER", 2)
    companion.request(GetStatus())
    companion.expire()
    with pytest.raises(LocalProtocolError, match="used up"):
        companion.request(GetStatus())


def test_one_request_at_a_time(companion: CompanionSession) -> None:
    companion.request(START)
    with pytest.raises(LocalProtocolError, match="Start is still outstanding"):
        companion.request(GetStatus())
    assert companion.outstanding == START


def test_stop_waits_for_nothing_and_expects_nothing(companion: CompanionSession) -> None:
    companion.request(GetStatus())
    for _ in range(3):
        assert companion.stop() == DELIMITER + STOP_FRAME
    assert companion.receive(STOPPED_FRAME * 2) == [Stopped(), Stopped()]
    assert companion.receive(encode(STATUS, SESSION, 2)) == [Reply(GetStatus(), STATUS)]


def test_stop_is_not_swallowed_by_a_half_written_frame(companion: CompanionSession) -> None:
    pump = FrameDecoder()
    half = companion.request(START)[:9]
    assert pump.receive(half + companion.stop())[-1] == b"\x01\x0a" + bytes(8)


@pytest.mark.parametrize("message", [Stop(), STATUS, NOTICE, Stopped()])
def test_only_requests_are_asked_for(companion: CompanionSession, message: Request) -> None:
    with pytest.raises(LocalProtocolError):
        companion.request(message)
    assert companion.outstanding is None


def test_a_request_that_cannot_be_sent_uses_nothing_up(companion: CompanionSession) -> None:
    with pytest.raises(LocalProtocolError):
        companion.request(Start(bytes(8), 1 << 64))
    assert companion.outstanding is None
    assert companion.request(GetStatus()) == encode(GetStatus(), SESSION, 2)


def test_a_refusal_ends_its_request(companion: CompanionSession) -> None:
    companion.request(START)
    assert companion.receive(refused(Start.TYPE, 2)) == [Refused(START, RefusalReason.BAD_STATE)]
    assert companion.outstanding is None


STRAYS: dict[str, tuple[Message, int, int]] = {
    "an earlier sequence": (Started(START.program_id), SESSION, 1),
    "a later sequence": (Started(START.program_id), SESSION, 3),
    "another session": (Started(START.program_id), SESSION + 1, 2),
    "no session": (Started(START.program_id), 0, 0),
    "another type": (Paused(START.program_id), SESSION, 2),
    "the answer to polling": (STATUS, SESSION, 2),
    "an echo of the request": (START, SESSION, 2),
    "a refusal of another type": (messages.Refused(GetStatus.TYPE, RefusalReason.BAD_STATE), SESSION, 2),
    "a refusal of an earlier sequence": (messages.Refused(Start.TYPE, RefusalReason.BAD_STATE), SESSION, 1),
    "a refusal in another session": (messages.Refused(Start.TYPE, RefusalReason.WRONG_SESSION), SESSION - 1, 2),
}


@pytest.mark.parametrize("name", STRAYS)
def test_what_does_not_answer_is_a_stray_and_the_request_waits_on(companion: CompanionSession, name: str) -> None:
    message, number, sequence = STRAYS[name]
    companion.request(START)
    assert companion.receive(encode(message, number, sequence)) == [Stray(Envelope(number, sequence, message))]
    assert companion.outstanding == START
    assert companion.receive(encode(Started(START.program_id), SESSION, 2)) == [Reply(START, Started(START.program_id))]


def test_an_answer_counts_once(companion: CompanionSession) -> None:
    companion.request(GetStatus())
    answer = encode(STATUS, SESSION, 2)
    assert companion.receive(answer * 2) == [Reply(GetStatus(), STATUS), Stray(Envelope(SESSION, 2, STATUS))]


def test_an_answer_that_comes_after_giving_up_answers_nothing_newer(companion: CompanionSession) -> None:
    companion.request(GetStatus())
    assert companion.expire() == GetStatus()
    assert companion.outstanding is None
    late = encode(STATUS, SESSION, 2)
    assert companion.receive(late) == [Stray(Envelope(SESSION, 2, STATUS))]
    companion.request(GetStatus())
    assert companion.receive(late) == [Stray(Envelope(SESSION, 2, STATUS))]
    assert companion.outstanding == GetStatus()


def test_giving_up_on_nothing_is_nothing(companion: CompanionSession) -> None:
    assert companion.expire() is None


def test_the_pump_may_speak_up_at_any_time(companion: CompanionSession) -> None:
    companion.request(GetStatus())
    assert companion.receive(encode(NOTICE, 0, 0)) == [Unasked(NOTICE)]
    assert companion.outstanding == GetStatus()


@pytest.mark.parametrize("kind", [Stopped.TYPE, Notice.TYPE])
@pytest.mark.parametrize("numbers", [(SESSION, 0), (0, 2), (SESSION, 2)])
def test_proof_of_stillness_is_one_constant_frame(
    companion: CompanionSession, kind: int, numbers: tuple[int, int]
) -> None:
    companion.request(GetStatus())
    fields: naive.Fields = {wire.name: 1 for wire in naive.MESSAGES[kind]}
    [heard] = companion.receive(naive.write((kind, *numbers, fields)))
    assert isinstance(heard, Stray)


def test_dirt_and_broken_messages_are_garbage(companion: CompanionSession) -> None:
    companion.request(GetConfirmation())
    broken = naive.write((0x85, SESSION, 2, {"purpose": 3, "program_id": bytes(8), "token": 1, "left_ms": 1}))
    heard = companion.receive(b"Pump ready\r\n\0" + broken)
    assert heard == [
        Garbage(GarbageReason.NOT_COBS, 12),
        Garbage(GarbageReason.MALFORMED, len(broken) - 1),
    ]
    assert companion.outstanding == GetConfirmation()


def test_answers_of_every_request_are_the_types_of_the_table(companion: CompanionSession) -> None:
    """Section 3: 81 answers 01 and so on; the pairs are written out here, the session derives them."""
    pairs: dict[int, int] = {1: 0x81, 2: 0x82, 3: 0x83, 4: 0x84, 5: 0x85, 6: 0x86, 7: 0x87, 8: 0x88, 9: 0x89}
    pairs |= {0x0B: 0x8B, 0x0C: 0x8C, 0x0D: 0x8D}
    for sequence, (asked, answered) in enumerate(pairs.items(), start=2):
        request = naive.write((asked, SESSION, sequence, _some_fields(asked)))
        assert companion.request(_request(asked)) == request
        [heard] = companion.receive(naive.write((answered, SESSION, sequence, _some_fields(answered))))
        assert isinstance(heard, Reply)
        assert answered == heard.message.TYPE


def _some_fields(kind: int) -> naive.Fields:
    some: naive.Fields = {}
    for wire in naive.MESSAGES[kind]:
        some[wire.name] = b"\1" * int(wire.code[:-1]) if wire.code.endswith("s") else 1
        if wire.name in naive.TEXTS:
            some[wire.name] = "one"
    return some


def _request(kind: int) -> Request:
    return build(kind, _some_fields(kind))  # pyright: ignore[reportReturnType]  # the kinds above are requests
