"""The effects of one event, in the order in which they must happen.

Refuses to decide anything. A STOP goes to the front: it is written first and recorded after.
"""

from __future__ import annotations

from pumpctl.core.instant import Now
from pumpctl.effects import Effect, Record, WritePump
from pumpctl.events import Json


class Outbox:
    """Collects effects; `next_seq` is the next journal sequence number and only ever grows."""

    def __init__(self, next_seq: int, now: Now) -> None:
        self.next_seq = next_seq
        self.now = now
        self._stops: list[Effect] = []
        self._effects: list[Effect] = []

    def add(self, effect: Effect) -> None:
        self._effects.append(effect)

    def stop_first(self, write: WritePump) -> None:
        self._stops.append(write)

    def record(self, kind: str, body: Json) -> int:
        """Append a journal record; its sequence number, so that its `Recorded` can be awaited."""
        seq = self.next_seq
        self.next_seq += 1
        self._effects.append(Record(seq, kind, body, self.now.utc_ms))
        return seq

    def effects(self) -> tuple[Effect, ...]:
        return (*self._stops, *self._effects)
