"""What to ask a pump next, and when: one command at a time, the most urgent first.

Refuses to send: it names the command, the controller writes it. STOP is not here (it waits for
no turn), nor are START and RESUME (supervision/door.py). Nothing is queued: each question is
chosen afresh from the channel at the moment the line is free.
"""

from __future__ import annotations

from pumpctl.core.delivery import DeliveryState
from pumpctl.core.instant import NS_PER_MS, NS_PER_S, Now
from pumpctl.core.observation import Lapse
from pumpctl.core.program import LinkLoss
from pumpctl.drivers.pump import (
    LOADING_KINDS,
    AcknowledgeAlarms,
    Command,
    Identify,
    LoadProgram,
    Pause,
    PumpActivity,
    ReadConfirmation,
    ReadEvent,
    ReadProgram,
    ReadStatus,
    Renew,
)
from pumpctl.supervision.channel import Channel, Link
from pumpctl.supervision.observing import observation_lapse
from pumpctl.supervision.outbox import Outbox
from pumpctl.supervision.priming import prime_command
from pumpctl.supervision.ward import Ward

_S = DeliveryState
FASTEST_NS = 50 * NS_PER_MS  # no speed makes the time between two polls shorter (project)
INFUSING_NS = NS_PER_S
LOADING_NS = NS_PER_S // 4
IDLE_NS = 5 * NS_PER_S
IDENTIFY_AGAIN_NS = NS_PER_S
# Lease programs: the journal must have written this recently for a renewal (project).
JOURNAL_FRESH_NS = 300 * NS_PER_S
_RUNNING = frozenset({_S.STARTING, _S.INFUSING, _S.PAUSING})
_RENEWED = frozenset({_S.INFUSING, _S.PAUSING, _S.PAUSED, _S.AWAITING_CONFIRMATION})
_ATTENDED = frozenset({_S.PROGRAMMING, _S.READY, _S.AWAITING_CONFIRMATION, _S.PAUSED, _S.STOPPING, _S.UNKNOWN})


def poll_ns(ward: Ward, channel: Channel) -> int:
    """Link time between two statuses in the present state."""
    program = channel.infusion.program if channel.infusion else None
    if channel.priming is not None:
        return max(FASTEST_NS, INFUSING_NS // ward.configuration.speed)
    if channel.state in _RUNNING:
        period = LOADING_NS if program is not None and program.phase_kind in LOADING_KINDS else INFUSING_NS
    elif channel.state in _ATTENDED:
        period = INFUSING_NS
    else:
        period = IDLE_NS
    return max(FASTEST_NS, period // ward.configuration.speed)


def poll_therapy_ns(ward: Ward, channel: Channel) -> int:
    """The same in therapy time."""
    return poll_ns(ward, channel) * ward.configuration.speed


def next_command(ward: Ward, channel: Channel, out: Outbox) -> Command | None:
    """The command to send now that the line is free, or None."""
    now = out.now
    if channel.link is Link.IDENTIFYING:
        return Identify() if now.link_ns >= channel.next_identify_ns else None
    if not channel.identified:
        return None
    if channel.status_wanted:
        return ReadStatus()
    if channel.status is None or channel.state is _S.STOPPING:
        return ReadStatus() if now.link_ns >= channel.next_poll_ns else None
    return prime_command(ward, channel, out) or _for_state(channel, now) or _housekeeping(ward, channel, now)


def _for_state(channel: Channel, now: Now) -> Command | None:
    infusion, status = channel.infusion, channel.status
    if infusion is None or status is None:
        return None
    if channel.state is _S.UNKNOWN and not channel.read_back_equal and status.program_id == infusion.program_id:
        return ReadProgram(infusion.program) if now.link_ns >= channel.next_poll_ns else None
    if channel.state is _S.PROGRAMMING:
        if _acknowledges(channel):
            return AcknowledgeAlarms()
        if not channel.program_sent:
            # Loading is for a pump proven still; anything else is stopped by readings.py.
            return None if status.moving else LoadProgram(infusion.program)
        return ReadProgram(infusion.program)
    if channel.state is _S.READY:
        return ReadStatus()
    if channel.state is _S.AWAITING_CONFIRMATION and status.confirmation_waits and infusion.dosing is None:
        return ReadConfirmation() if now.link_ns >= channel.next_poll_ns else None
    if channel.state is _S.PAUSING and channel.pause_wanted:
        return Pause(infusion.program_id)
    return None


def _housekeeping(ward: Ward, channel: Channel, now: Now) -> Command | None:
    status = channel.status
    if status is None:
        return None
    renewal = _renewal(ward, channel, now)
    if renewal is not None:
        return renewal
    if _acknowledges(channel):
        return AcknowledgeAlarms()
    if channel.event_cursor is not None and channel.event_cursor < status.event_count:
        return ReadEvent(channel.event_cursor)
    return ReadStatus() if now.link_ns >= channel.next_poll_ns else None


def _acknowledges(channel: Channel) -> bool:
    """A cause may outlast the person who cleared: asked again after every status, and no more often."""
    return channel.acknowledge_wanted and channel.acknowledged is not channel.status


def _renewal(ward: Ward, channel: Channel, now: Now) -> Command | None:
    """Renew at a third of the lease, and only for a program that is watched and accounted for."""
    infusion, status = channel.infusion, channel.status
    if infusion is None or status is None or channel.lease_until_uptime_ms is None:
        return None
    if infusion.program.link_loss is not LinkLoss.STOP_AT_LEASE_END or not infusion.may_have_started:
        return None
    # A lease runs on while paused (SPEC.md 09): without its renewal no pause could last as long as S05 allows.
    if channel.state not in _RENEWED or status.activity not in {PumpActivity.INFUSING, PumpActivity.PAUSED}:
        return None
    if channel.link is not Link.UP or channel.latched:
        return None
    if observation_lapse(ward, channel, now.therapy_ns) is Lapse.STOP:
        return None  # it is being stopped; a lease must not outlive the reason for it
    if not ward.journal_sound or ward.last_durable_ns is None:
        return None
    if now.link_ns - ward.last_durable_ns > JOURNAL_FRESH_NS:
        return None
    lease_ms = infusion.program.lease_ms
    if channel.lease_until_uptime_ms - status.uptime_ms > lease_ms * 2 // 3:
        return None
    return Renew(infusion.program_id, status.uptime_ms + lease_ms)
