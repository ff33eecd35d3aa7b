"""Frames of the Alaris protocol, read a second time from the sheet alone, as plainly as possible.

Refuses to know the product's codec, any name, and time. One byte after the other, the checksum bit by bit.
"""

from __future__ import annotations

LONGEST = 255  # bytes between two delimiters that can still become a frame, `!` among them


def crc(text: bytes) -> int:
    """Polynomial 1021, begun with FFFF, nothing reflected, nothing inverted at the end."""
    register = 0xFFFF
    for byte in text:
        for place in range(7, -1, -1):
            fed = (byte >> place) & 1
            out = register >> 15
            register = (register << 1) & 0xFFFF
            if fed != out:
                register ^= 0x1021
    return register


def frame(text: str) -> bytes:
    return f"!{text}|{crc(text.encode()):04X}\r".encode()


class Receiver:
    """Bytes of a line to texts of frames; counts what it drops."""

    def __init__(self) -> None:
        self.dropped: int = 0
        self._since: bytearray = bytearray()  # since the last delimiter
        self._lost: bool = False

    def feed(self, incoming: bytes) -> list[str]:
        found: list[str] = []
        for byte in incoming:
            if byte not in b"!\r\x1b":
                self._keep(byte)
                continue
            read = _whole(bytes(self._since)) if byte == 0x0D else None
            if read is not None:
                found.append(read)
            elif self._since:
                self.dropped += 1
            self._since.clear()
            self._lost = False
            if byte == 0x21:
                self._since.append(byte)
        return found

    def _keep(self, byte: int) -> None:
        if self._lost:
            return
        self._since.append(byte)
        if len(self._since) > LONGEST:
            self._since.clear()
            self._lost = True
            self.dropped += 1


def _whole(between: bytes) -> str | None:
    if between[:1] != b"!" or between.count(b"|") != 1:
        return None
    head, tail = between[1:].split(b"|")
    if not head or any(not 32 <= byte <= 126 for byte in head):
        return None
    return head.decode() if tail == b"%04X" % crc(head) else None
