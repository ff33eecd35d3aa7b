"""The daemon as a function: events in, effects out.

Refuses to wait, to look at a clock, and to touch anything: no coroutine, socket, file or log call
is in here or below. The shell feeds it and carries out what it says; the simulator's world does
the same in virtual time.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import assert_never

from pumpctl.configuration import ControllerConfiguration, JournalCondition, JournalContent
from pumpctl.core.exposure import Ledger
from pumpctl.core.instant import Now
from pumpctl.core.library import Library
from pumpctl.core.reason import Priority, Reason
from pumpctl.drivers.registry import driver_for
from pumpctl.effects import DisarmGuard, Effect, Publish, Reply
from pumpctl.events import (
    DeadlineReached,
    Event,
    GuardChanged,
    GuardFired,
    LinkDown,
    LinkUp,
    OperatorRequest,
    PumpBytes,
    Recorded,
    RecordFailed,
    WallClockStepped,
)
from pumpctl.supervision.alarms import end_alarm, raise_alarm
from pumpctl.supervision.channel import Channel, Link
from pumpctl.supervision.door import intent_became_durable
from pumpctl.supervision.facts import take
from pumpctl.supervision.identity import arm_guard, ask_who_it_is
from pumpctl.supervision.operating import answer_stops, operate, refuse_owed
from pumpctl.supervision.outbox import Outbox
from pumpctl.supervision.preparing import prepare_if_due
from pumpctl.supervision.priming import prime_became_durable
from pumpctl.supervision.remembering import remember
from pumpctl.supervision.stopping import request_stop
from pumpctl.supervision.tending import tend
from pumpctl.supervision.turns import give_turns, quiet_ends_ns, shared_lines
from pumpctl.supervision.wall_clock import stepped
from pumpctl.supervision.ward import DosingIntent, OwedReply, PrimeIntent, Ward


class Controller:
    """Holds the ward; see the module docstring. Not thread-safe: one loop owns it."""

    def __init__(self, configuration: ControllerConfiguration, library: Library, past: JournalContent) -> None:
        self.ward = Ward(
            configuration=configuration,
            library=library,
            channels={c.name: Channel(c, driver_for(c)) for c in configuration.channels},
            ledger=Ledger(),
            journal_sound=past.condition is JournalCondition.SOUND,
            journal_reason=past.reason,
            next_seq=past.records[-1].seq + 1 if past.records else 1,
            lines=shared_lines(configuration),
        )
        for line in self.ward.lines:
            for name in line.channels:
                self.ward.channels[name].line = line
        self._past = past

    def start(self, now: Now) -> tuple[Effect, ...]:
        """Take up the past: what is owed, what is latched, what was being delivered."""
        out = Outbox(self.ward.next_seq, now)
        remember(self.ward, self._past, out)
        for channel in self.ward.channels.values():
            channel.unheard_since_ns = now.link_ns
            tend(self.ward, channel, out)
        return self._close(out)

    def handle(self, event: Event, now: Now) -> tuple[Effect, ...]:
        """What `event` at `now` leads to, in the order in which it must happen."""
        out = Outbox(self.ward.next_seq, now)
        concerned = self._note(event, out)
        for channel in self.ward.channels.values():
            if channel in concerned or channel.deadline_ns <= now.link_ns:
                tend(self.ward, channel, out)
        give_turns(self.ward, out)
        answer_stops(self.ward, out)
        return self._close(out)

    def next_deadline_ns(self) -> int | None:
        """The link time at which DeadlineReached is wanted at the latest."""
        channels = (channel.deadline_ns for channel in self.ward.channels.values())
        return min((*channels, *quiet_ends_ns(self.ward)), default=None)

    def noise(self) -> dict[str, dict[str, int]]:
        """How often what a channel heard was no answer to anything, by reason, in this life."""
        return {channel.name: channel.noise for channel in self.ward.channels.values()}

    def _close(self, out: Outbox) -> tuple[Effect, ...]:
        self.ward.next_seq = out.next_seq
        return out.effects()

    def _note(self, event: Event, out: Outbox) -> Collection[Channel]:
        """Write the event into the notebooks. Returns the channels that it concerns."""
        match event:
            case PumpBytes():
                return self._bytes(event, out)
            case DeadlineReached():
                return ()
            case Recorded():
                self._recorded(event, out)
            case OperatorRequest():
                operate(self.ward, event, out)
            case LinkUp():
                return self._link_up(event)
            case LinkDown():
                return self._link_down(event, out)
            case RecordFailed():
                self._record_failed(event, out)
            case GuardFired():
                self._guard_fired(event, out)
            case GuardChanged():
                self._guard_changed(event, out)
            case WallClockStepped():
                stepped(self.ward, event.step_ms, out)
            case _:
                assert_never(event)
        return self.ward.channels.values()

    def _bytes(self, event: PumpBytes, out: Outbox) -> Collection[Channel]:
        channel = self.ward.channels[event.channel]
        if channel.link in {Link.DOWN, Link.REFUSED}:
            return ()  # what was still on its way from a port that is closed
        for fact in channel.driver.receive(event.received):
            take(self.ward, channel, fact, out)
        return (channel,)

    def _link_up(self, event: LinkUp) -> Collection[Channel]:
        channel = self.ward.channels[event.channel]
        channel.driver.open(event.session)
        ask_who_it_is(channel, "asking the pump who it is")
        channel.next_identify_ns = 0
        return (channel,)

    def _link_down(self, event: LinkDown, out: Outbox) -> Collection[Channel]:
        channel = self.ward.channels[event.channel]
        if channel.link is Link.REFUSED:
            return ()  # it was closed because it is the wrong pump: that reason stays
        if channel.link is not Link.DOWN:
            out.add(DisarmGuard(channel.name))
            out.add(Publish(channel.name, "link", {"link": "down"}))
        if channel.unheard_since_ns is None:
            channel.unheard_since_ns = out.now.link_ns
        channel.link, channel.link_reason = Link.DOWN, event.reason
        channel.guard_armed_lease = None
        return (channel,)

    def _recorded(self, event: Recorded, out: Outbox) -> None:
        self.ward.last_durable_ns = out.now.link_ns
        for seq in sorted(seq for seq in self.ward.waiting if seq <= event.seq):
            waited = self.ward.waiting.pop(seq)
            match waited:
                case DosingIntent():
                    intent_became_durable(self.ward.channels[waited.channel], seq)
                case PrimeIntent():
                    prime_became_durable(self.ward, waited, out)
                case OwedReply():
                    told = prepare_if_due(self.ward, waited.prepare, out) if waited.prepare else {}
                    out.add(Reply(waited.request_id, {**waited.result, **told}))
                case _:
                    assert_never(waited)

    def _record_failed(self, event: RecordFailed, out: Outbox) -> None:
        """No start from here on (H68, H70). What runs goes on; STOP needs no journal."""
        self.ward.journal_sound, self.ward.journal_reason = False, event.reason
        refuse_owed(self.ward, event.reason, out)
        for channel in self.ward.channels.values():
            told = f"the journal cannot write: {event.reason}: no starts until the daemon is restarted"
            raise_alarm(channel, "journal_failed", Priority.MEDIUM, told, out)

    def _guard_fired(self, event: GuardFired, out: Outbox) -> None:
        """The guard stopped these pumps while no daemon could: come up latched, and stop once more."""
        reason = Reason("guard_stopped", f"the guard stopped this pump: {event.reason}")
        for name in event.channels:
            if name in self.ward.channels:
                request_stop(self.ward.channels[name], (reason,), Priority.HIGH, out)

    def _guard_changed(self, event: GuardChanged, out: Outbox) -> None:
        self.ward.guard_alive = event.alive
        for channel in self.ward.channels.values():
            if event.alive:
                end_alarm(channel, "guard_absent", out)
                arm_guard(channel, out, anew=True)
            else:
                told = "the guard process is gone: no starts until it is back"
                raise_alarm(channel, "guard_absent", Priority.MEDIUM, told, out)
