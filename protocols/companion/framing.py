"""Where a frame of the companion link begins and ends, and whether it is whole (SPEC.md section 1).

Refuses to know what a frame means: it sees content bytes, a checksum and delimiters.

    content = version u8 · type u8 · session u32 · sequence u32 · body
    frame   = COBS(content · CRC-32 of content, u32 little-endian) · 00

The decoder owns its buffer, yields every frame of what it was fed in order, and reports each one that it drops.
Between two calls it holds at most 253 bytes and no byte is searched for a delimiter twice, so the cost per byte is
bounded whatever the line sends and however it is cut.
"""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# (the cobs package carries no types; both of its functions used here take and return bytes)
from __future__ import annotations

import zlib
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from cobs import cobs

from protocols.errors import LocalProtocolError

VERSION = 1
DELIMITER = b"\0"
CRC_BYTES = 4
MIN_CONTENT_BYTES = 10  # a payload is 14 to 200 bytes long, the last four of them its CRC
MAX_CONTENT_BYTES = 196
FRAMED_BYTES = CRC_BYTES + 1  # what a frame adds to its content, delimiter aside: under 254 bytes COBS costs one
UNDELIMITED_LIMIT_BYTES = 254  # so many bytes without a delimiter are not a frame of this link


class GarbageReason(Enum):
    """Why bytes were dropped. MALFORMED is a whole frame whose content breaks section 3."""

    NOT_COBS = "not_cobs"
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    WRONG_CRC = "wrong_crc"
    WRONG_VERSION = "wrong_version"
    NO_DELIMITER = "no_delimiter"
    MALFORMED = "malformed"


@dataclass(frozen=True, slots=True)
class Garbage:
    """Bytes of the line that gave no message, delimiter not counted.

    With NO_DELIMITER more may follow: everything up to the next delimiter goes with these.
    """

    reason: GarbageReason
    dropped_bytes: int


Piece: TypeAlias = bytes | Garbage

UNDELIMITED = Garbage(GarbageReason.NO_DELIMITER, UNDELIMITED_LIMIT_BYTES)


def encode_frame(content: bytes) -> bytes:
    """The bytes on the line for `content`, delimiter included."""
    if not MIN_CONTENT_BYTES <= len(content) <= MAX_CONTENT_BYTES:
        raise LocalProtocolError(
            f"content is {len(content)} bytes, a frame takes {MIN_CONTENT_BYTES} to {MAX_CONTENT_BYTES}"
        )
    return cobs.encode(content + zlib.crc32(content).to_bytes(CRC_BYTES, "little")) + DELIMITER


class FrameDecoder:
    """Bytes in, as they come; contents and `Garbage` out, in order."""

    __slots__ = ("_dropping", "_pending", "dropped_frames", "good_frames")

    def __init__(self) -> None:
        self.good_frames = 0
        self.dropped_frames = 0
        self._pending = b""  # always empty while dropping
        self._dropping = False

    def receive(self, received: bytes) -> list[Piece]:
        """Every frame that ends in `received`, and every drop that becomes certain with it."""
        pieces: list[Piece] = []
        start = 0
        while (end := received.find(0, start)) >= 0:
            encoded = self._pending + received[start:end]
            self._pending = b""
            start = end + 1
            if self._dropping:
                self._dropping = False
            elif encoded:  # an empty frame only ends whatever was on the line before
                pieces.append(self._counted(_open(encoded)))
        if not self._dropping:
            self._pending += received[start:]
            if len(self._pending) >= UNDELIMITED_LIMIT_BYTES:
                self._pending = b""
                self._dropping = True
                pieces.append(self._counted(UNDELIMITED))
        return pieces

    @property
    def pending_bytes(self) -> int:
        """How much of an unfinished frame is held: at most 253."""
        return len(self._pending)

    def _counted(self, piece: Piece) -> Piece:
        if isinstance(piece, Garbage):
            self.dropped_frames += 1
        else:
            self.good_frames += 1
        return piece


def _open(encoded: bytes) -> Piece:
    """The content of one frame without its delimiter, if every check of section 1 holds."""
    if len(encoded) >= UNDELIMITED_LIMIT_BYTES:
        return UNDELIMITED
    try:
        payload = cobs.decode(encoded)
    except cobs.DecodeError:
        return Garbage(GarbageReason.NOT_COBS, len(encoded))
    flaw = _flaw(payload)
    return payload[:-CRC_BYTES] if flaw is None else Garbage(flaw, len(encoded))


def _flaw(payload: bytes) -> GarbageReason | None:
    if len(payload) < MIN_CONTENT_BYTES + CRC_BYTES:
        return GarbageReason.TOO_SHORT
    if len(payload) > MAX_CONTENT_BYTES + CRC_BYTES:
        return GarbageReason.TOO_LONG
    if zlib.crc32(payload[:-CRC_BYTES]) != int.from_bytes(payload[-CRC_BYTES:], "little"):
        return GarbageReason.WRONG_CRC
    return None if payload[0] == VERSION else GarbageReason.WRONG_VERSION
