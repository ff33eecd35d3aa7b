"""What a patient really got, and the fullest window of it: brute force in plain integers.

Refuses to share anything with core/exposure.py. Every half-open window (end - W, end] is looked at whose end is where
some piece begins or ends or leaves: between those the sum is linear, so no other can be fuller.
"""

from __future__ import annotations

from dataclasses import dataclass

HOUR_NS = 3_600_000_000_000
DAY_NS = 24 * HOUR_NS
WEEK_NS = 7 * DAY_NS
# clinical.md: 24 mmol in 24 h (D24, hard) and, without an override, 65 mmol in 7 days (D7). 1 g is 4.0573 mmol.
CAP_24H_UG = 24 * 10_000_000_000 // 40_573
CAP_7D_UG = 65 * 10_000_000_000 // 40_573


@dataclass(frozen=True, slots=True)
class Given:
    """Evenly from `start_ns` to `end_ns`."""

    start_ns: int
    end_ns: int
    ug: int


def fullest_ug(given: list[Given], window_ns: int) -> int:
    """Rounded up, at most one microgram for each piece."""
    ends = {instant + shift for one in given for instant in (one.start_ns, one.end_ns) for shift in (0, window_ns)}
    return max((_within_ug(given, end - window_ns, end) for end in ends), default=0)


def _within_ug(given: list[Given], begin_ns: int, end_ns: int) -> int:
    total_ug = 0
    for one in given:
        overlap_ns = min(one.end_ns, end_ns) - max(one.start_ns, begin_ns)
        if overlap_ns > 0:
            total_ug += -(-one.ug * overlap_ns // (one.end_ns - one.start_ns))
    return total_ug
