"""Filling a line before anybody is connected to it: at most 5 mL, in idle, after a person has said "not connected".

Refuses to prime into a patient: what moves is the bag's only up to the volume that was asked for; every microlitre more
is booked to the patient of the channel (hazard H20). Like a start it leaves only once its record is durable, in a
mode that drives this pump, and if nothing stands in its way at the instant of the write (ADR 0002).
"""

from __future__ import annotations

from pumpctl.core.delivery import DeliveryState
from pumpctl.core.instant import MS_PER_H, NS_PER_MS, NS_PER_S
from pumpctl.core.interlocks import FRESH_NS
from pumpctl.core.quantity import FlowRate, Quantity, Volume
from pumpctl.core.reason import Reason
from pumpctl.core.units import Misread, read_quantity
from pumpctl.drivers.pump import Prime, PumpActivity, StatusRead
from pumpctl.effects import Refuse, Reply
from pumpctl.supervision.channel import Channel, Link, Priming
from pumpctl.supervision.door import mode_permits
from pumpctl.supervision.outbox import Outbox
from pumpctl.supervision.requests import REFUSED, USAGE, Refusal, Wish, channel_named, take_only, text
from pumpctl.supervision.stopping import STILL
from pumpctl.supervision.uncommanded import record_primed
from pumpctl.supervision.ward import OwedReply, PrimeIntent, Ward

MAX_UL = 5_000  # SPEC.md 0D
LIFE_NS = 5 * NS_PER_S  # a wish that could not leave by then is dead
LONGER_NS = 10 * NS_PER_S  # than the volume takes at its flow


