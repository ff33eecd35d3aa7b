"""Safe mode catches every one and two wrong bits; basic mode does not, and the notes say how much it lets through."""

from __future__ import annotations

from pathlib import Path

import pytest

from protocols.new_era.framing import Mode
from tests.protocols.new_era.bit_errors import REPLIES, REQUESTS, count, meanings, table

NOTES = Path(__file__).parents[3] / "docs" / "dialects" / "new_era.md"
KINDS = {**{f"to {k}": (v, False) for k, v in REQUESTS.items()}, **{f"from {k}": (v, True) for k, v in REPLIES.items()}}


@pytest.mark.parametrize("wrong_bits", [1, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_no_safe_packet_becomes_another(kind: str, wrong_bits: int) -> None:
    payload, from_pump = KINDS[kind]
    tally = count(payload, Mode.SAFE, from_pump=from_pump, wrong_bits=wrong_bits)
    assert (tally.other, tally.none) == (0, tally.tried)


def test_a_basic_packet_often_does() -> None:
    assert count(b"0RUN", Mode.BASIC, from_pump=False, wrong_bits=1).other == 25


QUESTIONS = ["", "DIS", "RAT", "VOL", "DIA", "DIR", "FUN", "PHN", "PHN1", "PHN2", "SAF", "VER"]


@pytest.mark.parametrize("question", QUESTIONS)
def test_two_wrong_bits_make_run_of_no_question_but_one(question: str) -> None:
    """As the notes say: FUN is that one, in basic mode."""
    runs = {bits for bits in (1, 2) if any("RUN" in meaning for meaning in meanings(f"0{question}".encode(), bits))}
    assert runs == ({2} if question == "FUN" else set())


def test_without_an_error_each_packet_is_what_it_was() -> None:
    for payload, from_pump in KINDS.values():
        for mode in Mode:
            tally = count(payload, mode, from_pump=from_pump, wrong_bits=0)
            assert (tally.tried, tally.other, tally.none) == (1, 0, 0)


def test_the_notes_hold_these_numbers() -> None:
    assert table() in NOTES.read_text(), f"docs/dialects/new_era.md should hold:\n{table()}"
