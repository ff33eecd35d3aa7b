"""A second reading of the New Era framing, written from the notes alone: slow, whole strings, no shared code.

Refuses to be fast or incremental. CRC bit by bit; packets are cut out of the complete text of a line.
"""

from __future__ import annotations


def crc(payload: bytes) -> int:
    register = 0
    for byte in payload:
        for bit in range(7, -1, -1):
            top = register >> 15 & 1
            register = register << 1 & 0xFFFF
            if top ^ (byte >> bit & 1):
                register ^= 0x1021
    return register


def safe(payload: bytes) -> bytes:
    check = crc(payload)
    return b"\x02" + bytes([len(payload) + 4]) + payload + bytes([check // 256, check % 256]) + b"\x03"


def basic_reply(payload: bytes) -> bytes:
    return b"\x02" + payload + b"\x03"


def replies(line: bytes) -> list[tuple[str, bytes]]:
    """Every packet in what a pump said, wherever it begins, tried in order; one that is taken is not looked into."""
    found: list[tuple[str, bytes]] = []
    at = 0
    while at < len(line):
        taken = _reply_at(line[at:])
        if taken is None:
            at += 1
        else:
            kind, payload, length = taken
            found.append((kind, payload))
            at += length
    return found


def _reply_at(rest: bytes) -> tuple[str, bytes, int] | None:
    if rest[0:1] != b"\x02" or len(rest) < 2:
        return None
    if rest[1:2].isdigit():
        end = rest.find(b"\x03")
        payload = rest[1:end]
        if end == -1 or not 3 <= len(payload) <= 43 or any(byte < 32 or byte > 126 for byte in payload):
            return None
        return "basic", payload, end + 1
    size = rest[1]
    payload = rest[2 : size - 2]
    if not 7 <= size <= 47 or len(rest) < size + 1 or rest[: size + 1] != safe(payload):
        return None
    return ("safe", payload, size + 1) if payload.isascii() else None
