"""The clocks of the host, read in one place and handed out as a value.

Refuses to know what is decided with them. Link time is CLOCK_BOOTTIME: it counts while the host sleeps (H42) and
no administrator can set it (H40). Therapy time is the same clock, scaled from an epoch that daemon and simulator
share. The calendar is the wall clock, moved on by what scaling has added; a step of it against the boot clock is
reported, never followed in an interval.
"""

from __future__ import annotations

import time  # noqa: TID251 (this file is the door)
from collections.abc import Callable

from pumpctl.core.instant import NS_PER_MS, Now
from pumpctl.events import WallClockStepped

WALL_STEP_MS = 2000  # ADR 0006: more is flagged
PAIR_NS = 100 * NS_PER_MS  # two clocks read further apart than this are not a pair
PAIR_TRIES = 3


def boottime_ns() -> int:
    """Nanoseconds since the host started, sleep included."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def wall_ms() -> int:
    """Milliseconds since 1970-01-01T00:00Z, as far as the host knows."""
    return time.time_ns() // NS_PER_MS


class Clock:
    """Now, at a speed. At speed 1 the epoch changes nothing but the zero of therapy time."""

    def __init__(
        self,
        speed: int,
        epoch_boottime_ns: int,
        boottime: Callable[[], int] = boottime_ns,
        wall: Callable[[], int] = wall_ms,
    ) -> None:
        self._speed = speed
        self._epoch_ns = epoch_boottime_ns
        self._boottime = boottime
        self._wall = wall
        self._offset_ms = self._wall_offset_ms()

    def now(self) -> Now:
        """The instant at which the next thing is decided."""
        link_ns = self._boottime()
        elapsed_ns = link_ns - self._epoch_ns
        utc_ms = self._wall() + (self._speed - 1) * elapsed_ns // NS_PER_MS
        return Now(link_ns=link_ns, therapy_ns=self._speed * elapsed_ns, utc_ms=utc_ms)

    def wall_step(self) -> WallClockStepped | None:
        """A step of the wall clock since the last one reported; small ones add up until they count.

        Slewing moves both clocks alike and is no step.
        """
        offset_ms = self._wall_offset_ms()
        if offset_ms is None or self._offset_ms is None:
            self._offset_ms = offset_ms if self._offset_ms is None else self._offset_ms
            return None
        step_ms = offset_ms - self._offset_ms
        if abs(step_ms) <= WALL_STEP_MS:
            return None
        self._offset_ms = offset_ms
        return WallClockStepped(step_ms)

    def _wall_offset_ms(self) -> int | None:
        for _ in range(PAIR_TRIES):
            before = self._boottime()
            wall = self._wall()
            if self._boottime() - before <= PAIR_NS:
                return wall - before // NS_PER_MS
        return None  # the host is too busy to say; the next look will
