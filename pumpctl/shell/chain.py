"""The hash chain of the journal: what a row is, what links it to the one before, and whether a file still holds.

Refuses to know what a record means and never writes. A verdict is one sentence or none; the first thing that
does not hold is named, everything readable is returned all the same, because a damaged past is still evidence.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from pumpctl.configuration import JournalCondition, JournalContent, PastRecord
from pumpctl.events import Json
from pumpctl.shell.anchor import EPOCH_BYTES, AnchorUnreadable, Head, read_head

JOURNAL_FILE = "journal.sqlite"
ANCHOR_FILE = "journal.anchor"

_TYPES = (int, int, str, str, str, bytes, bytes)


class Row(NamedTuple):
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
    header = f"[{seq},{utc_ms},{_quoted(boot_id)},{_quoted(kind)}]"
    return hashlib.sha256(previous + f"{header}\n{body}".encode()).digest()


@lru_cache(maxsize=1024)  # a journal of a year has some thirty kinds and as many boots as there were power cuts
def _quoted(text: str) -> str:
    return json.dumps(text)


def read_journal(connection: sqlite3.Connection, anchored: Head | None, anchor_fault: str) -> Reading:
    """Read all rows and judge them against each other and against the anchor. What is readable is kept in any case."""
    records: list[PastRecord] = []
    head = None
    try:
        epoch = _epoch(connection)
        chain = _Chain(epoch, anchored.seq if anchored else 0)
        for row in _rows(connection):
            record = chain.take(row)
            if record is not None:
                records.append(record)
        head, fault = Head(chain.seq, chain.digest, epoch), _verdict(chain, epoch, anchored, anchor_fault)
    except (sqlite3.Error, ValueError, TypeError, MemoryError) as error:
        fault = f"the journal cannot be read: {error}"
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


def missing_journal(anchored: Head) -> str:
    """What is wrong when there is an anchor and no journal: this is no first start (H71)."""
    return f"the journal is missing although the anchor has seen record {anchored.seq}"


def verify_journal(state_dir: Path) -> JournalReport:
    """Verify chain and anchor without writing; a running daemon may go on meanwhile."""
    reading = read_past(state_dir)
    content, anchored_seq = reading.content, reading.anchored.seq if reading.anchored else None
    return JournalReport(content.condition, content.reason, len(content.records), reading.head, anchored_seq)


def read_past(state_dir: Path) -> Reading:
    """All that the journal holds, with the verdict on it, without writing. FileNotFoundError when there never was one.

    The anchor is read first: a live journal then can only be further than it, never behind.
    """
    anchored, anchor_fault = read_anchor(state_dir / ANCHOR_FILE)
    if not (state_dir / JOURNAL_FILE).exists() and (anchored or anchor_fault):
        reason = missing_journal(anchored) if anchored else f"the journal is missing and {anchor_fault}"
        return Reading(JournalContent(JournalCondition.DAMAGED, reason, ()), None, anchored)
    try:
        with closing(read_only(state_dir)) as connection:
            return read_journal(connection, anchored, anchor_fault)
    except sqlite3.Error as error:
        reason = f"the journal cannot be opened: {error}"
        return Reading(JournalContent(JournalCondition.DAMAGED, reason, ()), None, anchored)


class Unproven(Exception):
    """From here on the chain proves nothing; the message says what does not hold."""


def proven_rows(state_dir: Path) -> Iterator[Row]:
    """Each row that the chain proves from the journal's beginning on. Raises Unproven where that ends too early."""
    anchored, anchor_fault = read_anchor(state_dir / ANCHOR_FILE)
    if not (state_dir / JOURNAL_FILE).exists() and anchored is not None:
        raise Unproven(missing_journal(anchored))
    try:
        with closing(read_only(state_dir)) as connection:
            epoch = _epoch(connection)
            chain = _Chain(epoch, anchored.seq if anchored else 0)
            for row in _rows(connection):
                chain.take(row)
                if chain.fault:
                    break
                yield row
    except (sqlite3.Error, ValueError, TypeError, MemoryError) as error:
        raise Unproven(f"the journal cannot be read: {error}") from None
    fault = _verdict(chain, epoch, anchored, anchor_fault)
    if fault:
        raise Unproven(fault)


def read_only(state_dir: Path) -> sqlite3.Connection:
    """A connection that cannot write. FileNotFoundError when there never was a journal."""
    path = state_dir / JOURNAL_FILE
    if not path.exists():
        raise FileNotFoundError(path)
    return sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, isolation_level=None)


class _Chain:
    """Takes the rows once: the first link that does not hold is the fault."""

    def __init__(self, epoch: bytes, anchored_seq: int) -> None:
        self.seq = 0
        self.digest = genesis(epoch)
        self.fault = ""
        self.digest_at_anchor = self.digest if anchored_seq == 0 else None
        self._anchored_seq = anchored_seq

    def take(self, row: Row) -> PastRecord | None:
        """The record of this row, None when there is no object in it."""
        digest = row_digest(row.previous, row.seq, row.utc_ms, row.boot_id, row.kind, row.body)
        if row.seq <= self.seq or row.previous != self.digest or digest != row.digest:
            self.fault = self.fault or f"the hash chain is broken at record {row.seq}"
        self.seq, self.digest = row.seq, row.digest
        if row.seq == self._anchored_seq:
            self.digest_at_anchor = row.digest
        record = _past_record(row)
        if record is None:
            self.fault = self.fault or f"the body of record {row.seq} is not a JSON object"
        return record


def _verdict(chain: _Chain, epoch: bytes, anchored: Head | None, anchor_fault: str) -> str:
    """What does not hold, the first thing of all; empty when everything does."""
    if chain.fault:
        return chain.fault
    if anchored is None:
        missing = "the anchor is missing although the journal has records" if chain.seq else ""
        return anchor_fault or missing
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
    for row in connection.execute(query):
        if tuple(map(type, row)) != _TYPES:
            raise TypeError(f"row {row[0]!r} holds a value of the wrong type")
        yield Row(*row)


def _past_record(row: Row) -> PastRecord | None:
    try:
        body = json.loads(row.body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(body, dict):
        return None
    return PastRecord(row.seq, row.kind, body, row.utc_ms)  # pyright: ignore[reportUnknownArgumentType]
