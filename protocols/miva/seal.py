"""The sixteen bytes by which a MIVA pump lets an uploaded Rx count (docs/dialects/miva.md section 4).

Refuses to be a secret: the key stands in the maker's published driver (pyZynoUnifiedDrivers 0.0.9,
miva/module_miva.py, `_ENCRYPTION_KEY`), so whoever has read that can seal. It shows that serial number and image
belong together, and no more. AES-256 of one block, by FIPS 197; only the direction that both ends need.
"""

from __future__ import annotations

import zlib
from functools import lru_cache

from protocols.errors import LocalProtocolError

PUBLISHED_KEY = bytes.fromhex("0123456789ABCDEF") * 4
SEAL_BYTES = 16
SERIAL_LETTERS = 8
_ENDING = b"0000"
_ROUNDS = 14
_KEY_WORDS = 8
_COLUMNS = 4


def rx_seal(serial: str, image: bytes) -> bytes:
    """What LC carries for this image on this pump."""
    letters = serial.encode("ascii")
    if len(letters) != SERIAL_LETTERS:
        raise LocalProtocolError(f"serial number {serial!r} has not {SERIAL_LETTERS} letters")
    return encrypt_block(PUBLISHED_KEY, letters + zlib.crc32(image).to_bytes(4, "big") + _ENDING)


def encrypt_block(key: bytes, block: bytes) -> bytes:
    """AES-256 of one block (FIPS 197 section 5.1); the state is kept in the order of its input, column by column."""
    round_keys = _round_keys(key)
    state = _xor(block, round_keys[0])
    for round_key in round_keys[1:-1]:
        state = _xor(_mixed(_shifted(_substituted(state))), round_key)
    return _xor(_shifted(_substituted(state)), round_keys[-1])


def _substituted(state: bytes) -> bytes:
    return state.translate(_substitution_table())


def _shifted(state: bytes) -> bytes:
    """Row r moves r columns to the left (section 5.1.2)."""
    return bytes(state[(column + row) % _COLUMNS * 4 + row] for column in range(_COLUMNS) for row in range(4))


def _mixed(state: bytes) -> bytes:
    """Each column times the fixed polynomial (section 5.1.3)."""
    mixed = bytearray()
    for start in range(0, len(state), 4):
        column = state[start : start + 4]
        every = column[0] ^ column[1] ^ column[2] ^ column[3]
        mixed += bytes(byte ^ every ^ _doubled(byte ^ column[(row + 1) % 4]) for row, byte in enumerate(column))
    return bytes(mixed)


def _round_keys(key: bytes) -> list[bytes]:
    """Section 5.2."""
    words = [key[start : start + 4] for start in range(0, len(key), 4)]
    constant = 1
    for place in range(_KEY_WORDS, _COLUMNS * (_ROUNDS + 1)):
        word = words[-1]
        if place % _KEY_WORDS == 0:
            word = _xor(_substituted(word[1:] + word[:1]), bytes([constant, 0, 0, 0]))
            constant = _doubled(constant)
        elif place % _KEY_WORDS == _KEY_WORDS // 2:
            word = _substituted(word)
        words.append(_xor(words[-_KEY_WORDS], word))
    return [b"".join(words[start : start + _COLUMNS]) for start in range(0, len(words), _COLUMNS)]


@lru_cache(maxsize=1)
def _substitution_table() -> bytes:
    """Section 5.1.1: the inverse in the field, then the affine step; 3 generates all that have an inverse."""
    table = bytearray(256)
    power, inverse = 1, 1
    for _ in range(255):
        power ^= _doubled(power)  # times 3
        inverse = _a_third_of(inverse)
        rotated = inverse ^ _turned(inverse, 1) ^ _turned(inverse, 2) ^ _turned(inverse, 3) ^ _turned(inverse, 4)
        table[power] = rotated ^ 0x63
    table[0] = 0x63
    return bytes(table)


def _a_third_of(byte: int) -> int:
    """Times F6, the inverse of 3."""
    product = 0
    for bit in range(8):
        if 0xF6 >> bit & 1:
            product ^= byte
        byte = _doubled(byte)
    return product


def _doubled(byte: int) -> int:
    """Times 2 in the field of section 4.2."""
    return (byte << 1 ^ 0x1B if byte & 0x80 else byte << 1) & 0xFF


def _turned(byte: int, places: int) -> int:
    return (byte << places | byte >> 8 - places) & 0xFF


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(left ^ right for left, right in zip(one, other, strict=True))
