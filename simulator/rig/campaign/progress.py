"""How far a campaign is, on standard error: rate, time left, violations so far.

Refuses to disturb standard output. On a terminal one line is written over and over; elsewhere a line now and then.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TextIO

from simulator.rig.campaign.outcome import MS_PER_H, Row

NS_PER_S = 1_000_000_000
EVERY_S_ON_A_TERMINAL, EVERY_S_ELSEWHERE = 0.5, 10.0


class Progress:
    """`clock` in ns. `done`: rows that were known before."""

    def __init__(self, stream: TextIO, runs: int, done: int, clock: Callable[[], int]) -> None:
        self._stream, self._runs, self._done, self._clock = stream, runs, done, clock
        self._fresh = 0
        self._pump_ms = 0
        self._violations = 0
        self._began_ns = self._told_ns = clock()
        self._rewrites = stream.isatty()

    @property
    def wall_s(self) -> float:
        """Since it began."""
        return (self._clock() - self._began_ns) / NS_PER_S

    def add(self, row: Row) -> None:
        """Another run is known."""
        self._fresh += 1
        self._pump_ms += row.outcome.pump_ms
        self._violations += len(row.outcome.broken)
        every_s = EVERY_S_ON_A_TERMINAL if self._rewrites else EVERY_S_ELSEWHERE
        if self._clock() - self._told_ns >= every_s * NS_PER_S or self._done + self._fresh == self._runs:
            self._told_ns = self._clock()
            self._tell()

    def end(self) -> None:
        """What is written next begins a line of its own."""
        if self._rewrites and self._fresh:
            self._stream.write("\n")

    def _tell(self) -> None:
        wall_s = max(self.wall_s, 1e-3)
        left_s = (self._runs - self._done - self._fresh) * wall_s / self._fresh
        line = (
            f"{self._done + self._fresh}/{self._runs} runs, {self._fresh / wall_s:.2f} runs/s, "
            f"{self._pump_ms / MS_PER_H / wall_s:.2f} pump-hours/s, {left_s:.0f} s left, {self._violations} violations"
        )
        self._stream.write(f"\r{line:<100}" if self._rewrites else f"{line}\n")
        self._stream.flush()
