"""The hash chain of the journal: what a row is, what links it to the one before, and whether a file still holds.

Refuses to know what a record means and never writes. A verdict is one sentence or none; the first thing that
does not hold is named, everything readable is returned all the same, because a damaged past is still evidence.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pumpctl.configuration import JournalCondition, JournalContent, PastRecord
from pumpctl.events import Json
from pumpctl.shell.anchor import EPOCH_BYTES, AnchorUnreadable, Head, read_head

JOURNAL_FILE = "journal.sqlite"
ANCHOR_FILE = "journal.anchor"


@dataclass(frozen=True, slots=True)
class Row:
    """One journal row as stored. `body` is canonical JSON; `previous` and `digest` are SHA-256."""

    seq: int
    utc_ms: int
    boot_id: str
    kind: str
    body: str
    previous: bytes
    digest: bytes


@dataclass(frozen=True, slots=True)
class JournalReport:
    """What `pumpctl journal verify` says. `reason` is empty when the journal is sound."""

    condition: JournalCondition
    reason: str
    records: int
    head: Head | None
    anchored_seq: int | None


@dataclass(frozen=True, slots=True)
class Reading:
    """A journal read from end to end: the rows' content, where the chain ends, and what did not hold."""

    content: JournalContent
    head: Head | None
    anchored: Head | None


def canonical_json(body: Json) -> str:
    """One text for one value: sorted keys, no blanks, no NaN, ASCII."""
    return json.dumps(body, sort_keys=True, separators=(",", ":"), allow_nan=False)


def genesis(epoch: bytes) -> bytes:
    """What the first row links to: a journal of another epoch cannot be continued by accident."""
    return hashlib.sha256(b"pumpctl journal 1\n" + epoch).digest()


def row_digest(previous: bytes, seq: int, utc_ms: int, boot_id: str, kind: str, body: str) -> bytes:
    """SHA-256 over the link and the row. The header is JSON, so no field can leak into the next."""
    header = json.dumps([seq, utc_ms, boot_id, kind], separators=(",", ":"))
    return hashlib.sha256(previous + f"{header}\n{body}".encode()).digest()


def read_journal(connection: sqlite3.Connection, anchored: Head | None, anchor_fault: str) -> Reading:
    """Read all rows and judge them against each other and against the anchor."""
    records: list[PastRecord] = []
    head, fault = None, ""
    try:
        epoch = _epoch(connection)
        chain = _Chain(epoch, anchored.seq if anchored else 0)
        for record in chain.walk(_rows(connection)):
            records.append(record)  # noqa: PERF402 (what was read before an error is kept)
        head, fault = Head(chain.seq, chain.digest, epoch), chain.fault or _against_anchor(chain, epoch, anchored)
    except (sqlite3.Error, ValueError, TypeError) as error:
        fault = f"the journal cannot be read: {error}"
    if not fault and anchored is None and records:
        fault = anchor_fault or "the anchor is missing although the journal has records"
    fault = fault or anchor_fault
    condition = JournalCondition.DAMAGED if fault else JournalCondition.SOUND
    return Reading(JournalContent(condition, fault, tuple(records)), head, anchored)


def read_anchor(path: Path) -> tuple[Head | None, str]:
    """The anchored head, or None and why it cannot be believed (no reason when there is no file)."""
    try:
        return read_head(path), ""
    except FileNotFoundError:
        return None, ""
    except (AnchorUnreadable, OSError) as error:
        return None, str(error)


def verify_journal(state_dir: Path) -> JournalReport:
    """Verify chain and anchor without writing; a running daemon may go on meanwhile.

    The anchor is read first: a live journal then can only be further than it, never behind.
    """
    anchored, anchor_fault = read_anchor(state_dir / ANCHOR_FILE)
    path = state_dir / JOURNAL_FILE
    if not path.is_file():
        raise FileNotFoundError(path)
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)
    try:
        reading = read_journal(connection, anchored, anchor_fault)
    finally:
        connection.close()
    content = reading.content
    anchored_seq = anchored.seq if anchored else None
    return JournalReport(content.condition, content.reason, len(content.records), reading.head, anchored_seq)


def export_rows(state_dir: Path) -> Iterator[Row]:
    """Every row as stored, oldest first, for `pumpctl journal export`."""
    path = state_dir / JOURNAL_FILE
    if not path.is_file():
        raise FileNotFoundError(path)
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)
    try:
        yield from _rows(connection)
    finally:
        connection.close()


class _Chain:
    """Walks the rows once: the first link that does not hold is the fault, the rest is still handed on."""

    def __init__(self, epoch: bytes, anchored_seq: int) -> None:
        self.seq = 0
        self.digest = genesis(epoch)
        self.fault = ""
        self.digest_at_anchor = self.digest if anchored_seq == 0 else None
        self._anchored_seq = anchored_seq

    def walk(self, rows: Iterable[Row]) -> Iterator[PastRecord]:
        for row in rows:
            self._check(row)
            self.seq, self.digest = row.seq, row.digest
            if row.seq == self._anchored_seq:
                self.digest_at_anchor = row.digest
            record = _past_record(row)
            if record is not None:
                yield record
            else:
                self.fault = self.fault or f"the body of record {row.seq} is not a JSON object"

    def _check(self, row: Row) -> None:
        digest = row_digest(row.previous, row.seq, row.utc_ms, row.boot_id, row.kind, row.body)
        if row.seq <= self.seq or row.previous != self.digest or digest != row.digest:
            self.fault = self.fault or f"the hash chain is broken at record {row.seq}"


def _against_anchor(chain: _Chain, epoch: bytes, anchored: Head | None) -> str:
    if anchored is None:
        return ""
    if anchored.epoch != epoch:
        return "journal and anchor belong to different epochs"
    if chain.seq < anchored.seq:
        return f"the journal ends at record {chain.seq}, the anchor has seen {anchored.seq}: records are gone"
    if chain.digest_at_anchor != anchored.digest:
        return f"record {anchored.seq} is not the one that the anchor has seen"
    return ""


def _epoch(connection: sqlite3.Connection) -> bytes:
    row = connection.execute("SELECT epoch FROM identity").fetchone()
    if row is None or not isinstance(row[0], bytes) or len(row[0]) != EPOCH_BYTES:
        raise ValueError("it has no epoch")
    return row[0]


def _rows(connection: sqlite3.Connection) -> Iterator[Row]:
    query = "SELECT seq, utc_ms, boot_id, kind, body, previous, hash FROM journal ORDER BY seq"
    for seq, utc_ms, boot_id, kind, body, previous, digest in connection.execute(query):
        if not (isinstance(seq, int) and isinstance(utc_ms, int) and isinstance(previous, bytes)):
            raise TypeError(f"row {seq!r} holds a value of the wrong type")
        if not (isinstance(boot_id, str) and isinstance(kind, str) and isinstance(body, str)):
            raise TypeError(f"row {seq} holds a value of the wrong type")
        if not isinstance(digest, bytes):
            raise TypeError(f"row {seq} has no hash")
        yield Row(seq, utc_ms, boot_id, kind, body, previous, digest)


def _past_record(row: Row) -> PastRecord | None:
    try:
        body = json.loads(row.body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(body, dict):
        return None
    return PastRecord(row.seq, row.kind, body, row.utc_ms)  # pyright: ignore[reportUnknownArgumentType]
