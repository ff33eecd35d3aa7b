"""The past of this daemon, read back: orders in force, doses given, what was under way, what is latched.

Refuses to act on it: an infusion that was under way is only what the pump will be compared with.
A damaged past means STOP only, with the caps assumed used (ADR 0008).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pumpctl.configuration import JournalCondition, JournalContent, PastRecord
from pumpctl.core.delivered import Counters, Delivered
from pumpctl.core.exposure import Certainty
from pumpctl.core.instant import NS_PER_MS
from pumpctl.core.program import LinkLoss
from pumpctl.core.reason import Priority, Reason
from pumpctl.core.repeats import with_stop
from pumpctl.supervision.alarms import raise_alarm
from pumpctl.supervision.bag_checks import remember_check, use_bag
from pumpctl.supervision.channel import Channel
from pumpctl.supervision.infusion import Infusion, Outcome
from pumpctl.supervision.observing import replay_observed
from pumpctl.supervision.ordering import readmit
from pumpctl.supervision.outbox import Outbox
from pumpctl.supervision.presumed import presume_used
from pumpctl.supervision.program_record import program_of
from pumpctl.supervision.settling import COMPLETED, Span, book, commit, forget, longest_ms, withdraw
from pumpctl.supervision.stopping import request_stop
from pumpctl.supervision.uncommanded import add_external
from pumpctl.supervision.waiting import REST_LOST
from pumpctl.supervision.wall_clock import (
    CONFIRMED,
    STARTED,
    STEPPED,
    begin_life,
    confirmed,
    elapsed_ms,
    look_ahead,
    look_back,
    replay_step,
    undate,
    unseen_ms,
)
from pumpctl.supervision.ward import Ward

MAX_NAMED = 8
NO_BOOT = -1  # a power-on that no pump ever tells


def remember(ward: Ward, past: JournalContent, out: Outbox) -> None:
    """Replay every record, oldest first, then say what the past demands now."""
    damaged = past.condition is JournalCondition.DAMAGED
    unreadable: list[int] = []
    unseen = unseen_ms(past.records, out.now)
    look_ahead(ward, past.records, unseen)
    for record in past.records:
        try:
            replay(ward, record, out)
        except Exception:  # one record must not keep a daemon from coming up to stop its pumps (H48)
            if not damaged:
                raise
            unreadable.append(record.seq)
    look_back(ward, past.records, unseen, out)
    for channel in ward.channels.values():
        _tell_lost_rest(ward, channel, out)
        _take_up(channel, out)
    if damaged:
        told = f"; records that cannot be replayed: {unreadable[:MAX_NAMED]}" if unreadable else ""
        reason = Reason("journal_damaged", past.reason + told)
        for channel in ward.channels.values():
            request_stop(channel, (reason,), Priority.HIGH, out)
    begin_life(ward, unseen, out)


def replay(ward: Ward, record: PastRecord, out: Outbox) -> None:
    """What this record makes of the ward; most say what happened and change nothing."""
    body: dict[str, Any] = record.body
    if record.kind == "order_accepted":
        readmit(ward, body, record.utc_ms)
    elif record.kind == "bag_checked":
        remember_check(ward, body)
        _loaded(ward, body)
    elif record.kind == "order_cancelled" and body["order"] in ward.orders:
        ward.orders[body["order"]].cancelled = True
    elif record.kind == "settled":
        _settled(ward, body)
    elif record.kind == "journal_retired":
        presume_used(ward, record.utc_ms)
    elif record.kind == STEPPED:
        replay_step(ward, body["step_ms"])
    elif record.kind == CONFIRMED:
        confirmed(ward, body["moved_ms"], record.utc_ms)
    elif record.kind == STARTED:
        undate(ward, body.get("undated", ()))
    elif body.get("channel") in ward.channels:
        _replay_channel(ward, ward.channels[body["channel"]], record, out)


def _loaded(ward: Ward, body: dict[str, Any]) -> None:
    """With its bag check a program went into the pump."""
    order = ward.orders.get(body["order"])
    if order is not None and order.channel in ward.channels:
        ward.channels[order.channel].loaded_before, ward.channels[order.channel].rest_lost = True, False


def _replay_channel(ward: Ward, channel: Channel, record: PastRecord, out: Outbox) -> None:
    body: dict[str, Any] = record.body
    match record.kind:
        case "dosing_intent":
            _intent(ward, channel, record, out)
        case "dosing_outcome" if channel.infusion is not None:
            never = body["outcome"] in {Outcome.NOT_SENT.value, Outcome.DENIED.value}
            if never and not body.get("resume", False):
                withdraw(ward, channel.infusion)
                channel.still_base = channel.infusion.delivered.base if channel.infusion.delivered else None
                channel.infusion, channel.lease_ends_ns, channel.loaded_before = None, None, True
            elif body["outcome"] == Outcome.CONFIRMED.value:
                channel.infusion.paused_therapy_ns = None
        case "paused" if channel.infusion is not None:
            channel.infusion.paused_therapy_ns = _therapy_ns(ward, record, out)
        case "stop_requested":
            channel.loaded_before = channel.rest_lost = False
            _stopped(channel, record)
        case "counters_taken" | "primed" if "counters" in body:  # a prime of an older journal names none
            channel.still_base = Counters(**body["counters"])
        case "cleared":
            channel.latched = []
        case "observed":
            replay_observed(ward, channel, body, _therapy_ns(ward, record, out))
        case "external_dose":
            add_external(ward, body, record.utc_ms)
            channel.still_base = Counters(**body["counters"])
        case "away":
            channel.away_until_ms = body["until_ms"]
        case _:
            return


def _stopped(channel: Channel, record: PastRecord) -> None:
    body: dict[str, Any] = record.body
    if not body["latches"]:
        return
    channel.latched = [*channel.latched, *(Reason(r["code"], r["message"]) for r in body["reasons"])]
    for each in body["reasons"] if channel.infusion is not None else ():
        channel.alarm_stops = with_stop(channel.alarm_stops, each["code"], record.utc_ms)


def _intent(ward: Ward, channel: Channel, record: PastRecord, out: Outbox) -> None:
    """As if it had been sent right after: silence widens it from then on, up to its VTBI."""
    body: dict[str, Any] = record.body
    program = program_of(body["program"])
    if body["resume"] and channel.infusion is not None and channel.infusion.program_id == program.program_id:
        return  # it goes on widening from its start: what it gave before the pause is not in the counters any more
    infusion = Infusion(
        program,
        body["due_ms"],
        body["start_before_ms"],
        started_utc_ms=record.utc_ms,
        began_therapy_ns=_therapy_ns(ward, record, out),
        is_dated=0 <= elapsed_ms(ward, record, out) <= longest_ms(program),
        remaining=tuple(program_of(each) for each in body["remaining"]),
    )
    infusion.delivered = Delivered(
        base=_base(channel, body),
        vtbi_ul=program.vtbi_ul,
        volume_step_ul=body["volume_step_ul"],
        accuracy_permille=body["accuracy_permille"],
        asked_therapy_ns=_therapy_ns(ward, record, out),
        moving_ul_h=program.flow_rate_ul_h,
    )
    if program.link_loss is LinkLoss.STOP_AT_LEASE_END:
        # The last renewal is not recorded: it can have been granted no later than now.
        channel.lease_ends_ns = out.now.link_ns + program.lease_ms * NS_PER_MS
    if not body["resume"]:
        commit(ward, infusion, body["accuracy_permille"], record.utc_ms)
        use_bag(ward, infusion)
        order = ward.orders.get(program.order_digest)
        if order is not None:
            order.attempts[program.occurrence] = program.attempt
    channel.infusion, channel.loaded_before = infusion, False


def _base(channel: Channel, body: dict[str, Any]) -> Counters:
    """The pump of the settings may be another one than then: what this one counts says nothing of that program."""
    base = Counters(**body["base"])
    same = body.get("serial", channel.configuration.serial) == channel.configuration.serial  # older journals name none
    return base if same else replace(base, boot_count=NO_BOOT)


def _therapy_ns(ward: Ward, record: PastRecord, out: Outbox) -> int:
    """When the record was made. Without a calendar that can be relied on it was not before now."""
    return out.now.therapy_ns - max(0, elapsed_ms(ward, record, out)) * NS_PER_MS


def _settled(ward: Ward, body: dict[str, Any]) -> None:
    channel = ward.channels.get(body["channel"])
    program = program_of(body["program"])
    span = Span(body["started_ms"], body["ended_ms"], Certainty(body["certainty"]))
    book(ward, program, span, body["most_ul"])
    if channel is None or channel.infusion is None or channel.infusion.program_id != program.program_id:
        return
    # What was to follow is not taken up again: a person prepares the order anew.
    forget(ward, channel.infusion.remaining)
    channel.lease_ends_ns = None
    channel.loaded_before = channel.rest_lost = body["how"] == COMPLETED and bool(channel.infusion.remaining)
    channel.last_account = (program, body["least_ul"], body["most_ul"])
    if "counters" in body:
        channel.still_base = Counters(**body["counters"])
    channel.infusion = None


def _tell_lost_rest(ward: Ward, channel: Channel, out: Outbox) -> None:
    """Somebody waits for the next part, and it is not taken up again: told, unless a person cancelled the order."""
    account = channel.last_account
    order = ward.orders.get(account[0].order_digest) if account is not None else None
    cancelled = order is not None and order.cancelled
    channel.rest_lost = channel.rest_lost and channel.infusion is None and not cancelled
    if channel.rest_lost:
        told = f"the daemon ended before the next part was started: {REST_LOST}"
        raise_alarm(channel, "next_phase_expired", Priority.MEDIUM, told, out)


def _take_up(channel: Channel, out: Outbox) -> None:
    if not channel.latched:
        return
    latched, channel.latched = list(dict.fromkeys(channel.latched)), []
    # A stop that was asked for and maybe never proven is asked for again: STOP harms nobody.
    request_stop(channel, tuple(latched), Priority.HIGH, out)
