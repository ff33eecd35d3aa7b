"""Desks at which something has already happened: an order waits for its button, or runs.

Refuses to assert anything beyond having got there.
"""

from __future__ import annotations

from typing import Any, cast

from pumpctl.configuration import ChannelConfiguration
from pumpctl.core.delivery import DeliveryState
from pumpctl.effects import Reply
from tests.controller.desk import A, B, Desk
from tests.controller.orders import PATIENT


def two_channels(same_patient: bool = True) -> tuple[ChannelConfiguration, ...]:
    other = PATIENT if same_patient else "patient-0002"
    return (
        ChannelConfiguration(A, "companion", "SIM-0001", PATIENT),
        ChannelConfiguration(B, "companion", "SIM-0002", other),
    )


def loaded(order: dict[str, Any], **options: object) -> Desk:
    """A desk at which the order is loaded and waits for the button."""
    return load(Desk(**cast("dict[str, Any]", options)), order)


def load(desk: Desk, order: dict[str, Any]) -> Desk:
    """The desk, its pump plugged in and the order loaded."""
    desk.plug_in()
    desk.run_for(1_000)
    number = desk.submit(order)
    desk.must_be(DeliveryState.AWAITING_CONFIRMATION, 5_000)
    assert isinstance(desk.answers[number], Reply)
    return desk


def infusing(order: dict[str, Any], **options: object) -> Desk:
    """A desk at which the order runs."""
    desk = loaded(order, **options)
    desk.press()
    desk.must_be(DeliveryState.INFUSING, 5_000)
    return desk


def left_alone(desk: Desk, restart: bool, for_ms: int = 5_000) -> Desk:
    """The link was lost, or the daemon died, and it is back."""
    if restart:
        desk.run_for(5)
        again = desk.restarted()
        again.run_for(for_ms)
    else:
        again = desk
        again.unplug()
        again.run_for(for_ms)
    again.plug_in()
    return again
