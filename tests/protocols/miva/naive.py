"""Frames of the MIVA link, read a second time and as plainly as possible, from docs/dialects/miva.md section 1 alone.

Refuses to know the product's own codec, and to be fast: it looks at a whole recording at once.
"""

from __future__ import annotations


def texts(recording: bytes) -> list[str]:
    """Every whole frame: what stands behind a 02, up to the first 03, if it is text and its two digits are right."""
    found: list[str] = []
    for piece in recording.split(b"\x02")[1:]:
        body, end, _ = piece.partition(b"\x03")
        if not end or not 3 <= len(body) <= 162:
            continue
        if any(byte < 32 or byte > 126 for byte in body):
            continue
        total = 0
        for byte in body[:-2]:
            total = (total + byte) % 256
        if body[-2:] == f"{total:02X}".encode():
            found.append(body[:-2].decode())
    return found


def frame(text: str) -> bytes:
    total = sum(ord(letter) for letter in text) % 256
    return b"\x02" + f"{text}{total:02X}".encode() + b"\x03"
