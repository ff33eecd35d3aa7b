"""What a status of the pump means for the program it should be running.

Refuses to believe anything but a status: a reply to START says that the pump agreed, the status
says that it moves. Every trip of core/interlocks.py is asked after every status.
"""

from __future__ import annotations

from pumpctl.core.alerts import ALERT_CODES, alerts
from pumpctl.core.delivery import DeliveryState, Trigger
from pumpctl.core.interlocks import alarm_priority, moved_while_still, trips
from pumpctl.core.reason import Priority, Reason
from pumpctl.core.snapshots import RunSnapshot, StillSnapshot, Trip
from pumpctl.drivers.pump import PumpActivity, StatusRead
from pumpctl.supervision.alarms import LOUDNESS, end_alarm, raise_alarm
from pumpctl.supervision.channel import Channel
from pumpctl.supervision.door import not_effective
from pumpctl.supervision.infusion import Infusion, Outcome
from pumpctl.supervision.outbox import Outbox
from pumpctl.supervision.priming import still_priming
from pumpctl.supervision.run_watch import run_snapshot
from pumpctl.supervision.settling import COMPLETED, OF_THE_PROGRAM, settle
from pumpctl.supervision.stopping import prove_stop, request_stop
from pumpctl.supervision.uncommanded import book_uncommanded, moved_uncommanded_ul
from pumpctl.supervision.waiting import take_back, taken_back
from pumpctl.supervision.ward import Ward

_S, _A = DeliveryState, PumpActivity


def weigh_status(ward: Ward, channel: Channel, status: StatusRead, out: Outbox) -> None:
    """Apply a status to a reconciled channel: progress, end, trips."""
    _count(channel, status)
    match channel.state:
        case _S.STOPPING:
            _while_stopping(ward, channel, status, out)
            prove_stop(ward, channel, status, out)
        case _S.READY if _shows(channel, status, _A.LOADED, _A.CONFIRMED):
            channel.move(Trigger.SHOWN_AT_PUMP)
            channel.awaiting_since_ns = out.now.link_ns
        case _S.PROGRAMMING:
            _must_be_still(ward, channel, status, out)
        case _S.READY | _S.AWAITING_CONFIRMATION:
            _while_awaiting(ward, channel, status, out)
        case _S.STARTING:
            _while_starting(ward, channel, status, out)
        case _S.INFUSING | _S.PAUSING:
            _while_infusing(ward, channel, status, out)
        case _S.PAUSED:
            _while_paused(ward, channel, status, out)
        case _S.IDLE | _S.STOPPED | _S.COMPLETED | _S.PHASE_COMPLETE:
            _must_be_still(ward, channel, status, out)
        case _S.UNKNOWN:
            return


def _shows(channel: Channel, status: StatusRead, *activities: PumpActivity) -> bool:
    """The pump is in one of these, with our program."""
    infusion = channel.infusion
    return infusion is not None and status.activity in activities and status.program_id == infusion.program_id


def _while_awaiting(ward: Ward, channel: Channel, status: StatusRead, out: Outbox) -> None:
    resuming = channel.owes_dose()
    waits = _shows(channel, status, _A.PAUSED) if resuming else _shows(channel, status, _A.LOADED, _A.CONFIRMED)
    if not waits:
        told = f"the pump is {status.activity.value} and no longer shows the program"
        if resuming or status.moving:
            request_stop(channel, (Reason("program_gone", told),), Priority.MEDIUM, out)
        else:
            take_back(channel, Reason("program_gone", f"{told}: {taken_back(channel)}"), out)
        return
    _must_be_still(ward, channel, status, out)


