"""The guard's slot: which channels it stopped while no daemon could, kept until a daemon has journaled it.

Refuses to know why that matters. The newest entry for each channel replaces the older one, so the file is bounded.
"""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Condition, Thread
from typing import cast

from pumpctl.guard.wire import decode, encode


@dataclass(frozen=True, slots=True)
class StoppedByGuard:
    """One channel that the guard stopped. `utc_ms` is for people."""

    channel: str
    reason: str
    proven: bool
    utc_ms: int


class SlotDamaged(Exception):
    """The slot is there and cannot be read: what was stopped is not known."""


def read_slot(path: Path) -> tuple[StoppedByGuard, ...]:
    """What the guard stopped and nobody has acknowledged; nothing when there is no slot."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise SlotDamaged(f"{path}: {error.strerror}") from error
    match decode(content):
        case {"stopped": rows}:
            return entries_from(rows, path)
        case _:
            raise SlotDamaged(f"{path}: not a slot")


def entries_from(rows: object, path: Path) -> tuple[StoppedByGuard, ...]:
    if not isinstance(rows, list):
        raise SlotDamaged(f"{path}: not a list of entries")
    return tuple(_entry_from(row, path) for row in cast("list[object]", rows))


def _entry_from(row: object, path: Path) -> StoppedByGuard:
    match row:
        case {"channel": str(channel), "reason": str(reason), "proven": bool(proven), "utc_ms": int(utc_ms)}:
            return StoppedByGuard(channel, reason, proven, utc_ms)
        case _:
            raise SlotDamaged(f"{path}: not an entry: {row!r}")


def rows_of(entries: tuple[StoppedByGuard, ...]) -> list[dict[str, object]]:
    return [asdict(entry) for entry in entries]


def clear_slot(path: Path) -> None:
    """Forget it, durably."""
    path.unlink(missing_ok=True)
    _sync_directory(path.parent)


def keep(path: Path, entries: tuple[StoppedByGuard, ...]) -> str:
    """Add these to the slot, durably. Returns why it failed."""
    try:
        kept = {entry.channel: entry for entry in (*read_slot(path), *entries)}
        _replace(path, encode({"stopped": rows_of(tuple(kept.values()))}))
    except (OSError, SlotDamaged) as error:
        return str(error)
    return ""


class SlotWriter:
    """Writes entries in a thread of its own: a disk that hangs must not hold up the next STOP."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._changed = Condition()
        self._unrecorded: dict[str, StoppedByGuard] = {}  # one for each channel: bounded by the channels
        self._failure = ""
        Thread(target=self._run, name="slot", daemon=True).start()

    def put(self, entry: StoppedByGuard) -> None:
        with self._changed:
            self._unrecorded[entry.channel] = entry
            self._changed.notify_all()

    def unrecorded(self, wait_s: float) -> tuple[StoppedByGuard, ...]:
        """What is not durable after waiting for at most `wait_s`."""
        with self._changed:
            self._changed.wait_for(lambda: not self._unrecorded or bool(self._failure), wait_s)
            return tuple(self._unrecorded.values())

    def _run(self) -> None:
        while not self._failure:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._unrecorded))
                entries = dict(self._unrecorded)
            failure = keep(self._path, tuple(entries.values()))  # a failed sync is not tried again (H70)
            with self._changed:
                self._failure = failure
                if not failure:
                    self._unrecorded = {k: v for k, v in self._unrecorded.items() if entries.get(k) != v}
                self._changed.notify_all()


def _replace(path: Path, content: bytes) -> None:
    fresh = path.with_suffix(".new")
    with fresh.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    _sync_directory(path.parent)


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
