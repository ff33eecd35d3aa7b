"""Alarms of one channel: raised once, repeated never, cleared by cause or by a person.

Refuses to know what rings. Each raise and each end is recorded, published (retained while
active) and annunciated at this host; the priority is that of hazards.md.
"""

from __future__ import annotations

from pumpctl.core.instant import NS_PER_S
from pumpctl.core.reason import Priority
from pumpctl.effects import Annunciate, Publish
from pumpctl.supervision.channel import ActiveAlarm, Channel
from pumpctl.supervision.outbox import Outbox
from pumpctl.telemetry import alarm_payload

SILENT_NS = 120 * NS_PER_S  # hazard H67: then it rings again
LOUDNESS = {Priority.LOW: 0, Priority.MEDIUM: 1, Priority.HIGH: 2}


def raise_alarm(channel: Channel, code: str, priority: Priority, message: str, out: Outbox) -> None:
    """Raise, or escalate to a higher priority; an alarm that is on already is not raised again."""
    active = channel.alarms.get(code)
    if active is not None and LOUDNESS[active.priority] >= LOUDNESS[priority]:
        return
    _ring_all(channel, out)
    alarm = channel.alarms[code] = ActiveAlarm(priority, message, out.now.link_ns)
    told = {"code": code, "priority": priority.value, "message": message}
    out.add(Annunciate(channel.name, code, priority, active=True, message=message))
    out.add(Publish(channel.name, f"alarm/{code}", alarm_payload(channel, code, alarm, out.now)))
    out.record("alarm_raised", {"channel": channel.name, **told})


def end_alarm(channel: Channel, code: str, out: Outbox) -> None:
    """The cause is gone, or a person cleared the latch behind it. Nothing when it is not on."""
    active = channel.alarms.pop(code, None)
    if active is None:
        return
    out.add(Annunciate(channel.name, code, active.priority, active=False, message=active.message))
    out.add(Publish(channel.name, f"alarm/{code}", None))
    out.record("alarm_ended", {"channel": channel.name, "code": code})


def acknowledge(channel: Channel, code: str, out: Outbox) -> bool:
    """A person has heard it: silence here; it stays active everywhere. False when it is not on."""
    active = channel.alarms.get(code)
    if active is None:
        return False
    active.silent_until_ns = out.now.link_ns + SILENT_NS
    out.add(Annunciate(channel.name, code, active.priority, active=False, message=active.message))
    out.record("alarm_acknowledged", {"channel": channel.name, "code": code})
    return True


def watch_silenced(channel: Channel, out: Outbox) -> None:
    """Silence has its end: an alarm that is still on rings again."""
    for code, active in channel.alarms.items():
        if active.silent_until_ns is not None and out.now.link_ns >= active.silent_until_ns:
            _ring(channel, code, active, out)


def _ring_all(channel: Channel, out: Outbox) -> None:
    """A new alarm is not to be lost behind old ones that somebody silenced."""
    for code, active in channel.alarms.items():
        if active.silent_until_ns is not None:
            _ring(channel, code, active, out)


def _ring(channel: Channel, code: str, active: ActiveAlarm, out: Outbox) -> None:
    active.silent_until_ns = None
    out.add(Annunciate(channel.name, code, active.priority, active=True, message=active.message))
    out.record("alarm_rings_again", {"channel": channel.name, "code": code})
