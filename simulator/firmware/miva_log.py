"""What a simulated MIVA pump keeps in its flash: the ring of its event log, and its clock (docs/dialects/miva.md).

Refuses to know what an entry means. It outlives the power.
"""

from __future__ import annotations

from protocols.miva.record import RECORD_BYTES, RING_RECORDS

EMPTY_ROW = b"\xff" * RECORD_BYTES


class EventLog:
    """`clock_s` is the pump's own time, as far as it had come when it was last looked at."""

    def __init__(self) -> None:
        self.clock_s = 0
        self._rows: dict[int, bytes] = {}  # at most RING_RECORDS
        self._written = 0

    def append(self, row: bytes) -> None:
        """The newest row; a full ring loses its oldest."""
        self._rows[self._written % RING_RECORDS] = row
        self._written += 1

    def row(self, index: int) -> bytes:
        """A row that was never written is empty flash."""
        return self._rows.get(index % RING_RECORDS, EMPTY_ROW)

    @property
    def head(self) -> int:
        """The newest row."""
        return max(0, self._written - 1) % RING_RECORDS

    @property
    def tail(self) -> int:
        """The oldest one."""
        return 0 if self._written <= RING_RECORDS else self._written % RING_RECORDS
