"""Phases and containers: one program each, each with a press of its own, and what happens when nobody presses."""

from __future__ import annotations

import pytest

from protocols.companion import messages as wire
from pumpctl.core.delivery import DeliveryState
from pumpctl.core.exposure import Certainty
from pumpctl.core.reason import Priority
from tests.controller.desk import Desk
from tests.controller.orders import monitored_iv, once, two_containers
from tests.controller.scenes import infusing, loaded

D = DeliveryState
MINUTE_MS = 60_000


def _at_the_second(order: dict[str, object] | None = None) -> Desk:
    desk = infusing(order or monitored_iv())
    desk.must(lambda: desk.state is not D.INFUSING, 40_000_000)
    desk.must_be(D.AWAITING_CONFIRMATION, 3_000)
    return desk


@pytest.mark.hazard("H39")
def test_the_loading_rate_ends_with_its_phase_and_the_next_needs_its_press():
    desk = _at_the_second()
    assert desk.pump.moved_ul == 50_000
    assert desk.pump.flow_ul_h == 0
    desk.run_for(MINUTE_MS)
    assert desk.pump.moved_ul == 50_000
    assert desk.pump.program is not None
    assert desk.pump.program.flow_ul_h == 6_000
    desk.press(token=9)
    desk.must_be(D.INFUSING, 3_000)
    desk.must_be(D.COMPLETED, 8_000_000)
    assert desk.pump.moved_ul == 62_000
    assert len(desk.pump.begun) == len(set(desk.pump.begun)) == 2
    assert [record.body["how"] for record in desk.recorded("settled")] == ["completed", "completed"]


def test_a_second_container_waits_longer_than_the_start_window_is_open():
    """S02 is over six hours after the occurrence was due; by its end that is over."""
    desk = _at_the_second(two_containers())
    assert desk.pump.moved_ul == 250_000
    desk.press(token=9)
    desk.must_be(D.INFUSING, 3_000)
    desk.must_be(D.COMPLETED, 2_000_000)
    assert desk.pump.moved_ul == 260_000


def test_the_person_is_called_after_two_minutes_and_the_rest_expires_after_thirty():
    desk = _at_the_second()
    desk.run_for(2 * MINUTE_MS - 1_500)
    assert not desk.alarms("next_phase_waits")
    desk.run_for(3_000)
    (alarm,) = desk.alarms("next_phase_waits")
    assert alarm.priority is Priority.MEDIUM
    desk.run_for(28 * MINUTE_MS - 5_000)
    assert desk.state is D.AWAITING_CONFIRMATION
    desk.must_be(D.IDLE, 10_000)
    assert desk.pump.program is None
    assert desk.active_alarms() == {"next_phase_expired"}
    assert not desk.latched
    segments = desk.controller.ward.ledger.segments
    assert [segment.certainty for segment in segments] == [Certainty.COMMITTED]  # the rest counts no more


def test_a_press_ends_the_call():
    desk = _at_the_second()
    desk.run_for(3 * MINUTE_MS)
    assert desk.active_alarms() == {"next_phase_waits"}
    desk.press(token=9)
    desk.must_be(D.INFUSING, 3_000)
    assert desk.active_alarms() == set()


def test_the_whole_occurrence_is_committed_with_its_first_intent():
    desk = infusing(monitored_iv())
    most_ug = sum(segment.most_ug for segment in desk.controller.ward.ledger.segments)
    assert most_ug >= (2_000_000 + 240_000) * 105 // 100


def test_a_stop_in_the_first_phase_forgets_the_second():
    desk = infusing(monitored_iv())
    desk.run_for(5 * MINUTE_MS)
    desk.ask("stop")
    desk.must_be(D.STOPPED)
    (segment,) = desk.controller.ward.ledger.segments
    assert segment.certainty is Certainty.COMMITTED
    assert segment.most_ug < 600_000
    desk.ask_and_wait("clear")
    desk.run_for(5_000)
    assert desk.state is D.IDLE
    assert len(desk.pump.begun) == 1


@pytest.mark.hazard("H30")
def test_nobody_presses_within_the_start_window():
    desk = loaded(once(at="2026-12-01T12:30:00Z"))  # six hours of S02 end at 18:30
    desk.run_for(29 * MINUTE_MS)
    assert desk.state is D.AWAITING_CONFIRMATION
    desk.must_be(D.IDLE, 2 * MINUTE_MS)
    assert desk.pump.program is None
    assert desk.active_alarms() == {"start_window_over"}


@pytest.mark.parametrize(
    ("at", "code"),
    [
        ("2026-12-01T20:00:01Z", None),  # the desk is at 18:00:01 when the order is prepared: two hours early
        ("2026-12-01T20:00:03Z", "S02"),
        ("2026-12-01T12:00:02Z", None),
        ("2026-12-01T12:00:00Z", "S02"),
    ],
)
def test_the_window_opens_two_hours_early_and_closes_six_hours_late(at: str, code: str | None):
    desk = Desk()
    desk.plug_in()
    desk.run_for(1_000)
    number = desk.submit(once(at=at))
    desk.run_for(100)
    told = desk.given(number)
    assert [reason["code"] for reason in told["not_prepared"]] == ([] if code is None else [code])


@pytest.mark.hazard("H31")
def test_an_occurrence_that_was_begun_is_never_prepared_again():
    desk = infusing(once())
    desk.must_be(D.COMPLETED, 4_000_000)
    number = desk.prepare()
    desk.run_for(100)
    assert [reason.code for reason in desk.refused(number).reasons] == ["S01"]
    again = desk.restarted()
    again.plug_in()
    again.run_for(3_000)
    number = again.prepare()
    assert [reason.code for reason in again.refused(number).reasons] == ["S01"]
    assert again.pump.count(wire.Start) == 1


@pytest.mark.hazard("H31")
def test_the_same_order_text_is_not_accepted_twice():
    desk = infusing(once())
    number = desk.submit(once())
    assert desk.refused(number).reasons[0].code == "order_known"
    again = desk.restarted()
    number = again.submit(once())
    assert again.refused(number).reasons[0].code == "order_known"
