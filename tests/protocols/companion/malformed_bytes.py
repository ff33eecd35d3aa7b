"""Byte strings in which SPEC.md section 1 lets a receiver find no message, and how many frames it counts as dropped.

Refuses to know what any message means: a well-formed frame that a pump refuses is not here.
"""

from typing import TypedDict

from tests.protocols.companion import naive_frames as naive
from tests.protocols.companion.exchange_script import SESSION


class Malformed(TypedDict):
    name: str
    bytes_hex: str
    dropped: int


def malformed() -> list[Malformed]:
    good = naive.frame("GET_STATUS", SESSION, 2, {})
    plain = naive.payload(2, SESSION, 2, b"")
    cases: list[tuple[str, bytes, int]] = [
        ("nothing but a delimiter", b"\0", 0),
        ("nothing but delimiters", bytes(300), 0),
        ("a frame whose delimiter has not come", good[:-1], 0),
        ("a length that points past the end", b"\x05\x01\0", 1),
        ("a frame without its first byte", good[1:], 1),
        ("a frame without its last byte", good[:-2] + b"\0", 1),
        ("a frame cut in two by a delimiter", good[:8] + b"\0" + good[8:], 2),
        ("two frames without a delimiter between them", good[:-1] + good, 1),
        ("a payload of one byte", naive.stuff(b"\x01") + b"\0", 1),
        ("a payload of 13 bytes, its crc right", naive.stuff(_sealed(plain[:9])) + b"\0", 1),
        ("a payload of 201 bytes, its crc right", naive.stuff(naive.payload(2, SESSION, 2, bytes(187))) + b"\0", 1),
        ("253 bytes and a delimiter", b"\x01" * 253 + b"\0", 1),
        ("254 bytes and a delimiter", b"\x01" * 254 + b"\0", 1),
        ("1000 bytes, then a good frame on the same line", b"\x01" * 1000 + good, 1),
        ("version 0", naive.stuff(naive.payload(2, SESSION, 2, b"", version=0)) + b"\0", 1),
        ("version 2", naive.stuff(naive.payload(2, SESSION, 2, b"", version=2)) + b"\0", 1),
        ("crc of zeros", naive.stuff(plain[:-4] + bytes(4)) + b"\0", 1),
        ("crc in big-endian order", naive.stuff(plain[:-4] + plain[:-5:-1]) + b"\0", 1),
    ]
    flipped = [plain[:at] + bytes([plain[at] ^ 1]) + plain[at + 1 :] for at in range(len(plain))]
    cases += [(f"bit 0 of payload byte {at} flipped", naive.stuff(one) + b"\0", 1) for at, one in enumerate(flipped)]
    return [{"name": name, "bytes_hex": sent.hex(), "dropped": dropped} for name, sent, dropped in cases]


def _sealed(inside: bytes) -> bytes:
    return inside + naive.checksum(inside)
