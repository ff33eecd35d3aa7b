"""A pump that sends what nobody asked for: bursts of garbage at even instants, from a seed of its own.

Refuses to know frames. Each burst ends with the delimiter, as a task of the firmware would that sends whole frames of
nonsense: what is said between two bursts still arrives.
"""

from __future__ import annotations

from random import Random

from simulator.instant import NS_PER_MS

BURST_EVERY_NS = 100 * NS_PER_MS
BURSTS_A_SECOND = 10
MAX_BURSTS_A_CALL = 100  # ten seconds of it: what is older is lost, as in a UART that nobody reads


class Babble:
    """Times are link time."""

    def __init__(self, seed: int) -> None:
        self._rng = Random(seed)  # noqa: S311 - garbage must be reproducible
        self._bytes_a_burst = 0
        self._due_ns: int | None = None

    def begin(self, bytes_a_s: int, link_ns: int) -> None:
        """The first burst comes at once."""
        self._bytes_a_burst = max(1, bytes_a_s // BURSTS_A_SECOND)
        self._due_ns = link_ns

    def end(self) -> None:
        """Silence."""
        self._due_ns = None

    def next_ns(self) -> int | None:
        return self._due_ns

    def take(self, link_ns: int) -> bytes:
        """What is due by now."""
        sent: list[bytes] = []
        while self._due_ns is not None and self._due_ns <= link_ns:
            sent.append(self._rng.randbytes(self._bytes_a_burst - 1) + b"\0")
            self._due_ns += BURST_EVERY_NS
        return b"".join(sent[-MAX_BURSTS_A_CALL:])
