"""The most that falls in any rolling window, added up the second time.

Refuses to know what is added: milligrams, millilitres. Windows are half-open (t - W, t]; what runs is spread at its
rate; an uncertain piece counts whole in every window it touches (clinical.md section 1). Windows that are over when the
order is judged are left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Piece:
    """`whole`: counts entirely wherever it counts at all. Equal start and end: given at once."""

    start_us: int
    end_us: int
    amount: Fraction
    whole: bool = False


def largest(pieces: Iterable[Piece], window_us: int, from_us: int) -> Fraction:
    """In windows that end at `from_us` or later.

    The sum is linear between the instants at which a piece begins, ends, or leaves: one of these has the most.
    """
    every = [piece for piece in pieces if piece.amount > 0 and piece.end_us > from_us - window_us]
    ends = {from_us, *(end for piece in every for end in _edges(piece, window_us) if end > from_us)}
    return max((_sum(mix) for mix in {_mix(every, end, window_us) for end in ends}), default=Fraction(0))


def _edges(piece: Piece, window_us: int) -> Iterable[int]:
    """Where the sum bends; where a piece leaves at once, the last instant before that too."""
    spread = (piece.start_us, piece.end_us, piece.start_us + window_us, piece.end_us + window_us)
    return (*spread, piece.end_us + window_us - 1) if _is_lump(piece) else spread


Mix: TypeAlias = frozenset[tuple[Fraction, int, int]]  # amount of a piece, microseconds inside, microseconds it takes


def _mix(every: list[Piece], end_us: int, window_us: int) -> Mix:
    """What is inside, equal pieces taken together: most windows of a regular schedule hold the same."""
    start_us = end_us - window_us
    inside: dict[tuple[Fraction, int], int] = {}
    for piece in every:
        if piece.start_us > end_us or piece.end_us < start_us:
            continue
        if _is_lump(piece):
            part, whole = int(piece.end_us > start_us), 1
        else:
            part = min(piece.end_us, end_us) - max(piece.start_us, start_us)
            whole = piece.end_us - piece.start_us
        inside[piece.amount, whole] = inside.get((piece.amount, whole), 0) + part
    return frozenset((amount, part, whole) for (amount, whole), part in inside.items())


def _is_lump(piece: Piece) -> bool:
    return piece.whole or piece.start_us == piece.end_us


def _sum(mix: Mix) -> Fraction:
    return sum((amount * part / whole for amount, part, whole in mix), Fraction(0))
