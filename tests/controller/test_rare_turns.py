"""Turns that hardly any other test takes: each is the one place where a control of its own is missed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from protocols.companion import messages as wire
from protocols.companion.vocabulary import RefusalReason
from pumpctl.core.delivery import DeliveryState
from pumpctl.core.instant import Now
from pumpctl.core.reason import Priority
from pumpctl.drivers.pump import PumpActivity
from pumpctl.supervision.outbox import Outbox
from pumpctl.supervision.stopping import keep_stopping, prove_stop
from tests.controller.desk import Desk
from tests.controller.orders import once
from tests.controller.scenes import infusing, loaded

D = DeliveryState


@pytest.mark.hazard("H56")
@pytest.mark.parametrize(("asked_after_ns", "proven"), [(-1, False), (0, True)])
def test_a_status_asked_for_before_the_stop_does_not_prove_it(asked_after_ns: int, proven: bool):
    """Even a still one: prove_stop wants a status asked for after the pump said that it took the STOP."""
    desk = infusing(once())
    desk.run_for(5_000)
    desk.ask("stop")
    stop, read = desk.channel.stop, desk.channel.status
    assert stop is not None
    assert read is not None
    stop.taken_ns = stop.asked_ns + 1_000
    asked = Now(stop.taken_ns + asked_after_ns, desk.now.therapy_ns, desk.now.utc_ms)
    still = replace(read, asked=asked, activity=PumpActivity.STOPPED, moving=False)
    prove_stop(desk.controller.ward, desk.channel, still, Outbox(10_000, desk.now))
    assert (desk.channel.stop is None) is proven


@pytest.mark.hazard("H56")
@pytest.mark.parametrize(("asked_after_ns", "believed_taken"), [(-1, True), (0, False)])
def test_a_status_that_shows_movement_after_the_first_stop_takes_the_answer_back(
    asked_after_ns: int, believed_taken: bool
):
    """Also one asked for before the answer, or one that is not believed (campaign seed 2, runs 1548 and 2248)."""
    desk = infusing(once())
    desk.run_for(5_000)
    desk.ask("stop")
    stop, read = desk.channel.stop, desk.channel.status
    assert stop is not None
    assert read is not None
    stop.taken_ns = desk.now.link_ns + 1
    asked = Now(stop.asked_ns + asked_after_ns, desk.now.therapy_ns, desk.now.utc_ms)
    keep_stopping(desk.channel, replace(read, asked=asked, moving=True))
    assert (stop.taken_ns is not None) is believed_taken


@pytest.mark.hazard("H22")
def test_use_bag_a_bag_is_used_from_the_intent_on_and_not_before():
    """bag_checks: the next start from it is refused (B02), whatever became of this one."""
    desk = loaded(once())
    assert desk.controller.ward.used_bags == {}
    desk.press()
    desk.must_be(D.STARTING, 3_000)
    assert len(desk.controller.ward.used_bags) == 1


def test_a_pause_that_the_pump_refuses_is_told_asked_for_once_and_ends_in_a_stop():
    """pause_refused: it runs on. Whoever wanted it to pause knows at once, and after five seconds it is stopped."""
    desk = infusing(once())
    desk.run_for(5_000)
    desk.pump.deny = {wire.Pause: RefusalReason.BAD_STATE}
    assert desk.alarms("pause_refused") == []
    desk.ask("pause")
    desk.run_for(2_000)
    assert [(alarm.priority, alarm.active) for alarm in desk.alarms("pause_refused")] == [(Priority.MEDIUM, True)]
    assert desk.state is D.PAUSING
    desk.must_be(D.STOPPED, 6_000)
    assert desk.latched == {"pause_ignored"}
    assert desk.pump.count(wire.Pause) == 1


@pytest.mark.hazard("H06")
@pytest.mark.parametrize("moved_ul", [0, 30])
def test_what_moved_before_a_program_that_never_ran_is_booked_with_its_end(moved_ul: int):
    """settling, _count_from_here: book_uncommanded, however little it is, so that nothing is carried on for ever."""
    desk: Desk = loaded(once())
    desk.pump.moved_ul += moved_ul
    desk.run_for(3_000)
    assert desk.recorded("external_dose") == []
    desk.ask("stop")
    desk.must_be(D.STOPPED, 3_000)
    assert [record.body["moved_ul"] for record in desk.recorded("external_dose")] == [30] * (moved_ul > 0)
