"""What does not fit a message is refused: on the way out it is our fault, on the way in it is the pump's."""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest

from protocols.companion.codec import decode, encode
from protocols.companion.framing import VERSION
from protocols.companion.messages import Acknowledge, Message, Notice, Prime, Stop, Stopped
from protocols.companion.vocabulary import Alarm, NoticeCause, PumpState
from protocols.errors import LocalProtocolError, RemoteProtocolError
from tests.protocols.companion import naive
from tests.protocols.companion.speech import CLASSES, STATUS, UNNUMBERED, build, limits

ROWS = [(kind, wire) for kind, row in naive.MESSAGES.items() for wire in row]
INTEGERS = [(kind, wire) for kind, wire in ROWS if not wire.code.endswith("s")]
BYTES = [(kind, wire) for kind, wire in ROWS if wire.code.endswith("s") and wire.name not in naive.TEXTS]
NAMED = [(kind, wire) for kind, wire in ROWS if wire.allowed is not None]
NOTICE = Notice(1, 2, PumpState.IDLE, Alarm(0), NoticeCause.STATE)


def ids(rows: list[tuple[int, naive.Wire]]) -> list[str]:
    return [f"{kind:02X}-{wire.name}" for kind, wire in rows]


def least_fields(kind: int) -> naive.Fields:
    """Every field of a message at its least legal value."""
    fields: naive.Fields = {}
    for wire in naive.MESSAGES[kind]:
        least = bytes(struct.calcsize(wire.code)) if wire.code.endswith("s") else limits(wire)[0]
        fields[wire.name] = "" if wire.name in naive.TEXTS else least
    return fields


def message_with(kind: int, name: str, value: naive.Value) -> Message:
    return build(kind, least_fields(kind) | {name: value})


def content_with(kind: int, fields: naive.Fields) -> bytes:
    """What a careless pump would send: the naive reading checks nothing on its way out."""
    payload = naive.unstuff(naive.write((kind, 0, 0, least_fields(kind) | fields))[:-1])
    assert payload is not None
    return payload[:-4]


@pytest.mark.parametrize(("kind", "wire"), INTEGERS, ids=ids(INTEGERS))
def test_we_send_no_integer_outside_its_field(kind: int, wire: naive.Wire) -> None:
    least, greatest = limits(wire)
    for value in (least, greatest):
        encode(message_with(kind, wire.name, value), 0, 0)
    for value in (least - 1, greatest + 1):
        with pytest.raises(LocalProtocolError):
            encode(message_with(kind, wire.name, value), 0, 0)


@pytest.mark.parametrize(("kind", "wire"), BYTES, ids=ids(BYTES))
def test_we_neither_cut_nor_pad_bytes(kind: int, wire: naive.Wire) -> None:
    width = struct.calcsize(wire.code)
    for wrong in (0, width - 1, width + 1):
        with pytest.raises(LocalProtocolError, match=f"{wrong} bytes"):
            encode(message_with(kind, wire.name, bytes(wrong)), 0, 0)


@pytest.mark.parametrize("wrong", [1.0, "1", None, b"\1"], ids=["float", "text", "none", "bytes"])
def test_we_send_no_other_type_in_an_integer(wrong: object) -> None:
    with pytest.raises(LocalProtocolError):
        encode(replace(STATUS, uptime_ms=wrong), 1, 1)  # pyright: ignore[reportArgumentType]  # the point of it


@pytest.mark.parametrize("name", naive.TEXTS)
@pytest.mark.parametrize("text", ["", "a", "a" * 16, " ~"])
def test_a_text_that_fits_comes_back(name: str, text: str) -> None:
    message = message_with(0x81, name, text)
    encode(message, 0, 0)
    assert decode(content_with(0x81, {name: text})).message == message


@pytest.mark.parametrize("name", naive.TEXTS)
@pytest.mark.parametrize("text", ["a" * 17, "a\0b", "a\0", "\x1b[2J", "\x7f", "\u00b5"])
def test_we_send_no_text_that_does_not_fit(name: str, text: str) -> None:
    with pytest.raises(LocalProtocolError):
        encode(message_with(0x81, name, text), 0, 0)


@pytest.mark.parametrize("name", naive.TEXTS)
@pytest.mark.parametrize("raw", [b"a\0b", b"\x1b[2J", b"\x7f", b"\xb5", b"\0a"])
def test_we_believe_no_unprintable_text(name: str, raw: bytes) -> None:
    with pytest.raises(RemoteProtocolError, match="printable"):
        decode(content_with(0x81, {name: raw}))


@pytest.mark.parametrize(("kind", "wire"), NAMED, ids=ids(NAMED))
def test_we_believe_no_value_without_a_name(kind: int, wire: naive.Wire) -> None:
    least, greatest = limits(wire)
    highest = (1 << 8 * struct.calcsize("<" + wire.code)) - 1
    for value in (least, greatest):
        decode(content_with(kind, {wire.name: value}))
    for value in {greatest + 1, highest, max(least - 1, 0)} - set(range(least, greatest + 1)):
        with pytest.raises(RemoteProtocolError, match=f"type {kind:02X}"):
            decode(content_with(kind, {wire.name: value}))


def test_what_a_pump_is_asked_reaches_its_own_checks() -> None:
    """The pump answers bad_value, prime_refused and so on: its codec must not answer first."""
    for name in ("phase", "link_loss"):
        assert decode(content_with(0x03, {name: 255})).message == message_with(0x03, name, 255)
    assert decode(content_with(0x0C, {"alarms": 0xFFFF_FFFF})).message == Acknowledge(0xFFFF_FFFF)
    assert decode(content_with(0x0D, {"volume_ul": 1, "flow_ul_h": 2})).message == Prime(1, 2, 0)


@pytest.mark.parametrize("kind", sorted(CLASSES))
def test_another_length_is_no_message(kind: int) -> None:
    whole = content_with(kind, {})
    decode(whole)
    for wrong in (whole[:-1], whole + b"\0"):
        with pytest.raises(RemoteProtocolError):
            decode(wrong)


@pytest.mark.parametrize("kind", sorted(set(range(256)) - set(CLASSES)))
def test_another_type_is_no_message(kind: int) -> None:
    with pytest.raises(RemoteProtocolError, match="unknown"):
        decode(bytes([VERSION, kind]) + bytes(8))


@pytest.mark.parametrize("version", [0, 2, 255])
def test_another_version_is_no_message(version: int) -> None:
    with pytest.raises(RemoteProtocolError, match="version"):
        decode(bytes([version, 0x02]) + bytes(8))


@pytest.mark.parametrize("message", [Stop(), Stopped(), NOTICE])
def test_what_belongs_to_no_request_carries_no_number(message: Message) -> None:
    encode(message, 0, 0)
    for session, sequence in ((1, 0), (0, 1)):
        with pytest.raises(LocalProtocolError, match="session 0"):
            encode(message, session, sequence)


@pytest.mark.parametrize("kind", sorted(set(CLASSES) - set(UNNUMBERED)))
def test_session_and_sequence_are_u32(kind: int) -> None:
    message = build(kind, least_fields(kind))
    encode(message, 0xFFFF_FFFF, 0xFFFF_FFFF)
    for session, sequence in ((-1, 1), (1 << 32, 1), (1, -1), (1, 1 << 32)):
        with pytest.raises(LocalProtocolError):
            encode(message, session, sequence)
