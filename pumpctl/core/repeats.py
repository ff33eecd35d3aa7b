"""The loop of alarm, clearing and restart: when the same alarm has stopped a pump too often for one person to clear.

Refuses to know which alarms there are.
"""

from __future__ import annotations

REPEATS = 3  # hazard H19
WITHIN_MS = 10 * 60_000
KEPT = 16  # stops remembered; older ones no longer count in any case that matters

Stops = tuple[tuple[str, int], ...]  # (alarm code, UTC ms), oldest first


def with_stop(stops: Stops, code: str, utc_ms: int) -> Stops:
    """One more stop by this alarm."""
    return (*stops, (code, utc_ms))[-KEPT:]


def repeats_too_often(stops: Stops, code: str, utc_ms: int) -> bool:
    """This alarm has stopped it that often within the time, the last one included."""
    return sum(known == code and abs(utc_ms - at_ms) < WITHIN_MS for known, at_ms in stops) >= REPEATS
