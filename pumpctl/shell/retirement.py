"""The way out of a damaged journal: it is put aside whole, and a new one begins by saying so.

Refuses to delete and to forget: what was damaged is kept, and the new journal's first record makes every cap count as
used from then on (supervision/presumed.py). The new anchor takes its place first and the new journal last, so that
whatever ends this half-way leaves a journal that is still found damaged.
"""

from __future__ import annotations

import os
import queue
import shutil
from dataclasses import dataclass
from pathlib import Path

from pumpctl.configuration import JournalCondition
from pumpctl.effects import Record
from pumpctl.events import Recorded, RecordFailed
from pumpctl.shell.chain import ANCHOR_FILE, JOURNAL_FILE, read_past
from pumpctl.shell.journal import Journal, lock_state_dir, sync_directory
from pumpctl.shell.unusable import REFUSED, Unusable

KIND = "journal_retired"
DURABLE_WITHIN_S = 30.0
MAX_A_SECOND = 100  # directories of one name
_BESIDE = (f"{JOURNAL_FILE}-wal", f"{JOURNAL_FILE}-shm")


@dataclass(frozen=True, slots=True)
class Retirement:
    """What was wrong with the journal, and where it is now."""

    damage: str
    moved_to: Path


def retire_journal(state_dir: Path, persons: tuple[str, ...], reason: str, utc_ms: int, stamp: str) -> Retirement:
    """Put the damaged journal aside and begin a new one. Raises Unusable, FileNotFoundError, OSError.

    `stamp` names the directory. Who asks, two persons and a reason, is the caller's to demand.
    """
    lock_fd = lock_state_dir(state_dir)
    try:
        past = read_past(state_dir)
        if past.content.condition is JournalCondition.SOUND:
            what = f"{state_dir}: the journal is sound: there is nothing to retire"
            raise Unusable(what, "start the daemon", REFUSED)
        aside = _directory(state_dir, stamp)
        known = {
            "by": list(persons),
            "reason": reason,
            "damage": past.content.reason,
            "moved_to": aside.name,
            "anchored_seq": past.anchored.seq if past.anchored else None,
        }
        fresh = aside / "new"
        fresh.mkdir()
        _begin(fresh, Record(1, KIND, known, utc_ms))
        _exchange(state_dir, aside, fresh)
    finally:
        os.close(lock_fd)
    return Retirement(past.content.reason, aside)


def _directory(state_dir: Path, stamp: str) -> Path:
    for number in range(1, MAX_A_SECOND + 1):
        aside = state_dir / (f"retired-{stamp}" + (f"-{number}" if number > 1 else ""))
        if not aside.exists():
            aside.mkdir()
            return aside
    raise FileExistsError(f"{state_dir}: {MAX_A_SECOND} journals were retired in this second")


def _begin(fresh: Path, first: Record) -> None:
    journal, _ = Journal.open(fresh)
    said: queue.Queue[Recorded | RecordFailed] = queue.Queue()
    journal.start(said.put)
    journal.append(first)
    event = said.get(timeout=DURABLE_WITHIN_S)
    journal.close()
    if isinstance(event, RecordFailed):
        raise OSError(f"the new journal cannot be written: {event.reason}")


def _exchange(state_dir: Path, aside: Path, fresh: Path) -> None:
    anchor, journal = state_dir / ANCHOR_FILE, state_dir / JOURNAL_FILE
    if anchor.is_dir():
        anchor.rename(aside / ANCHOR_FILE)
    elif anchor.exists():
        shutil.copy2(anchor, aside / ANCHOR_FILE)
    (fresh / ANCHOR_FILE).rename(anchor)  # from here on no part of the old journal can pass for sound
    sync_directory(state_dir)
    for name in (*_BESIDE, JOURNAL_FILE):
        if (state_dir / name).exists():
            (state_dir / name).rename(aside / name)
    sync_directory(state_dir)
    (fresh / JOURNAL_FILE).rename(journal)
    shutil.rmtree(fresh)
    for directory in (aside, state_dir):
        sync_directory(directory)
