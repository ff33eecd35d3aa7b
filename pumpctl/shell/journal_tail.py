"""What the journal holds after a place, read by a thread of its own through a connection that cannot write.

Refuses to judge the chain and to keep the journal's writer waiting: each reading is short and holds no lock that a
writer needs. A disk that hangs holds up this thread and whoever waits for it, and nobody else.
"""

from __future__ import annotations

import asyncio
import json
import queue
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pumpctl.shell.chain import read_only
from pumpctl.shell.cursor import CURSOR_FILE, Place, read_cursor, write_cursor

BATCH_RECORDS = 32
WAITING_READINGS = 4  # one at a time is asked for; more is a disk that hangs


@dataclass(frozen=True, slots=True)
class Told:
    """One record as far as it concerns a reader. `body` None: it cannot be read."""

    seq: int
    utc_ms: int
    boot_id: str
    kind: str
    body: object
    digest: str


@dataclass(frozen=True, slots=True)
class Batch:
    """The records after a place, at most BATCH_RECORDS. `fault`: of the cursor's file."""

    after: Place
    records: tuple[Told, ...]
    fault: str


class JournalTail:
    """`after` is called from the loop; the thread begins with the first reading and ends with the process."""

    def __init__(self, state_dir: Path) -> None:
        self._state_dir = state_dir
        self._cursor_path = state_dir / CURSOR_FILE
        self._wanted: queue.Queue[tuple[Place | None, Callable[[Batch | Exception], None]] | None]
        self._wanted = queue.Queue(WAITING_READINGS)
        self._thread: threading.Thread | None = None
        self._connection: sqlite3.Connection | None = None
        self._written: Place | None = None

    async def after(self, place: Place | None) -> Batch:
        """What follows `place`, which is kept in the cursor's file; None: what follows the place kept there."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Batch] = loop.create_future()

        def settle(read: Batch | Exception) -> None:
            if answer.done():
                return
            if isinstance(read, Batch):
                answer.set_result(read)
            else:
                answer.set_exception(read)

        def deliver(read: Batch | Exception) -> None:
            try:
                loop.call_soon_threadsafe(settle, read)
            except RuntimeError:
                return  # the loop has ended before a disk that hung

        try:
            self._wanted.put_nowait((place, deliver))
        except queue.Full:
            raise TimeoutError("the disk does not answer") from None
        if self._thread is None:
            self._thread = threading.Thread(target=self._read_until_closed, name="journal tail", daemon=True)
            self._thread.start()
        return await answer

    def close(self) -> None:
        """The thread ends when it has done what it does."""
        try:
            self._wanted.put_nowait(None)
        except queue.Full:
            return  # it hangs, and ends with the process

    def _read_until_closed(self) -> None:
        while (wanted := self._wanted.get()) is not None:
            place, deliver = wanted
            try:
                deliver(self._read(place))
            except Exception as error:  # whatever it is, somebody waits for an answer
                self._hang_up()
                deliver(error)
        self._hang_up()

    def _read(self, place: Place | None) -> Batch:
        fault = ""
        if place is None:
            place, fault = read_cursor(self._cursor_path)
        elif place != self._written:
            try:
                write_cursor(self._cursor_path, place)
            except OSError as error:
                fault = str(error.strerror)
            self._written = place
        if self._connection is None:
            self._connection = read_only(self._state_dir)
        epoch = str(self._connection.execute("SELECT hex(epoch) FROM identity").fetchone()[0]).lower()
        after = place if place.epoch == epoch else Place(epoch, 0)
        query = "SELECT seq, utc_ms, boot_id, kind, body, hash FROM journal WHERE seq > ? ORDER BY seq LIMIT ?"
        rows = self._connection.execute(query, (after.seq, BATCH_RECORDS)).fetchall()
        return Batch(after, tuple(_told(*row) for row in rows), fault)

    def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _told(seq: int, utc_ms: object, boot_id: object, kind: object, body: object, digest: object) -> Told:
    """A damaged row is told as far as it can be: that there is one."""
    try:
        read: object = json.loads(body) if isinstance(body, str) else None
    except (TypeError, ValueError, RecursionError):
        read = None
    return Told(
        seq,
        utc_ms if isinstance(utc_ms, int) else 0,
        str(boot_id)[:64],
        str(kind)[:64],
        read,
        digest.hex() if isinstance(digest, bytes) else "",
    )