def _while_starting(ward: Ward, channel: Channel, status: StatusRead, out: Outbox) -> None:
    infusion = channel.infusion
    if infusion is None or infusion.dosing is None or infusion.dosing.sent is None:
        return
    if status.asked.link_ns < infusion.dosing.sent.link_ns:
        return
    fresh, paused = not infusion.dosing.resume, _shows(channel, status, _A.PAUSED) and not status.moving
    stands = fresh and _shows(channel, status, _A.LOADED, _A.CONFIRMED)
    # Only what runs can be paused: a START took effect. Whether a RESUME did, the counters tell.
    ran = paused and (fresh or _moved(channel, status) is not None)
    if ran or _shows(channel, status, _A.INFUSING, _A.COMPLETED):
        # Where it is paused, somebody was at the pump's key before this status.
        _start_proven(channel, infusion, out)
        _while_infusing(ward, channel, status, out)
    elif paused or (stands and never_moved(channel, infusion, status)):
        # This status answers a request with a later sequence number: the command can no longer take effect.
        reason = Reason("start_not_effective", "the pump did not carry the command out")
        end_alarm(channel, "dosing_unconfirmed", out)
        not_effective(ward, channel, Outcome.DENIED, (reason,), out)
    else:
        _stopped_at_pump(channel, status, out)


def never_moved(channel: Channel, infusion: Infusion, status: StatusRead) -> bool:
    """Still, and by its counters since before the START: what it shows is no proof that nothing of it ran."""
    delivered = infusion.delivered
    if delivered is None or status.moving or status.counters.boot_count != delivered.base.boot_count:
        return False
    moved_ul = status.counters.since(delivered.base)[1]
    return moved_while_still(StillSnapshot(moved_ul, _step_ul(channel))) is None


def _moved(channel: Channel, status: StatusRead) -> Trip | None:
    """More than may be, since the pump was last read as still."""
    return moved_while_still(StillSnapshot(moved_uncommanded_ul(channel, status.counters), _step_ul(channel)))


def _start_proven(channel: Channel, infusion: Infusion, out: Outbox) -> None:
    infusion.dosing, infusion.unconfirmed, infusion.paused_therapy_ns = None, False, None
    for code in OF_THE_PROGRAM:
        end_alarm(channel, code, out)
    channel.move(Trigger.START_PROVEN)
    channel.watch_from(out.now.link_ns)
    told = {"channel": channel.name, "program_id": infusion.program_id.hex(), "outcome": Outcome.CONFIRMED.value}
    out.record("dosing_outcome", told)


def _while_infusing(ward: Ward, channel: Channel, status: StatusRead, out: Outbox) -> None:
    infusion = channel.infusion
    if infusion is None or infusion.delivered is None:
        return
    seen = run_snapshot(ward, channel, infusion, status, out.now)
    found = trips(seen)
    _tell_alerts(channel, seen, out)
    if found:
        _trip(channel, found, out)
    elif _shows(channel, status, _A.COMPLETED):
        _completed(ward, channel, infusion, out)
    elif _shows(channel, status, _A.PAUSED):
        channel.move(Trigger.PAUSE_PROVEN)
        channel.pause_wanted, channel.pausing_since_ns = False, None
        infusion.paused_therapy_ns = out.now.therapy_ns
        channel.still_base = status.counters
        out.record("paused", {"channel": channel.name, "program_id": infusion.program_id.hex()})
    elif not _shows(channel, status, _A.INFUSING):
        _stopped_at_pump(channel, status, out)


def _tell_alerts(channel: Channel, seen: RunSnapshot, out: Outbox) -> None:
    """What holds now is on; what no longer does is over."""
    found = {alert.reason.code: alert for alert in alerts(seen)}
    for alert in found.values():
        raise_alarm(channel, alert.reason.code, alert.priority, alert.reason.message, out)
    for code in ALERT_CODES:
        if code not in found:
            end_alarm(channel, code, out)


def _count(channel: Channel, status: StatusRead) -> None:
    """What has gone into the patient by this status, whatever the pump was told to do."""
    infusion = channel.infusion
    if infusion is not None and infusion.delivered is not None:
        moving = max(status.commanded_flow_ul_h, status.measured_flow_ul_h)
        completed = _shows(channel, status, _A.COMPLETED)
        infusion.delivered = infusion.delivered.read(
            status.counters, status.asked.therapy_ns, moving, completed=completed
        )


