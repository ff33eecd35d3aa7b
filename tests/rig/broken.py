"""Controllers that break one promise each, as a wrong line somewhere below them would.

Refuses to be subtle: each is the real controller with one thing done to what goes in or comes out.
"""

from __future__ import annotations

from dataclasses import replace

from pumpctl.controller import Controller
from pumpctl.core.exposure import EMPTY_LEDGER, Certainty, Ledger, Segment
from pumpctl.core.instant import Now
from pumpctl.core.reason import Reason
from pumpctl.effects import Effect, Publish, Record, Refuse, Reply, WritePump
from pumpctl.events import Event, LinkUp, OperatorRequest, Recorded
from simulator.rig.invariants import naive

HOUR_MS = 3_600_000


def is_start(effect: Effect) -> bool:
    """Whether this writes a START or RESUME."""
    if not isinstance(effect, WritePump):
        return False
    said = naive.message(effect.frame.strip(b"\0"))
    return said is not None and said.kind in naive.DOSING


class SendsTwice(Controller):
    """Every dosing frame goes out twice (I5)."""

    def handle(self, event: Event, now: Now) -> tuple[Effect, ...]:
        effects = super().handle(event, now)
        return effects + tuple(effect for effect in effects if is_start(effect))


class BooksNothing(Controller):
    """The ledger is always empty (I3)."""

    def handle(self, event: Event, now: Now) -> tuple[Effect, ...]:
        effects = super().handle(event, now)
        self.ward.ledger = EMPTY_LEDGER
        return effects


class DatesAnHourLate(Controller):
    """What was given stands in the ledger an hour after it was (I3)."""

    def handle(self, event: Event, now: Now) -> tuple[Effect, ...]:
        effects = super().handle(event, now)
        if any(isinstance(effect, Record) and effect.kind == "settled" for effect in effects):
            self.ward.ledger = Ledger(tuple(self.dated(segment) for segment in self.ward.ledger.segments))
        return effects

    def dated(self, segment: Segment) -> Segment:
        return replace(segment, start_utc_ms=segment.start_utc_ms + HOUR_MS, end_utc_ms=segment.end_utc_ms + HOUR_MS)


class DatesAnHourEarly(DatesAnHourLate):
    """Or before it (I3)."""

    def dated(self, segment: Segment) -> Segment:
        return replace(segment, start_utc_ms=segment.start_utc_ms - HOUR_MS, end_utc_ms=segment.end_utc_ms - HOUR_MS)


class DatesNothing(DatesAnHourLate):
    """Nobody knows when, it says, and lets it be over as soon as it began (I3)."""

    def dated(self, segment: Segment) -> Segment:
        return replace(segment, end_utc_ms=segment.start_utc_ms, certainty=Certainty.UNDATED)


class DoesNotWaitForTheDisk(Controller):
    """An intent counts as durable as soon as it is formed (I4)."""

    def handle(self, event: Event, now: Now) -> tuple[Effect, ...]:
        effects = super().handle(event, now)
        hasty = [each.seq for each in effects if isinstance(each, Record) and each.kind == "dosing_intent"]
        for seq in hasty:
            effects += super().handle(Recorded(seq), now)
        return effects


class ForgetsTheOrder(Controller):
    """A cancellation is answered and has no effect (I4)."""

    def handle(self, event: Event, now: Now) -> tuple[Effect, ...]:
        if isinstance(event, OperatorRequest) and event.method == "order.cancel":
            return (Reply(event.request_id, {"order": event.params["order"], "cancelled": True}),)
        return super().handle(event, now)


class HoldsStopsBack(Controller):
    """A STOP is never written (I6)."""

    def handle(self, event: Event, now: Now) -> tuple[Effect, ...]:
        effects = super().handle(event, now)
        return tuple(each for each in effects if not (isinstance(each, WritePump) and each.is_stop))


class StopsOnce(Controller):
    """The first STOP is the last (I6)."""

    stopped = False

    def handle(self, event: Event, now: Now) -> tuple[Effect, ...]:
        kept: list[Effect] = []
        for effect in super().handle(event, now):
            is_stop = isinstance(effect, WritePump) and effect.is_stop
            if not (is_stop and self.stopped):
                kept.append(effect)
            self.stopped = self.stopped or is_stop
        return tuple(kept)


class ClearsByItself(Controller):
    """Nothing stays latched (I6)."""

    def handle(self, event: Event, now: Now) -> tuple[Effect, ...]:
        for channel in self.ward.channels.values():
            if channel.latched and channel.stop is None and channel.infusion is None:
                channel.latched = []
                channel.state = type(channel.state).IDLE
        return super().handle(event, now)


class ForgetsWhatWasLatched(Controller):
    """A restart clears (I6)."""

    def start(self, now: Now) -> tuple[Effect, ...]:
        self._past = replace(self._past, records=tuple(r for r in self._past.records if r.kind != "stop_requested"))
        return super().start(now)


class SendsAgainWhenReopened(Controller):
    """The last dosing frame is written first thing when a port opens (I7, I8)."""

    last: Effect | None = None

    def handle(self, event: Event, now: Now) -> tuple[Effect, ...]:
        effects = super().handle(event, now)
        for effect in effects:
            if is_start(effect):
                type(self).last = effect
        if isinstance(event, LinkUp) and self.last is not None:
            return (self.last, *effects)
        return effects


class GivesNoReasons(Controller):
    """Refusals and stops come without a word (I10)."""

    def handle(self, event: Event, now: Now) -> tuple[Effect, ...]:
        return tuple(_without_reasons(effect) for effect in super().handle(event, now))


class GivesUp(Controller):
    """After a stop no order is taken any more (I12)."""

    def handle(self, event: Event, now: Now) -> tuple[Effect, ...]:
        has_stopped = any(channel.last_account for channel in self.ward.channels.values())
        if has_stopped and isinstance(event, OperatorRequest) and event.method == "order.submit":
            return (Refuse(event.request_id, 4, (Reason("tired", "no more orders"),)),)
        return super().handle(event, now)


class SaysIdleForEver(Controller):
    """What is reported is not what is (I12)."""

    def handle(self, event: Event, now: Now) -> tuple[Effect, ...]:
        effects = super().handle(event, now)
        return tuple(_idle(effect) for effect in effects)


def _without_reasons(effect: Effect) -> Effect:
    match effect:
        case Refuse():
            return replace(effect, reasons=())
        case Record(kind="stop_requested"):
            return replace(effect, body={**effect.body, "reasons": []})
        case _:
            return effect


def _idle(effect: Effect) -> Effect:
    if isinstance(effect, Publish) and effect.leaf == "state" and effect.payload is not None:
        return replace(effect, payload={**effect.payload, "state": "idle"})
    return effect
