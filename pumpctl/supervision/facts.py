"""What a pump said, written into its channel's notebook.

Refuses to trust a link before the serial number has matched, and a status before the pump's past
has been reconciled with ours (supervision/reconciling.py).
"""

from __future__ import annotations

from typing import assert_never

from pumpctl.core.delivery import DeliveryState, Trigger
from pumpctl.core.interlocks import alarm_priority
from pumpctl.core.reason import Priority, Reason
from pumpctl.drivers.pump import (
    AcknowledgeAlarms,
    Command,
    ConfirmationRead,
    Denied,
    Done,
    EventRead,
    Fact,
    Identified,
    Identify,
    LineNoise,
    LoadProgram,
    Noticed,
    Pause,
    Prime,
    ProgramRead,
    ReadConfirmation,
    ReadEvent,
    ReadProgram,
    ReadStatus,
    Renew,
    Resume,
    SessionLost,
    Start,
    StatusRead,
    StopTaken,
    Unanswered,
)
from pumpctl.effects import DisarmGuard
from pumpctl.supervision.alarms import LOUDNESS, raise_alarm
from pumpctl.supervision.channel import Channel
from pumpctl.supervision.clock_watch import is_behind, was_long_silent, watch_clock
from pumpctl.supervision.door import intend, not_effective
from pumpctl.supervision.identity import ask_who_it_is, heard, identified
from pumpctl.supervision.infusion import Outcome
from pumpctl.supervision.outbox import Outbox
from pumpctl.supervision.polling import poll_ns
from pumpctl.supervision.readings import weigh_status
from pumpctl.supervision.reconciling import reconcile
from pumpctl.supervision.settling import doubt
from pumpctl.supervision.stopping import keep_stopping, request_stop, stop_taken
from pumpctl.supervision.ward import Ward

_S = DeliveryState
HOLDS_OUR_PROGRAM = frozenset({_S.STARTING, _S.INFUSING, _S.PAUSING, _S.PAUSED, _S.AWAITING_CONFIRMATION})


def take(ward: Ward, channel: Channel, fact: Fact, out: Outbox) -> None:
    """Apply one fact."""
    match fact:
        case Identified():
            heard(channel, out)
            identified(ward, channel, fact, out)
        case StatusRead():
            _status(ward, channel, fact, out)
        case ProgramRead():
            _program_read(ward, channel, fact, out)
        case ConfirmationRead():
            channel.next_poll_ns = out.now.link_ns + poll_ns(ward, channel)
            if channel.state is _S.AWAITING_CONFIRMATION:
                intend(ward, channel, fact, out)
            # A press that led to nothing must not keep the status from being asked for.
            channel.status_wanted = channel.infusion is None or channel.infusion.dosing is None
        case Done():
            _done(channel, fact.command)
        case Denied():
            _denied(ward, channel, fact, out)
        case Unanswered():
            _unanswered(ward, channel, fact.command, out)
        case StopTaken():
            stop_taken(channel, out)
        case Noticed():
            channel.status_wanted = True
            _stop_for_alarms(channel, fact.stopping_alarms, out)
        case EventRead():
            channel.event_cursor = fact.index + 1
            if fact.kind == "keypad_change" and channel.owes_dose():
                told = "somebody changed the flow at the pump's keys: look at the pump"
                raise_alarm(channel, "keypad_change", Priority.MEDIUM, told, out)  # H60: maybe shorter than a poll
            _stop_for_alarms(channel, fact.stopping_alarms, out)
        case SessionLost():
            out.add(DisarmGuard(channel.name))  # it may be another pump by now
            ask_who_it_is(channel, "the pump lost the session: asking it who it is")
        case LineNoise():
            channel.note_noise(fact.reason)
        case _:
            assert_never(fact)


def _status(ward: Ward, channel: Channel, status: StatusRead, out: Outbox) -> None:
    before = channel.status
    if before is not None and status.asked.link_ns <= before.asked.link_ns:
        return
    keep_stopping(channel, status)
    channel.status_wanted = False
    channel.next_poll_ns = status.asked.link_ns + poll_ns(ward, channel)
    if before is not None and is_behind(channel, before, status, poll_ns(ward, channel)):
        if was_long_silent(channel):
            ask_who_it_is(channel, "heard again after so long that its clock tells nothing: asking the pump who it is")
        return
    heard(channel, out)  # a status that was read is contact; a refusal, a notice or an old picture is none
    channel.status = status
    if channel.acknowledged is not None and not status.stopping_alarms:
        channel.acknowledge_wanted, channel.acknowledged = False, None
    known = channel.still_base if before is None else before.counters  # of an earlier link, or an earlier life
    if known is not None and status.counters.fell_since(known):
        told = Reason("counter_fell", "a volume counter of the pump fell without a power-on: none of them is believed")
        request_stop(channel, (told,), Priority.HIGH, out)
    if channel.event_cursor is None or channel.known_boot != status.counters.boot_count:
        # The history before the first look, or before a power-on, is not ours to judge.
        channel.event_cursor = status.event_count
    channel.known_boot = status.counters.boot_count
    watch_clock(channel, status, out)
    channel.still_base = channel.still_base or status.counters
    if channel.reconciled:
        weigh_status(ward, channel, status, out)
    else:
        reconcile(ward, channel, out)


