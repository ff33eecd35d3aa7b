"""The journal's double: it promises what shell/journal.py promises, and breaks only what a real disk can break.

Refuses to know what a record means. One writer, group commit; a group is in the file half-way through its sync
and durable at the end, when the anchor has its head. Process death keeps what is in the file, power loss what is
durable. The first failure is final for the process (H70). What a restart reads is judged as shell/chain.py does:
a file that ends before its anchor is damaged, stays so, and its anchor is left alone.
"""

from __future__ import annotations

import json

from pumpctl.configuration import JournalCondition, JournalContent, PastRecord
from pumpctl.effects import Record
from pumpctl.events import Recorded, RecordFailed
from pumpctl.shell.chain import canonical_json

MAX_QUEUE = 1_024  # as shell/journal.py: a disk this far behind is a failed disk


class Disk:
    """The file, its anchor, and the writer of the daemon that lives now."""

    def __init__(self, sync_ns: int) -> None:
        self.sync_ns = sync_ns
        self.full = False
        self.sync_failure: int | None = None  # the next sync fails; 1: after the rows were written
        self.failed = ""  # why this process records nothing any more
        self.damage = ""  # why the past cannot be relied on; found again at each start
        self.anchored_seq = 0
        self._rows: list[Record] = []
        self._queue: list[Record] = []
        self._group: list[Record] = []
        self._began_ns = 0
        self._ends_ns = 0

    @property
    def durable(self) -> list[Record]:
        """What survives everything."""
        return self._rows

    def append(self, record: Record) -> None:
        """Hand one record to the writer."""
        if not self.failed:
            self._queue.append(record)

    def begin(self, now_ns: int) -> int | None:
        """Let the writer take what waits, when it is free; the instant at which it will have synced."""
        if self._group or not self._queue:
            return None
        self._group, self._queue = self._queue, []
        self._began_ns, self._ends_ns = now_ns, now_ns + self.sync_ns
        return self._ends_ns

    def finish(self) -> Recorded | RecordFailed | None:
        """The sync has ended. What the writer tells the daemon; None when it had failed before."""
        group, self._group = self._group, []
        if self.failed or not group:
            return None
        fault = self._fault(group)
        if fault:
            if self.sync_failure == 1:
                self._rows += group
            self.sync_failure, self.failed, self._queue = None, fault, []
            return RecordFailed(fault)
        self._rows += group
        if not self.damage:
            self.anchored_seq = group[-1].seq
        return Recorded(group[-1].seq)

    def end_of_process(self, now_ns: int, *, power_lost: bool) -> None:
        """The daemon is no more. Of the group being synced the file has all or nothing."""
        written_ns = self._began_ns + self.sync_ns // 2
        if self._group and not power_lost and not self.failed and now_ns >= written_ns and not self._fault(self._group):
            self._rows += self._group
        self._group, self._queue, self.failed = [], [], ""

    def tear(self, rows: int) -> None:
        """The last rows are gone: SQLite drops a damaged tail without a word."""
        del self._rows[max(0, len(self._rows) - rows) :]

    def adopt(self, past: JournalContent) -> None:
        """Another file, and an anchor that fits it unless it is damaged."""
        self._rows = [Record(each.seq, each.kind, each.body, each.utc_ms) for each in past.records]
        self.damage = past.reason if past.condition is JournalCondition.DAMAGED else ""
        self.anchored_seq = past.records[-1].seq if past.records else 0

    def read(self) -> JournalContent:
        """What a daemon that starts now is given."""
        past = tuple(past_record(record) for record in self._rows)
        last = past[-1].seq if past else 0
        if last < self.anchored_seq and not self.damage:
            self.damage = (
                f"the journal ends at record {last}, the anchor has seen {self.anchored_seq}: records are gone"
            )
        condition = JournalCondition.DAMAGED if self.damage else JournalCondition.SOUND
        return JournalContent(condition, self.damage, past)

    def _fault(self, group: list[Record]) -> str:
        seq = self._rows[-1].seq if self._rows else 0
        for record in group:
            try:
                canonical_json(record.body)
            except (ValueError, TypeError) as error:
                return f"the journal cannot write record {record.seq}: {error}"
            if record.seq <= seq:
                return f"the record's number {record.seq} is not above {seq}, the last one"
            seq = record.seq
        if self.full:
            return "the journal cannot write: no space left on the disk"
        if self.sync_failure is not None:
            return "the journal cannot write: a sync failed"
        return "the disk is too far behind" if len(self._queue) >= MAX_QUEUE else ""


def past_record(record: Record) -> PastRecord:
    """A record as it comes back: through its text."""
    return PastRecord(record.seq, record.kind, json.loads(canonical_json(record.body)), record.utc_ms)


def journal_of(records: list[Record]) -> JournalContent:
    """Records as a sound journal would give them back."""
    return JournalContent(JournalCondition.SOUND, "", tuple(past_record(record) for record in records))
