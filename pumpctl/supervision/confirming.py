"""The confirmation of a start or resume at the daemon's own terminal, for a pump that has no button.

Refuses to be one for a pump that has a button, and to stand for a START: what follows is the same durable intent, and
the same interlocks stand in the door. A person types the flow that is to run, as the order has it.
"""

from __future__ import annotations

from pumpctl.core.delivery import DeliveryState
from pumpctl.core.interlocks import refusals
from pumpctl.core.quantity import FlowRate
from pumpctl.core.reason import Reason
from pumpctl.core.units import Misread, read_quantity
from pumpctl.drivers.pump import ConfirmationRead
from pumpctl.supervision.channel import Channel
from pumpctl.supervision.door import intend, snapshot
from pumpctl.supervision.infusion import Infusion
from pumpctl.supervision.outbox import Outbox
from pumpctl.supervision.requests import USAGE, Refusal, Wish, channel_named, owe, take_only, text
from pumpctl.supervision.ward import Ward

REFUSED, NOT_CONNECTED = 4, 5


def confirm(ward: Ward, wish: Wish, out: Outbox) -> None:
    """Told once the intent is durable; the start itself shows in the pump's status."""
    take_only(wish, "channel", "flow", "person")
    channel = channel_named(ward, wish)
    infusion = _awaiting(channel)
    _same_flow(text(wish, "flow"), infusion)
    reasons = refusals(snapshot(ward, channel, infusion, out))
    resume = infusion.may_have_started
    # The instant stands for the press of a button: good once, and bound to this program.
    intend(ward, channel, ConfirmationRead(infusion.program_id, out.now.link_ns, for_resume=resume), out)
    if infusion.dosing is None:
        raise Refusal(REFUSED, reasons)
    told = {"channel": channel.name, "program_id": infusion.program_id.hex(), "person": wish.actor}
    seq = out.record("confirmed_at_terminal", {**told, "resume": resume})
    owe(ward, wish, out, seq, {**told, "state": channel.state.value})


def _awaiting(channel: Channel) -> Infusion:
    """What waits for its confirmation here. Raises Refusal."""
    if channel.identity is None:
        raise Refusal(NOT_CONNECTED, (Reason("identity_unproven", "the pump has not identified itself"),))
    if channel.identity.capability.has_confirm_button:
        told = "this pump has its own confirm button: read the program on its display and press it there"
        raise Refusal(REFUSED, (Reason("confirm_at_the_pump", told),))
    infusion = channel.infusion
    if infusion is None or channel.state is not DeliveryState.AWAITING_CONFIRMATION or infusion.dosing is not None:
        told = f"nothing waits for a confirmation: {channel.name} is {channel.state.value}"
        raise Refusal(REFUSED, (Reason("nothing_to_confirm", told),))
    return infusion


def _same_flow(typed: str, infusion: Infusion) -> None:
    flow = read_quantity(typed, FlowRate)
    if isinstance(flow, Misread):
        raise Refusal(USAGE, (Reason("bad_parameter", f"flow {typed!r} {flow.reason}"),))
    if flow != FlowRate(infusion.program.flow_rate_ul_h):
        told = f"{typed} was typed, and the program runs at another flow: read it again"
        raise Refusal(REFUSED, (Reason("flow_differs", told),))
