"""The anchor: the newest journal head that is known to be on disk, kept outside the database.

Refuses to know what a record means. SQLite drops a damaged tail without a word and the hash chain of what is
left still verifies, and an older copy of the database verifies as well (H69, H71). So the head (sequence number,
hash, epoch) is also written here: two slots in turn, each with its own CRC, so that a torn write costs the slot
being written and never the one before it.
"""

from __future__ import annotations

import os
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

SLOT_BYTES = 4096  # a slot a page: no write to one slot touches a sector of the other
EPOCH_BYTES = 16
HASH_BYTES = 32

_MAGIC = b"pumpanc1"
_LAYOUT = struct.Struct(f"<8sQQ{HASH_BYTES}s{EPOCH_BYTES}s")
_CRC = struct.Struct("<I")


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the chain. `seq` 0 with the genesis hash is an empty journal; `epoch` names the journal."""

    seq: int
    digest: bytes
    epoch: bytes


class AnchorUnreadable(Exception):
    """The file is there and neither slot can be believed."""


class Anchor:
    """The open anchor file. Every write alternates the slot and is synced before it returns."""

    def __init__(self, fd: int, generation: int) -> None:
        self._fd = fd
        self._generation = generation

    @staticmethod
    def create(path: Path, head: Head) -> Anchor:
        """Write a new anchor with both slots holding `head`: a first torn write then costs nothing.

        It gets its name when both are on disk: an unreadable anchor that nothing was ever anchored in would be
        taken for damage for ever. The caller syncs the directory.
        """
        unnamed = path.with_name(f"{path.name}.new")
        fd = os.open(unnamed, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o640)
        os.ftruncate(fd, 2 * SLOT_BYTES)
        anchor = Anchor(fd, 0)
        anchor.write(head)
        anchor.write(head)
        unnamed.rename(path)
        return anchor

    @staticmethod
    def open(path: Path) -> tuple[Anchor, Head]:
        """The anchor and the newest head that a slot proves. Raises AnchorUnreadable, FileNotFoundError, OSError."""
        generation, head = _newest(path)
        return Anchor(os.open(path, os.O_RDWR | os.O_CLOEXEC), generation), head

    def write(self, head: Head) -> None:
        """Put `head` into the older slot and sync it. An OSError here is final (H70): the caller never retries."""
        generation = self._generation + 1
        body = _LAYOUT.pack(_MAGIC, generation, head.seq, head.digest, head.epoch)
        slot = body + _CRC.pack(zlib.crc32(body))
        written = os.pwrite(self._fd, slot, (generation % 2) * SLOT_BYTES)
        if written != len(slot):
            raise OSError(f"short write to the anchor: {written} of {len(slot)} bytes")
        os.fdatasync(self._fd)
        self._generation = generation

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self._fd)


def read_head(path: Path) -> Head:
    """The newest head that a slot proves, without opening the file for writing."""
    return _newest(path)[1]


def _newest(path: Path) -> tuple[int, Head]:
    with path.open("rb") as file:
        content = file.read(2 * SLOT_BYTES)
    slots = [_slot(content[at : at + SLOT_BYTES]) for at in (0, SLOT_BYTES)]
    readable = [slot for slot in slots if slot is not None]
    if not readable:
        raise AnchorUnreadable("both slots of the anchor are unreadable")
    return max(readable, key=lambda slot: slot[0])


def _slot(content: bytes) -> tuple[int, Head] | None:
    body = content[: _LAYOUT.size]
    check = content[_LAYOUT.size : _LAYOUT.size + _CRC.size]
    if len(check) < _CRC.size or _CRC.unpack(check)[0] != zlib.crc32(body):
        return None
    magic, generation, seq, digest, epoch = _LAYOUT.unpack(body)
    return (generation, Head(seq, digest, epoch)) if magic == _MAGIC else None
