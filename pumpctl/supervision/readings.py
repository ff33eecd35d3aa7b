"""What a status of the pump means for the program it should be running.

Refuses to believe anything but a status: a reply to START says that the pump agreed, the status
says that it moves. Every trip of core/interlocks.py is asked after every status.
"""

from __future__ import annotations

from pumpctl.core.delivery import DeliveryState, Trigger
from pumpctl.core.instant import NS_PER_MS
from pumpctl.core.interlocks import RunSnapshot, StillSnapshot, Trip, moved_while_still, trips
from pumpctl.core.program import exceeds_dose_rate
from pumpctl.core.reason import Priority, Reason
from pumpctl.core.window import window_ns
from pumpctl.drivers.pump import PumpActivity, StatusRead
from pumpctl.supervision.alarms import end_alarm
from pumpctl.supervision.channel import Channel, Window
from pumpctl.supervision.door import not_effective
from pumpctl.supervision.infusion import Infusion, Outcome
from pumpctl.supervision.outbox import Outbox
from pumpctl.supervision.polling import poll_therapy_ns
from pumpctl.supervision.settling import COMPLETED, OF_THE_PROGRAM, settle
from pumpctl.supervision.stopping import prove_stop, request_stop
from pumpctl.supervision.uncommanded import book_uncommanded, moved_uncommanded_ul
from pumpctl.supervision.ward import Ward

_S, _A = DeliveryState, PumpActivity
# SPEC.md: the motor may take 100 ms to move after START; until twice that nothing is judged by progress.
SETTLING_NS = 200 * NS_PER_MS
_LOUDNESS = (Priority.LOW, Priority.MEDIUM, Priority.HIGH)


def weigh_status(ward: Ward, channel: Channel, status: StatusRead, out: Outbox) -> None:
    """Apply a status to a reconciled channel: progress, end, trips."""
    _count(channel, status)
    match channel.state:
        case _S.STOPPING:
            _note_uncommanded(ward, channel, status, out)
            prove_stop(ward, channel, status, out)
        case _S.READY if _shows(channel, status, _A.LOADED, _A.CONFIRMED):
            channel.move(Trigger.SHOWN_AT_PUMP)
            channel.awaiting_since_ns = out.now.link_ns
            out.event(channel.name, "awaiting_confirmation", {})
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
        reason = Reason("program_gone", f"the pump is {status.activity.value} and no longer shows the program")
        request_stop(channel, (reason,), Priority.MEDIUM, out, latches=resuming or status.moving)
        return
    _must_be_still(ward, channel, status, out)


def _while_starting(ward: Ward, channel: Channel, status: StatusRead, out: Outbox) -> None:
    infusion = channel.infusion
    if infusion is None or infusion.dosing is None or infusion.dosing.sent is None:
        return
    if status.asked.link_ns < infusion.dosing.sent.link_ns:
        return
    if _shows(channel, status, _A.INFUSING, _A.COMPLETED):
        _start_proven(channel, infusion, out)
        _while_infusing(ward, channel, status, out)
    elif _shows(channel, status, _A.LOADED, _A.CONFIRMED, _A.PAUSED) and not status.moving:
        # This status answers a request with a later sequence number: the command can no longer take effect.
        reason = Reason("start_not_effective", "the pump did not carry the command out")
        end_alarm(channel, "dosing_unconfirmed", out)
        not_effective(ward, channel, Outcome.DENIED, (reason,), out)
    else:
        _stopped_at_pump(channel, status, out)


def _start_proven(channel: Channel, infusion: Infusion, out: Outbox) -> None:
    infusion.dosing, infusion.unconfirmed, infusion.paused_therapy_ns = None, False, None
    for code in OF_THE_PROGRAM:
        end_alarm(channel, code, out)
    channel.move(Trigger.START_PROVEN)
    channel.watch_from(out.now.link_ns)
    told = {"channel": channel.name, "program_id": infusion.program_id.hex(), "outcome": Outcome.CONFIRMED.value}
    out.record("dosing_outcome", told, anchored=True)
    out.event(channel.name, "infusing", {"program_id": told["program_id"]})


def _while_infusing(ward: Ward, channel: Channel, status: StatusRead, out: Outbox) -> None:
    infusion = channel.infusion
    if infusion is None or infusion.delivered is None:
        return
    found = trips(_run_snapshot(ward, channel, infusion, status, out))
    if found:
        _trip(channel, found, out)
    elif _shows(channel, status, _A.COMPLETED):
        _completed(ward, channel, infusion, out)
    elif _shows(channel, status, _A.PAUSED):
        channel.move(Trigger.PAUSE_PROVEN)
        channel.pause_wanted, infusion.paused_therapy_ns = False, out.now.therapy_ns
        channel.still_base = status.counters
        out.record("paused", {"channel": channel.name, "program_id": infusion.program_id.hex()})
        out.event(channel.name, "paused", {})
    elif not _shows(channel, status, _A.INFUSING):
        _stopped_at_pump(channel, status, out)


def _count(channel: Channel, status: StatusRead) -> None:
    """What has gone into the patient by this status, whatever the pump was told to do."""
    infusion = channel.infusion
    if infusion is not None and infusion.delivered is not None:
        moving = max(status.commanded_flow_ul_h, status.measured_flow_ul_h)
        infusion.delivered = infusion.delivered.read(status.counters, status.asked.therapy_ns, moving)


