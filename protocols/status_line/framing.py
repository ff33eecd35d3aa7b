"""Where a status line begins and ends, and whether it is whole: `<json> <crc32 hex>\\n` (docs/status-line.md).

Refuses to know what a state says, and to repair anything: a line is believed when its CRC-32 fits and it holds one JSON
object, else it is dropped and reported. A line feed ends what was before it: a line that was cut costs itself alone.
The decoder owns its buffer, holds less than MAX_LINE_BYTES of it, and yields every line of what it was fed, in order.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, NoReturn, TypeAlias, cast

from protocols.errors import LocalProtocolError

MAX_LINE_BYTES = 65_536  # line feed included: a pump with every alarm there is stays far below
_LINE = re.compile(rb"(?P<body>.*) (?P<crc>[0-9a-f]{8})", re.DOTALL)


class GarbageReason(Enum):
    """Why bytes were dropped."""

    CUT_OFF = "cut_off"  # the first bytes heard, whose beginning was not: no fault of the line
    NO_CRC = "no_crc"  # no blank and eight hex digits at its end
    WRONG_CRC = "wrong_crc"
    TOO_LONG = "too_long"  # all up to the next line feed goes with it
    NOT_A_STATE = "not_a_state"  # whole, and no JSON object: the other end speaks something else


@dataclass(frozen=True, slots=True)
class Garbage:
    """Bytes of the line that gave no state, line feed not counted."""

    reason: GarbageReason
    dropped_bytes: int


@dataclass(frozen=True, slots=True)
class State:
    """One pump's state as the daemon told it."""

    payload: Mapping[str, Any]


Piece: TypeAlias = State | Garbage


def encode_line(payload: Mapping[str, Any]) -> bytes:
    """The line for one state: ASCII alone, no line feed but the last. LocalProtocolError when it cannot be one."""
    try:
        body = json.dumps(payload, separators=(",", ":"), allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise LocalProtocolError(f"it is not JSON: {error}") from None
    line = b"%b %08x\n" % (body, zlib.crc32(body))
    if len(line) > MAX_LINE_BYTES:
        raise LocalProtocolError(f"a line of {len(line)} bytes is too long, {MAX_LINE_BYTES} are the most")
    return line


class LineDecoder:
    """Bytes in, as they come; states and `Garbage` out. A new one for each opening of the port."""

    __slots__ = ("_dropping", "_heard_an_end", "_pending", "damaged_lines", "good_lines")

    def __init__(self) -> None:
        self.good_lines = 0
        self.damaged_lines = 0  # without the one that was cut off by listening too late
        self._pending = bytearray()  # always empty while dropping
        self._dropping = False
        self._heard_an_end = False

    def receive(self, received: bytes) -> list[Piece]:
        """Every line that ends in `received`, and every drop that becomes certain with it."""
        pieces: list[Piece] = []
        *ended, rest = received.split(b"\n")
        for part in ended:
            self._keep(part, pieces)
            if self._pending:  # an empty line only ends what was on the line before
                pieces.append(self._counted(_open(bytes(self._pending))))
            self._pending.clear()
            self._dropping, self._heard_an_end = False, True
        self._keep(rest, pieces)
        return pieces

    @property
    def pending_bytes(self) -> int:
        """How much of an unfinished line is held."""
        return len(self._pending)

    def _keep(self, part: bytes, pieces: list[Piece]) -> None:
        if self._dropping:
            return
        self._pending += part[: MAX_LINE_BYTES - len(self._pending)]
        if len(self._pending) == MAX_LINE_BYTES:
            self._pending.clear()
            self._dropping = True
            pieces.append(self._counted(Garbage(GarbageReason.TOO_LONG, MAX_LINE_BYTES)))

    def _counted(self, piece: Piece) -> Piece:
        if isinstance(piece, State):
            self.good_lines += 1
            return piece
        if not self._heard_an_end:
            return Garbage(GarbageReason.CUT_OFF, piece.dropped_bytes)
        self.damaged_lines += 1
        return piece


def _open(line: bytes) -> Piece:
    """What a line without its line feed holds."""
    parts = _LINE.fullmatch(line)
    if parts is None:
        return Garbage(GarbageReason.NO_CRC, len(line))
    body = parts["body"]
    if int(parts["crc"], 16) != zlib.crc32(body):
        return Garbage(GarbageReason.WRONG_CRC, len(line))
    payload = _object(body)
    return Garbage(GarbageReason.NOT_A_STATE, len(line)) if payload is None else State(payload)


def _object(body: bytes) -> Mapping[str, Any] | None:
    try:
        payload = json.loads(body.decode("ascii"), parse_constant=_no_number)
    except (ValueError, RecursionError):
        return None
    return cast("Mapping[str, Any]", payload) if isinstance(payload, dict) else None


def _no_number(text: str) -> NoReturn:
    """NaN and Infinity are no JSON, whatever Python's reader thinks."""
    raise ValueError(text)
