"""A pump's clock beside ours: whether a status is of now, and whether the pump's clock drifts.

Refuses to correct either clock. A status that shows an earlier instant is no word of the pump on what it does now.
"""

from __future__ import annotations

from pumpctl.core.clock_drift import TOLERATED_PERMILLE, drift_permille
from pumpctl.core.instant import NS_PER_MS, NS_PER_S
from pumpctl.core.reason import Priority
from pumpctl.drivers.pump import StatusRead
from pumpctl.supervision.alarms import end_alarm, raise_alarm
from pumpctl.supervision.channel import Channel
from pumpctl.supervision.outbox import Outbox

BEHIND_NS = NS_PER_S  # more than two polls and this behind, and it is an old picture
DRIFT_DIVISOR = 20  # over a real silence the worst of clocks loses a twentieth (H43)
LONG_SILENCE_NS = 60 * NS_PER_S  # H52: by then it is told as lost


def is_behind(channel: Channel, before: StatusRead, status: StatusRead, poll_ns: int) -> bool:
    """Its uptime lags behind the last one that was believed. On a fresh link the first status is taken as it is."""
    waited_ns = status.asked.link_ns - before.asked.link_ns
    if status.counters.boot_count != before.counters.boot_count or not channel.reconciled:
        return False
    # What a silence may have cost is measured once, or an old picture would become believable with time.
    silence_ns = waited_ns if channel.behind_after_ns is None else channel.behind_after_ns
    lag_ns = waited_ns - (status.uptime_ms - before.uptime_ms) * NS_PER_MS
    behind = lag_ns > 2 * poll_ns + BEHIND_NS + silence_ns // DRIFT_DIVISOR
    channel.behind_after_ns = silence_ns if behind else None
    return behind


def was_long_silent(channel: Channel) -> bool:
    """What is behind may only be the clock that lost more than it should: known anew it tells as much as a pump that
    was unplugged and is back, and before that nobody could ever believe it again."""
    return channel.behind_after_ns is not None and channel.behind_after_ns >= LONG_SILENCE_NS


def watch_clock(channel: Channel, status: StatusRead, out: Outbox) -> None:
    """H43: leases and ages are counted by the pump's uptime; a clock that runs wrong is told, and never corrected."""
    base = channel.clock_base
    if base is None or base.counters.boot_count != status.counters.boot_count:
        channel.clock_base = status
        return
    drift = drift_permille(status.uptime_ms - base.uptime_ms, status.asked.link_ns - base.asked.link_ns)
    if drift is None:
        return
    if abs(drift) > TOLERATED_PERMILLE:
        told = f"the pump's clock is off by {drift} permille"
        raise_alarm(channel, "pump_clock_drift", Priority.LOW, told, out)
    else:
        end_alarm(channel, "pump_clock_drift", out)
