"""Who is on a channel's port: nothing is written to a pump before its serial number has matched.

Refuses to know what the pump does. A wrong pump closes the port for good, until a person looks.
"""

from __future__ import annotations

from pumpctl.configuration import Mode
from pumpctl.core.delivery import DeliveryState, Trigger, step
from pumpctl.core.program import LinkLoss
from pumpctl.core.reason import Priority, Reason
from pumpctl.drivers.pump import Identified
from pumpctl.effects import ArmGuard, ClosePort, DisarmGuard, Publish
from pumpctl.supervision.alarms import end_alarm, raise_alarm
from pumpctl.supervision.channel import Channel, Link
from pumpctl.supervision.outbox import Outbox
from pumpctl.supervision.ward import Ward

_S = DeliveryState
_MAY_FLOW = frozenset({_S.STARTING, _S.INFUSING, _S.PAUSING, _S.STOPPING})


def ask_who_it_is(channel: Channel, why: str) -> None:
    """A fresh link, or a pump that forgot us: nothing but identity reads until the serial number matches."""
    channel.link, channel.link_reason = Link.IDENTIFYING, why
    channel.identity, channel.status, channel.reconciled = None, None, False
    channel.read_back_equal, channel.program_sent, channel.guard_armed_lease = False, False, None
    following = step(channel.state, Trigger.PUMP_LOST_ITS_PAST)
    channel.state = channel.state if following is None else following


def heard(channel: Channel, out: Outbox) -> None:
    """The pump said something that shows contact."""
    channel.unheard_since_ns = None
    if channel.link is Link.SILENT:
        channel.link, channel.link_reason = Link.UP, ""
        out.add(Publish(channel.name, "link", {"link": "up"}))
    if channel.link is Link.UP:
        end_alarm(channel, "link_lost", out)


def identified(ward: Ward, channel: Channel, who: Identified, out: Outbox) -> None:
    """It said who it is: up, or refused."""
    if channel.link is not Link.IDENTIFYING:
        return
    wrong = _not_ours(ward, channel, who)
    if wrong is not None:
        channel.link, channel.link_reason = Link.REFUSED, wrong.message
        out.add(DisarmGuard(channel.name))
        out.add(ClosePort(channel.name, wrong.message))
        out.record("port_refused", {"channel": channel.name, "code": wrong.code, "serial": who.serial})
        raise_alarm(channel, wrong.code, Priority.HIGH, wrong.message, out)
        return
    channel.identity, channel.link, channel.link_reason = who, Link.UP, ""
    channel.status_wanted = True
    arm_guard(channel, out, anew=True)
    out.add(Publish(channel.name, "link", {"link": "up"}))
    end_alarm(channel, "link_lost", out)


def arm_guard(channel: Channel, out: Outbox, *, anew: bool = False) -> None:
    """Give the guard the STOP of this channel; tell it when a lease program may flow, and whether a stop is open."""
    lease = _may_flow_on_a_lease(channel)
    if not channel.identified or (not anew and lease == channel.guard_armed_lease):
        return
    channel.guard_armed_lease = lease
    stop, stopped = channel.driver.stop_frame, channel.driver.stopped_frame
    out.add(ArmGuard(channel.name, stop, stopped, lease, proven=channel.stop is None))


def _may_flow_on_a_lease(channel: Channel) -> bool:
    """A pump that is being stopped may flow until that is proven (H56), whatever became of its last renewal."""
    infusion = channel.infusion
    if infusion is None or not infusion.may_have_started:
        return False
    return channel.state in _MAY_FLOW and infusion.program.link_loss is LinkLoss.STOP_AT_LEASE_END


def _not_ours(ward: Ward, channel: Channel, who: Identified) -> Reason | None:
    """Why this pump may not be spoken to: hazards H25, H62, H78."""
    expected = channel.configuration.serial
    if who.serial != expected:
        return Reason("wrong_pump", f"the port holds pump {who.serial!r}, the channel is for {expected!r}")
    if ward.configuration.mode is Mode.THERAPY and who.simulated:
        return Reason("simulated_pump", "mode therapy does not drive a simulated pump")
    if ward.configuration.mode is Mode.RIG and not who.simulated:
        return Reason("real_pump", "mode rig drives simulated pumps only")
    if ward.configuration.speed != 1 and not who.simulated:
        return Reason("scaled_time", "therapy time may be scaled for a simulated pump only")
    allowed, runs = channel.configuration.firmware, f"{who.capability.model} {who.firmware}"
    if not who.simulated if allowed is None else runs not in allowed:
        return Reason("unknown_firmware", f"the pump runs {runs!r}, which the settings do not allow on this channel")
    if not who.capability.kvo_can_be_zero:
        return Reason("kvo_not_zero", "the pump cannot switch its keep-vein-open flow off")
    return None
