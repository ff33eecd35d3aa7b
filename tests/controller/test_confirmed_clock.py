"""A person finds the moved wall clock right: doses of before keep their age, restart or not (hazard H40)."""

from __future__ import annotations

import pytest

from pumpctl.core.delivery import DeliveryState
from pumpctl.core.exposure import H24_MS, Segment
from tests.controller.desk import Desk
from tests.controller.orders import PATIENT, once
from tests.controller.scenes import infusing
from tests.core.held import held

HOUR_MS, MINUTE_MS = 3_600_000, 60_000
D = DeliveryState


def _confirmed(desk: Desk, by_ms: int) -> Desk:
    desk.move_wall_clock(by_ms)
    assert desk.given(desk.ask_and_wait("clock.confirm", person="nurse"))["moved_ms"] == by_ms
    return desk


def _segment(desk: Desk) -> Segment:
    (segment,) = desk.controller.ward.ledger.segments
    return segment


def _stopped(desk: Desk) -> None:
    desk.ask("stop")
    desk.must_be(D.STOPPED, 5_000)


@pytest.mark.hazard("H40")
@pytest.mark.parametrize("by_ms", [8 * H24_MS, HOUR_MS, -8 * H24_MS])
def test_a_dose_given_an_hour_ago_is_an_hour_old_by_the_new_calendar(by_ms: int):
    desk = infusing(once())
    desk.run_for(30 * MINUTE_MS)
    _stopped(desk)
    desk.run_for(HOUR_MS)
    _confirmed(desk, by_ms)
    for each in (desk, desk.restarted()):
        segment, now_ms = _segment(each), each.now.utc_ms
        assert HOUR_MS <= now_ms - segment.end_utc_ms <= HOUR_MS + MINUTE_MS
        assert held(each.controller.ward.ledger, PATIENT, H24_MS, now_ms).ceiling() == segment.most_ug > 0


@pytest.mark.hazard("H40")
@pytest.mark.parametrize("by_ms", [8 * H24_MS, -HOUR_MS])
def test_what_runs_while_the_calendar_is_confirmed_is_dated_by_the_new_one(by_ms: int):
    desk = infusing(once())
    desk.run_for(30 * MINUTE_MS)
    _confirmed(desk, by_ms)
    desk.run_for(10 * MINUTE_MS)
    again = desk.restarted()
    again.plug_in()
    again.must_be(D.INFUSING, 10_000)
    _stopped(again)
    segment = _segment(again)
    assert segment.end_utc_ms <= again.now.utc_ms
    assert 40 * MINUTE_MS <= again.now.utc_ms - segment.start_utc_ms <= 42 * MINUTE_MS
