"""Where a frame of the Alaris protocol begins and ends, and whether it is whole (docs/dialects/alaris.md).

Refuses to know what a frame says: it sees text between `!` and `|`, a checksum and delimiters.

    frame = `!` · text · `|` · CRC-16 of the text in four upper-case hexadecimal digits · CR

The decoder owns its buffer, yields every frame of what it was fed in order, and reports each one that it drops.
`!` begins a frame wherever it stands and ESC ends one without a frame, so that a half-written frame costs itself
and nothing of the next. Between two calls it holds fewer than 256 bytes.
"""

from __future__ import annotations

import re
from binascii import crc_hqx
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from protocols.errors import LocalProtocolError

START = b"!"
END = b"\r"
ABORT = b"\x1b"  # infupy: from the pump it ends the frame in progress
CRC_INIT = 0xFFFF  # CRC-16/CCITT-FALSE: "123456789" gives 29B1
CRC_DIGITS = 4
# The longest frame seen has 87 bytes; a drug name may add some. This is the project's bound, no document has one.
UNDELIMITED_LIMIT_BYTES = 256
FRAMED_BYTES = 2 + CRC_DIGITS  # `!`, `|` and the digits; CR is not counted, as no delimiter is
MAX_TEXT_BYTES = UNDELIMITED_LIMIT_BYTES - 1 - FRAMED_BYTES
_DELIMITER = re.compile(rb"[!\r\x1b]")
_FRAME = re.compile(rb"!([ -{}~]+)\|([0-9A-F]{4})")  # printable ASCII; `|` is not text
_TEXT = re.compile(r"[ \"-{}~]+")  # nor is `!`, which would begin another frame


class GarbageReason(Enum):
    """Why bytes were dropped. MALFORMED is a whole frame that says nothing known."""

    OUTSIDE = "outside"
    INTERRUPTED = "interrupted"
    ABORTED = "aborted"
    NOT_A_FRAME = "not_a_frame"
    WRONG_CRC = "wrong_crc"
    NO_DELIMITER = "no_delimiter"
    MALFORMED = "malformed"


@dataclass(frozen=True, slots=True)
class Garbage:
    """Bytes of the line that gave no frame, delimiters CR and ESC not counted.

    With NO_DELIMITER more may follow: everything up to the next delimiter goes with these.
    """

    reason: GarbageReason
    dropped_bytes: int


Piece: TypeAlias = str | Garbage

UNDELIMITED = Garbage(GarbageReason.NO_DELIMITER, UNDELIMITED_LIMIT_BYTES)


def checksum(text: bytes) -> bytes:
    """Four hexadecimal digits."""
    return b"%04X" % crc_hqx(text, CRC_INIT)


def encode_frame(text: str) -> bytes:
    """The bytes on the line for `text`, delimiters included."""
    if len(text) > MAX_TEXT_BYTES or not _TEXT.fullmatch(text):
        raise LocalProtocolError(f"{text!r} cannot stand in a frame: 1 to {MAX_TEXT_BYTES} printable, no ! and no |")
    encoded = text.encode("ascii")
    return START + encoded + b"|" + checksum(encoded) + END


class FrameDecoder:
    """Bytes in, as they come; texts and `Garbage` out, in order."""

    __slots__ = ("_dropping", "_pending", "dropped_frames", "good_frames")

    def __init__(self) -> None:
        self.good_frames = 0
        self.dropped_frames = 0
        self._pending = b""  # always empty while dropping
        self._dropping = False

    def receive(self, received: bytes) -> list[Piece]:
        """Every frame that ends in `received`, and every drop that becomes certain with it."""
        pieces: list[Piece] = []
        at = 0
        for found in _DELIMITER.finditer(received):
            self._hold(received[at : found.start()], pieces)
            self._end(found.group(), pieces)
            at = found.end()
        self._hold(received[at:], pieces)
        return pieces

    @property
    def pending_bytes(self) -> int:
        """How much of an unfinished frame is held: at most 255."""
        return len(self._pending)

    def _hold(self, part: bytes, pieces: list[Piece]) -> None:
        """`part` holds no delimiter."""
        if self._dropping:
            return
        self._pending += part
        if len(self._pending) >= UNDELIMITED_LIMIT_BYTES:
            self._pending = b""
            self._dropping = True
            pieces.append(self._counted(UNDELIMITED))

    def _end(self, delimiter: bytes, pieces: list[Piece]) -> None:
        line, self._pending = self._pending, START if delimiter == START else b""
        self._dropping = False
        if line:  # what was dropped is reported already; a delimiter alone ends nothing
            pieces.append(self._counted(_piece(line, delimiter)))

    def _counted(self, piece: Piece) -> Piece:
        if isinstance(piece, Garbage):
            self.dropped_frames += 1
        else:
            self.good_frames += 1
        return piece


def _piece(line: bytes, delimiter: bytes) -> Piece:
    """What stood before `delimiter`: a frame's text if every check holds."""
    if not line.startswith(START):
        return Garbage(GarbageReason.OUTSIDE, len(line))
    if delimiter == START:
        return Garbage(GarbageReason.INTERRUPTED, len(line))
    if delimiter == ABORT:
        return Garbage(GarbageReason.ABORTED, len(line))
    frame = _FRAME.fullmatch(line)
    if frame is None:
        return Garbage(GarbageReason.NOT_A_FRAME, len(line))
    if checksum(frame[1]) != frame[2]:
        return Garbage(GarbageReason.WRONG_CRC, len(line))
    return frame[1].decode("ascii")
