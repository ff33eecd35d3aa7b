"""What people ask of the daemon over its control socket, one method each.

Refuses to take a wish for a deed: a success is told when it is durable or proven, a refusal
carries every reason. Nothing here can raise flow; a resume and a start end at the pump's button.
"""

from __future__ import annotations

from collections.abc import Callable

from pumpctl.core.delivery import DeliveryState, Trigger, step
from pumpctl.core.reason import Priority, Reason
from pumpctl.effects import Refuse, Reply
from pumpctl.events import OperatorRequest
from pumpctl.supervision.alarms import acknowledge, end_alarm
from pumpctl.supervision.channel import Channel, Link
from pumpctl.supervision.confirming import confirm
from pumpctl.supervision.latches import needs_two_persons
from pumpctl.supervision.observing import observe
from pumpctl.supervision.ordering import cancel_order, list_orders, submit_order
from pumpctl.supervision.outbox import Outbox
from pumpctl.supervision.preparing import prepare_order
from pumpctl.supervision.priming import prime
from pumpctl.supervision.requests import (
    Refusal,
    Wish,
    channel_named,
    optional_text,
    owe,
    people,
    take_only,
    text,
    whole,
)
from pumpctl.supervision.stopping import UNPROVEN_NS, request_stop
from pumpctl.supervision.waiting import pause_is_over
from pumpctl.supervision.wall_clock import confirm_wall_clock
from pumpctl.supervision.ward import DosingIntent, PrimeIntent, StopAnswer, Ward
from pumpctl.telemetry import state_payload

REFUSED, NOT_CONNECTED = 4, 5
CONFIRM_THERE, CONFIRM_HERE = "press the confirm button at the pump", "type its flow: pumpctl confirm"


def operate(ward: Ward, event: OperatorRequest, out: Outbox) -> None:
    """Carry out one request, or refuse it with its reasons."""
    wish = METHODS.get(event.method)
    if wish is None:
        known = ", ".join(sorted(METHODS))
        out.add(Refuse(event.request_id, 2, (Reason("unknown_method", f"{event.method}; known: {known}"),)))
        return
    try:
        wish(ward, Wish(event.request_id, event.params, event.actor), out)
    except Refusal as refusal:
        out.add(Refuse(event.request_id, refusal.exit_code, refusal.reasons, refusal.details))


def refuse_owed(ward: Ward, why: str, out: Outbox) -> None:
    """The journal failed: what was promised once durable never will be."""
    for seq, waited in list(ward.waiting.items()):
        if isinstance(waited, DosingIntent):
            continue
        del ward.waiting[seq]
        owed = waited.reply if isinstance(waited, PrimeIntent) else waited
        out.add(Refuse(owed.request_id, 1, (Reason("journal_failed", why),)))


def answer_stops(ward: Ward, out: Outbox) -> None:
    """Tell those who asked for a stop: proven, or not after two seconds."""
    for asked in list(ward.stop_answers):
        open_stops = [name for name in asked.channels if ward.channels[name].stop is not None]
        if not open_stops:
            ward.stop_answers.remove(asked)
            out.add(Reply(asked.request_id, {"stopped": asked.channels, "proven": True}))
        elif out.now.link_ns - asked.asked_ns >= UNPROVEN_NS:
            ward.stop_answers.remove(asked)
            told = f"{', '.join(open_stops)} has not proven that it stopped: clamp the line and look at the pump"
            out.add(Refuse(asked.request_id, NOT_CONNECTED, (Reason("stop_unproven", told),)))


def _status(ward: Ward, wish: Wish, out: Outbox) -> None:
    take_only(wish)
    channels = {name: state_payload(channel, out.now) for name, channel in ward.channels.items()}
    daemon = {
        "mode": f"{ward.configuration.mode.value}, unsigned",
        "speed": ward.configuration.speed,
        "journal": "sound" if ward.journal_sound else ward.journal_reason,
        "guard": "alive" if ward.guard_alive else "absent",
        "library_hash": ward.library.content_hash,
    }
    out.add(Reply(wish.request_id, {"daemon": daemon, "channels": channels}))


def _stop(ward: Ward, wish: Wish, out: Outbox) -> None:
    take_only(wish, "channel", "person")
    named = optional_text(wish, "channel")
    channels = list(ward.channels.values()) if named is None else [channel_named(ward, wish)]
    reason = Reason("operator_stop", f"stopped by {wish.actor}")
    for channel in channels:
        held = channel.state is not DeliveryState.IDLE and channel.state is not DeliveryState.COMPLETED
        request_stop(channel, (reason,), Priority.MEDIUM, out, latches=held)
    ward.stop_answers.append(StopAnswer(wish.request_id, out.now.link_ns, [c.name for c in channels]))