def prime(ward: Ward, wish: Wish, out: Outbox) -> None:
    """Refuse with every reason, or record the intent; the command leaves when that is durable."""
    take_only(wish, "channel", "person", "volume", "flow", "not_connected")
    channel = channel_named(ward, wish)
    volume, flow = _figure(wish, "volume", Volume), _figure(wish, "flow", FlowRate)
    reasons = [*_not_askable(channel, wish), *_in_the_way(ward, channel), *_not_settable(channel, volume, flow)]
    if reasons:
        raise Refusal(REFUSED, tuple(reasons))
    lasts_ms = -(-volume.num * flow.den * MS_PER_H // (flow.num * volume.den))
    channel.priming = Priming(volume.floor(), flow.floor(), out.now.link_ns, lasts_ms * NS_PER_MS + LONGER_NS)
    channel.status_wanted = True  # one of 5 s ago is too old for the write
    told = {"channel": channel.name, "volume_ul": volume.floor(), "flow_ul_h": flow.floor(), "person": wish.actor}
    seq = out.record("priming", told)
    ward.waiting[seq] = PrimeIntent(channel.name, channel.priming, OwedReply(wish.request_id, told))


def prime_became_durable(ward: Ward, intent: PrimeIntent, out: Outbox) -> None:
    """The record is on the disk; whoever asked is told, also when the wish was given up meanwhile."""
    if ward.channels[intent.channel].priming is intent.priming:
        intent.priming.durable = True
        out.add(Reply(intent.reply.request_id, intent.reply.result))
    else:
        given_up = Reason("prime_given_up", "it was given up before the journal had recorded it: ask for it again")
        out.add(Refuse(intent.reply.request_id, REFUSED, (given_up,)))


def prime_command(ward: Ward, channel: Channel, out: Outbox) -> Prime | None:
    """The command to send now, if one is wanted and durable. What stands in its way by now ends the wish."""
    priming = channel.priming
    if priming is None or priming.sent_ns is not None:
        return None
    expired = out.now.link_ns - priming.asked_ns > LIFE_NS
    if not expired and not priming.durable:
        return None
    reasons = [*_in_the_way(ward, channel), *_too_old(channel, expired, out)]
    if reasons:
        channel.priming = None
        told = [{"code": reason.code, "message": reason.message} for reason in reasons]
        out.record("prime_refused", {"channel": channel.name, "reasons": told})
        return None
    priming.sent_ns = out.now.link_ns
    return Prime(priming.volume_ul, priming.flow_ul_h)


def still_priming(channel: Channel, status: StatusRead, moved_ul: int, out: Outbox) -> bool:
    """What this status shows is the prime that was asked for. Its end is recorded; an overrun is nobody's prime."""
    priming = channel.priming
    if priming is None or priming.sent_ns is None or status.asked.link_ns < priming.sent_ns:
        return False
    late = out.now.link_ns - priming.sent_ns > priming.lasts_ns
    if moved_ul > priming.volume_ul or late:
        return False
    if status.activity in STILL and not status.moving:
        record_primed(channel, moved_ul, status, out)
        channel.priming, channel.still_base = None, status.counters
        return True
    return status.activity is PumpActivity.PRIMING


def _not_askable(channel: Channel, wish: Wish) -> list[Reason]:
    reasons: list[Reason] = []
    if wish.params.get("not_connected") is not True:
        reasons.append(Reason("not_disconnected", "say that no patient is connected: --not-connected"))
    if channel.priming is not None:
        reasons.append(Reason("channel_busy", f"{channel.name} is priming, or about to: wait for its end, or stop it"))
    return reasons


def _in_the_way(ward: Ward, channel: Channel) -> list[Reason]:
    """At the wish, and once more at the write."""
    status, identity = channel.status, channel.identity
    reasons = list(ward.journal_reasons())
    if channel.state is not DeliveryState.IDLE:
        reasons.append(Reason("channel_busy", f"{channel.name} is {channel.state.value}: a line is primed in idle"))
    if channel.link is not Link.UP or not channel.reconciled or status is None or identity is None:
        reasons.append(Reason("identity_unproven", f"{channel.name} does not answer for itself: {channel.link_reason}"))
    elif not mode_permits(ward, identity):
        told = "this mode does not drive this pump: only simulated pumps are primed, in rig mode"
        reasons.append(Reason("mode_refuses_pump", told))
    elif status.moving or status.stopping_alarms or status.activity not in STILL:
        reasons.append(Reason("pump_not_idle", f"the pump is {status.activity.value} {', '.join(status.alarms)}"))
    if not ward.guard_alive:
        reasons.append(Reason("guard_absent", "the guard process is not running"))
    return reasons


def _too_old(channel: Channel, expired: bool, out: Outbox) -> list[Reason]:
    """At the write: the wish, and the pump's last word."""
    reasons: list[Reason] = []
    if expired:
        reasons.append(Reason("intent_expired", "the prime could not be sent within 5 s: ask for it again"))
    if channel.status is None or out.now.link_ns - channel.status.asked.link_ns > FRESH_NS:
        reasons.append(Reason("status_stale", "the pump's status is older than 3 s"))
    return reasons


def _not_settable(channel: Channel, volume: Quantity, flow: Quantity) -> list[Reason]:
    if channel.identity is None:
        return []
    can = channel.identity.capability
    reasons: list[Reason] = []
    if volume > Volume(MAX_UL) or volume.num % (volume.den * can.volume_step_ul):
        told = f"at most {MAX_UL} uL in steps of {can.volume_step_ul} uL"
        reasons.append(Reason("prime_volume", told))
    outside = not FlowRate(can.min_flow_ul_h) <= flow <= FlowRate(can.max_flow_ul_h)
    if outside or flow.num % (flow.den * can.flow_step_ul_h):
        told = f"{can.min_flow_ul_h} to {can.max_flow_ul_h} uL/h in steps of {can.flow_step_ul_h} uL/h"
        reasons.append(Reason("prime_flow", told))
    return reasons


def _figure(wish: Wish, name: str, kind: type[Quantity]) -> Quantity:
    read = read_quantity(text(wish, name), kind)
    if isinstance(read, Misread):
        raise Refusal(USAGE, (Reason("bad_parameter", f"{name}: {read.reason}"),))
    return read
