"""A second decoder of the companion link, written from protocols/companion/SPEC.md alone.

Refuses to share a line with the codec of the two ends: what it reads is what a third party would read. It takes
the bytes as they come, drops what does not hold, and knows only the fields that the judges ask for.
"""

from __future__ import annotations

import struct
import zlib
from typing import NamedTuple

# Section 3: the numbers of the messages.
IDENTIFY, GET_STATUS, LOAD, READ_PROGRAM, GET_CONFIRMATION = 0x01, 0x02, 0x03, 0x04, 0x05
START, PAUSE, RESUME, RENEW, STOP, GET_EVENT = 0x06, 0x07, 0x08, 0x09, 0x0A, 0x0B
IDENTITY, STATUS, CONFIRMATION, STARTED, RESUMED, STOPPED = 0x81, 0x82, 0x85, 0x86, 0x88, 0x8A
REFUSED, NOTICE = 0xBF, 0xC0

DOSING = frozenset({START, RESUME})
READS = frozenset({IDENTIFY, GET_STATUS, READ_PROGRAM, GET_CONFIRMATION, GET_EVENT})
INFUSING, PAUSED = 3, 4  # section 4
NOT_STOPPING = 1 << 5 | 1 << 6  # section 5: reservoir_low, battery_low
WRONG_SESSION = 1

LONGEST_ENCODED = 253  # section 1: 254 bytes without a delimiter are dropped
_HEADER = struct.Struct("<BBII")
_STATUS = struct.Struct("<QIBB8sIIIIIIhIHIIIHI")
_LOAD = struct.Struct("<8s16sBIIIIBIQ")


class Said(NamedTuple):
    """One message of either side."""

    kind: int
    session: int
    sequence: int
    body: bytes


class StatusSaid(NamedTuple):
    """What the judges ask of a STATUS."""

    boot_count: int
    state: int
    program_id: bytes
    alarms: int


class ProgramSaid(NamedTuple):
    """What the judges ask of a LOAD."""

    program_id: bytes
    flow_ul_h: int
    vtbi_ul: int
    kvo_ul_h: int
    dose_ug: int


class Ear:
    """Listens to one direction of one line. Holds at most one frame's bytes."""

    def __init__(self) -> None:
        self._held = b""
        self._overlong = False

    def hear(self, received: bytes) -> list[Said]:
        """The whole messages that these bytes complete."""
        if 0 not in received:
            self._keep(received)
            return []
        first, *others = received.split(b"\0")
        ended = [b"" if self._overlong else self._held + first, *others[:-1]]
        self._held, self._overlong = b"", False
        self._keep(others[-1])
        return [said for piece in ended if (said := message(piece)) is not None]

    def _keep(self, received: bytes) -> None:
        if len(self._held) + len(received) > LONGEST_ENCODED:
            self._held, self._overlong = b"", True
        elif not self._overlong:
            self._held += received


def message(encoded: bytes) -> Said | None:
    """One frame without its delimiter; None for whatever a receiver drops."""
    if not 15 <= len(encoded) <= LONGEST_ENCODED:
        return None
    payload = _unstuffed(encoded)
    if payload is None or not 14 <= len(payload) <= 200 or payload[0] != 1:
        return None
    if zlib.crc32(payload[:-4]).to_bytes(4, "little") != payload[-4:]:
        return None
    _, kind, session, sequence = _HEADER.unpack_from(payload)
    return Said(kind, session, sequence, payload[10:-4])


def status_said(body: bytes) -> StatusSaid | None:
    """The fields of a STATUS."""
    if len(body) != _STATUS.size:
        return None
    fields = _STATUS.unpack(body)
    return StatusSaid(fields[1], fields[2], fields[4], fields[14])


def program_said(body: bytes) -> ProgramSaid | None:
    """The fields of a LOAD."""
    if len(body) != _LOAD.size:
        return None
    program_id, _, _, flow_ul_h, vtbi_ul, _, kvo_ul_h, _, _, dose_ug = _LOAD.unpack(body)
    return ProgramSaid(program_id, flow_ul_h, vtbi_ul, kvo_ul_h, dose_ug)


def notice_said(body: bytes) -> tuple[int, int] | None:
    """State and alarms of a NOTICE."""
    return (body[12], int.from_bytes(body[13:17], "little")) if len(body) == 18 else None


def _unstuffed(encoded: bytes) -> bytes | None:
    decoded = bytearray()
    at, end = 0, len(encoded)
    while at < end:
        code = encoded[at]
        following = at + code
        if code == 0 or following > end:
            return None
        decoded += encoded[at + 1 : following]
        if code != 0xFF and following < end:
            decoded.append(0)
        at = following
    return bytes(decoded)
