"""The instant of the simulated world: the pump's own clock and the clock of the therapy.

Refuses to know where the numbers come from. Link time is real time: the pump's uptime, its token, its
lease, its answers. Therapy time moves the motor and the fluid; at `--speed N` it runs N times as fast.
"""

from __future__ import annotations

from dataclasses import dataclass

NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000
NS_PER_H = 3_600_000_000_000


@dataclass(frozen=True, slots=True)
class SimNow:
    """Nanoseconds of both clocks. Neither ever runs backwards."""

    link_ns: int
    therapy_ns: int


def earlier(one_ns: int | None, other_ns: int | None) -> int | None:
    """Of two instants; None is never."""
    if one_ns is None:
        return other_ns
    return one_ns if other_ns is None or one_ns < other_ns else other_ns


def between(earlier: SimNow, later: SimNow, therapy_ns: int) -> SimNow:
    """The instant at `therapy_ns` when both clocks run evenly from `earlier` to `later`."""
    span_ns = later.therapy_ns - earlier.therapy_ns
    if span_ns == 0:
        return earlier
    elapsed_ns = (later.link_ns - earlier.link_ns) * (therapy_ns - earlier.therapy_ns) // span_ns
    return SimNow(earlier.link_ns + elapsed_ns, therapy_ns)


def between_link(earlier: SimNow, later: SimNow, link_ns: int) -> SimNow:
    """The instant at `link_ns` when both clocks run evenly from `earlier` to `later`."""
    span_ns = later.link_ns - earlier.link_ns
    if span_ns == 0:
        return earlier
    elapsed_ns = (later.therapy_ns - earlier.therapy_ns) * (link_ns - earlier.link_ns) // span_ns
    return SimNow(link_ns, earlier.therapy_ns + elapsed_ns)
