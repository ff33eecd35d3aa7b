"""One look at one channel: what time has brought, what to send now, what to tell, when to look again.

Refuses to react inside an event: every event is noted first and the channel is tended afterwards,
at its own pace, always in the same order. At most one command leaves per look, and STOP before it.
"""

from __future__ import annotations

from pumpctl.core.delivery import DeliveryState, Trigger
from pumpctl.core.instant import NS_PER_MS, NS_PER_S
from pumpctl.drivers.pump import Identify, ReadStatus
from pumpctl.effects import Publish, WritePump
from pumpctl.supervision.alarms import watch_silenced
from pumpctl.supervision.channel import Channel, Link
from pumpctl.supervision.door import INTENT_LIFE_NS, raise_flow
from pumpctl.supervision.facts import take
from pumpctl.supervision.identity import arm_guard
from pumpctl.supervision.observing import watch_observations
from pumpctl.supervision.outbox import Outbox
from pumpctl.supervision.polling import IDENTIFY_AGAIN_NS, next_command, poll_ns
from pumpctl.supervision.silence import watch_silence
from pumpctl.supervision.stopping import next_of_stop, pursue_stop
from pumpctl.supervision.waiting import watch_waiting
from pumpctl.supervision.ward import Ward
from pumpctl.telemetry import state_key, state_payload

STATE_FASTEST_NS = 250 * NS_PER_MS  # at most 4 Hz
STATE_SLOWEST_NS = NS_PER_S
NOT_BEFORE_NS = NS_PER_MS
PROGRESS_NS = 60 * NS_PER_S


def tend(ward: Ward, channel: Channel, out: Outbox) -> None:
    """Bring the channel up to `out.now`; leaves its next deadline in the notebook."""
    for fact in channel.driver.wake(out.now):
        take(ward, channel, fact, out)
    watch_silence(channel, out)
    watch_waiting(ward, channel, out)
    watch_observations(ward, channel, out)
    watch_silenced(channel, out)
    pursue_stop(channel, out)
    if channel.state is DeliveryState.PHASE_COMPLETE:
        channel.move(Trigger.PROGRAM_REQUESTED)
        channel.awaiting_since_ns = out.now.link_ns
    _note_progress(channel, out)
    if channel.line is not None:
        _go_on(channel, out)
    elif not raise_flow(ward, channel, out):
        _ask(ward, channel, out)
    arm_guard(channel, out)
    _tell(channel, out)
    channel.deadline_ns = _next_look(channel, out.now.link_ns)


def take_turn(ward: Ward, channel: Channel, out: Outbox) -> int | None:
    """On a line that others share: ask what is to be asked now. When it is overdue; None when it is nothing."""
    if channel.driver.busy or channel.link in {Link.DOWN, Link.REFUSED}:
        return None
    if not raise_flow(ward, channel, out):
        _ask(ward, channel, out)
    arm_guard(channel, out)
    channel.deadline_ns = _next_look(channel, out.now.link_ns)
    return channel.driver.next_wake_ns() if channel.driver.busy else None


def _note_progress(channel: Channel, out: Outbox) -> None:
    """While drug flows the journal proves once a minute that it can still write, and says how far it is."""
    infusion = channel.infusion
    if channel.state is not DeliveryState.INFUSING or infusion is None or infusion.delivered is None:
        return
    if out.now.link_ns - channel.progress_noted_ns < PROGRESS_NS:
        return
    channel.progress_noted_ns = out.now.link_ns
    told = {"least_ul": infusion.delivered.least_ul, "most_ul": infusion.delivered.most_ul(out.now.therapy_ns)}
    out.record("progress", {"channel": channel.name, "program_id": infusion.program_id.hex(), **told})


def _go_on(channel: Channel, out: Outbox) -> None:
    """The next question of the command under way; on a shared line the turn lasts until that one is overdue."""
    if channel.link in {Link.DOWN, Link.REFUSED}:
        return
    if following := channel.driver.outgoing(out.now):
        out.add(WritePump(channel.name, following))
        if channel.line is not None:
            channel.line.overdue_ns = channel.driver.next_wake_ns() or out.now.link_ns


def _ask(ward: Ward, channel: Channel, out: Outbox) -> None:
    if channel.link in {Link.DOWN, Link.REFUSED}:
        return
    _go_on(channel, out)
    if channel.driver.busy:
        return
    command = next_command(ward, channel, out)
    if command is None:
        return
    if isinstance(command, Identify):
        channel.next_identify_ns = out.now.link_ns + IDENTIFY_AGAIN_NS
    elif isinstance(command, ReadStatus):
        channel.next_poll_ns = out.now.link_ns + poll_ns(ward, channel)
    if channel.unheard_since_ns is None:
        channel.unheard_since_ns = out.now.link_ns
    out.add(WritePump(channel.name, channel.driver.command(command, out.now)))


def _tell(channel: Channel, out: Outbox) -> None:
    """State: at once when it differs, at most 4 Hz; else once a second with its age."""
    waited = out.now.link_ns - channel.published_ns
    key = state_key(channel)
    changed = key != channel.published
    if waited < (STATE_FASTEST_NS if changed else STATE_SLOWEST_NS):
        return
    channel.published, channel.published_ns = key, out.now.link_ns
    channel.state_seq += 1
    out.add(Publish(channel.name, "state", state_payload(channel, out.now), changed=changed))


def _next_look(channel: Channel, now_ns: int) -> int:
    """The next link instant at which tending could do something new; the 1 s of telemetry bounds it."""
    changed = state_key(channel) != channel.published
    instants = [channel.published_ns + (STATE_FASTEST_NS if changed else STATE_SLOWEST_NS)]
    if (wake := channel.driver.next_wake_ns()) is not None:
        instants.append(wake)
    # On a shared line what is due waits for its turn, which comes with the end of another's and not with time.
    instants += [at_ns for at_ns in _next_questions(channel) if channel.line is None or at_ns > now_ns]
    instants += next_of_stop(channel)
    # Never in the past, and never a busy loop: what is overdue and could not be done waits a little.
    return max(min(instants), now_ns + NOT_BEFORE_NS)


def _next_questions(channel: Channel) -> list[int]:
    """When something is to be asked if the line is free, and when an intent that found no room there is given up."""
    instants: list[int] = []
    if channel.driver.next_wake_ns() is None and channel.link is Link.IDENTIFYING:
        instants.append(channel.next_identify_ns)
    elif channel.driver.next_wake_ns() is None and channel.identified:
        instants.append(channel.next_poll_ns)
    dosing = channel.infusion.dosing if channel.infusion else None
    if dosing is not None and dosing.sent is None:
        instants.append(dosing.intended_ns + INTENT_LIFE_NS + 1)
    return instants