def _completed(ward: Ward, channel: Channel, infusion: Infusion, out: Outbox) -> None:
    remaining = infusion.remaining
    channel.move(Trigger.PHASE_VTBI_REACHED if remaining else Trigger.VTBI_REACHED)
    channel.pause_wanted = False
    settle(ward, channel, COMPLETED, out)
    if remaining:
        following = Infusion(remaining[0], infusion.due_utc_ms, infusion.start_before_utc_ms, remaining=remaining[1:])
        channel.infusion = following
    out.event(channel.name, "completed", {"program_id": infusion.program_id.hex()})


def _while_paused(ward: Ward, channel: Channel, status: StatusRead, out: Outbox) -> None:
    if not _shows(channel, status, _A.PAUSED):
        _stopped_at_pump(channel, status, out)
        return
    _must_be_still(ward, channel, status, out)


def _stopped_at_pump(channel: Channel, status: StatusRead, out: Outbox) -> None:
    """Whatever it does, it is not what it was told: STOP is safe in every case."""
    alarms = tuple(Reason(code, f"the pump alarms: {code}") for code in status.stopping_alarms)
    told = Reason("stopped_at_pump", f"the pump is {status.activity.value}, not what was commanded")
    request_stop(channel, alarms or (told,), Priority.HIGH, out)


def _must_be_still(ward: Ward, channel: Channel, status: StatusRead, out: Outbox) -> None:
    """H06, and a pump that starts by itself or at its keys."""
    if status.activity in {_A.INFUSING, _A.PRIMING}:
        reason = Reason("runs_uncommanded", f"the pump is {status.activity.value} and nobody started it here")
        request_stop(channel, (reason,), Priority.HIGH, out)
        return
    trip = _note_uncommanded(ward, channel, status, out)
    if trip is not None:
        _trip(channel, (trip,), out)


def _note_uncommanded(ward: Ward, channel: Channel, status: StatusRead, out: Outbox) -> Trip | None:
    """Booked as soon as it is more than may be; the little that is left is booked with the next start or stop."""
    step_ul = channel.identity.capability.volume_step_ul if channel.identity else 1
    trip = moved_while_still(StillSnapshot(moved_uncommanded_ul(channel, status.counters), step_ul))
    another_boot = channel.still_base is None or channel.still_base.boot_count != status.counters.boot_count
    if channel.owes_dose():
        channel.still_base = status.counters if trip is not None or another_boot else channel.still_base
    elif trip is not None or another_boot:
        book_uncommanded(ward, channel, status, out)
    return trip


def _trip(channel: Channel, found: tuple[Trip, ...], out: Outbox) -> None:
    loudest = max((trip.priority for trip in found), key=_LOUDNESS.index)
    request_stop(channel, tuple(trip.reason for trip in found), loudest, out)


def _run_snapshot(ward: Ward, channel: Channel, infusion: Infusion, status: StatusRead, out: Outbox) -> RunSnapshot:
    program, delivered = infusion.program, infusion.delivered
    capability = channel.identity.capability if channel.identity else None
    smallest, largest = status.counters.since(delivered.base) if delivered else (0, 0)
    moved, window = _watch_window(ward, channel, largest, status, out)
    stretch = channel.stretch
    ended = status.activity in {_A.COMPLETED, _A.PAUSED, _A.STOPPED, _A.IDLE}
    return RunSnapshot(
        program_flow_ul_h=program.flow_rate_ul_h,
        vtbi_ul=program.vtbi_ul,
        volume_step_ul=capability.volume_step_ul if capability else 1,
        accuracy_permille=capability.accuracy_permille if capability else 0,
        same_program=ended or status.program_id == program.program_id,
        boot_changed=delivered is not None and status.counters.boot_count != delivered.base.boot_count,
        # A pump that has ended commands nothing: only a running one can be set to another flow.
        commanded_flow_ul_h=program.flow_rate_ul_h if ended else status.commanded_flow_ul_h,
        exceeds_dose_rate=exceeds_dose_rate(program, status.commanded_flow_ul_h),
        smallest_ul=smallest,
        largest_ul=largest,
        completed=status.activity is _A.COMPLETED,
        stopping_alarms=status.stopping_alarms,
        moved_in_window_ul=None if ended else moved,
        window_therapy_ns=window,
        moved_in_stretch_ul=None if stretch is None else largest - stretch.largest_ul,
        stretch_therapy_ns=0 if stretch is None else out.now.therapy_ns - stretch.began_therapy_ns,
    )


def _watch_window(
    ward: Ward, channel: Channel, largest_ul: int, status: StatusRead, out: Outbox
) -> tuple[int | None, int]:
    """Volume moved over the present window, None until it is full, and the longest it can have lasted.

    From the asking of its first status to the arrival of this one: jitter of the line can then
    never make a correct pump look fast.
    """
    if out.now.link_ns - channel.infusing_since_ns < SETTLING_NS:
        return None, 0
    if channel.window is None:
        channel.window = channel.stretch = Window(largest_ul, status.asked.therapy_ns)
        return None, 0
    lasted = out.now.therapy_ns - channel.window.began_therapy_ns
    capability, infusion = channel.identity, channel.infusion
    flow = infusion.program.flow_rate_ul_h if infusion else 0
    step_ul = capability.capability.volume_step_ul if capability else 1
    if lasted < window_ns(flow, step_ul, poll_therapy_ns(ward, channel)):
        return None, 0
    moved = largest_ul - channel.window.largest_ul
    channel.window = Window(largest_ul, status.asked.therapy_ns)
    return moved, lasted
