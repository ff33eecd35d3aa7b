"""How far the journal has been told: a name and a number in a small file that may be lost at any time.

Refuses to matter: without it, or with a broken one, everything is told again from the beginning, with the same
sequence numbers. It is not synced, so that no disk is kept busy for it: after a power cut it may be an older one, and
a few events are told twice. It is not in the journal: what a broker has heard is nothing that a dose depends on.
"""

from __future__ import annotations

import contextlib
import os
import re
import zlib
from dataclasses import dataclass
from pathlib import Path

CURSOR_FILE = "mqtt.cursor"
_FORM = re.compile(r"([0-9a-f]{32}) ([0-9]{1,15}) ([0-9a-f]{8}) *\n")
LENGTH_BYTES = 64  # within one sector, and always the same: it is written over itself


@dataclass(frozen=True, slots=True)
class Place:
    """A record in the journal of this epoch; 0: before the first."""

    epoch: str
    seq: int


NOWHERE = Place("", 0)


def read_cursor(path: Path) -> tuple[Place, str]:
    """The place, and what is wrong with the file, if anything."""
    try:
        with path.open("rb") as file:
            text = file.read(LENGTH_BYTES + 1).decode("ascii", "replace")
    except FileNotFoundError:
        return NOWHERE, ""
    except OSError as error:
        return NOWHERE, str(error.strerror)
    found = _FORM.fullmatch(text)
    if found is None or found[3] != _sum(found[1], found[2]):
        return NOWHERE, "it is damaged"
    return Place(found[1], int(found[2])), ""


def write_cursor(path: Path, place: Place) -> None:
    """Over what was there. OSError when it cannot be."""
    told = f"{place.epoch} {place.seq} {_sum(place.epoch, str(place.seq))}"
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o640)
    with contextlib.closing(os.fdopen(fd, "wb", buffering=0)) as file:
        file.write(f"{told:<{LENGTH_BYTES - 1}}\n".encode("ascii"))


def _sum(epoch: str, seq: str) -> str:
    return f"{zlib.crc32(f'{epoch} {seq}'.encode()):08x}"
