"""Frames: where they begin and end, what is dropped, and what a hostile line may cost."""

from __future__ import annotations

import random
import tracemalloc
import zlib

import pytest

from protocols.companion.codec import STOP_FRAME
from protocols.companion.framing import FrameDecoder, Garbage, GarbageReason, Piece, encode_frame
from protocols.errors import LocalProtocolError
from tests.protocols.companion import naive

STOP = b"\x01\x0a" + bytes(8)
OTHER = b"\x01\x02" + bytes(range(8))
LONGEST = b"\x01\x82" + bytes(194)


def sealed(content: bytes) -> bytes:
    """A frame of any length and version, its CRC right."""
    return naive.stuff(content + zlib.crc32(content).to_bytes(4, "little")) + b"\0"


def dropped(reason: GarbageReason, count: int) -> Garbage:
    return Garbage(reason, count)


WRONG_CRC = bytearray(STOP_FRAME)
WRONG_CRC[-2] ^= 1

# (what is on the line, what comes out of it)
CASES: dict[str, tuple[bytes, list[Piece]]] = {
    "nothing": (b"", []),
    "empty frames": (b"\0\0\0", []),
    "one frame": (STOP_FRAME, [STOP]),
    "two frames": (STOP_FRAME + sealed(OTHER), [STOP, OTHER]),
    "longest": (sealed(LONGEST), [LONGEST]),
    "shortest is 14": (sealed(b"\x01\x02" + bytes(7)), [dropped(GarbageReason.TOO_SHORT, 14)]),
    "nothing in it": (b"\x01\0", [dropped(GarbageReason.TOO_SHORT, 1)]),
    "longest is 200": (sealed(LONGEST + b"\1"), [dropped(GarbageReason.TOO_LONG, 202)]),
    "wrong crc": (bytes(WRONG_CRC), [dropped(GarbageReason.WRONG_CRC, 15)]),
    "version 0": (sealed(b"\0" + STOP[1:]), [dropped(GarbageReason.WRONG_VERSION, 15)]),
    "version 2": (sealed(b"\2" + STOP[1:]), [dropped(GarbageReason.WRONG_VERSION, 15)]),
    "points past its end": (b"\x09\x01\0" + STOP_FRAME, [dropped(GarbageReason.NOT_COBS, 2), STOP]),
    "253 are a frame": (b"\1" * 253 + b"\0" + STOP_FRAME, [dropped(GarbageReason.TOO_LONG, 253), STOP]),
    "254 are none": (b"\1" * 254 + b"\0" + STOP_FRAME, [dropped(GarbageReason.NO_DELIMITER, 254), STOP]),
    "all up to the delimiter": (
        b"\1" * 700 + STOP_FRAME + STOP_FRAME,
        [dropped(GarbageReason.NO_DELIMITER, 254), STOP],
    ),
    "a frame whose delimiter was lost": (
        STOP_FRAME[:-1] + STOP_FRAME + STOP_FRAME,
        [dropped(GarbageReason.WRONG_CRC, 30), STOP],
    ),
    "a half frame, ended by a lone delimiter": (
        STOP_FRAME[:7] + b"\0" + STOP_FRAME,
        [dropped(GarbageReason.TOO_SHORT, 7), STOP],
    ),
    "not ended yet": (STOP_FRAME + STOP_FRAME[:-1], [STOP]),
}


def fed(pieces: list[bytes]) -> tuple[list[Piece], FrameDecoder]:
    decoder = FrameDecoder()
    out = [found for piece in pieces for found in decoder.receive(piece)]
    return out, decoder


@pytest.mark.parametrize("name", CASES)
def test_case_whole_bytewise_and_split_anywhere(name: str) -> None:
    line, expected = CASES[name]
    assert fed([line])[0] == expected
    assert fed([line[place : place + 1] for place in range(len(line))])[0] == expected
    for cut in range(len(line) + 1):
        assert fed([line[:cut], line[cut:]])[0] == expected


NOISES = {
    "text": b"U-Boot 2020\r\n",
    "ones": b"\xff" * 40,
    "zeros": bytes(5),
    "endless": b"\x07" * 1000,
    "half": STOP_FRAME[3:9],
}


@pytest.mark.parametrize("noise", NOISES)
def test_noise_before_between_and_after_costs_no_delimited_frame(noise: str) -> None:
    dirt = NOISES[noise] + b"\0"
    frames = [sealed(OTHER), STOP_FRAME, sealed(LONGEST)]
    line = dirt + dirt.join(frames) + dirt
    for cut in range(0, len(line), 7):
        out, decoder = fed([line[:cut], line[cut:]])
        assert [piece for piece in out if isinstance(piece, bytes)] == [OTHER, STOP, LONGEST]
        assert decoder.good_frames == 3
        assert decoder.dropped_frames == len(out) - 3


def test_counts_are_what_was_yielded(seed: int) -> None:
    source = random.Random(seed)
    decoder = FrameDecoder()
    out: list[Piece] = []
    for _ in range(2000):
        out += decoder.receive(source.choice([STOP_FRAME, source.randbytes(source.randint(0, 40)), b"\0"]))
    assert decoder.good_frames == sum(isinstance(piece, bytes) for piece in out) > 0
    assert decoder.dropped_frames == sum(isinstance(piece, Garbage) for piece in out) > 0


def test_noise_without_delimiter_is_reported_once_and_holds_nothing() -> None:
    decoder = FrameDecoder()
    block = b"\x55" * 4096
    tracemalloc.start()
    try:
        out = [piece for _ in range(256) for piece in decoder.receive(block)]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert out == [Garbage(GarbageReason.NO_DELIMITER, 254)]
    assert decoder.pending_bytes == 0
    assert peak < 64 * 1024
    assert decoder.receive(b"\0" + STOP_FRAME) == [STOP]


def test_an_unfinished_frame_holds_at_most_253_bytes() -> None:
    decoder = FrameDecoder()
    for _ in range(253):
        decoder.receive(b"\1")
    assert decoder.pending_bytes == 253
    decoder.receive(b"\1")
    assert decoder.pending_bytes == 0


class Counted(bytes):
    """Bytes that count how many of them were searched for a delimiter."""

    searched = 0

    def find(self, *wanted_start: int) -> int:  # pyright: ignore[reportIncompatibleMethodOverride]  # as receive calls it
        found = super().find(*wanted_start)
        Counted.searched += (len(self) if found < 0 else found + 1) - wanted_start[1]
        return found


@pytest.mark.parametrize("block", [b"\1" * 10_000, STOP_FRAME * 600, b"\0" * 10_000])
def test_each_byte_is_searched_once(block: bytes) -> None:
    Counted.searched = 0
    FrameDecoder().receive(Counted(block))
    assert Counted.searched == len(block)


@pytest.mark.parametrize("count", [0, 9, 197])
def test_a_content_that_no_frame_can_carry_is_ours_to_blame(count: int) -> None:
    with pytest.raises(LocalProtocolError):
        encode_frame(bytes(count))


@pytest.mark.parametrize("count", [10, 196])
def test_a_frame_is_as_long_as_section_1_says(count: int) -> None:
    assert len(encode_frame(bytes([1]) * count)) == count + 6
