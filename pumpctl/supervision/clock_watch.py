"""A pump's clock beside ours. Refuses to correct either: a drift is told, and nothing is decided by it."""

from __future__ import annotations

from pumpctl.core.clock_drift import TOLERATED_PERMILLE, drift_permille
from pumpctl.core.reason import Priority
from pumpctl.drivers.pump import StatusRead
from pumpctl.supervision.alarms import end_alarm, raise_alarm
from pumpctl.supervision.channel import Channel
from pumpctl.supervision.outbox import Outbox


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