def _completed(ward: Ward, channel: Channel, infusion: Infusion, out: Outbox) -> None:
    remaining = infusion.remaining
    channel.move(Trigger.PHASE_VTBI_REACHED if remaining else Trigger.VTBI_REACHED)
    channel.pause_wanted = False
    settle(ward, channel, COMPLETED, out)
    if remaining:
        following = Infusion(remaining[0], infusion.due_utc_ms, infusion.start_before_utc_ms, remaining=remaining[1:])
        channel.infusion = following


def _while_paused(ward: Ward, channel: Channel, status: StatusRead, out: Outbox) -> None:
    if not _shows(channel, status, _A.PAUSED):
        _stopped_at_pump(channel, status, out)
        return
    _must_be_still(ward, channel, status, out)


def _stopped_at_pump(channel: Channel, status: StatusRead, out: Outbox) -> None:
    """Whatever it does, it is not what it was told: STOP is safe in every case."""
    alarms = tuple(Reason(code, f"the pump alarms: {code}") for code in status.stopping_alarms)
    told = Reason("stopped_at_pump", f"the pump is {status.activity.value}, not what was commanded")
    route = channel.infusion.program.route if channel.infusion else ""
    priorities = [alarm_priority(code, route) for code in status.stopping_alarms] or [Priority.HIGH]
    request_stop(channel, alarms or (told,), max(priorities, key=LOUDNESS.__getitem__), out)


def _while_stopping(ward: Ward, channel: Channel, status: StatusRead, out: Outbox) -> None:
    """H03, H06, H20: what moved without a program latches, however the stop came about. Told once: the volume grows."""
    priming, moved_ul = channel.priming, moved_uncommanded_ul(channel, status.counters)
    if priming is not None and priming.sent_ns is not None and moved_ul <= priming.volume_ul:
        return  # the bag's; what comes after it is not
    trip = _note_uncommanded(ward, channel, status, out)
    if trip is None or channel.owes_dose() or channel.stop is None:
        return
    if not any(reason.code in {"runs_uncommanded", trip.reason.code} for reason in channel.stop.reasons):
        _trip(channel, (trip,), out)


def _must_be_still(ward: Ward, channel: Channel, status: StatusRead, out: Outbox) -> None:
    """H06, and a pump that starts by itself or at its keys."""
    if still_priming(channel, status, moved_uncommanded_ul(channel, status.counters), out):
        return
    if status.activity in {_A.INFUSING, _A.PRIMING}:
        reason = Reason("runs_uncommanded", f"the pump is {status.activity.value} and nobody started it here")
        request_stop(channel, (reason,), Priority.HIGH, out)
        return
    trip = _note_uncommanded(ward, channel, status, out)
    if trip is not None:
        _trip(channel, (trip,), out)


def _note_uncommanded(ward: Ward, channel: Channel, status: StatusRead, out: Outbox) -> Trip | None:
    """Booked as soon as it is more than may be; the little that is left is booked with the next start or stop."""
    trip = _moved(channel, status)
    another_boot = channel.still_base is None or channel.still_base.boot_count != status.counters.boot_count
    if channel.owes_dose():
        channel.still_base = status.counters if trip is not None or another_boot else channel.still_base
    elif trip is not None or another_boot:
        book_uncommanded(ward, channel, status, out)
    return trip


def _step_ul(channel: Channel) -> int:
    return channel.identity.capability.volume_step_ul if channel.identity else 1


def _trip(channel: Channel, found: tuple[Trip, ...], out: Outbox) -> None:
    loudest = max((trip.priority for trip in found), key=LOUDNESS.__getitem__)
    request_stop(channel, tuple(trip.reason for trip in found), loudest, out)
