"""Counters that fell while nobody looked, or while nothing could be recorded: found at the next look (hazard H13)."""

from __future__ import annotations

import pytest

from pumpctl.core.delivery import DeliveryState
from tests.controller.orders import once
from tests.controller.scenes import infusing

D = DeliveryState


@pytest.mark.hazard("H13")
@pytest.mark.parametrize("restart", [False, True], ids=["link", "daemon"])
def test_a_counter_that_fell_while_nobody_looked_or_nothing_was_recorded_is_a_stop(restart: bool):
    desk = infusing(once())
    desk.must_be(D.COMPLETED, 4_000_000)
    before = desk.records[-1].seq
    if restart:  # it was seen, and latched, and neither could be recorded
        desk.pump.counters_fell_ul = 100
        desk.must_be(D.STOPPED, 10_000)
        again = desk.restarted(durable=before)
    else:
        desk.unplug()
        desk.pump.counters_fell_ul = 100
        desk.run_for(5_000)
        again = desk
    again.plug_in()
    again.must_be(D.STOPPED, 5_000)
    assert again.latched == {"counter_fell"}
    again.given(again.ask_and_wait("clear", persons=["nurse", "doctor"]))
    later = again.restarted()
    later.plug_in()
    later.run_for(10_000)
    assert later.state is D.IDLE, "what has been cleared is not found again"
