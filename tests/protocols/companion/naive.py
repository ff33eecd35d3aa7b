"""A second, slow reading of the companion link, to catch what both ends of the codec would get wrong together.

Refuses to know the codec: own tables, hand-written COBS, CRC bit by bit, plain struct, the whole stream at once.
A message is a tuple (type, session, sequence, fields by name); a stream yields those that are valid and nothing else.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

Value = int | bytes | str
Fields = dict[str, Value]
Told = tuple[int, int, int, Fields]


@dataclass(frozen=True)
class Wire:
    """One field: its name, its struct letter, and what may stand in it (None: whatever fits)."""

    name: str
    code: str
    allowed: range | None = None


def _row(text: str) -> tuple[Wire, ...]:
    """`name:code` or `name:code:end`, where the values 0 to end - 1 have names; `first-end` starts elsewhere."""
    wires: list[Wire] = []
    for word in text.split():
        name, code, *bounds = word.split(":")
        first, end = (bounds[0].split("-") if "-" in bounds[0] else ["0", bounds[0]]) if bounds else ["0", "0"]
        wires.append(Wire(name, code, range(int(first), int(end)) if bounds else None))
    return tuple(wires)


_PROGRAM = (
    "program_id:8s digest:16s phase:B{two} flow_ul_h:I vtbi_ul:I flow_limit_ul_h:I kvo_ul_h:I link_loss:B{two}"
    " lease_ms:I dose_ug:Q"
)
MESSAGES: dict[int, tuple[Wire, ...]] = {
    0x01: (),
    0x02: (),
    0x03: _row(_PROGRAM.format(two="")),
    0x04: (),
    0x05: (),
    0x06: _row("program_id:8s token:Q"),
    0x07: _row("program_id:8s"),
    0x08: _row("program_id:8s token:Q"),
    0x09: _row("program_id:8s until_uptime_ms:Q"),
    0x0A: (),
    0x0B: _row("index:I"),
    0x0C: _row("alarms:I"),
    0x0D: _row("volume_ul:I flow_ul_h:I not_connected:B"),
    0x81: _row(
        "model:16s serial:16s firmware:16s flags:H:16 boot_count:I uptime_ms:Q min_flow_ul_h:I max_flow_ul_h:I"
        " flow_step_ul_h:I reservoir_ul:I volume_step_ul:I accuracy_permille:H max_lease_ms:I token_life_ms:I"
        " event_ring:H idle_pressure_mmhg:h kvo_min_ul_h:H"
    ),
    0x82: _row(
        "uptime_ms:Q boot_count:I state:B:8 flags:B:64 program_id:8s commanded_flow_ul_h:I measured_flow_ul_h:I"
        " motor_ul:I encoder_ul:I flow_ul:I program_ul:I pressure_mmhg:h reservoir_ul:I battery_permille:H"
        " alarms:I:8192 event_count:I lease_left_ms:I refused_count:H dropped_frames:I"
    ),
    0x83: _row("program_id:8s digest:16s"),
    0x84: _row(_PROGRAM.format(two=":2")),
    0x85: _row("purpose:B:3 program_id:8s token:Q left_ms:I"),
    0x86: _row("program_id:8s"),
    0x87: _row("program_id:8s"),
    0x88: _row("program_id:8s"),
    0x89: _row("until_uptime_ms:Q"),
    0x8A: (),
    0x8B: _row("index:I uptime_ms:Q kind:B:1-13 detail:I program_id:8s"),
    0x8C: _row("alarms:I:8192"),
    0x8D: (),
    0xBF: _row("request_type:B reason:H:1-19"),
    0xC0: _row("uptime_ms:Q event_count:I state:B:8 alarms:I:8192 cause:B:1-4"),
}
TEXTS = ("model", "serial", "firmware")


def crc32(text: bytes) -> int:
    """CRC-32 of IEEE 802.3, reflected, one bit at a time."""
    register = 0xFFFFFFFF
    for byte in text:
        register ^= byte
        for _ in range(8):
            register = (register >> 1) ^ (0xEDB88320 if register & 1 else 0)
    return register ^ 0xFFFFFFFF


def stuff(payload: bytes) -> bytes:
    """COBS."""
    stuffed = b""
    for group in payload.split(b"\0"):
        rest = group
        while len(rest) >= 254:
            stuffed += b"\xff" + rest[:254]
            rest = rest[254:]
        stuffed += bytes([len(rest) + 1]) + rest
    return stuffed


def unstuff(encoded: bytes) -> bytes | None:
    """COBS undone, or None."""
    payload = b""
    place = 0
    while place < len(encoded):
        code = encoded[place]
        group = encoded[place + 1 : place + code]
        if len(group) != code - 1 or 0 in group or code == 0:
            return None
        payload += group
        place += code
        if place < len(encoded) and code != 0xFF:
            payload += b"\0"
    return payload


def write(told: Told) -> bytes:
    """The frame on the line."""
    kind, session, sequence, fields = told
    payload = bytes([1, kind]) + struct.pack("<II", session, sequence)
    for wire in MESSAGES[kind]:
        value = fields[wire.name]
        payload += struct.pack("<" + wire.code, value.encode() if isinstance(value, str) else value)
    return stuff(payload + struct.pack("<I", crc32(payload))) + b"\0"


def read(stream: bytes) -> list[Told]:
    """Every valid message of a stream that starts between two frames."""
    complete = stream.split(b"\0")[:-1]
    return [told for encoded in complete if 0 < len(encoded) < 254 and (told := _read_one(encoded)) is not None]


def _read_one(encoded: bytes) -> Told | None:
    payload = unstuff(encoded)
    if payload is None or not 14 <= len(payload) <= 200 or payload[0] != 1:
        return None
    if struct.unpack("<I", payload[-4:])[0] != crc32(payload[:-4]):
        return None
    kind, session, sequence = struct.unpack("<BII", payload[1:10])
    fields = _read_fields(kind, payload[10:-4])
    return None if fields is None else (kind, session, sequence, fields)


def _read_fields(kind: int, body: bytes) -> Fields | None:
    if kind not in MESSAGES or len(body) != sum(struct.calcsize("<" + wire.code) for wire in MESSAGES[kind]):
        return None
    fields: Fields = {}
    for wire in MESSAGES[kind]:
        width = struct.calcsize("<" + wire.code)
        value: Value = struct.unpack("<" + wire.code, body[:width])[0]
        body = body[width:]
        if wire.allowed is not None and value not in wire.allowed:
            return None
        if isinstance(value, bytes) and wire.name in TEXTS:
            while value.endswith(b"\0"):
                value = value[:-1]
            if any(byte < 32 or byte > 126 for byte in value):
                return None
            value = value.decode("ascii")
        fields[wire.name] = value
    return fields
