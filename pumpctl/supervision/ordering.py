"""Orders: taken in, judged, kept; and one occurrence of one of them made into a program for the pump.

Refuses to start anything: preparing loads a program, a person at the pump starts it.
"""

from __future__ import annotations

import re
from typing import Any

from pumpctl.core.delivery import Trigger, step
from pumpctl.core.order import MAX_OVERRIDES, Order, Override
from pumpctl.core.order_text import OrderUnreadable, parse_order
from pumpctl.core.program import Refusal as ProgramRefusal
from pumpctl.core.program import compile_programs
from pumpctl.core.reason import Priority, Reason
from pumpctl.core.schedule import Occurrence, expand
from pumpctl.core.validation import Decision, bind
from pumpctl.effects import Reply
from pumpctl.supervision.alarms import end_alarm
from pumpctl.supervision.channel import Channel, Link
from pumpctl.supervision.infusion import Infusion
from pumpctl.supervision.outbox import Outbox
from pumpctl.supervision.requests import Refusal, Wish, channel_named, owe, take_only, text
from pumpctl.supervision.stopping import request_stop
from pumpctl.supervision.verdicts import blocking, verdict_json, verdict_now
from pumpctl.supervision.ward import AcceptedOrder, OwedReply, Ward

EARLY_MS, LATE_MS = 2 * 3_600_000, 6 * 3_600_000  # S02
MAX_ORDERS = 256  # a year of weekly renewals on several channels
# Why the last program is not in the pump: told until the next one is on its way.
TOLD_UNTIL_PREPARED = ("program_refused", "not_programmed", "start_window_over", "next_phase_expired")
USAGE, NEEDS_OVERRIDE, REFUSED = 2, 3, 4
_OVERRIDE = re.compile(r"(?P<rule>[A-Z][A-Z0-9]*[a-z]?)=(?P<person>[^:]{1,200}):(?P<reason>.{1,200})")


def submit_order(ward: Ward, wish: Wish, out: Outbox) -> None:
    """Judge the order; keep it when accepted; prepare the occurrence that is due, if one is."""
    take_only(wish, "text", "channel", "overrides", "source_name", "person")
    channel = channel_named(ward, wish)
    order = _read(wish)
    accepted = AcceptedOrder(order, order.digest, channel.name, (), expand(order.schedule).occurrences)
    accepted.overrides = _overrides(ward, accepted, wish, out)
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
    seq = out.record("order_accepted", body, anchored=True)
    result = {"order": accepted.digest, "channel": channel.name, "verdict": "accepted"}
    ward.waiting[seq] = OwedReply(wish.request_id, result, prepare=(accepted.digest, channel.name))


