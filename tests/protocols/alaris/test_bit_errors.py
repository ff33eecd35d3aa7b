"""One and two wrong bits in every frame: how many make another whole frame. All are counted, and told in the docs.

Refuses to call a frame harmless: any whole frame out of a damaged one counts, whatever it says.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations
from math import comb
from pathlib import Path

import pytest

from protocols.alaris.framing import FrameDecoder
from tests.protocols.alaris.golden import REPLIES, REQUESTS, line

DOCUMENT = Path(__file__).parents[3] / "docs/dialects/alaris.md"
FRAMES = sorted(REQUESTS.keys() | REPLIES.keys())


def whole_frames_with(frame: bytes, errors: Iterable[tuple[int, ...]]) -> tuple[int, int]:
    """How many cases were tried, and how many gave any frame at all."""
    decoder = FrameDecoder()
    sent = int.from_bytes(frame, "little")
    tried = 0
    for bits in errors:
        received = sent
        for bit in bits:
            received ^= 1 << bit
        decoder.receive(received.to_bytes(len(frame), "little") + b"\r")
        tried += 1
    return tried, decoder.good_frames


def test_without_an_error_each_frame_is_whole() -> None:
    for frame in FRAMES:
        assert whole_frames_with(line(frame), [()]) == (1, 1)


@pytest.mark.hazard("H53")
@pytest.mark.parametrize("frame", FRAMES)
def test_every_one_and_two_bit_error_is_caught(frame: str) -> None:
    """No theorem: the digits of the checksum are text, and one wrong bit there can be three of the checksum."""
    bits = 8 * len(line(frame))
    assert whole_frames_with(line(frame), ((bit,) for bit in range(bits))) == (bits, 0)
    assert whole_frames_with(line(frame), combinations(range(bits), 2)) == (comb(bits, 2), 0)


@pytest.mark.parametrize("frame", ["!INF_STOP|CD57", "!INF_START|38F3"])
def test_every_three_bit_error_of_stop_and_start_is_caught(frame: str) -> None:
    """STOP that becomes something else is a STOP that is lost."""
    bits = 8 * len(line(frame))
    assert whole_frames_with(line(frame), combinations(range(bits), 3)) == (comb(bits, 3), 0)
    assert f"0 of {comb(bits, 3):,}" in DOCUMENT.read_text()


def test_the_document_has_the_number_of_cases() -> None:
    bits = [8 * len(line(frame)) for frame in FRAMES]
    assert (
        f"0 of {sum(bits):,} errors of one bit and 0 of {sum(comb(each, 2) for each in bits):,} of two"
        in DOCUMENT.read_text()
    )
