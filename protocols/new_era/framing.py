"""Where a packet of a New Era pump begins and ends, and whether it is whole (docs/dialects/new_era.md section 2).

Refuses to know what a packet means: it sees payload bytes, a checksum and delimiters.

    basic, to the pump     payload · CR                      basic, from the pump     STX · payload · ETX
    safe, both ways        STX · length · payload · CRC-16, high byte first · ETX

A safe packet is read by its length alone: its length byte may be 0D, its CRC may hold 02, 03 or 0D. Both decoders own
their buffers, give every packet of what they were fed in order, and report what they drop. Neither has a clock: the
owner says by `expire` that the line has been silent for as long as the maker allows inside a packet.
"""

from __future__ import annotations

import binascii
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias

from protocols.errors import LocalProtocolError

STX, ETX, CR = 0x02, 0x03, 0x0D
SAFE_OVERHEAD = 4  # the length counts itself, two CRC bytes and ETX
# A reply's payload begins with the two digits of its address. No safe packet from the pump is as long as 30 hex, the
# digit 0, so its second byte tells basic from safe. The longest reply known has 22 bytes.
MAX_REPLY_BYTES = 0x2F - SAFE_OVERHEAD
MIN_REPLY_BYTES = 3  # address and prompt
MAX_REQUEST_BYTES = 0xFF - SAFE_OVERHEAD
MAX_LINE_BYTES = 64  # of a basic request; the longest command known has 16
SILENCE_MS = 500  # inside a safe packet: then the pump drops what it has


class Mode(Enum):
    """How both ends frame what they say. SAF 0 and SAF n switch it."""

    BASIC = "basic"
    SAFE = "safe"


class GarbageReason(Enum):
    """Why bytes were dropped."""

    NOISE = "noise"  # outside any packet
    WRONG_MODE = "wrong_mode"
    WRONG_LENGTH = "wrong_length"
    WRONG_CRC = "wrong_crc"
    NO_END = "no_end"  # ETX, or CR, is not where it must be
    NOT_TEXT = "not_text"
    SILENCE = "silence"  # the rest did not come


@dataclass(frozen=True, slots=True)
class Garbage:
    """Bytes of the line that gave no packet. `claim`: what a request with a wrong CRC seems to say, and to whom."""

    reason: GarbageReason
    dropped_bytes: int
    claim: bytes = field(default=b"", compare=False)


@dataclass(frozen=True, slots=True)
class Packet:
    """One payload, and how it was framed."""

    payload: bytes
    mode: Mode


Piece: TypeAlias = Packet | Garbage


def crc(payload: bytes) -> int:
    """CCITT polynomial 1021, start 0, nothing reflected, over the payload only."""
    return binascii.crc_hqx(payload, 0)


def encode_request(payload: bytes, mode: Mode) -> bytes:
    """Bytes for the pump."""
    _must_be_text(payload)
    if len(payload) > (MAX_REQUEST_BYTES if mode is Mode.SAFE else MAX_LINE_BYTES - 1):
        raise LocalProtocolError(f"a request of {len(payload)} bytes is too long")
    return _safe(payload) if mode is Mode.SAFE else payload + bytes([CR])


def encode_reply(payload: bytes, mode: Mode) -> bytes:
    """Bytes from the pump."""
    _must_be_text(payload)
    if not MIN_REPLY_BYTES <= len(payload) <= MAX_REPLY_BYTES:
        raise LocalProtocolError(f"a reply of {len(payload)} bytes is too short or too long")
    return _safe(payload) if mode is Mode.SAFE else bytes([STX]) + payload + bytes([ETX])


class RequestDecoder:
    """The pump's end. A packet whose CRC is wrong goes whole: its inside must never be read as a basic command.

    `mode` is the pump's own: safe packets are taken in both, basic ones in basic mode only.
    """

    def __init__(self, mode: Mode = Mode.BASIC) -> None:
        self.mode = mode
        self._buffer = bytearray()

    def receive(self, received: bytes) -> list[Piece]:
        """Every packet that is complete now."""
        pieces: list[Piece] = []
        for byte in received:
            self._buffer.append(byte)
            piece = self._safe_piece() if self._buffer[0] == STX else self._basic_piece()
            if piece is not None:
                pieces.append(piece)
        return pieces

    @property
    def inside(self) -> bool:
        """Whether a safe packet has begun."""
        return bool(self._buffer) and self._buffer[0] == STX

    def expire(self) -> list[Piece]:
        """The line was silent inside a safe packet: it is dropped. A half basic line waits for ever."""
        return [self._drop(GarbageReason.SILENCE)] if self.inside else []

    def _safe_piece(self) -> Piece | None:
        buffer = self._buffer
        short = len(buffer) > 1 and buffer[1] < SAFE_OVERHEAD
        if short and self.mode is Mode.SAFE:
            return self._drop(GarbageReason.WRONG_LENGTH)
        # In basic mode what follows a length that none can have might be read as a command: not before a silence.
        length = 0xFF if short or len(buffer) < 2 else buffer[1]
        if len(buffer) < 2 or len(buffer) <= length:
            return None
        packet = bytes(buffer)
        buffer.clear()
        wrong = _wrong(packet)
        return Garbage(wrong, len(packet), packet[2:-3]) if wrong else Packet(packet[2:-3], Mode.SAFE)

    def _basic_piece(self) -> Piece | None:
        buffer = self._buffer
        if buffer[-1] == STX:  # a safe packet begins: what was half said before it is void
            piece = self._drop(GarbageReason.NOISE)
            buffer.append(STX)
            return Garbage(piece.reason, piece.dropped_bytes - 1)
        if buffer[-1] == CR:
            line = bytes(buffer[:-1])
            if self.mode is Mode.SAFE:
                return self._drop(GarbageReason.WRONG_MODE)
            if not line.isascii():
                return self._drop(GarbageReason.NOT_TEXT)
            buffer.clear()
            return Packet(line, Mode.BASIC)
        return self._drop(GarbageReason.NO_END) if len(buffer) >= MAX_LINE_BYTES else None

    def _drop(self, reason: GarbageReason) -> Garbage:
        dropped = Garbage(reason, len(self._buffer))
        self._buffer.clear()
        return dropped


