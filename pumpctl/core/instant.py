"""The instant at which something is decided: two clocks and a calendar.

Refuses to know where the numbers come from. Link time is real time (polls, retries, leases,
alarms). Therapy time is what a dose, a window or a schedule is measured in; `--speed N`
scales it and nothing else. Both are nanoseconds that only ever grow while the host runs.
`utc_ms` is the calendar of therapy time: for expiry, windows over restarts, and display.
"""

from __future__ import annotations

from dataclasses import dataclass

NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000
MS_PER_H = 3_600_000


@dataclass(frozen=True, slots=True)
class Now:
    """link_ns, therapy_ns: nanoseconds; utc_ms: milliseconds since 1970-01-01T00:00Z."""

    link_ns: int
    therapy_ns: int
    utc_ms: int
