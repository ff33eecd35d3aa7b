"""How long a link may be silent before somebody is told, and what is done about it.

Refuses to stop a home infusion because a patient walked away: the pump finishes what is loaded
(profile home_sc). A lease program stops by itself at its lease end; five seconds later it is
unproven, HIGH, and stopped when the link is back. All instants are link time.
"""

from __future__ import annotations

from pumpctl.core.delivered import NS_PER_H
from pumpctl.core.instant import NS_PER_S
from pumpctl.core.program import LinkLoss
from pumpctl.core.reason import Priority, Reason
from pumpctl.effects import Publish
from pumpctl.supervision.alarms import raise_alarm
from pumpctl.supervision.channel import Channel, Link
from pumpctl.supervision.infusion import Infusion
from pumpctl.supervision.outbox import Outbox
from pumpctl.supervision.stopping import request_stop

NOTED_NS = 3 * NS_PER_S
TOLD_NS = 60 * NS_PER_S
UNPROVEN_AFTER_LEASE_NS = 5 * NS_PER_S


def watch_silence(channel: Channel, out: Outbox) -> None:
    """Note, tell, escalate: by how long nothing was heard and by what the pump does meanwhile."""
    unheard_since_ns = channel.unheard_since_ns
    if unheard_since_ns is None or channel.link is Link.REFUSED:
        return
    silent_ns = out.now.link_ns - unheard_since_ns
    if channel.link is Link.UP and silent_ns >= NOTED_NS:
        channel.link, channel.link_reason = Link.SILENT, "nothing heard for 3 s"
        out.add(Publish(channel.name, "link", {"link": "down"}))
    if channel.link is Link.UP:
        return
    priority = _priority(channel, silent_ns, out)
    if priority is not None:
        told = channel.link_reason or "the pump does not answer"
        raise_alarm(channel, "link_lost", priority, told, out)
    if lease_is_over(channel, out.now.link_ns) and channel.stop is None:
        reason = Reason("lease_end_unproven", "the lease has ended out of reach: nobody knows that the pump stopped")
        request_stop(channel, (reason,), Priority.HIGH, out)


def _priority(channel: Channel, silent_ns: int, out: Outbox) -> Priority | None:
    infusion = channel.infusion
    running = infusion if infusion is not None and infusion.may_have_started else None
    if running is not None and running.program.link_loss is LinkLoss.STOP_AT_LEASE_END:
        return Priority.MEDIUM if silent_ns >= NOTED_NS else None
    if running is not None and out.now.therapy_ns > expected_end_therapy_ns(running):
        return Priority.MEDIUM
    if channel.away_until_ms is not None and out.now.utc_ms < channel.away_until_ms:
        return None
    return Priority.LOW if silent_ns >= TOLD_NS else None


def expected_end_therapy_ns(infusion: Infusion) -> int:
    """When the program should be through, from the last reading at the programmed flow."""
    delivered, flow_ul_h = infusion.delivered, infusion.program.flow_rate_ul_h
    if delivered is None or infusion.paused_therapy_ns is not None:
        return 1 << 62
    left_ul = max(0, infusion.program.vtbi_ul - delivered.smallest_ul)
    return delivered.asked_therapy_ns + left_ul * NS_PER_H // flow_ul_h


def lease_is_over(channel: Channel, link_ns: int) -> bool:
    """The pump must have stopped by itself, and five seconds more have passed."""
    return channel.lease_ends_ns is not None and link_ns > channel.lease_ends_ns + UNPROVEN_AFTER_LEASE_NS
