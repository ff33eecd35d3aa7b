"""Stopping a pump: at once, again and again until it is proven, and then the account.

Refuses to weigh anything: every caller that asks for a stop gets it, in every state. The STOP is
written before anything is recorded; what can be recorded only says what was done.
"""

from __future__ import annotations

from pumpctl.core.delivery import Trigger
from pumpctl.core.instant import NS_PER_MS, NS_PER_S
from pumpctl.core.reason import Priority, Reason
from pumpctl.core.repeats import REPEATS, repeats_too_often, with_stop
from pumpctl.drivers.pump import PumpActivity, StatusRead
from pumpctl.effects import WritePump
from pumpctl.supervision.alarms import end_alarm, raise_alarm
from pumpctl.supervision.channel import Channel, StopPursuit
from pumpctl.supervision.infusion import Outcome
from pumpctl.supervision.latches import PUMP_ALARMS
from pumpctl.supervision.outbox import Outbox
from pumpctl.supervision.program_record import counters_body
from pumpctl.supervision.settling import STOPPED, settle
from pumpctl.supervision.ward import Ward

REPEAT_NS = 250 * NS_PER_MS  # hazard H56: until the pump says that it took one
PROOF_NS = NS_PER_S  # from then on: as long as a status takes on a slow line (ADR 0019)
UNPROVEN_NS = 2 * NS_PER_S  # hazard H56: then a person must clamp the line
STILL = frozenset({PumpActivity.IDLE, PumpActivity.STOPPED, PumpActivity.COMPLETED})


def request_stop(
    channel: Channel, reasons: tuple[Reason, ...], priority: Priority, out: Outbox, *, latches: bool = True
) -> None:
    """Stop this pump now. `latches`: only a person makes it startable again."""
    withdraw_intent(channel, out)
    channel.acknowledge_wanted, channel.acknowledged = False, None  # what stops it now nobody has cleared yet
    if channel.stop is None:
        channel.stop = StopPursuit([], latches=latches, asked_ns=out.now.link_ns)
        channel.move(Trigger.STOP_REQUESTED)
    hardens, channel.stop.latches = latches and not channel.stop.latches, channel.stop.latches or latches
    new = [reason for reason in reasons if reason not in channel.stop.reasons]
    new += _repeated(channel, new, out.now.utc_ms) if latches and channel.owes_dose() else []
    channel.stop.reasons.extend(new)
    _write(channel, out)
    if hardens:
        new = list(channel.stop.reasons)  # all of them latch from here on, and no record says so yet
    if new:
        told = [{"code": reason.code, "message": reason.message} for reason in new]
        out.record("stop_requested", {"channel": channel.name, "reasons": told, "latches": latches})
    if latches:
        for reason in new:
            raise_alarm(channel, reason.code, priority, reason.message, out)


def _repeated(channel: Channel, new: list[Reason], utc_ms: int) -> list[Reason]:
    """H19: cleared and restarted again and again: from now on a clinician and a second person clear it."""
    hard: list[Reason] = []
    for reason in new:
        if reason.code not in PUMP_ALARMS:
            continue
        channel.alarm_stops = with_stop(channel.alarm_stops, reason.code, utc_ms)
        if repeats_too_often(channel.alarm_stops, reason.code, utc_ms):
            told = f"{reason.code} stopped this pump {REPEATS} times within 10 min: find the cause before anything else"
            hard.append(Reason("alarm_repeats", told))
    return hard


def withdraw_intent(channel: Channel, out: Outbox) -> None:
    """A dosing command that has not left yet never will; one that has keeps its own outcome."""
    infusion = channel.infusion
    if infusion is None or infusion.dosing is None or infusion.dosing.sent is not None:
        return
    resume, infusion.dosing = infusion.dosing.resume, None
    told = {"channel": channel.name, "program_id": infusion.program_id.hex(), "resume": resume}
    out.record("dosing_outcome", {**told, "outcome": Outcome.NOT_SENT.value, "reasons": ["overtaken_by_stop"]})


