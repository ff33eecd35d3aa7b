"""Daemons that lie about their disk: `python -m tests.crash.lying LIE SETTINGS`. The trace must find each of them out.

Refuses to be started by anything but trace.py.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pumpctl import daemon
from pumpctl.effects import Record
from pumpctl.events import Recorded, RecordFailed
from pumpctl.shell import anchor, journal
from pumpctl.shell.journal import Journal
from tests.crash.wrapping import Function, replace_in, wrap

LATE_S = 0.3  # how much later than its word the disk is: long enough for a START


def _says_recorded_before_the_commit() -> None:
    def early(commit: Function) -> Function:
        def told_first(made: Journal, group: Sequence[Record]) -> None:
            Journal._tell(made, Recorded(group[-1].seq))  # pyright: ignore[reportPrivateUsage] - the seam itself
            time.sleep(LATE_S)
            commit(made, group)

        return told_first

    def once(tell: Function) -> Function:
        told: set[int] = set()

        def told_once(made: Journal, event: Recorded | RecordFailed) -> None:
            if isinstance(event, Recorded) and event.seq in told:
                return
            if isinstance(event, Recorded):
                told.add(event.seq)
            tell(made, event)

        return told_once

    wrap(Journal, "_tell", once)
    wrap(Journal, "_commit", early)


def _does_not_sync_the_journal() -> None:
    class Unsynced(sqlite3.Connection):
        def execute(self, sql: str, *parameters: object) -> sqlite3.Cursor:
            run: Function = super().execute
            return run(sql.replace("synchronous=FULL", "synchronous=OFF"), *parameters)

    def connect(*where: object, **how: object) -> sqlite3.Connection:
        real: Function = sqlite3.connect
        return real(*where, **how, factory=Unsynced)

    replace_in(journal, "sqlite3", connect=connect)


def _does_not_sync_the_anchor() -> None:
    replace_in(anchor, "os", fdatasync=os.fstat)


LIES: Mapping[str, Callable[[], None]] = {
    "early": _says_recorded_before_the_commit,
    "unsynced-journal": _does_not_sync_the_journal,
    "unsynced-anchor": _does_not_sync_the_anchor,
}

if __name__ == "__main__":
    LIES[sys.argv[1]]()
    sys.exit(daemon.run(Path(sys.argv[2])))
