"""Where a frame of the MIVA link begins and ends, and whether its checksum fits (docs/dialects/miva.md section 1).

Refuses to know what a text means. Text is printable ASCII, so a delimiter can stand nowhere but at its place:

    frame = STX(02) · text · two upper-case hex digits of (sum of the text's bytes modulo 256) · ETX(03)

The decoder owns its buffer, yields every frame of what it was fed in order, and reports what it drops. It holds at
most one frame, whatever the line sends and however it is cut.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from protocols.errors import LocalProtocolError

STX = 0x02
ETX = 0x03
CHECK_DIGITS = 2
MAX_TEXT_BYTES = 160  # the longest that is known is LS: 2 letters, 8 digits of index, 128 of a block
MAX_HELD_BYTES = MAX_TEXT_BYTES + CHECK_DIGITS
OUTSIDE_LIMIT_BYTES = 256  # noise is reported in portions of this size, so that endless noise is seen
_PRINTABLE = range(0x20, 0x7F)


class GarbageReason(Enum):
    """Why bytes were dropped."""

    OUTSIDE = "outside"  # between two frames
    BROKEN_OFF = "broken_off"  # another frame began before this one ended
    NOT_TEXT = "not_text"
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    WRONG_CHECKSUM = "wrong_checksum"


@dataclass(frozen=True, slots=True)
class Garbage:
    """Bytes of the line that gave no text; STX and ETX are counted."""

    reason: GarbageReason
    dropped_bytes: int


Piece: TypeAlias = str | Garbage


def encode_frame(text: str) -> bytes:
    """The bytes on the line for `text`."""
    if not 1 <= len(text) <= MAX_TEXT_BYTES:
        raise LocalProtocolError(f"{len(text)} letters, a frame takes 1 to {MAX_TEXT_BYTES}")
    if any(ord(letter) not in _PRINTABLE for letter in text):
        raise LocalProtocolError(f"{text!r} is not printable ASCII")
    encoded = text.encode("ascii")
    return bytes([STX]) + encoded + _check_digits(encoded) + bytes([ETX])


class FrameDecoder:
    """Bytes in, as they come; texts and `Garbage` out, in order."""

    __slots__ = ("_held", "_inside", "_outside_bytes", "dropped_frames", "good_frames")

    def __init__(self) -> None:
        self.good_frames = 0
        self.dropped_frames = 0
        self._held = bytearray()  # of the frame that has begun, without its STX
        self._inside = False
        self._outside_bytes = 0

    def receive(self, received: bytes) -> list[Piece]:
        """Every frame that ends in `received`, and every drop that becomes certain with it."""
        pieces: list[Piece] = []
        for byte in received:
            if byte == STX:
                self._begin(pieces)
            elif not self._inside:
                self._skip(pieces)
            elif byte == ETX:
                self._end(_judge(bytes(self._held)), pieces)
            elif byte not in _PRINTABLE:
                self._end(Garbage(GarbageReason.NOT_TEXT, len(self._held) + 2), pieces)
            elif len(self._held) == MAX_HELD_BYTES:
                self._end(Garbage(GarbageReason.TOO_LONG, len(self._held) + 2), pieces)
            else:
                self._held.append(byte)
        return pieces

    @property
    def pending_bytes(self) -> int:
        """How much of an unfinished frame is held: at most MAX_HELD_BYTES."""
        return len(self._held)

    def _begin(self, pieces: list[Piece]) -> None:
        if self._inside:
            self._end(Garbage(GarbageReason.BROKEN_OFF, len(self._held) + 1), pieces)
        elif self._outside_bytes:
            self._end(Garbage(GarbageReason.OUTSIDE, self._outside_bytes), pieces)
        self._inside, self._outside_bytes = True, 0

    def _skip(self, pieces: list[Piece]) -> None:
        self._outside_bytes += 1
        if self._outside_bytes == OUTSIDE_LIMIT_BYTES:
            self._outside_bytes = 0
            self._end(Garbage(GarbageReason.OUTSIDE, OUTSIDE_LIMIT_BYTES), pieces)

    def _end(self, piece: Piece, pieces: list[Piece]) -> None:
        self._inside = False
        self._held.clear()
        if isinstance(piece, Garbage):
            self.dropped_frames += 1
        else:
            self.good_frames += 1
        pieces.append(piece)


def _judge(held: bytes) -> Piece:
    """The text between STX and ETX, if its checksum fits. Lower-case digits are not what this link sends."""
    text, digits = held[:-CHECK_DIGITS], held[-CHECK_DIGITS:]
    if not text:
        return Garbage(GarbageReason.TOO_SHORT, len(held) + 2)
    if digits != _check_digits(text):
        return Garbage(GarbageReason.WRONG_CHECKSUM, len(held) + 2)
    return text.decode("ascii")


def _check_digits(text: bytes) -> bytes:
    return b"%02X" % (sum(text) & 0xFF)
