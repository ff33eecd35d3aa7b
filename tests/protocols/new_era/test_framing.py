"""Packets of a New Era line: fed whole, byte by byte and dirty; every byte accounted for; a second reading agrees."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from protocols.errors import LocalProtocolError
from protocols.new_era.framing import (
    MAX_REPLY_BYTES,
    Garbage,
    GarbageReason,
    Mode,
    Packet,
    Piece,
    ReplyDecoder,
    RequestDecoder,
    crc,
    encode_reply,
    encode_request,
)
from tests.protocols.new_era import naive

VECTORS = json.loads((Path(__file__).parent / "vectors.json").read_text())["vectors"]
R = GarbageReason
STOPPED_BASIC, STOPPED = encode_reply(b"00S", Mode.BASIC), encode_reply(b"00S", Mode.SAFE)
RUN_BASIC, RUN = encode_request(b"0RUN", Mode.BASIC), encode_request(b"0RUN", Mode.SAFE)
# Each holds, inside a whole packet, a byte that means something else outside: 02, 03 or 0D in length or CRC.
HAZARDOUS = [
    payload
    for payload in (f"0RAT{x}.{y}MH".encode() for x in range(1, 100) for y in range(1, 10))
    if {2, 3, 13} & {len(payload) + 4, *crc(payload).to_bytes(2, "big")}
]


def wrong_crc(packet: bytes) -> bytes:
    return packet[:-2] + bytes([packet[-2] ^ 1]) + packet[-1:]


# (how the pump is set, what the companion sends, what comes out)
TO_PUMP: dict[str, tuple[Mode, bytes, list[Piece]]] = {
    "nothing": (Mode.BASIC, b"", []),
    "basic": (Mode.BASIC, RUN_BASIC, [Packet(b"0RUN", Mode.BASIC)]),
    "an empty line asks for the state": (Mode.BASIC, b"\r", [Packet(b"", Mode.BASIC)]),
    "safe in basic mode": (Mode.BASIC, RUN, [Packet(b"0RUN", Mode.SAFE)]),
    "safe": (Mode.SAFE, RUN + RUN, [Packet(b"0RUN", Mode.SAFE)] * 2),
    "basic in safe mode": (Mode.SAFE, RUN_BASIC + RUN, [Garbage(R.WRONG_MODE, 5), Packet(b"0RUN", Mode.SAFE)]),
    "wrong crc is never read as text": (Mode.BASIC, wrong_crc(RUN) + b"\r", [Garbage(R.WRONG_CRC, 9),
        Packet(b"", Mode.BASIC)]),
    "no etx": (Mode.SAFE, RUN[:-1] + b"\r" + RUN, [Garbage(R.NO_END, 9), Packet(b"0RUN", Mode.SAFE)]),
    "a half line before a safe packet": (Mode.BASIC, b"0RAT1" + RUN, [Garbage(R.NOISE, 5), Packet(b"0RUN", Mode.SAFE)]),
    "ends of packets for a half one": (Mode.SAFE, RUN[:4] + b"\x03" * 20 + RUN, [Garbage(R.WRONG_CRC, 9),
        Garbage(R.NOISE, 15), Packet(b"0RUN", Mode.SAFE)]),
    "63 are a line": (Mode.BASIC, b" " * 63 + b"\r", [Packet(b" " * 63, Mode.BASIC)]),
    "64 are none": (Mode.BASIC, b" " * 64 + b"\r", [Garbage(R.NO_END, 64), Packet(b"", Mode.BASIC)]),
    "eight bits": (Mode.BASIC, b"\xb0RUN\r", [Garbage(R.NOT_TEXT, 5)]),
    "no length so small": (Mode.SAFE, b"\x02\x03" + RUN, [Garbage(R.WRONG_LENGTH, 2), Packet(b"0RUN", Mode.SAFE)]),
    "nor in basic mode, where what follows is not read": (Mode.BASIC, b"\x02\x03" + RUN_BASIC * 20, []),
    "longest": (Mode.SAFE, encode_request(b"0" * 251, Mode.SAFE), [Packet(b"0" * 251, Mode.SAFE)]),
}  # fmt: skip
# (what the companion expects, what the pump says, what comes out)
FROM_PUMP: dict[str, tuple[Mode | None, bytes, list[Piece]]] = {
    "nothing": (None, b"", []),
    "basic": (Mode.BASIC, STOPPED_BASIC, [Packet(b"00S", Mode.BASIC)]),
    "safe": (Mode.SAFE, STOPPED, [Packet(b"00S", Mode.SAFE)]),
    "either": (None, STOPPED + STOPPED_BASIC, [Packet(b"00S", Mode.SAFE), Packet(b"00S", Mode.BASIC)]),
    "basic where safe is due": (Mode.SAFE, STOPPED_BASIC + STOPPED, [Garbage(R.WRONG_MODE, 1), Garbage(R.NOISE, 4),
        Packet(b"00S", Mode.SAFE)]),
    "safe where basic is due": (Mode.BASIC, STOPPED + STOPPED_BASIC, [Garbage(R.WRONG_MODE, 1), Garbage(R.NOISE, 7),
        Packet(b"00S", Mode.BASIC)]),
    "wrong crc": (Mode.SAFE, wrong_crc(STOPPED) + STOPPED, [Garbage(R.WRONG_CRC, 1), Garbage(R.NOISE, 7),
        Packet(b"00S", Mode.SAFE)]),
    "two of a basic one": (Mode.BASIC, b"\x0200\x03" + STOPPED_BASIC, [Garbage(R.WRONG_LENGTH, 1), Garbage(R.NOISE, 3),
        Packet(b"00S", Mode.BASIC)]),
    "cut short, the next one whole": (Mode.BASIC, b"\x0200" + STOPPED_BASIC, [Garbage(R.NOT_TEXT, 1),
        Garbage(R.NOISE, 2), Packet(b"00S", Mode.BASIC)]),
    "a length too long swallows none": (Mode.SAFE, b"\x02\x09" + STOPPED + STOPPED, [Garbage(R.WRONG_CRC, 1),
        Garbage(R.NOISE, 1), Packet(b"00S", Mode.SAFE), Packet(b"00S", Mode.SAFE)]),
    "a length that none has": (Mode.SAFE, b"\x02\x06" + STOPPED, [Garbage(R.WRONG_LENGTH, 1), Garbage(R.NOISE, 1),
        Packet(b"00S", Mode.SAFE)]),
    "43 are a reply": (Mode.BASIC, encode_reply(b"0" * 43, Mode.BASIC), [Packet(b"0" * 43, Mode.BASIC)]),
    "44 are none": (Mode.BASIC, b"\x02" + b"0" * 44 + STOPPED_BASIC, [Garbage(R.NO_END, 1), Garbage(R.NOISE, 43),
        Garbage(R.NOISE, 1), Packet(b"00S", Mode.BASIC)]),
    "long noise is told in parts": (Mode.SAFE, b"\xff" * 100 + STOPPED, [Garbage(R.NOISE, 43), Garbage(R.NOISE, 43),
        Garbage(R.NOISE, 14), Packet(b"00S", Mode.SAFE)]),
    "eight bits": (Mode.BASIC, b"\x0200\xd3\x03" + STOPPED_BASIC, [Garbage(R.NOT_TEXT, 1), Garbage(R.NOISE, 4),
        Packet(b"00S", Mode.BASIC)]),
}  # fmt: skip


@pytest.mark.parametrize("name", TO_PUMP)
@pytest.mark.parametrize("step", [1, 2, 3, 7, 10_000])
def test_to_the_pump_however_it_is_cut(name: str, step: int) -> None:
    mode, line, pieces = TO_PUMP[name]
    decoder = RequestDecoder(mode)
    got = [piece for at in range(0, len(line), step) for piece in decoder.receive(line[at : at + step])]
    assert got == pieces


@pytest.mark.parametrize("name", FROM_PUMP)
@pytest.mark.parametrize("step", [1, 2, 3, 7, 10_000])
def test_from_the_pump_however_it_is_cut(name: str, step: int) -> None:
    mode, line, pieces = FROM_PUMP[name]
    decoder = ReplyDecoder(mode)
    got = [piece for at in range(0, len(line), step) for piece in decoder.receive(line[at : at + step])]
    assert got == pieces


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["payload"])
def test_golden_vectors(vector: dict[str, str | None]) -> None:
    payload = str(vector["payload"]).encode()
    basic, safe = bytes.fromhex(str(vector["basic_request"])), bytes.fromhex(str(vector["safe_request"]))
    assert (encode_request(payload, Mode.BASIC), encode_request(payload, Mode.SAFE)) == (basic, safe)
    assert RequestDecoder().receive(basic + safe) == [Packet(payload, Mode.BASIC), Packet(payload, Mode.SAFE)]
    if vector["safe_reply"] is None:
        return
    basic, safe = bytes.fromhex(str(vector["basic_reply"])), bytes.fromhex(str(vector["safe_reply"]))
    said = basic[1:-1]
    assert (encode_reply(said, Mode.BASIC), encode_reply(said, Mode.SAFE)) == (basic, safe)
    assert ReplyDecoder().receive(basic + safe) == [Packet(said, Mode.BASIC), Packet(said, Mode.SAFE)]


def test_the_vectors_are_all_there_and_the_check_value_is_that_of_the_polynomial() -> None:
    assert len(VECTORS) == 33
    assert crc(b"123456789") == naive.crc(b"123456789") == 0x31C3


def test_a_packet_is_read_by_its_length_whatever_its_bytes_mean_outside() -> None:
    assert len(HAZARDOUS) >= 100  # every one of eight characters and address has the length 0D
    for payload in HAZARDOUS:
        assert RequestDecoder().receive(encode_request(payload, Mode.SAFE)) == [Packet(payload, Mode.SAFE)]
        said = b"00S" + payload[4:]
        assert ReplyDecoder().receive(encode_reply(said, Mode.SAFE)) == [Packet(said, Mode.SAFE)]


def test_silence_inside_a_safe_packet_drops_it_and_a_half_line_waits() -> None:
    decoder = RequestDecoder()
    decoder.receive(RUN[:-1])
    assert decoder.inside
    assert decoder.expire() == [Garbage(R.SILENCE, 8)]
    assert decoder.receive(b"0RU") == decoder.expire() == []
    assert decoder.receive(b"N\r") == [Packet(b"0RUN", Mode.BASIC)]


def test_silence_shows_the_reply_that_a_wrong_length_had_swallowed() -> None:
    decoder = ReplyDecoder(Mode.SAFE)
    assert decoder.receive(b"\x02\x20" + STOPPED) == []
    assert decoder.expire() == [Garbage(R.SILENCE, 1), Garbage(R.NOISE, 1), Packet(b"00S", Mode.SAFE)]
    assert decoder.expire() == []


@pytest.mark.parametrize("payload", [b"", b"00", b"0" * (MAX_REPLY_BYTES + 1), b"00S\x03", b"00\xd3"])
def test_no_such_reply_is_made(payload: bytes) -> None:
    for mode in Mode:
        with pytest.raises(LocalProtocolError):
            encode_reply(payload, mode)


@pytest.mark.parametrize(("payload", "mode"), [(b"0" * 64, Mode.BASIC), (b"0" * 252, Mode.SAFE), (b"0\r", Mode.BASIC)])
def test_no_such_request_is_made(payload: bytes, mode: Mode) -> None:
    with pytest.raises(LocalProtocolError):
        encode_request(payload, mode)


def test_dirty_lines_give_what_a_second_reading_gives(seed: int) -> None:
    """Garbage before, between and after, packets cut and flipped: the same packets in order, no byte lost."""
    source = random.Random(seed)
    for _ in range(2_000):
        line = _dirty_line(source)
        decoder = ReplyDecoder()
        pieces = [piece for byte in line for piece in decoder.receive(bytes([byte]))] + decoder.expire()
        packets = [piece for piece in pieces if isinstance(piece, Packet)]
        assert [(packet.mode.value, packet.payload) for packet in packets] == naive.replies(line), line.hex()
        dropped = sum(piece.dropped_bytes for piece in pieces if isinstance(piece, Garbage))
        framed = sum(len(p.payload) + (2 if p.mode is Mode.BASIC else 5) for p in packets)
        assert dropped + framed == len(line), line.hex()


def _dirty_line(source: random.Random) -> bytes:
    line = b""
    for _ in range(source.randint(1, 5)):
        vector = source.choice(VECTORS[:-1])
        packet = bytearray.fromhex(source.choice([vector["basic_reply"], vector["safe_reply"]]))
        if source.random() < 0.3:
            packet[source.randrange(len(packet))] ^= 1 << source.randrange(8)
        if source.random() < 0.2:
            del packet[source.randrange(len(packet)) :]
        line += source.randbytes(source.randrange(4)) + bytes(packet)
    return line + source.randbytes(source.randrange(3))