def pursue_stop(channel: Channel, out: Outbox) -> None:
    """Repeat until proven; after two seconds say that a person must clamp the line."""
    stop = channel.stop
    if stop is None:
        return
    now_ns = out.now.link_ns
    if stop.last_sent_ns is None or now_ns >= stop.last_sent_ns + _repeat_ns(channel, stop):
        _write(channel, out)
    if not stop.escalated and now_ns - stop.asked_ns >= UNPROVEN_NS:
        stop.escalated = True
        told = "the pump has not proven that it stopped: clamp the line and look at the pump"
        raise_alarm(channel, "stop_unproven", Priority.HIGH, told, out)


def next_of_stop(channel: Channel) -> list[int]:
    """Link instants at which pursue_stop has something to do. An unplugged pump is stopped when it is back."""
    stop = channel.stop
    if stop is None:
        return []
    instants = [] if stop.escalated else [stop.asked_ns + UNPROVEN_NS]
    if channel.identified and stop.last_sent_ns is not None:
        instants.append(stop.last_sent_ns + _repeat_ns(channel, stop))
    return instants


def stop_taken(channel: Channel, out: Outbox) -> None:
    """The pump says that it took a STOP. The volume is read next; a status asked for from now on is the proof.

    An answer before our first STOP answers somebody else's, or comes from a pump that is not identified yet.
    """
    channel.status_wanted = True  # also when somebody else stopped it
    stop = channel.stop
    if stop is None or stop.last_sent_ns is None or not channel.identified:
        return
    if stop.taken_ns is None:
        stop.taken_ns = out.now.link_ns


def keep_stopping(channel: Channel, status: StatusRead) -> None:
    """Whatever the pump said that it took: a status since the first STOP, believed or not, says it has not stopped."""
    if channel.stop is not None and status.asked.link_ns >= channel.stop.asked_ns and not _is_still(status):
        channel.stop.taken_ns = None


def prove_stop(ward: Ward, channel: Channel, status: StatusRead, out: Outbox) -> None:
    """A status asked for after the pump took the STOP says still. A STOP repeated since then changes nothing."""
    stop = channel.stop
    if stop is None or stop.taken_ns is None or status.asked.link_ns < stop.taken_ns or not _is_still(status):
        return
    channel.stop = None
    channel.guard_armed_lease = None  # arming anew tells the guard that this stop needs no second hand
    channel.move(Trigger.STOP_PROVEN)
    end_alarm(channel, "stop_unproven", out)
    settle(ward, channel, STOPPED, out)
    if stop.latches:
        channel.latched = [*channel.latched, *(r for r in stop.reasons if r not in channel.latched)]
    told = [reason.code for reason in stop.reasons]
    out.record("stop_proven", {"channel": channel.name, "reasons": told, "latched": stop.latches})
    if "counter_fell" in told:  # or the next life would find it again
        out.record("counters_taken", {"channel": channel.name, "counters": counters_body(status.counters)})
    if not channel.latched:
        channel.move(Trigger.CLEARED)


def _is_still(status: StatusRead) -> bool:
    return not status.moving and status.activity in STILL


def _repeat_ns(channel: Channel, stop: StopPursuit) -> int:
    """Never so often that the STOPs of a line's pumps fill it: the next one for another pump would wait behind them."""
    wanted_ns = REPEAT_NS if stop.taken_ns is None else PROOF_NS
    return wanted_ns if channel.line is None else max(wanted_ns, channel.line.stop_pace_ns)


def _write(channel: Channel, out: Outbox) -> None:
    # To a pump whose serial number has not matched nothing may be written: it may be another patient's.
    if not channel.identified:
        return
    if channel.stop is not None:
        channel.stop.last_sent_ns = out.now.link_ns
    channel.driver.stopping(out.now)
    out.stop_first(WritePump(channel.name, channel.driver.stop_frame, is_stop=True))