class ReplyDecoder:
    """The companion's end. `mode`: only such packets are taken; None, before it is known, takes both.

    After a packet that is not whole the search goes on at the byte after its STX, so that none behind it is lost.
    """

    def __init__(self, mode: Mode | None = None) -> None:
        self.mode = mode
        self._buffer = bytearray()
        self._noise = 0

    def receive(self, received: bytes) -> list[Piece]:
        """Every packet that is complete now. Noise is reported when it ends, or when it is as long as a packet."""
        pieces: list[Piece] = []
        self._buffer += received
        self._scan(pieces)
        return pieces

    def expire(self) -> list[Piece]:
        """The line was silent: what is half there never becomes whole."""
        pieces: list[Piece] = []
        while self._buffer:  # each round drops at least the STX in front
            self._lose(GarbageReason.SILENCE, pieces)
            self._scan(pieces)
        if self._noise:
            pieces.append(self._noise_over())
        return pieces

    def _scan(self, pieces: list[Piece]) -> None:
        buffer = self._buffer
        while buffer:  # each round consumes a byte at least, or waits
            if buffer[0] != STX:
                del buffer[0]
                self._noise += 1
                if self._noise >= MAX_REPLY_BYTES:
                    pieces.append(self._noise_over())
                continue
            if self._noise:
                pieces.append(self._noise_over())
            if len(buffer) < 2:
                return
            found = self._basic() if 0x30 <= buffer[1] <= 0x39 else self._safe()
            if found is None:
                return
            if isinstance(found, GarbageReason):
                self._lose(found, pieces)
            else:
                pieces.append(found)

    def _basic(self) -> Packet | GarbageReason | None:
        buffer = self._buffer
        if self.mode is Mode.SAFE:
            return GarbageReason.WRONG_MODE
        for at in range(1, min(len(buffer), MAX_REPLY_BYTES + 2)):
            if buffer[at] == ETX:
                payload = bytes(buffer[1:at])
                if len(payload) < MIN_REPLY_BYTES:
                    return GarbageReason.WRONG_LENGTH
                del buffer[: at + 1]
                return Packet(payload, Mode.BASIC)
            if not 0x20 <= buffer[at] < 0x7F:
                return GarbageReason.NOT_TEXT
        return GarbageReason.NO_END if len(buffer) > MAX_REPLY_BYTES + 1 else None

    def _safe(self) -> Packet | GarbageReason | None:
        buffer = self._buffer
        length = buffer[1]
        if not MIN_REPLY_BYTES + SAFE_OVERHEAD <= length <= MAX_REPLY_BYTES + SAFE_OVERHEAD:
            return GarbageReason.WRONG_LENGTH
        if self.mode is Mode.BASIC:
            return GarbageReason.WRONG_MODE
        if len(buffer) <= length:
            return None
        packet = bytes(buffer[: length + 1])
        wrong = _wrong(packet)
        if wrong is not None:
            return wrong
        del buffer[: length + 1]
        return Packet(packet[2:-3], Mode.SAFE)

    def _lose(self, reason: GarbageReason, pieces: list[Piece]) -> None:
        del self._buffer[0]
        pieces.append(Garbage(reason, 1))

    def _noise_over(self) -> Garbage:
        noise, self._noise = Garbage(GarbageReason.NOISE, self._noise), 0
        return noise


def _safe(payload: bytes) -> bytes:
    return bytes([STX, len(payload) + SAFE_OVERHEAD]) + payload + crc(payload).to_bytes(2, "big") + bytes([ETX])


def _wrong(packet: bytes) -> GarbageReason | None:
    """Why this whole safe packet is none."""
    payload = packet[2:-3]
    if packet[-1] != ETX:
        return GarbageReason.NO_END
    if crc(payload) != int.from_bytes(packet[-3:-1], "big"):
        return GarbageReason.WRONG_CRC
    return None if payload.isascii() else GarbageReason.NOT_TEXT


def _must_be_text(payload: bytes) -> None:
    if not all(0x20 <= byte < 0x7F for byte in payload):
        raise LocalProtocolError(f"not printable ASCII: {payload!r}")
