"""Frames of the companion link, written a second time from SPEC.md alone, as plainly as possible.

Refuses to know the product's own codec (the point is that two people read one text), what any message means,
and time. Numbers are ints, text is str, byte fields are hex strings: the form that vectors.json holds.
"""

import struct
import zlib
from dataclasses import dataclass
from typing import Final

type_number: Final[dict[str, int]] = {}
type_name: Final[dict[int, str]] = {}
layout: Final[dict[str, dict[str, str]]] = {}

Fields = dict[str, int | str]

# One row of SPEC.md section 3 a line. Letters as in struct; xN is N bytes, tN is ASCII padded with NUL to N bytes.
_TABLE = """
01 IDENTIFY
02 GET_STATUS
03 LOAD program_id:x8 digest:x16 phase:B flow_ul_h:I vtbi_ul:I flow_limit_ul_h:I kvo_ul_h:I link_loss:B lease_ms:I \
dose_ug:Q
04 READ_PROGRAM
05 GET_CONFIRMATION
06 START program_id:x8 token:Q
07 PAUSE program_id:x8
08 RESUME program_id:x8 token:Q
09 RENEW program_id:x8 until_uptime_ms:Q
0A STOP
0B GET_EVENT index:I
0C ACKNOWLEDGE alarms:I
0D PRIME volume_ul:I flow_ul_h:I not_connected:B
81 IDENTITY model:t16 serial:t16 firmware:t16 flags:H boot_count:I uptime_ms:Q min_flow_ul_h:I max_flow_ul_h:I \
flow_step_ul_h:I reservoir_ul:I volume_step_ul:I accuracy_permille:H max_lease_ms:I token_life_ms:I event_ring:H \
idle_pressure_mmhg:h kvo_min_ul_h:H
82 STATUS uptime_ms:Q boot_count:I state:B flags:B program_id:x8 commanded_flow_ul_h:I measured_flow_ul_h:I motor_ul:I \
encoder_ul:I flow_ul:I program_ul:I pressure_mmhg:h reservoir_ul:I battery_permille:H alarms:I event_count:I \
lease_left_ms:I refused_count:H dropped_frames:I
83 LOADED program_id:x8 digest:x16
84 PROGRAM program_id:x8 digest:x16 phase:B flow_ul_h:I vtbi_ul:I flow_limit_ul_h:I kvo_ul_h:I link_loss:B lease_ms:I \
dose_ug:Q
85 CONFIRMATION purpose:B program_id:x8 token:Q left_ms:I
86 STARTED program_id:x8
87 PAUSED program_id:x8
88 RESUMED program_id:x8
89 RENEWED until_uptime_ms:Q
8A STOPPED
8B EVENT index:I uptime_ms:Q kind:B detail:I program_id:x8
8C ACKNOWLEDGED alarms:I
8D PRIMED
BF REFUSED request_type:B reason:H
C0 NOTICE uptime_ms:Q event_count:I state:B alarms:I cause:B
"""
for _line in _TABLE.replace("\\\n", "").split("\n")[1:-1]:
    _number, _name, *_columns = _line.split()
    layout[_name] = {}
    type_number[_name], type_name[int(_number, 16)] = int(_number, 16), _name
    for _column in _columns:
        _field, _kind = _column.split(":")
        layout[_name][_field] = _kind


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame that arrived whole; its body is not looked into yet."""

    type: int
    session: int
    sequence: int
    body: bytes


def size(kind: str) -> int:
    return int(kind[1:]) if kind[0] in "xt" else struct.calcsize("<" + kind)


def body_length(name: str) -> int:
    return sum(size(kind) for kind in layout[name].values())


def pack(name: str, fields: Fields) -> bytes:
    assert fields.keys() == layout[name].keys(), f"{name} needs exactly {list(layout[name])}"
    return b"".join(_pack_one(kind, fields[field]) for field, kind in layout[name].items())


def _pack_one(kind: str, value: int | str) -> bytes:
    if isinstance(value, int):
        return struct.pack("<" + kind, value)
    if kind[0] == "t":
        return value.encode("ascii").ljust(size(kind), b"\0")
    assert len(value) == 2 * size(kind)
    return bytes.fromhex(value)


def unpack(name: str, body: bytes) -> Fields:
    fields: Fields = {}
    for field, kind in layout[name].items():
        raw, body = body[: size(kind)], body[size(kind) :]
        match kind[0]:
            case "x":
                fields[field] = raw.hex()
            case "t":
                fields[field] = raw.rstrip(b"\0").decode("ascii")
            case _:
                fields[field] = struct.unpack("<" + kind, raw)[0]
    return fields


def checksum(inside: bytes) -> bytes:
    return struct.pack("<I", zlib.crc32(inside))


def payload(type_: int, session: int, sequence: int, body: bytes, version: int = 1) -> bytes:
    inside = struct.pack("<BBII", version, type_, session, sequence) + body
    return inside + checksum(inside)


def frame(name: str, session: int, sequence: int, fields: Fields) -> bytes:
    return stuff(payload(type_number[name], session, sequence, pack(name, fields))) + b"\0"


def stuff(plain: bytes) -> bytes:
    """COBS: a run of up to 254 bytes other than 0 is led by its length plus one; a shorter run stands for its 0 too."""
    out = bytearray()
    for run in plain.split(b"\0"):
        whole = len(run) // 254 * 254
        for at in range(0, whole, 254):
            out += b"\xff" + run[at : at + 254]
        out += bytes([len(run) - whole + 1]) + run[whole:]
    return bytes(out)


def unstuff(stuffed: bytes) -> bytes | None:
    """The plain bytes, or None where a length points past the end."""
    out = bytearray()
    at = 0
    while at < len(stuffed):  # ends: every round moves on by at least one
        length = stuffed[at]
        if length == 0 or at + length > len(stuffed):
            return None
        out += stuffed[at + 1 : at + length]
        at += length
        if length < 255 and at < len(stuffed):
            out.append(0)
    return bytes(out)


class Receiver:
    """Bytes of a line to frames; counts what it drops. Holds at most 254 bytes (section 1)."""

    def __init__(self) -> None:
        self.dropped: int = 0
        self._line: bytearray = bytearray()
        self._skipping: bool = False

    def feed(self, incoming: bytes) -> list[Frame]:
        frames: list[Frame] = []
        for byte in incoming:
            if byte != 0:
                self._hold(byte)
                continue
            if self._line and (found := _whole(bytes(self._line))):
                frames.append(found)
            elif self._line:
                self.dropped += 1
            self._line.clear()
            self._skipping = False
        return frames

    def _hold(self, byte: int) -> None:
        if self._skipping:
            return
        self._line.append(byte)
        if len(self._line) == 254:
            self._line.clear()
            self._skipping = True
            self.dropped += 1


def _whole(stuffed: bytes) -> Frame | None:
    plain = unstuff(stuffed)
    if plain is None or not 14 <= len(plain) <= 200 or plain[0] != 1:
        return None
    if plain[-4:] != checksum(plain[:-4]):
        return None
    _, type_, session, sequence = struct.unpack("<BBII", plain[:10])
    return Frame(type_, session, sequence, plain[10:-4])
