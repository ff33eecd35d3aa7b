"""The event history of a companion pump: numbered from power-on, the last so many kept (SPEC.md section 3, GET_EVENT).

Refuses to know what an event means.
"""

from __future__ import annotations

from collections import deque

from protocols.companion.messages import Event
from protocols.companion.vocabulary import EventKind


class EventRing:
    """Bounded by the identity's `event_ring`."""

    def __init__(self, capacity: int) -> None:
        self.count = 0
        self._kept: deque[Event] = deque(maxlen=capacity)

    def record(self, uptime_ms: int, kind: EventKind, detail: int, program_id: bytes) -> None:
        """Append; the oldest one may go."""
        self._kept.append(Event(self.count, uptime_ms, kind, detail, program_id))
        self.count += 1

    def get(self, index: int) -> Event | None:
        """None for an index that is not kept, or not yet there."""
        place = index - (self.count - len(self._kept))
        return self._kept[place] if 0 <= place < len(self._kept) else None
