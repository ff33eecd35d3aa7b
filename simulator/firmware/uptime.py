"""The pump's own clock: whole milliseconds since power-on, told from link time, and back.

Refuses to know what is timed by it. It may run fast or slow from an instant on; it never jumps.
"""

from __future__ import annotations

from simulator.instant import NS_PER_MS


class Uptime:
    """Of one power-on."""

    def __init__(self, power_on_ns: int, drift_permille: int = 0) -> None:
        self._from_ns = power_on_ns
        self._shown_ns = 0
        self._permille = 1000 + drift_permille

    def drift(self, link_ns: int, drift_permille: int) -> None:
        """From this instant on it gains so much, or loses it."""
        self._shown_ns += (link_ns - self._from_ns) * self._permille // 1000
        self._from_ns, self._permille = link_ns, 1000 + drift_permille

    def ms(self, link_ns: int) -> int:
        """What the pump shows."""
        return (self._shown_ns + (link_ns - self._from_ns) * self._permille // 1000) // NS_PER_MS

    def link_ns(self, uptime_ms: int) -> int:
        """The first instant at which it shows that much."""
        return self._from_ns - -(uptime_ms * NS_PER_MS - self._shown_ns) * 1000 // self._permille

    def after_ms(self, duration_ms: int, link_ns: int) -> int:
        """Ends come at whole milliseconds of uptime."""
        return self.link_ns(self.ms(link_ns) + duration_ms)
