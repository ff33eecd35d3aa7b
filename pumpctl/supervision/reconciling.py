"""After every opening of a link: is what the pump does what we left it doing?

Refuses to adopt: only the same program id, rate, VTBI and serial number go on being supervised.
Anything else on our own pump is stopped and, where drug may have moved, latched. Nothing is ever
resumed from here.
"""

from __future__ import annotations

from pumpctl.core.delivery import DeliveryState, Trigger
from pumpctl.core.program import LinkLoss
from pumpctl.core.reason import Priority, Reason
from pumpctl.drivers.pump import PumpActivity, StatusRead
from pumpctl.supervision.alarms import end_alarm
from pumpctl.supervision.channel import Channel
from pumpctl.supervision.door import never_ran
from pumpctl.supervision.infusion import Infusion, Outcome
from pumpctl.supervision.outbox import Outbox
from pumpctl.supervision.readings import never_moved, weigh_status
from pumpctl.supervision.stopping import STILL, request_stop
from pumpctl.supervision.waiting import take_back, taken_back
from pumpctl.supervision.ward import Ward

_A = PumpActivity
_STANDING = frozenset({_A.LOADED, _A.CONFIRMED})


def reconcile(ward: Ward, channel: Channel, out: Outbox, *, read_back_failed: bool = False) -> None:
    """Decide from the first status; ask for the read-back first where a program of ours is in the pump."""
    status, infusion = channel.status, channel.infusion
    if status is None:
        return
    if channel.state is DeliveryState.STOPPING or channel.stop is not None:
        channel.reconciled = True  # the pursuit goes on; its proof is the next status
    elif infusion is None:
        _without_program(channel, status, out)
    elif not infusion.may_have_started:
        _before_start(channel, status, out)
    else:
        _after_start(ward, channel, infusion, status, out, read_back_failed=read_back_failed)


def _without_program(channel: Channel, status: StatusRead, out: Outbox) -> None:
    channel.reconciled = True
    is_told, channel.rest_lost = channel.rest_lost, False
    unexplained, channel.loaded_before = channel.loaded_before and status.activity is _A.STOPPED, False
    if unexplained:
        # Something stopped it, and the record of that and of what it latches is lost (H70): as in mid-program.
        told = "the pump was found stopped after a program was loaded, and no record says why"
        request_stop(channel, (Reason("stop_not_recorded", told),), Priority.HIGH, out)
        return
    if status.activity in STILL and not status.moving:
        if channel.state is DeliveryState.UNKNOWN:
            channel.move(Trigger.FOUND_IDLE)
        return
    loaded = status.activity in _STANDING and not status.moving
    told = f"the pump is {status.activity.value} with a program that is not ours"
    if not loaded:
        request_stop(channel, (Reason("foreign_program", told),), Priority.HIGH, out)
    elif is_told:  # the rest of an occurrence, with the alarm that it will not be given
        request_stop(channel, (Reason("foreign_program", told),), Priority.MEDIUM, out, latches=False)
    else:
        told += ": it was taken back; if an order waited for its start, prepare it again"
        take_back(channel, Reason("foreign_program", told), out)


def _before_start(channel: Channel, status: StatusRead, out: Outbox) -> None:
    """The link was lost before a START was written: the program is void, and a person is told what becomes of it."""
    channel.reconciled = True
    harmless = not status.moving and (status.activity in STILL or status.activity in _STANDING)
    reason = Reason("link_lost_before_start", f"the link was lost before the start: {taken_back(channel)}")
    if harmless:
        take_back(channel, reason, out)
    else:
        request_stop(channel, (reason,), Priority.HIGH, out)


def _after_start(
    ward: Ward, channel: Channel, infusion: Infusion, status: StatusRead, out: Outbox, *, read_back_failed: bool
) -> None:
    delivered = infusion.delivered
    if delivered is None:
        return
    ours = status.program_id == infusion.program_id and status.counters.boot_count == delivered.base.boot_count
    stands = status.activity in _STANDING and not status.moving
    never = stands and never_moved(channel, infusion, status)
    if not ours or read_back_failed or (stands and not never):
        _not_ours(channel, infusion, status, out)
        return
    if never:
        # The START never took effect, and under a new session an old frame no longer can.
        channel.reconciled = True
        never_ran(ward, channel, infusion, Outcome.DENIED, (), out)
        _before_start(channel, status, out)
        return
    if not channel.read_back_equal:
        channel.next_poll_ns = out.now.link_ns
        return
    _resume_supervision(ward, channel, infusion, status, out)


def _resume_supervision(ward: Ward, channel: Channel, infusion: Infusion, status: StatusRead, out: Outbox) -> None:
    """Where it was left, or as far as it has come: what the status means is weighed as that of any other."""
    same_flow = status.commanded_flow_ul_h == infusion.program.flow_rate_ul_h
    if status.activity is _A.PAUSED:
        channel.move(Trigger.FOUND_PAUSED_OURS)
        infusion.paused_therapy_ns = infusion.paused_therapy_ns or out.now.therapy_ns
        channel.still_base = status.counters  # what it moved before is in the program's account
        channel.pause_wanted, channel.pausing_since_ns = False, None  # carried out, whoever asked for it
    elif status.activity is _A.COMPLETED or (status.activity is _A.INFUSING and same_flow):
        channel.move(Trigger.FOUND_INFUSING_OURS)
        channel.watch_from(out.now.link_ns)
        infusion.paused_therapy_ns = None
        if channel.pause_wanted:
            channel.want_pause(out.now.link_ns)
    else:
        _not_ours(channel, infusion, status, out)
        return
    channel.reconciled = True
    if infusion.program.link_loss is LinkLoss.STOP_AT_LEASE_END:
        channel.grant_lease(status, status.uptime_ms + status.lease_left_ms)
    infusion.dosing, infusion.unconfirmed = None, False
    end_alarm(channel, "dosing_unconfirmed", out)
    told = {"channel": channel.name, "program_id": infusion.program_id.hex(), "found": status.activity.value}
    out.record("supervision_resumed", told)
    weigh_status(ward, channel, status, out)


def _not_ours(channel: Channel, infusion: Infusion, status: StatusRead, out: Outbox) -> None:
    channel.reconciled = True
    delivered = infusion.delivered
    stands = status.activity in _STANDING and status.program_id == infusion.program_id and not status.moving
    halted = stands or status.activity in STILL
    if delivered is not None and status.counters.boot_count != delivered.base.boot_count:
        reason = Reason("pump_reset", "the pump was switched off and on, or is another one: its program is void")
    elif status.stopping_alarms:
        reason = Reason(status.stopping_alarms[0], f"the pump alarms: {', '.join(status.stopping_alarms)}")
    elif halted and infusion.used_token is None:
        # Remembered from the journal: whoever stopped it, this daemon or its forerunner may have, for any reason,
        # without being able to record it. What nobody can explain clears by two persons (I6).
        told = f"the pump was found {status.activity.value} in mid-program, and no record says why"
        reason = Reason("stop_not_recorded", told)
    elif halted:
        reason = Reason("stopped_at_pump", f"the pump was found {status.activity.value} in mid-program")
    else:
        reason = Reason("foreign_program", f"the pump is {status.activity.value} with a program that is not ours")
    if delivered is not None:
        infusion.delivered = delivered.read(
            status.counters, status.asked.therapy_ns, max(status.commanded_flow_ul_h, status.measured_flow_ul_h)
        )
    request_stop(channel, (reason,), Priority.HIGH, out)
