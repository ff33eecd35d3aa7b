"""The journal: what the controller wants remembered is made durable, in order, and only then said to be so.

Refuses to know what a record means. SQLite in WAL mode with synchronous=FULL, one writer thread, group commit.
`Recorded` is posted after the commit and after the anchor is synced: what was said durable is missed when it is gone.
The first error of a write or sync is final (H70: after a failed fsync the kernel may have dropped the pages and the
next fsync "succeeds"): `RecordFailed` once, and nothing is ever recorded again by this process. A damaged journal is
still written to, but its anchor is left alone, so that damage is found again at each start.
"""

from __future__ import annotations

import fcntl
import os
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from pumpctl.configuration import JournalCondition, JournalContent
from pumpctl.effects import Record
from pumpctl.events import Recorded, RecordFailed
from pumpctl.shell.anchor import Anchor, Head
from pumpctl.shell.chain import (
    ANCHOR_FILE,
    JOURNAL_FILE,
    canonical_json,
    genesis,
    missing_journal,
    read_anchor,
    read_journal,
    row_digest,
)
from pumpctl.shell.chance import fresh_epoch
from pumpctl.shell.unusable import REFUSED, Unusable

LOCK_FILE = "daemon.lock"
QUEUE_RECORDS = 1024  # a disk this far behind is a failed disk: the controller never has more than a few in flight
GROUP_RECORDS = 256  # one commit holds at most this many, so that an intent never waits for a long one
CHECKPOINT_RECORDS = 1000  # the WAL is folded into the database this often, which bounds its size
CLOSE_S = 5.0
# Room for what still has to be remembered once no start is allowed any more (H68): a WAL of CHECKPOINT_RECORDS
# groups of a few pages each, and the database growing by as much.
FLOOR_BYTES = 32 * 1024 * 1024

Post = Callable[[Recorded | RecordFailed], None]

_TABLES = """
CREATE TABLE identity (epoch BLOB NOT NULL);
CREATE TABLE journal (
    seq INTEGER PRIMARY KEY, utc_ms INTEGER NOT NULL, boot_id TEXT NOT NULL, kind TEXT NOT NULL,
    body TEXT NOT NULL, previous BLOB NOT NULL, hash BLOB NOT NULL
);
"""
_INSERT = "INSERT INTO journal (seq, utc_ms, boot_id, kind, body, previous, hash) VALUES (?, ?, ?, ?, ?, ?, ?)"


