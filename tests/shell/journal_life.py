"""One daemon's life with its journal: open, write, wait, close."""

from __future__ import annotations

import queue
from collections.abc import Iterable
from pathlib import Path

from pumpctl.configuration import JournalContent
from pumpctl.events import Recorded, RecordFailed
from pumpctl.shell.journal import Journal
from tests.shell.journal_probe import record


def write(directory: Path, seqs: Iterable[int], *, body: dict[str, object] | None = None) -> JournalContent:
    """One daemon's life: open, write, wait for each, close. Returns what it found at opening."""
    journal, content = Journal.open(directory)
    said: queue.Queue[Recorded | RecordFailed] = queue.Queue()
    journal.start(said.put)
    for seq in seqs:
        journal.append(record(seq, body=body))
        assert said.get(timeout=10) == Recorded(seq)
    journal.close()
    return content


def reopened(directory: Path) -> JournalContent:
    journal, content = Journal.open(directory)
    journal.start(lambda _event: None)
    journal.close()
    return content
