"""The pump's side: sessions, duplicates and the order of checks, each with a test that goes red without it."""

from __future__ import annotations

import pytest

from protocols.companion.codec import NO_PROGRAM, STOP_FRAME, STOPPED_FRAME, encode
from protocols.companion.messages import (
    GetEvent,
    GetStatus,
    Identify,
    Message,
    ReadProgram,
    Refused,
    Request,
    Start,
    Started,
    Stop,
    Stopped,
)
from protocols.companion.pump_session import Answered, Asked, PumpSession
from protocols.companion.vocabulary import RefusalReason
from protocols.errors import LocalProtocolError
from tests.protocols.companion import naive
from tests.protocols.companion.speech import START, STATUS

OPEN = 0x5EED_0001
OTHER = 0x5EED_0002


@pytest.fixture
def pump() -> PumpSession:
    """Session OPEN is open, sequence 5 is used."""
    pump = PumpSession()
    assert pump.receive(encode(Identify(), OPEN, 5)) == [Asked(OPEN, 5, Identify())]
    return pump


def odd(kind: int, number: int, sequence: int, body: bytes = b"") -> bytes:
    """A whole frame that the codec would not send."""
    content = bytes([1, kind]) + number.to_bytes(4, "little") + sequence.to_bytes(4, "little") + body
    return naive.stuff(content + naive.crc32(content).to_bytes(4, "little")) + b"\0"


def refusal(kind: int, reason: RefusalReason, number: int, sequence: int) -> Answered:
    return Answered(encode(Refused(kind, reason), number, sequence), reason)


def test_after_power_on_no_session_is_open() -> None:
    pump = PumpSession()
    for number in (OPEN, 0):
        assert pump.receive(encode(GetStatus(), number, 1)) == [
            refusal(GetStatus.TYPE, RefusalReason.WRONG_SESSION, number, 1)
        ]


def test_identify_opens_whatever_was_open_before(pump: PumpSession) -> None:
    assert pump.receive(encode(Identify(), OTHER, 1)) == [Asked(OTHER, 1, Identify())]
    assert pump.receive(encode(GetStatus(), OTHER, 2)) == [Asked(OTHER, 2, GetStatus())]
    assert pump.receive(encode(GetStatus(), OPEN, 6)) == [refusal(GetStatus.TYPE, RefusalReason.WRONG_SESSION, OPEN, 6)]


def test_0_is_never_a_session(pump: PumpSession) -> None:
    assert pump.receive(encode(Identify(), 0, 9)) == [refusal(Identify.TYPE, RefusalReason.WRONG_SESSION, 0, 9)]
    assert pump.receive(encode(GetStatus(), OPEN, 6)) == [Asked(OPEN, 6, GetStatus())]


@pytest.mark.parametrize("request_", [GetStatus(), START, Identify()])
@pytest.mark.parametrize("sequence", [0, 1, 4, 5])
def test_a_sequence_not_above_the_last_is_dropped(pump: PumpSession, request_: Request, sequence: int) -> None:
    assert pump.receive(encode(request_, OPEN, sequence)) == []
    assert (pump.refused_count, pump.dropped_frames) == (0, 0)


@pytest.mark.parametrize("sequence", [6, 7, 0xFFFF_FFFF])
def test_a_sequence_above_the_last_counts_once(pump: PumpSession, sequence: int) -> None:
    frame = encode(START, OPEN, sequence)
    assert pump.receive(frame * 3) == [Asked(OPEN, sequence, START)]


@pytest.mark.parametrize("sequence", [0, 1, 5, 0xFFFF_FFFF])
def test_another_session_opens_at_any_sequence_and_counts_from_there(pump: PumpSession, sequence: int) -> None:
    assert pump.receive(encode(Identify(), OTHER, sequence)) == [Asked(OTHER, sequence, Identify())]
    assert pump.receive(encode(Identify(), OTHER, sequence)) == []
    later = (sequence + 1) & 0xFFFF_FFFF
    assert pump.receive(encode(GetStatus(), OTHER, later)) == ([Asked(OTHER, later, GetStatus())] if later else [])


def test_a_wrong_session_uses_no_sequence_up(pump: PumpSession) -> None:
    pump.receive(encode(GetStatus(), OTHER, 100))
    assert pump.receive(encode(GetStatus(), OPEN, 6)) == [Asked(OPEN, 6, GetStatus())]


UNKNOWN = odd(0x42, OPEN, 6)
SHORT = odd(Start.TYPE, OPEN, 6, bytes(15))


@pytest.mark.parametrize("frame", [UNKNOWN, SHORT])
def test_another_refusal_uses_its_sequence_up(pump: PumpSession, frame: bytes) -> None:
    assert [type(arrival) for arrival in pump.receive(frame)] == [Answered]
    assert pump.receive(encode(GetStatus(), OPEN, 6)) == []
    assert pump.receive(encode(GetStatus(), OPEN, 7)) == [Asked(OPEN, 7, GetStatus())]


# Section 3: session, sequence, type, length, in this order; each frame breaks the named rule and all after it.
ORDER: dict[str, tuple[bytes, list[Answered]]] = {
    "session": (odd(0x42, OTHER, 5, b"\1"), [refusal(0x42, RefusalReason.WRONG_SESSION, OTHER, 5)]),
    "sequence": (odd(0x42, OPEN, 5, b"\1"), []),
    "type": (odd(0x42, OPEN, 6, b"\1"), [refusal(0x42, RefusalReason.UNKNOWN_REQUEST, OPEN, 6)]),
    "the last type that is answered": (
        odd(0x7F, OPEN, 6),
        [refusal(0x7F, RefusalReason.UNKNOWN_REQUEST, OPEN, 6)],
    ),
    "length": (SHORT, [refusal(Start.TYPE, RefusalReason.WRONG_LENGTH, OPEN, 6)]),
    "one byte too many": (
        odd(GetStatus.TYPE, OPEN, 6, b"\0"),
        [refusal(GetStatus.TYPE, RefusalReason.WRONG_LENGTH, OPEN, 6)],
    ),
}


