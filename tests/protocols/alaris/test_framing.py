"""Frames: where they begin and end, what is dropped, and what a hostile line may cost."""

from __future__ import annotations

import random
import tracemalloc

import pytest

from protocols.alaris.framing import MAX_TEXT_BYTES, FrameDecoder, Garbage, GarbageReason, Piece, checksum, encode_frame
from protocols.errors import LocalProtocolError
from tests.protocols.alaris import naive

STOP = encode_frame("INF_STOP")
OTHER = encode_frame("INF_RATE^3.50^ml/h")
LONGEST_TEXT = "A" * MAX_TEXT_BYTES
LONGEST = encode_frame(LONGEST_TEXT)


def dropped(reason: GarbageReason, count: int) -> Garbage:
    return Garbage(reason, count)


# (what is on the line, what comes out of it)
CASES: dict[str, tuple[bytes, list[Piece]]] = {
    "nothing": (b"", []),
    "delimiters alone": (b"\r\r\x1b\r", []),
    "one frame": (STOP, ["INF_STOP"]),
    "two frames": (STOP + OTHER, ["INF_STOP", "INF_RATE^3.50^ml/h"]),
    "a trailing space is text": (b"!ALARM^AL_NOALM^ ^ |C73B\r", ["ALARM^AL_NOALM^ ^ "]),
    "longest": (LONGEST, [LONGEST_TEXT]),
    "256 are none": (
        b"!" + b"A" * 255 + b"\r" + STOP,
        [dropped(GarbageReason.NO_DELIMITER, 256), "INF_STOP"],
    ),
    "all up to the delimiter": (
        b"A" * 700 + b"\r" + STOP,
        [dropped(GarbageReason.NO_DELIMITER, 256), "INF_STOP"],
    ),
    "nothing in it": (b"!|FFFF\r", [dropped(GarbageReason.NOT_A_FRAME, 6)]),
    "no checksum": (b"!INF_STOP\r", [dropped(GarbageReason.NOT_A_FRAME, 9)]),
    "three digits": (b"!INF_STOP|CD5\r", [dropped(GarbageReason.NOT_A_FRAME, 13)]),
    "five digits": (b"!INF_STOP|CD570\r", [dropped(GarbageReason.NOT_A_FRAME, 15)]),
    "digits in lower case": (b"!INF_STOP|cd57\r", [dropped(GarbageReason.NOT_A_FRAME, 14)]),
    "wrong checksum": (b"!INF_STOP|CD56\r", [dropped(GarbageReason.WRONG_CRC, 14)]),
    "a bar in the text": (b"!A|B|0000\r", [dropped(GarbageReason.NOT_A_FRAME, 9)]),
    "a letter of eight bits": (b"!INF\xd3|0000\r", [dropped(GarbageReason.NOT_A_FRAME, 10)]),
    "OpenICE's slip": (b"!REMQUERY^DEACT^^^|E5C9\r", [dropped(GarbageReason.WRONG_CRC, 23)]),
    "a line feed after CR": (STOP + b"\n" + STOP, ["INF_STOP", dropped(GarbageReason.OUTSIDE, 1), "INF_STOP"]),
    "text before the frame": (b"U-Boot" + STOP, [dropped(GarbageReason.OUTSIDE, 6), "INF_STOP"]),
    "a half frame, then a whole one": (b"!INF_ST" + STOP, [dropped(GarbageReason.INTERRUPTED, 7), "INF_STOP"]),
    "a half frame, ended by CR": (b"!INF_ST\r" + STOP, [dropped(GarbageReason.NOT_A_FRAME, 7), "INF_STOP"]),
    "a frame that ESC aborts": (STOP[:-1] + b"\x1b" + STOP, [dropped(GarbageReason.ABORTED, 14), "INF_STOP"]),
    "a frame whose end was lost": (STOP[:-1] + STOP, [dropped(GarbageReason.INTERRUPTED, 14), "INF_STOP"]),
    "not ended yet": (STOP + STOP[:-1], ["INF_STOP"]),
}


def fed(parts: list[bytes]) -> tuple[list[Piece], FrameDecoder]:
    decoder = FrameDecoder()
    out = [found for part in parts for found in decoder.receive(part)]
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
    "a start": b"!",
    "half": OTHER[3:9],
    "an abort": b"\x1b",
}


@pytest.mark.hazard("H53")
@pytest.mark.parametrize("noise", NOISES)
def test_noise_before_between_and_after_costs_no_frame(noise: str) -> None:
    """No delimiter is needed between noise and frame: `!` is one."""
    dirt = NOISES[noise]
    line = dirt + dirt.join([OTHER, STOP, LONGEST]) + dirt
    for cut in range(0, len(line), 7):
        out, decoder = fed([line[:cut], line[cut:]])
        assert [piece for piece in out if isinstance(piece, str)] == ["INF_RATE^3.50^ml/h", "INF_STOP", LONGEST_TEXT]
        assert decoder.good_frames == 3
        assert decoder.dropped_frames == len(out) - 3


def test_counts_are_what_was_yielded_and_a_second_reader_agrees(seed: int) -> None:
    source = random.Random(seed)
    decoder, second = FrameDecoder(), naive.Receiver()
    out: list[Piece] = []
    heard: list[str] = []
    parts = [STOP, OTHER, STOP[:5], b"!", b"\r", b"\x1b", b"|", b"CD57", b"INF_STOP", b"A" * 254]
    for _ in range(5000):
        part = source.choice([*parts, source.randbytes(source.randint(0, 40))])
        if source.random() < 0.1:
            part = part[: source.randint(0, len(part))]
        out += decoder.receive(part)
        heard += second.feed(part)
    assert [piece for piece in out if isinstance(piece, str)] == heard
    assert decoder.good_frames == len(heard) > 0
    assert decoder.dropped_frames == sum(isinstance(piece, Garbage) for piece in out) == second.dropped > 0


@pytest.mark.hazard("H57")
def test_noise_without_delimiter_is_reported_once_and_holds_nothing() -> None:
    decoder = FrameDecoder()
    block = b"\x55" * 4096
    tracemalloc.start()
    try:
        out = [piece for _ in range(256) for piece in decoder.receive(block)]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert out == [Garbage(GarbageReason.NO_DELIMITER, 256)]
    assert decoder.pending_bytes == 0
    assert peak < 64 * 1024
    assert decoder.receive(STOP) == ["INF_STOP"]


def test_an_unfinished_frame_holds_at_most_255_bytes() -> None:
    decoder = FrameDecoder()
    for _ in range(255):
        decoder.receive(b"A")
    assert decoder.pending_bytes == 255
    decoder.receive(b"A")
    assert decoder.pending_bytes == 0


def test_noise_is_never_a_frame(seed: int) -> None:
    source = random.Random(seed)
    decoder = FrameDecoder()
    for _ in range(4_000):
        decoder.receive(source.randbytes(source.randint(1, 600)))
        assert decoder.pending_bytes < 256
    assert decoder.good_frames == 0
    assert decoder.dropped_frames > 1_000


@pytest.mark.parametrize("text", ["", "A!B", "A|B", "A\rB", "\x1b", "\xb5g", "A" * (MAX_TEXT_BYTES + 1)])
def test_a_text_that_no_frame_can_carry_is_ours_to_blame(text: str) -> None:
    with pytest.raises(LocalProtocolError):
        encode_frame(text)


def test_the_checksum_is_the_one_of_the_sheet() -> None:
    assert checksum(b"123456789") == b"29B1"
    assert naive.crc(b"123456789") == 0x29B1
    assert naive.frame("INF_STOP") == STOP == b"!INF_STOP|CD57\r"
