"""What judges want to know about the link of a simulated pump, and what scenarios make it get wrong.

Refuses to know frames. Both outlive a power cycle: they belong to the observer, not to the pump.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Tally:
    """Counts and link-time stamps since the simulator started."""

    starts: int = 0
    resumes: int = 0
    stops_received: int = 0
    stops_ignored: int = 0
    max_commanded_flow_ul_h: int = 0
    alarm_notice_sent_ns: int | None = None
    stop_received_ns: int | None = None
    stopped_sent_ns: int | None = None


@dataclass(slots=True)
class LinkFaults:
    """How many more of each go wrong."""

    replies_to_drop: int = 0
    start_acks_to_drop: int = 0
    stops_to_ignore: int = 0