class Journal:
    """The open journal of one state directory, which it holds by a lock until `close`."""

    def __init__(
        self, state_dir: Path, lock_fd: int, connection: sqlite3.Connection | None, anchor: Anchor | None, head: Head
    ) -> None:
        self._lock_fd = lock_fd
        self._connection = connection
        self._anchor = anchor
        self._head = head
        self._boot_id = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        self._queue: queue.Queue[Record | None] = queue.Queue(QUEUE_RECORDS + 1)  # + 1: the end mark always fits
        self._thread = threading.Thread(target=self._write_until_closed, name="journal", daemon=True)
        self._failed = threading.Lock()  # held from the first failure on
        self._since_checkpoint = 0
        self._space_told = False
        self._directory = state_dir
        self._post: Post | None = None

    @staticmethod
    def open(state_dir: Path) -> tuple[Journal, JournalContent]:
        """Lock the directory, verify what is there, create what is not. Raises Unusable with one clear line."""
        lock_fd = lock_state_dir(state_dir)
        anchored, anchor_fault = read_anchor(state_dir / ANCHOR_FILE)
        is_new = not (state_dir / JOURNAL_FILE).exists()
        try:
            connection = _connect(state_dir / JOURNAL_FILE, may_begin=is_new or not (anchored or anchor_fault))
        except (sqlite3.Error, OSError, ValueError, MemoryError) as error:
            # Not only SQLite's own: its message may quote damaged text, and a damaged length ask for too much memory.
            reason = f"the journal cannot be opened: {error}"
            lost = Journal(state_dir, lock_fd, None, None, Head(0, b"", b""))
            return lost, JournalContent(JournalCondition.DAMAGED, reason, ())
        reading = read_journal(connection, anchored, anchor_fault)
        content = reading.content
        if is_new and anchored is not None:
            content = JournalContent(JournalCondition.DAMAGED, missing_journal(anchored), ())
        head = reading.head or Head(0, genesis(b""), b"")
        anchor = None
        if content.condition is JournalCondition.SOUND:
            anchor = _open_anchor(state_dir, head, exists=anchored is not None)
        return Journal(state_dir, lock_fd, connection, anchor, head), content

    def start(self, post: Post) -> None:
        """Begin to write. `post` is called from the writer thread."""
        self._post = post
        if self._connection is None:
            self._fail("the journal could not be opened")
        self._look_at_space()
        self._thread.start()

    def append(self, record: Record) -> None:
        """Hand one record to the writer; never waits. A full queue is a failed disk."""
        if self._failed.locked():
            return
        if self._queue.qsize() >= QUEUE_RECORDS:
            self._fail(f"the disk is {QUEUE_RECORDS} records behind")
            return
        self._queue.put_nowait(record)

    def close(self) -> None:
        """Write what is queued, fold the WAL in, give the lock back. A disk that hangs is left behind."""
        if self._thread.is_alive():
            self._queue.put_nowait(None)
            self._thread.join(CLOSE_S)
            if self._thread.is_alive():
                return
        if self._connection is not None:
            self._connection.close()
        if self._anchor is not None:
            self._anchor.close()
        os.close(self._lock_fd)

    def _write_until_closed(self) -> None:
        open_end = True
        while open_end:
            group, open_end = self._next_group()
            if not group or self._failed.locked():
                continue
            try:
                self._commit(group)
            except Exception as error:  # whatever it is, a writer that died without a word would leave starts allowed
                self._fail(f"the journal cannot write record {group[0].seq}: {error}")
        self._checkpoint_at_end()

    def _next_group(self) -> tuple[list[Record], bool]:
        """Whatever is waiting, at least one, at most GROUP_RECORDS; False after the end mark."""
        group: list[Record] = []
        entry = self._queue.get()
        while entry is not None:
            group.append(entry)
            if len(group) == GROUP_RECORDS or self._queue.empty():
                return group, True
            entry = self._queue.get_nowait()  # the only consumer: what is not empty stays so
        return group, False

    def _commit(self, group: Sequence[Record]) -> None:
        connection = self._writable()
        connection.execute("BEGIN IMMEDIATE")
        try:
            head = self._head
            for record in group:
                head = self._insert(connection, record, head)
            connection.execute("COMMIT")
        except BaseException:
            connection.rollback()
            raise
        self._head = head
        if self._anchor is not None:
            self._anchor.write(head)
        self._tell(Recorded(head.seq))
        self._look_at_space()
        self._since_checkpoint += len(group)
        if self._since_checkpoint >= CHECKPOINT_RECORDS:
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            self._since_checkpoint = 0

    def _insert(self, connection: sqlite3.Connection, record: Record, head: Head) -> Head:
        if record.seq <= head.seq:
            raise ValueError(f"the record's number is not above {head.seq}, the last one")
        body = canonical_json(record.body)
        digest = row_digest(head.digest, record.seq, record.utc_ms, self._boot_id, record.kind, body)
        row = (record.seq, record.utc_ms, self._boot_id, record.kind, body, head.digest, digest)
        connection.execute(_INSERT, row)
        return Head(record.seq, digest, head.epoch)

    def _checkpoint_at_end(self) -> None:
        if self._connection is None or self._failed.locked():
            return
        try:
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.Error as error:
            self._fail(f"the journal cannot be folded up: {error}")  # its WAL stays and is read at the next start

    def _look_at_space(self) -> None:
        """Below the floor no start may follow, while stops and doses are still remembered: told once (H68)."""
        space = os.statvfs(self._directory)
        if not self._space_told and space.f_bavail * space.f_frsize < FLOOR_BYTES:
            self._space_told = True
            self._tell(RecordFailed(f"less than {FLOOR_BYTES // 1024**2} MiB are free where the journal is"))

    def _writable(self) -> sqlite3.Connection:
        if self._connection is None:
            raise ValueError("it is not open")
        return self._connection

    def _fail(self, reason: str) -> None:
        if self._failed.acquire(blocking=False):
            self._tell(RecordFailed(reason))

    def _tell(self, event: Recorded | RecordFailed) -> None:
        if self._post is not None:
            self._post(event)


def lock_state_dir(state_dir: Path) -> int:
    """Hold the directory against every other daemon until the descriptor is closed (H47). Raises Unusable."""
    if not state_dir.is_dir():
        raise Unusable(f"state directory {state_dir}: there is no such directory", "create it or correct state_dir")
    path = state_dir / LOCK_FILE
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    except OSError as error:
        step = "make it writable for the user that runs the daemon"
        raise Unusable(f"state directory {state_dir}: {error.strerror}", step) from None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        holder = os.pread(fd, 32, 0).decode("ascii", "replace").strip() or "unknown"
        os.close(fd)
        what = f"state directory {state_dir}: another daemon holds it (pid {holder})"
        raise Unusable(what, "stop that one first, or give this one a state_dir of its own", REFUSED) from None
    os.ftruncate(fd, 0)
    os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
    return fd


def _connect(path: Path, *, may_begin: bool) -> sqlite3.Connection:
    """`may_begin`: nothing was ever anchored, so tables that are not there are no damage."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=1.0)
    try:
        connection.execute("PRAGMA journal_mode=WAL").fetchone()
        connection.execute("PRAGMA synchronous=FULL")
        # The automatic checkpoint ignores its own I/O errors; ours, in the writer, does not.
        connection.execute("PRAGMA wal_autocheckpoint=0").fetchone()
        if may_begin and connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0] == 0:
            connection.executescript(f"BEGIN; {_TABLES}")
            connection.execute("INSERT INTO identity VALUES (?)", (fresh_epoch(),))
            connection.execute("COMMIT")
            sync_directory(path.parent)
    except BaseException:
        connection.close()
        raise
    return connection


def _open_anchor(state_dir: Path, head: Head, *, exists: bool) -> Anchor:
    try:
        if exists:
            anchor, _ = Anchor.open(state_dir / ANCHOR_FILE)
        else:
            anchor = Anchor.create(state_dir / ANCHOR_FILE, head)
            sync_directory(state_dir)
    except OSError as error:
        what = f"anchor {state_dir / ANCHOR_FILE}: {error.strerror}"
        raise Unusable(what, "make the file and its directory writable, free some space") from None
    return anchor


def sync_directory(path: Path) -> None:
    """What was created, renamed or removed in it is so after a power cut too."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
