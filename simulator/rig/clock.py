"""The host's clocks in the virtual world: link time, therapy time, and a wall clock that people and NTP move.

Refuses to know the daemon. World time is the truth that pumps live in; the host's boot clock is the same, less
the time in which a paused machine saw no time pass, until the host is switched off: then it begins anew. The wall clock
is off by what was done to it.
"""

from __future__ import annotations

from pumpctl.core.instant import NS_PER_MS, NS_PER_S, Now

BOOTED_NS = 10 * NS_PER_S  # what it takes a host from its power-on to the daemon's start
WALL_STEP_MS = 2_000  # the shell tells no smaller step (ADR 0006)


class RigClock:
    """`start_utc_ms` is the true calendar at world time 0. Speed is 1."""

    def __init__(self, start_utc_ms: int) -> None:
        self.offset_ms = 0  # how far the wall clock is off the true calendar
        self.unseen_ns = 0  # world time that the host's clocks have missed
        self._booted_ns = 0  # how much less the boot clock shows since the host was switched on again
        self._start_utc_ms = start_utc_ms
        self._told_ms = 0
        self._stands_since_ns: int | None = None

    def now(self, world_ns: int) -> Now:
        """What the daemon is told."""
        link_ns = world_ns - self.unseen_ns - self._booted_ns
        return Now(link_ns, link_ns, self.wall_ms(world_ns))

    def world_ns(self, link_ns: int) -> int:
        """The world time at which the host's boot clock shows this."""
        return link_ns + self.unseen_ns + self._booted_ns

    def boot(self, world_ns: int) -> None:
        """The host was off, and is on again."""
        self._booted_ns = world_ns - self.unseen_ns - BOOTED_NS

    def true_ms(self, world_ns: int) -> int:
        """The calendar."""
        return self._start_utc_ms + world_ns // NS_PER_MS

    def wall_ms(self, world_ns: int) -> int:
        """What the host's wall clock shows."""
        shown_ns = world_ns if self._stands_since_ns is None else self._stands_since_ns
        return self.true_ms(shown_ns) + self.offset_ms

    @property
    def stands(self) -> bool:
        """Whether the wall clock stands."""
        return self._stands_since_ns is not None

    def step(self, by_ms: int) -> None:
        """Somebody sets the wall clock."""
        self.offset_ms += by_ms

    def stop_wall(self, world_ns: int) -> None:
        """The wall clock stands."""
        if self._stands_since_ns is None:
            self._stands_since_ns = world_ns

    def go_on(self, world_ns: int) -> None:
        """It goes again, late by what it missed."""
        if self._stands_since_ns is not None:
            self.offset_ms -= (world_ns - self._stands_since_ns) // NS_PER_MS
            self._stands_since_ns = None

    def miss(self, span_ns: int) -> None:
        """The machine was paused: neither clock has seen this time."""
        self.unseen_ns += span_ns
        self.offset_ms -= span_ns // NS_PER_MS
        self._told_ms -= span_ns // NS_PER_MS  # against the boot clock the wall clock has not moved

    def set_right(self, world_ns: int) -> None:
        """A person sets the wall clock by the calendar."""
        self.go_on(world_ns)
        self.offset_ms = 0

    def take_step_ms(self, world_ns: int) -> int | None:
        """What the shell would tell now: the wall clock against the boot clock, once it is more than 2 s."""
        off_ms = self.wall_ms(world_ns) - self.true_ms(world_ns)
        step_ms = off_ms - self._told_ms
        if abs(step_ms) <= WALL_STEP_MS:
            return None
        self._told_ms = off_ms
        return step_ms

    def begin_life(self, world_ns: int) -> None:
        """A daemon that starts compares with what it finds."""
        self._told_ms = self.wall_ms(world_ns) - self.true_ms(world_ns)