def _program_read(ward: Ward, channel: Channel, read: ProgramRead, out: Outbox) -> None:
    infusion = channel.infusion
    channel.next_poll_ns = out.now.link_ns + poll_ns(ward, channel)
    if infusion is None:
        return
    channel.read_back_equal = read.equals is infusion.program
    if not channel.reconciled:
        channel.status_wanted = True
        if not channel.read_back_equal:
            reconcile(ward, channel, out, read_back_failed=True)
    elif channel.state is _S.PROGRAMMING:
        if channel.read_back_equal:
            channel.move(Trigger.READ_BACK_EQUAL)
            return
        reason = Reason("read_back_differs", "the pump's program is not the compiled one")
        request_stop(channel, (reason,), Priority.HIGH, out)


def _done(channel: Channel, command: Command) -> None:
    """The pump agreed. What it does is read from its next status."""
    match command:
        case LoadProgram():
            channel.program_sent = True
        case Start() | Resume() | Pause():
            channel.pause_wanted = False
            channel.status_wanted = True
        case Renew() if channel.status is not None:
            channel.grant_lease(channel.status, command.until_uptime_ms)
        case AcknowledgeAlarms():
            channel.status_wanted = channel.acknowledged is None
            channel.acknowledged = channel.status
        case Prime():
            channel.status_wanted = True
        case Renew() | Identify() | ReadStatus() | ReadProgram() | ReadConfirmation() | ReadEvent():
            return
        case _:
            assert_never(command)


def _denied(ward: Ward, channel: Channel, denied: Denied, out: Outbox) -> None:
    reason = Reason(f"pump_refused_{denied.code}", f"the pump refused: {denied.code}")
    match denied.command:
        case Start() | Resume():
            channel.status_wanted = True
            not_effective(ward, channel, Outcome.DENIED, (reason,), out)
            raise_alarm(channel, "start_refused", Priority.LOW, reason.message, out)
        case LoadProgram():
            request_stop(channel, (reason,), Priority.MEDIUM, out, latches=False)
            raise_alarm(channel, "program_refused", Priority.LOW, reason.message, out)
        case Pause():
            channel.pause_wanted, channel.status_wanted = False, True
            raise_alarm(channel, "pause_refused", Priority.MEDIUM, reason.message, out)
        case Renew():
            # Its program has ended in the meantime, or its lease does at its due time: the next status tells which.
            channel.lease_until_uptime_ms, channel.status_wanted = None, True
            if denied.code != "bad_state":
                request_stop(channel, (reason,), Priority.HIGH, out)
        case ReadEvent():
            # Older than the ring: what it held is lost, the status says how many there are.
            channel.event_cursor = channel.status.event_count if channel.status else None
        case AcknowledgeAlarms():
            channel.acknowledged = channel.status
        case Prime():
            channel.priming = None
            told = {"code": reason.code, "message": reason.message}
            out.record("prime_refused", {"channel": channel.name, "reasons": [told]})
        case ReadStatus():
            # At the pace of a poll again, however much it is wanted: a pump that is busy is not to be kept busy by us.
            channel.status_wanted = False
            channel.next_poll_ns = out.now.link_ns + poll_ns(ward, channel)
        case Identify() | ReadProgram() | ReadConfirmation():
            channel.next_poll_ns = out.now.link_ns + poll_ns(ward, channel)
        case _:
            assert_never(denied.command)


def _unanswered(ward: Ward, channel: Channel, command: Command, out: Outbox) -> None:
    """No reply. A dosing command is now unconfirmed: the pump is asked, the command is never resent."""
    channel.status_wanted = True
    if isinstance(command, Start | Resume) and channel.infusion is not None:
        channel.infusion.unconfirmed = True
        doubt(ward, channel.infusion)
        out.record(
            "dosing_outcome",
            {
                "channel": channel.name,
                "program_id": command.program_id.hex(),
                "outcome": Outcome.UNCONFIRMED.value,
            },
        )
        told = "the pump did not answer a start: it may be running; asking it, not repeating"
        raise_alarm(channel, "dosing_unconfirmed", Priority.HIGH, told, out)


def _stop_for_alarms(channel: Channel, stopping_alarms: tuple[str, ...], out: Outbox) -> None:
    """Once each. A pump that has stopped explains itself by its history: an alarm may be shorter than a poll (H61)."""
    latched = {reason.code for reason in channel.latched}
    news = [code for code in stopping_alarms if code not in latched]
    if news and (channel.state in HOLDS_OUR_PROGRAM or latched):
        reasons = tuple(Reason(code, f"the pump alarms: {code}") for code in news)
        route = channel.infusion.program.route if channel.infusion else ""
        loudest = max((alarm_priority(code, route) for code in news), key=LOUDNESS.__getitem__)
        request_stop(channel, reasons, loudest, out)
