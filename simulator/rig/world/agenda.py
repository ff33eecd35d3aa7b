"""World time, and what is to happen when: in order of time and then of asking.

Refuses to know what.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable


class Agenda:
    """A heap of instants, and the present one."""

    def __init__(self) -> None:
        self.now_ns = 0
        self._entries: list[tuple[int, int, Callable[[], None]]] = []
        self._asked = 0

    def at(self, at_ns: int, action: Callable[[], None]) -> None:
        """Let this happen then."""
        self._asked += 1
        heapq.heappush(self._entries, (at_ns, self._asked, action))

    def after(self, span_ns: int, action: Callable[[], None]) -> None:
        """Let this happen so much later."""
        self.at(self.now_ns + span_ns, action)

    def next_ns(self, never_ns: int) -> int:
        """The earliest instant, or `never_ns`."""
        return self._entries[0][0] if self._entries else never_ns

    def take(self) -> Callable[[], None]:
        """What is due first."""
        return heapq.heappop(self._entries)[2]
