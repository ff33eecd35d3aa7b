"""How a MIVA pump's event log is read over the line: back to the last power-on once, and then every row that comes.

Refuses to know what a row says, but for what it takes to find that power-on (miva_history.py reads the rows). There is
no bound to how long a pump was on, so there is one to how far is walked: beyond it a person switches the pump off and
on.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeAlias

from protocols.miva.record import INFUSION_ROWS, RING_RECORDS, InfusionFrame, RecordType, decode_record
from protocols.miva.requests import read_record
from pumpctl.drivers.miva_history import History

WALK_LIMIT = 1_024  # rows
Step: TypeAlias = Generator[str, tuple[str, ...], bool]


class LogReader:
    """`count` is how many rows there are, counted on over the ring's end."""

    def __init__(self) -> None:
        self.history = History()
        self.count = 0
        self._head = 0  # the newest row that was read

    def read_past(self) -> Step:
        """Back to the last power-on, over the raw rows of every prescription on the way; False: not found."""
        _, text = yield "RI"
        head = int(text, 16)
        rows: list[tuple[int, bytes]] = []
        raw_left = 0
        for step in range(WALK_LIMIT):
            index = (head - step) % RING_RECORDS
            (row,) = yield read_record(index)
            rows.append((index, bytes.fromhex(row)))
            record = None if raw_left else decode_record(rows[-1][1])
            raw_left = max(0, raw_left - 1)
            if record is None:
                continue
            if record.kind is RecordType.POWER_ON:
                self._begin(head, rows)
                return True
            if record.kind is RecordType.INFUSION_DATA and record.subtype == InfusionFrame.END:
                raw_left = INFUSION_ROWS
        return False

    def catch_up(self) -> Step:
        """Every row that came since; False when there are too many to believe that none was lost."""
        _, text = yield "RI"
        behind = (int(text, 16) - self._head) % RING_RECORDS
        if behind > WALK_LIMIT:
            return False
        for _ in range(behind):
            index = (self._head + 1) % RING_RECORDS
            (row,) = yield read_record(index)
            self.history.take(index, bytes.fromhex(row))
            self._head, self.count = index, self.count + 1
        return True

    def _begin(self, head: int, rows: list[tuple[int, bytes]]) -> None:
        self.history, self._head, self.count = History(), head, head + 1
        for index, row in reversed(rows):
            self.history.take(index, row)
