"""How far a pump's clock runs from ours. Refuses to correct it: the pump goes by its own."""

from __future__ import annotations

from pumpctl.core.instant import NS_PER_MS, NS_PER_S

LONG_ENOUGH_NS = 600 * NS_PER_S  # before that, what a poll takes would look like a drift
TOLERATED_PERMILLE = 20  # a quartz is a hundred times better (project)


def drift_permille(pump_ms: int, ours_ns: int) -> int | None:
    """The pump's span against ours of the same stretch, toward zero; None while it is too short to tell."""
    if ours_ns < LONG_ENOUGH_NS:
        return None
    ahead_ns = pump_ms * NS_PER_MS - ours_ns
    permille = abs(ahead_ns) * 1000 // ours_ns
    return permille if ahead_ns >= 0 else -permille