@pytest.mark.parametrize("name", ORDER)
def test_order_of_checks(pump: PumpSession, name: str) -> None:
    frame, expected = ORDER[name]
    assert pump.receive(frame) == expected


ECHOES: dict[str, bytes] = {
    "an answer": encode(STATUS, OPEN, 6),
    "a refusal": encode(Refused(0x42, RefusalReason.UNKNOWN_REQUEST), OPEN, 6),
    "of another session": encode(STATUS, OTHER, 6),
    "the proof of stillness": STOPPED_FRAME,
    "the first type of the pump": odd(0x80, OPEN, 6),
    "the last type": odd(0xFF, OPEN, 6, b"\1"),
}


@pytest.mark.parametrize("name", ECHOES)
def test_an_echo_is_dropped_uncounted_and_uses_no_sequence_up(pump: PumpSession, name: str) -> None:
    assert pump.receive(ECHOES[name] * 2) == []
    assert (pump.refused_count, pump.dropped_frames) == (0, 0)
    assert pump.receive(encode(GetStatus(), OPEN, 6)) == [Asked(OPEN, 6, GetStatus())]


def test_what_a_pump_says_never_makes_it_say_more(pump: PumpSession) -> None:
    said = [UNKNOWN, SHORT, odd(0x42, OTHER, 1)]
    answers = [arrival.frame for arrival in pump.receive(b"".join(said)) if isinstance(arrival, Answered)]
    assert len(answers) == 2
    assert pump.receive(b"".join(answers)) == []


def test_a_refused_identify_opens_nothing(pump: PumpSession) -> None:
    assert pump.receive(odd(Identify.TYPE, OTHER, 1, b"\1")) == [
        refusal(Identify.TYPE, RefusalReason.WRONG_LENGTH, OTHER, 1)
    ]
    assert pump.receive(encode(GetStatus(), OPEN, 6)) == [Asked(OPEN, 6, GetStatus())]


def test_stop_needs_no_session_and_is_never_a_duplicate() -> None:
    pump = PumpSession()
    assert pump.receive(STOP_FRAME * 3) == [Asked(0, 0, Stop())] * 3


@pytest.mark.parametrize("body", [b"", b"\1", bytes(186)], ids=len)
@pytest.mark.parametrize(("number", "sequence"), [(0, 0), (OPEN, 1), (OPEN, 9), (OTHER, 1)])
def test_stop_is_obeyed_whatever_else_is_in_its_frame(
    pump: PumpSession, number: int, sequence: int, body: bytes
) -> None:
    [asked] = pump.receive(odd(Stop.TYPE, number, sequence, body))
    assert isinstance(asked, Asked)
    assert pump.answer(asked, Stopped()) == STOPPED_FRAME
    assert pump.receive(encode(GetStatus(), OPEN, 6)) == [Asked(OPEN, 6, GetStatus())]


def test_an_answer_carries_the_numbers_of_its_request(pump: PumpSession) -> None:
    [asked] = pump.receive(encode(ReadProgram(), OPEN, 6))
    assert isinstance(asked, Asked)
    assert pump.answer(asked, NO_PROGRAM) == encode(NO_PROGRAM, OPEN, 6)
    assert pump.refuse(asked, RefusalReason.BAD_VALUE) == encode(Refused(0x04, RefusalReason.BAD_VALUE), OPEN, 6)


@pytest.mark.parametrize("message", [STATUS, Refused(0x04, RefusalReason.BAD_STATE), Stopped()])
def test_only_the_right_type_answers(pump: PumpSession, message: Message) -> None:
    [asked] = pump.receive(encode(ReadProgram(), OPEN, 6))
    assert isinstance(asked, Asked)
    with pytest.raises(LocalProtocolError, match="does not answer"):
        pump.answer(asked, message)  # pyright: ignore[reportArgumentType]  # the point of it


def test_stop_is_never_refused_by_the_firmware(pump: PumpSession) -> None:
    [asked] = pump.receive(STOP_FRAME)
    assert isinstance(asked, Asked)
    with pytest.raises(LocalProtocolError, match="never refused"):
        pump.refuse(asked, RefusalReason.BAD_STATE)


def test_all_refusals_count_and_the_count_stops_at_65535(pump: PumpSession) -> None:
    [asked] = pump.receive(encode(GetEvent(9), OPEN, 6))
    assert isinstance(asked, Asked)
    pump.refuse(asked, RefusalReason.NO_SUCH_EVENT)
    pump.receive(encode(GetStatus(), OTHER, 1) + odd(0x42, OPEN, 7) + odd(GetStatus.TYPE, OPEN, 8, b"\1"))
    assert pump.refused_count == 4
    pump.refused_count = 65534
    for expected in (65535, 65535):
        pump.refuse(asked, RefusalReason.NO_SUCH_EVENT)
        assert pump.refused_count == expected


def test_garbage_is_counted_and_not_answered(pump: PumpSession) -> None:
    assert pump.receive(b"noise\0" + encode(Started(bytes(8)), OPEN, 6)[3:] + encode(GetStatus(), OPEN, 6)) == [
        Asked(OPEN, 6, GetStatus())
    ]
    assert pump.dropped_frames == 2
