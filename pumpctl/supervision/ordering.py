"""Orders: taken in, judged, kept, cancelled.

Refuses to load anything: an order is given one occurrence at a time, each with its own bag check (preparing.py).
"""

from __future__ import annotations

from typing import Any

from pumpctl.core.order import Order, Override
from pumpctl.core.order_text import OrderUnreadable, parse_order
from pumpctl.core.reason import Priority, Reason
from pumpctl.core.schedule import expand
from pumpctl.core.validation import Decision
from pumpctl.effects import Reply
from pumpctl.supervision.channel import Channel
from pumpctl.supervision.outbox import Outbox
from pumpctl.supervision.override_texts import bound_overrides, override_texts
from pumpctl.supervision.preparing import check_of, order_named
from pumpctl.supervision.requests import (
    NEEDS_OVERRIDE,
    REFUSED,
    USAGE,
    Refusal,
    Wish,
    channel_named,
    owe,
    take_only,
    text,
)
from pumpctl.supervision.stopping import request_stop
from pumpctl.supervision.verdicts import blocking, verdict_json, verdict_now
from pumpctl.supervision.ward import AcceptedOrder, OwedReply, Preparation, Ward

MAX_ORDERS = 256  # a year of weekly renewals on several channels


def submit_order(ward: Ward, wish: Wish, out: Outbox) -> None:
    """Judge the order; keep it when accepted; prepare the occurrence that is due, when its bag check comes with it."""
    take_only(wish, "text", "channel", "overrides", "source_name", "person", "check", "check_name")
    channel = channel_named(ward, wish)
    order, check, given = _read(wish), check_of(wish), override_texts(wish)
    accepted = AcceptedOrder(order, order.digest, channel.name, (), expand(order.schedule).occurrences, out.now.utc_ms)
    accepted.overrides = bound_overrides(verdict_now(ward, accepted, out.now), given)
    _demand_acceptable(ward, channel, accepted, out)
    ward.orders[accepted.digest] = accepted
    body = {
        "channel": channel.name,
        "order": accepted.digest,
        "text": wish.params["text"],
        "overrides": [override.model_dump() for override in accepted.overrides],
        "library_hash": ward.library.content_hash,
        "person": wish.actor,
    }
    seq = out.record("order_accepted", body)
    result = {"order": accepted.digest, "channel": channel.name, "verdict": "accepted"}
    ward.waiting[seq] = OwedReply(
        wish.request_id, result, prepare=Preparation(accepted.digest, check, wish.actor, given)
    )


def readmit(ward: Ward, body: dict[str, Any], utc_ms: int) -> None:
    """An order accepted in the past, from its record."""
    order = parse_order(body["text"], "journal")
    overrides = tuple(Override.model_validate(each) for each in body["overrides"])
    ward.orders[body["order"]] = AcceptedOrder(
        order, body["order"], body["channel"], overrides, expand(order.schedule).occurrences, utc_ms
    )


def list_orders(ward: Ward, wish: Wish, out: Outbox) -> None:
    """Every order in force, with its occurrences and which of them were begun."""
    take_only(wish)
    listed = [
        {
            "order": accepted.digest,
            "order_id": accepted.order.order_id,
            "channel": accepted.channel,
            "cancelled": accepted.cancelled,
            "occurrences": [
                {
                    "number": occurrence.number,
                    "due_ms": occurrence.due_utc_ms,
                    "begun": occurrence.number in ward.ledger.begun(accepted.digest),
                }
                for occurrence in accepted.occurrences
            ],
        }
        for accepted in ward.orders.values()
    ]
    out.add(Reply(wish.request_id, {"orders": listed}))


def cancel_order(ward: Ward, wish: Wish, out: Outbox) -> None:
    """Cancel wins every race: what is loaded is taken out, what runs is stopped."""
    take_only(wish, "order", "channel", "person")
    accepted = order_named(ward, text(wish, "order"))
    accepted.cancelled = True
    channel = ward.channels[accepted.channel]
    if channel.infusion is not None and channel.infusion.program.order_digest == accepted.digest:
        reason = Reason("order_cancelled", f"the order was cancelled by {wish.actor}")
        request_stop(channel, (reason,), Priority.MEDIUM, out, latches=channel.infusion.may_have_started)
    body = {"order": accepted.digest, "channel": accepted.channel, "person": wish.actor}
    seq = out.record("order_cancelled", body)
    owe(ward, wish, out, seq, {"order": accepted.digest, "cancelled": True})


def _read(wish: Wish) -> Order:
    source, name = wish.params.get("text"), wish.params.get("source_name", "order")
    if not isinstance(source, str) or not isinstance(name, str):
        raise Refusal(USAGE, (Reason("bad_parameter", "text and source_name must be texts"),))
    try:
        return parse_order(source, name)
    except OrderUnreadable as error:
        raise Refusal(USAGE, (Reason("order_unreadable", f"{error}; {error.next_step}"),)) from error


def _demand_acceptable(ward: Ward, channel: Channel, accepted: AcceptedOrder, out: Outbox) -> None:
    if accepted.order.patient.id != channel.patient_id:
        told = f"the order is for patient {accepted.order.patient.id!r}, {channel.name} serves {channel.patient_id!r}"
        raise Refusal(REFUSED, (Reason("wrong_patient", told),))  # H24
    known = ward.orders.get(accepted.digest)
    if known is not None:
        told = "this very order was accepted before" + (" and cancelled" if known.cancelled else "; use order prepare")
        raise Refusal(REFUSED, (Reason("order_known", told),))  # H31
    if not ward.journal_sound:
        raise Refusal(REFUSED, ward.journal_reasons())
    if len(ward.orders) >= MAX_ORDERS:
        raise Refusal(REFUSED, (Reason("too_many_orders", f"{MAX_ORDERS} orders are kept already"),))
    verdict = verdict_now(ward, accepted, out.now)
    if blocking(verdict):
        exit_code = NEEDS_OVERRIDE if verdict.decision is Decision.NEEDS_OVERRIDE else REFUSED
        raise Refusal(exit_code, blocking(verdict), verdict_json(verdict))