def readmit(ward: Ward, body: dict[str, Any]) -> None:
    """An order accepted in the past, from its record."""
    order = parse_order(body["text"], "journal")
    overrides = tuple(Override.model_validate(each) for each in body["overrides"])
    ward.orders[body["order"]] = AcceptedOrder(
        order, body["order"], body["channel"], overrides, expand(order.schedule).occurrences
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


def prepare_order(ward: Ward, wish: Wish, out: Outbox) -> None:
    """Load the occurrence of an accepted order that is due now."""
    take_only(wish, "order", "channel", "person")
    accepted = _named(ward, text(wish, "order"))
    told = prepare_due(ward, accepted.digest, accepted.channel, out)
    if told["prepared"] is None:
        reasons = tuple(Reason(each["code"], each["message"]) for each in told["not_prepared"])
        raise Refusal(REFUSED, reasons)
    out.add(Reply(wish.request_id, {"order": accepted.digest, "channel": accepted.channel, **told}))


def cancel_order(ward: Ward, wish: Wish, out: Outbox) -> None:
    """Cancel wins every race: what is loaded is taken out, what runs is stopped."""
    take_only(wish, "order", "channel", "person")
    accepted = _named(ward, text(wish, "order"))
    accepted.cancelled = True
    channel = ward.channels[accepted.channel]
    if channel.infusion is not None and channel.infusion.program.order_digest == accepted.digest:
        reason = Reason("order_cancelled", f"the order was cancelled by {wish.actor}")
        request_stop(channel, (reason,), Priority.MEDIUM, out, latches=channel.infusion.may_have_started)
    body = {"order": accepted.digest, "channel": accepted.channel, "person": wish.actor}
    seq = out.record("order_cancelled", body, anchored=True)
    owe(ward, wish, out, seq, {"order": accepted.digest, "cancelled": True})


def prepare_due(ward: Ward, digest: str, channel_name: str, out: Outbox) -> dict[str, Any]:
    """Program the occurrence that is due now, or say every reason why not."""
    channel, accepted = ward.channels[channel_name], ward.orders[digest]
    occurrence = _due_now(ward, accepted, out.now.utc_ms)
    reasons = _against_preparing(ward, channel, accepted, occurrence, out)
    if reasons or occurrence is None or channel.identity is None:
        told = [{"code": reason.code, "message": reason.message} for reason in reasons]
        return {"prepared": None, "not_prepared": told}
    attempt = accepted.attempts.get(occurrence.number, 0) + 1
    plan = compile_programs(accepted.order, ward.library, channel.identity.capability, occurrence.number, attempt)
    if isinstance(plan, ProgramRefusal):
        told = [{"code": finding.rule, "message": finding.message} for finding in plan.findings]
        return {"prepared": None, "not_prepared": told}
    accepted.attempts[occurrence.number] = attempt
    first, *following = plan.programs
    channel.infusion = Infusion(
        first, occurrence.due_utc_ms, occurrence.due_utc_ms + LATE_MS, remaining=tuple(following)
    )
    channel.read_back_equal, channel.program_sent = False, False
    channel.move(Trigger.PROGRAM_REQUESTED)
    channel.awaiting_since_ns = out.now.link_ns
    for code in TOLD_UNTIL_PREPARED:
        end_alarm(channel, code, out)
    told = {"channel": channel.name, "program_id": first.program_id.hex(), "occurrence": occurrence.number}
    out.record("programmed", {**told, "order": digest, "attempt": attempt})
    out.event(channel.name, "programming", told)
    return {"prepared": {**told, "programs": len(plan.programs)}, "not_prepared": []}


def _read(wish: Wish) -> Order:
    source, name = wish.params.get("text"), wish.params.get("source_name", "order")
    if not isinstance(source, str) or not isinstance(name, str):
        raise Refusal(USAGE, (Reason("bad_parameter", "text and source_name must be texts"),))
    try:
        return parse_order(source, name)
    except OrderUnreadable as error:
        raise Refusal(USAGE, (Reason("order_unreadable", f"{error}; {error.next_step}"),)) from error


def _overrides(ward: Ward, accepted: AcceptedOrder, wish: Wish, out: Outbox) -> tuple[Override, ...]:
    """Overrides given beside the order, RULE=PERSON:reason, bound to the values that are seen now."""
    given: Any = wish.params.get("overrides") or []
    if not isinstance(given, list) or len(given) > MAX_OVERRIDES:  # pyright: ignore[reportUnknownArgumentType]
        raise Refusal(USAGE, (Reason("bad_parameter", f"overrides must be a list of at most {MAX_OVERRIDES}"),))
    seen = verdict_now(ward, accepted, out.now)
    bound: list[Override] = []
    for each in given:  # pyright: ignore[reportUnknownVariableType]
        match = _OVERRIDE.fullmatch(str(each))  # pyright: ignore[reportUnknownArgumentType]
        if match is None:
            raise Refusal(USAGE, (Reason("bad_parameter", f"{each!r} is not RULE=PERSON:reason"),))
        bound.extend(bind(seen, match["rule"], match["person"].strip(), match["reason"].strip()))
    return tuple(bound)


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


def _named(ward: Ward, digest: str) -> AcceptedOrder:
    """The order whose digest begins with this text, of at least eight characters."""
    found = [accepted for known, accepted in ward.orders.items() if known.startswith(digest)]
    if len(digest) < 8 or len(found) != 1:
        raise Refusal(REFUSED, (Reason("unknown_order", f"{digest!r} names no single order; see order list"),))
    return found[0]


def _due_now(ward: Ward, accepted: AcceptedOrder, utc_ms: int) -> Occurrence | None:
    """The occurrence whose start window (S02) is open and that has not been begun (S01)."""
    return next(
        (
            occurrence
            for occurrence in accepted.occurrences
            if occurrence.due_utc_ms - EARLY_MS <= utc_ms <= occurrence.due_utc_ms + LATE_MS
            and occurrence.number not in ward.ledger.begun(accepted.digest)
        ),
        None,
    )


def _against_preparing(
    ward: Ward, channel: Channel, accepted: AcceptedOrder, occurrence: Occurrence | None, out: Outbox
) -> tuple[Reason, ...]:
    reasons = list(ward.journal_reasons())
    if accepted.cancelled:
        reasons.append(Reason("order_cancelled", "the order was cancelled"))
    if occurrence is None:
        reasons.append(Reason("none_due", "no occurrence of this order may start now (S01, S02)"))
    if channel.link is not Link.UP or not channel.reconciled:
        reasons.append(Reason("identity_unproven", f"{channel.name} does not answer for itself: {channel.link_reason}"))
    if step(channel.state, Trigger.PROGRAM_REQUESTED) is None:
        reasons.append(Reason("channel_busy", f"{channel.name} is {channel.state.value}"))
    if channel.latched:
        reasons.append(Reason("latched", ", ".join(reason.code for reason in channel.latched)))
    elsewhere = ward.busy_elsewhere(channel)
    if elsewhere is not None:
        reasons.append(Reason("another_infusion", f"magnesium of this patient runs or is unresolved on {elsewhere}"))
    if not reasons:
        reasons.extend(blocking(verdict_now(ward, accepted, out.now)))
    return tuple(reasons)
