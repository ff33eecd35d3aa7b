"""A campaign's rows in a file, added as they come, so that it can go on where it ended.

Refuses to mix campaigns: a file belongs to one seed and one list of faults. A last line that was cut short is dropped.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

from pydantic import Field, ValidationError

from simulator.rig.campaign.outcome import Row
from simulator.rig.campaign.plan import Part

MAX_BYTES = 1 << 30  # a million runs without findings


class Unkept(ValueError):
    """The file cannot be used: one line for people."""


class Heading(Part):
    """The first line of the file."""

    campaign: int = Field(default=1, ge=1, le=1)
    seed: int
    kinds: tuple[str, ...]


class Kept:
    """The rows known so far; in the file at `path`, when there is one, as well."""

    def __init__(self, heading: Heading, path: Path | None) -> None:
        self.rows: dict[int, Row] = {}
        self._file: BinaryIO | None = None
        if path is None:
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
            if path.stat().st_size > MAX_BYTES:
                raise Unkept(f"{path}: larger than {MAX_BYTES} bytes")
            whole = self._take_up(heading, path, path.read_bytes())
            self._file = path.open("r+b")
        except OSError as error:
            raise Unkept(f"{path}: {error.strerror}") from None
        self._file.truncate(len(whole))
        self._file.seek(0, os.SEEK_END)
        if not whole:
            self._file.write(heading.model_dump_json().encode() + b"\n")

    def add(self, row: Row) -> None:
        """Known from here on, and in the file."""
        self.rows[row.index] = row
        if self._file is not None:
            self._file.write(row.model_dump_json().encode() + b"\n")
            self._file.flush()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def _take_up(self, heading: Heading, path: Path, text: bytes) -> bytes:
        """The rows of a file; what of it is whole lines."""
        whole = text[: text.rfind(b"\n") + 1]
        if not text:
            return whole
        first, *lines = whole.splitlines() or [text]
        try:
            found = Heading.model_validate_json(first)
            rows = [Row.model_validate_json(line) for line in lines]
        except ValidationError as error:
            what = error.errors()[0]["msg"]
            raise Unkept(f"{path} holds no rows of a campaign ({what}); name another file") from None
        if found != heading:
            faults = "the same" if found.kinds == heading.kinds else "other"
            raise Unkept(f"{path} belongs to seed {found.seed} and {faults} faults; name another file")
        self.rows = {row.index: row for row in rows}
        return whole
