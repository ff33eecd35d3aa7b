"""A few wrong bits on the line never make another frame: COBS may spread an error, the CRC catches what it does."""

from __future__ import annotations

import random
from collections.abc import Iterable
from itertools import combinations

import pytest

from protocols.companion.codec import STOP_FRAME, STOPPED_FRAME, encode, sealed
from protocols.companion.framing import FrameDecoder
from protocols.companion.messages import Load, Renew, Resume
from tests.protocols.companion.speech import START, STATUS

LOAD = sealed(Load(START.program_id, bytes(16), 1, 10_000, 100_000, 12_000, 0, 1, 60_000, 2_000_000))
FRAMES = {
    "stop": STOP_FRAME,
    "stopped": STOPPED_FRAME,
    "start": encode(START, 0x5EED_0001, 42),
    "resume": encode(Resume(START.program_id, START.token), 0x5EED_0001, 43),
    "renew": encode(Renew(START.program_id, 3_660_000), 0x5EED_0001, 44),
    "load": encode(LOAD, 0x5EED_0001, 45),
    "status": encode(STATUS, 0x5EED_0001, 46),
}
SAMPLES = 60_000


def whole_frames_with(frame: bytes, errors: Iterable[tuple[int, ...]]) -> tuple[int, int]:
    """How many cases were tried, and how many gave any frame at all."""
    decoder = FrameDecoder()
    sent = int.from_bytes(frame, "little")
    tried = 0
    for bits in errors:
        received = sent
        for bit in bits:
            received ^= 1 << bit
        decoder.receive(received.to_bytes(len(frame), "little") + b"\0")
        tried += 1
    return tried, decoder.good_frames


def test_without_an_error_each_frame_is_whole() -> None:
    for frame in FRAMES.values():
        assert whole_frames_with(frame, [()]) == (1, 1)


@pytest.mark.parametrize("name", FRAMES)
def test_every_one_and_two_bit_error_is_caught(name: str) -> None:
    frame = FRAMES[name]
    bits = 8 * len(frame)
    assert whole_frames_with(frame, ((bit,) for bit in range(bits))) == (bits, 0)
    assert whole_frames_with(frame, combinations(range(bits), 2)) == (bits * (bits - 1) // 2, 0)


def test_every_three_bit_error_of_stop_is_caught() -> None:
    """STOP that becomes something else is a STOP that is lost."""
    bits = 8 * len(STOP_FRAME)
    assert whole_frames_with(STOP_FRAME, combinations(range(bits), 3)) == (bits * (bits - 1) * (bits - 2) // 6, 0)


@pytest.mark.parametrize("name", ["start", "resume", "load"])
def test_sampled_errors_of_three_to_eight_bits_are_caught(name: str, seed: int) -> None:
    source = random.Random(seed)
    bits = range(8 * len(FRAMES[name]))
    errors = (tuple(source.sample(bits, source.randint(3, 8))) for _ in range(SAMPLES))
    assert whole_frames_with(FRAMES[name], errors) == (SAMPLES, 0)


@pytest.mark.parametrize("first", FRAMES)
@pytest.mark.parametrize("second", FRAMES)
def test_a_lost_delimiter_makes_no_frame_of_two(first: str, second: str) -> None:
    decoder = FrameDecoder()
    for bit in range(8):
        decoder.receive(FRAMES[first][:-1] + bytes([1 << bit]) + FRAMES[second])
    decoder.receive(FRAMES[first][:-1] + FRAMES[second])
    assert decoder.good_frames == 0
