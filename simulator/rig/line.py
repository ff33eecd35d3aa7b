"""One direction of a line: bytes go in, the same bytes come out later, or not quite the same.

Refuses to know frames: what is delayed, lost, doubled, cut or flipped is a write of whoever wrote. Everything
comes from one seeded generator. At most MAX_WAITING pieces are under way; what comes then is lost, as in a UART.
"""

from __future__ import annotations

import heapq
from random import Random

from simulator.instant import NS_PER_MS, NS_PER_S
from simulator.rig.mishaps import Mishap

MAX_WAITING = 4_096
BITS_A_BYTE = 10  # 8N1
LATE_NS = 60 * NS_PER_MS  # how far behind a write that is overtaken, doubled or cut arrives at most


class Line:
    """`traits` is what is wrong with it now, each with its measure (mishaps.py)."""

    def __init__(self, random: Random, delay_ns: int) -> None:
        self.traits: dict[Mishap, int] = {}
        self._random = random
        self._delay_ns = delay_ns
        self._waiting: list[tuple[int, int, bytes]] = []  # a heap: instant of arrival, order of sending
        self._sent = 0
        self._last_ns = 0
        self._free_ns = 0

    def carry(self, sent: bytes, now_ns: int) -> tuple[int, ...]:
        """Take a write; the instants at which something of it arrives."""
        if not self.traits:
            self._last_ns = max(self._last_ns, now_ns + self._delay_ns)
            return self._push(self._last_ns, sent)
        if self._happens(Mishap.LOSS):
            return ()
        instants: tuple[int, ...] = ()
        for piece in self._pieces(self._flipped(sent)):
            arrives_ns = self._paced(piece, now_ns) + self._delay_ns
            arrives_ns += self._random.randrange(self.traits.get(Mishap.DELAY, 0) * NS_PER_MS + 1)
            if self._happens(Mishap.REORDER):
                arrives_ns += self._random.randrange(LATE_NS)
            else:
                arrives_ns = self._last_ns = max(arrives_ns, self._last_ns)
            instants += self._push(self._gathered(arrives_ns), piece)
            if self._happens(Mishap.DUPLICATE):
                instants += self._push(self._gathered(arrives_ns + self._random.randrange(LATE_NS)), piece)
        return instants

    def take(self, now_ns: int) -> bytes:
        """All that has arrived by now, as one."""
        arrived = b""
        while self._waiting and self._waiting[0][0] <= now_ns:
            arrived += heapq.heappop(self._waiting)[2]
        return arrived

    def cut(self) -> None:
        """What is under way never arrives."""
        self._waiting.clear()

    def _push(self, arrives_ns: int, piece: bytes) -> tuple[int, ...]:
        if len(self._waiting) >= MAX_WAITING:
            return ()
        self._sent += 1
        heapq.heappush(self._waiting, (arrives_ns, self._sent, piece))
        return (arrives_ns,)

    def _happens(self, mishap: Mishap) -> bool:
        permille = self.traits.get(mishap, 0)
        return permille > 0 and self._random.randrange(1000) < permille

    def _flipped(self, sent: bytes) -> bytes:
        if not self._happens(Mishap.BIT_FLIP):
            return sent
        flipped = bytearray(sent)
        for _ in range(self._random.randint(1, 3)):
            bit = self._random.randrange(8 * len(flipped))
            flipped[bit // 8] ^= 1 << bit % 8
        return bytes(flipped)

    def _pieces(self, sent: bytes) -> tuple[bytes, ...]:
        if len(sent) < 2 or not self._happens(Mishap.SPLIT):
            return (sent,)
        at = self._random.randrange(1, len(sent))
        return sent[:at], sent[at:]

    def _paced(self, piece: bytes, now_ns: int) -> int:
        """When its last byte is through."""
        baud = self.traits.get(Mishap.BAUD_PACING, 0)
        if not baud:
            return now_ns
        self._free_ns = max(self._free_ns, now_ns) + len(piece) * BITS_A_BYTE * NS_PER_S // baud
        return self._free_ns

    def _gathered(self, arrives_ns: int) -> int:
        """The next tick of a latency timer."""
        period_ns = self.traits.get(Mishap.COALESCE, 0) * NS_PER_MS
        return arrives_ns if not period_ns else -(-arrives_ns // period_ns) * period_ns
