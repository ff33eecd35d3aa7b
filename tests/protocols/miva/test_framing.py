"""Frames of the MIVA link: where they begin and end, what is dropped, and what a hostile line may cost."""

from __future__ import annotations

import random

import pytest

from protocols.errors import LocalProtocolError
from protocols.miva.framing import FrameDecoder, Garbage, GarbageReason, Piece, encode_frame
from tests.protocols.miva import golden, naive

R = GarbageReason
RN = naive.frame("RN")
VINF = naive.frame("Q504D2")
LONGEST = naive.frame("L" * 160)

# (what is on the line, what comes out of it)
CASES: dict[str, tuple[bytes, list[Piece]]] = {
    "nothing": (b"", []),
    "one frame": (RN, ["RN"]),
    "two frames": (RN + VINF, ["RN", "Q504D2"]),
    "shortest": (naive.frame("0"), ["0"]),
    "no text": (b"\x0200\x03", [Garbage(R.TOO_SHORT, 4)]),
    "nothing in it": (b"\x02\x03", [Garbage(R.TOO_SHORT, 2)]),
    "longest": (LONGEST, ["L" * 160]),
    "longer": (naive.frame("L" * 161) + RN, [Garbage(R.TOO_LONG, 164), Garbage(R.OUTSIDE, 1), "RN"]),
    "wrong checksum": (b"\x02RNA1\x03" + RN, [Garbage(R.WRONG_CHECKSUM, 6), "RN"]),
    "lower-case digits": (b"\x02RNa0\x03", [Garbage(R.WRONG_CHECKSUM, 6)]),
    "a control byte": (b"\x02R\x00NA0\x03" + RN, [Garbage(R.NOT_TEXT, 3), Garbage(R.OUTSIDE, 4), "RN"]),
    "a byte above ASCII": (b"\x02R\xceA0\x03" + RN, [Garbage(R.NOT_TEXT, 3), Garbage(R.OUTSIDE, 3), "RN"]),
    "a half frame, then a whole one": (VINF[:5] + RN, [Garbage(R.BROKEN_OFF, 5), "RN"]),
    "a half frame, ended by a lone ETX": (VINF[:5] + b"\x03" + RN, [Garbage(R.WRONG_CHECKSUM, 6), "RN"]),
    "noise before a frame": (b"\r\nU-Boot" + RN, [Garbage(R.OUTSIDE, 8), "RN"]),
    "endless noise": (b"\x55" * 600 + RN, [*2 * [Garbage(R.OUTSIDE, 256)], Garbage(R.OUTSIDE, 88), "RN"]),
    "not ended yet": (RN + VINF[:-1], ["RN"]),
    "a text byte became STX": (b"\x02WT\x0202DD\x03", [Garbage(R.BROKEN_OFF, 3), Garbage(R.WRONG_CHECKSUM, 6)]),
}  # fmt: skip


def fed(pieces: list[bytes]) -> tuple[list[Piece], FrameDecoder]:
    decoder = FrameDecoder()
    return [found for piece in pieces for found in decoder.receive(piece)], decoder


@pytest.mark.parametrize("name", CASES)
def test_case_whole_bytewise_and_split_anywhere(name: str) -> None:
    line, expected = CASES[name]
    assert fed([line])[0] == expected
    assert fed([line[place : place + 1] for place in range(len(line))])[0] == expected
    for cut in range(len(line) + 1):
        assert fed([line[:cut], line[cut:]])[0] == expected


@pytest.mark.parametrize("noise", [b"text\r\n", b"\xff" * 40, bytes(5), b"\x03\x03", VINF[:6]])
def test_noise_before_between_and_after_costs_no_frame(noise: bytes) -> None:
    line = noise + noise.join([RN, VINF, LONGEST]) + noise
    for cut in range(0, len(line), 7):
        out, decoder = fed([line[:cut], line[cut:]])
        assert [piece for piece in out if isinstance(piece, str)] == ["RN", "Q504D2", "L" * 160]
        assert decoder.good_frames == 3
        assert decoder.dropped_frames == len(out) - 3


@pytest.mark.parametrize("text", golden.SHEET)
def test_the_frames_of_the_makers_driver(text: str) -> None:
    wire = bytes.fromhex(golden.SHEET[text])
    assert encode_frame(text) == wire
    assert fed([wire])[0] == [text]


def test_a_checksum_that_the_sheet_gives_alone() -> None:
    assert encode_frame(":PROTOCOL:RATE 20.0")[-3:] == b"F2\x03"


def test_a_second_decoder_reads_the_same(seed: int) -> None:
    source = random.Random(seed)
    decoder, recording, out = FrameDecoder(), b"", list[Piece]()
    for _ in range(3000):
        piece = source.choice(
            [RN, VINF, LONGEST, source.randbytes(source.randint(0, 9)), b"\x02", b"\x03", VINF[: source.randint(1, 9)]]
        )
        recording += piece
        out += decoder.receive(piece)
    found = [piece for piece in out if isinstance(piece, str)]
    assert found == naive.texts(recording)
    assert decoder.good_frames == len(found) > 500
    assert decoder.dropped_frames == len(out) - len(found) > 500
    assert decoder.pending_bytes <= 162


@pytest.mark.parametrize("text", ["", "L" * 161, "R\nN", "R\x02N", "R\x7f", "Ω"])
def test_a_text_that_no_frame_can_carry_is_ours_to_blame(text: str) -> None:
    with pytest.raises(LocalProtocolError):
        encode_frame(text)