def _pause(ward: Ward, wish: Wish, out: Outbox) -> None:
    take_only(wish, "channel", "person")
    channel = channel_named(ward, wish)
    _must(channel, Trigger.PAUSE_REQUESTED, "not_infusing")
    channel.want_pause(out.now.link_ns)
    owe(
        ward,
        wish,
        out,
        out.record("pause_requested", {"channel": channel.name, "person": wish.actor}),
        {
            "channel": channel.name,
            "state": channel.state.value,
        },
    )


def _resume(ward: Ward, wish: Wish, out: Outbox) -> None:
    take_only(wish, "channel", "person")
    channel = channel_named(ward, wish)
    _must(channel, Trigger.RESUME_REQUESTED, "not_paused")
    if channel.infusion is not None and pause_is_over(ward, channel.infusion, out.now.therapy_ns):
        raise Refusal(REFUSED, (Reason("S05", "the pause is longer than this route allows"),))
    channel.move(Trigger.RESUME_REQUESTED)
    channel.awaiting_since_ns, channel.status_wanted = out.now.link_ns, True
    owe(
        ward,
        wish,
        out,
        out.record("resume_requested", {"channel": channel.name, "person": wish.actor}),
        {
            "channel": channel.name,
            "state": channel.state.value,
            "next": CONFIRM_THERE if _has_button(channel) else CONFIRM_HERE,
        },
    )


def _has_button(channel: Channel) -> bool:
    return channel.identity is None or channel.identity.capability.has_confirm_button


def _clear(ward: Ward, wish: Wish, out: Outbox) -> None:
    take_only(wish, "channel", "persons", "person")
    channel = channel_named(ward, wish)
    if channel.state is not DeliveryState.STOPPED:
        raise Refusal(REFUSED, (Reason("not_latched", f"{channel.name} is {channel.state.value}"),))
    named = people(wish, "persons")
    doubtful = needs_two_persons(channel)
    if doubtful and len(named) < 2:
        told = f"{', '.join(doubtful)} clears by a clinician and a second person: name two"
        raise Refusal(REFUSED, (Reason("two_persons_needed", told),))
    codes = [reason.code for reason in channel.latched]
    for code in codes:
        end_alarm(channel, code, out)
    channel.latched, channel.acknowledge_wanted = [], True
    channel.move(Trigger.CLEARED)
    seq = out.record("cleared", {"channel": channel.name, "codes": codes, "persons": named})
    owe(ward, wish, out, seq, {"channel": channel.name, "cleared": codes})


def _acknowledge(ward: Ward, wish: Wish, out: Outbox) -> None:
    take_only(wish, "channel", "code", "person")
    channel, code = channel_named(ward, wish), text(wish, "code")
    if not acknowledge(channel, code, out):
        raise Refusal(REFUSED, (Reason("no_such_alarm", f"{code} is not active on {channel.name}"),))
    out.add(Reply(wish.request_id, {"channel": channel.name, "acknowledged": code}))


def _away(ward: Ward, wish: Wish, out: Outbox) -> None:
    take_only(wish, "channel", "until_ms", "person")
    channel, until_ms = channel_named(ward, wish), whole(wish, "until_ms")
    longest_ms = out.now.utc_ms + 24 * 3600 * 1000
    if not out.now.utc_ms < until_ms <= longest_ms:
        raise Refusal(REFUSED, (Reason("bad_value", "until must lie within the next 24 h"),))
    channel.away_until_ms = until_ms
    seq = out.record("away", {"channel": channel.name, "until_ms": until_ms, "person": wish.actor})
    owe(ward, wish, out, seq, {"channel": channel.name, "away_until_ms": until_ms})


def _must(channel: Channel, trigger: Trigger, code: str) -> None:
    if step(channel.state, trigger) is None:
        raise Refusal(REFUSED, (Reason(code, f"{channel.name} is {channel.state.value}"),))
    if channel.link is not Link.UP:
        # A wish that cannot leave now would be a promise for an hour nobody knows.
        told = f"{channel.name} cannot be reached ({channel.link_reason}): use the pump's own keys"
        raise Refusal(NOT_CONNECTED, (Reason("link_lost", told),))


METHODS: dict[str, Callable[[Ward, Wish, Outbox], None]] = {
    "status": _status,
    "stop": _stop,
    "pause": _pause,
    "resume": _resume,
    "confirm": confirm,
    "clear": _clear,
    "ack": _acknowledge,
    "away": _away,
    "clock.confirm": confirm_wall_clock,
    "observe": observe,
    "prime": prime,
    "order.submit": submit_order,
    "order.list": list_orders,
    "order.prepare": prepare_order,
    "order.cancel": cancel_order,
}
