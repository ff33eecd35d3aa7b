"""Whoever sets the host's date neither thins out what was given nor empties a window, and nothing starts meanwhile."""

from __future__ import annotations

import pytest

from pumpctl.core.delivery import DeliveryState
from pumpctl.core.exposure import H24_MS, Certainty, Segment
from tests.controller.desk import Desk
from tests.controller.orders import PATIENT, once
from tests.controller.scenes import infusing, load

D = DeliveryState
HOUR_MS, MINUTE_MS = 3_600_000, 60_000
TEN_YEARS_MS = 10 * 365 * H24_MS
LIMIT_MS = 120_000


def _segment(desk: Desk) -> Segment:
    (segment,) = desk.controller.ward.ledger.segments
    return segment


def _lasted_ms(desk: Desk) -> int:
    return _segment(desk).end_utc_ms - _segment(desk).start_utc_ms


def _stopped(desk: Desk) -> None:
    desk.ask_and_wait("stop")
    desk.must_be(D.STOPPED, 5_000)


def _refused_at_the_press(desk: Desk) -> bool:
    desk.press()
    desk.run_for(2_000)
    return "wall_clock_stepped" in " ".join(alarm.message for alarm in desk.alarms("start_refused"))


@pytest.mark.hazard("H40")
@pytest.mark.parametrize("by_ms", [TEN_YEARS_MS, -TEN_YEARS_MS, HOUR_MS, -HOUR_MS])
def test_a_dose_lasts_as_long_as_it_did_whatever_the_calendar_says(by_ms: int):
    desk = infusing(once())
    desk.run_for(30 * MINUTE_MS)
    desk.move_wall_clock(by_ms)
    desk.run_for(10 * MINUTE_MS)
    _stopped(desk)
    assert _segment(desk).certainty is Certainty.COMMITTED
    assert 40 * MINUTE_MS <= _lasted_ms(desk) <= 41 * MINUTE_MS


@pytest.mark.hazard("H40")
@pytest.mark.parametrize("by_ms", [TEN_YEARS_MS, -TEN_YEARS_MS])
def test_a_step_that_was_recorded_is_taken_off_again_after_a_restart(by_ms: int):
    desk = infusing(once())
    desk.run_for(30 * MINUTE_MS)
    desk.move_wall_clock(by_ms)
    desk.run_for(10 * MINUTE_MS)
    again = desk.restarted()
    again.plug_in()
    again.must_be(D.INFUSING, 10_000)
    _stopped(again)
    assert _segment(again).certainty is Certainty.COMMITTED
    assert 40 * MINUTE_MS <= _lasted_ms(again) <= 42 * MINUTE_MS


@pytest.mark.hazard("H40")
@pytest.mark.parametrize("off_ms", [TEN_YEARS_MS, -TEN_YEARS_MS])
def test_a_dose_that_only_a_moved_calendar_could_date_counts_in_full_wherever_it_may_touch(off_ms: int):
    desk = infusing(once())
    began_ms = _segment(desk).start_utc_ms
    desk.run_for(30 * MINUTE_MS)
    again = desk.restarted(wall_off_ms=off_ms)
    again.plug_in()
    again.run_for(10_000)
    _stopped(again)
    segment = _segment(again)
    assert segment.certainty is Certainty.UNDATED
    window_ms = again.controller.ward.ledger.max_in_window(PATIENT, H24_MS, began_ms + H24_MS + 10 * HOUR_MS).ceiling()
    assert window_ms == segment.most_ug, "a day after the order's end all of it is still in the window"
    assert _segment(again.restarted()) == segment, "and its record says the same"


@pytest.mark.hazard("H34")
def test_an_infusion_that_ended_out_of_sight_is_not_spread_over_the_time_until_it_was_seen():
    desk = infusing(once())
    desk.run_for(MINUTE_MS)
    desk.unplug()
    desk.run_for(30 * HOUR_MS)
    desk.plug_in()
    desk.must_be(D.COMPLETED, 20_000)
    segment = _segment(desk)
    assert segment.certainty is Certainty.UNDATED
    held = desk.controller.ward.ledger.max_in_window(PATIENT, H24_MS, desk.now.utc_ms).ceiling()
    assert held == segment.most_ug


@pytest.mark.hazard("H40")
@pytest.mark.parametrize(("by_ms", "refused"), [(LIMIT_MS, False), (LIMIT_MS + 1, True), (-LIMIT_MS - 1, True)])
def test_a_restart_does_not_make_a_moved_calendar_right(by_ms: int, refused: bool):
    desk = Desk()
    desk.plug_in()
    desk.run_for(1_000)
    desk.move_wall_clock(by_ms)
    again = desk.restarted().restarted()
    assert (abs(again.controller.ward.wall_step_ms) > LIMIT_MS) is refused
    load(again, once())
    assert _refused_at_the_press(again) is refused


@pytest.mark.hazard("H40")
def test_a_calendar_that_went_back_while_no_daemon_ran_is_noticed():
    desk = Desk()
    desk.plug_in()
    desk.run_for(10 * MINUTE_MS)
    desk.ask_and_wait("stop")
    last_ms = desk.records[-1].utc_ms
    now_ms = desk.now.utc_ms
    for back_ms, noticed in ((LIMIT_MS, False), (LIMIT_MS + 1, True)):
        again = desk.restarted(wall_off_ms=last_ms - now_ms - back_ms)
        assert again.controller.ward.wall_step_ms == (-back_ms if noticed else 0)


@pytest.mark.hazard("H40")
def test_a_calendar_that_is_set_back_or_found_right_by_a_person_lets_infusions_start():
    for undo in ("set back", "confirmed"):
        desk = Desk()
        desk.plug_in()
        desk.run_for(1_000)
        desk.move_wall_clock(HOUR_MS)
        if undo == "set back":
            desk.move_wall_clock(-HOUR_MS)
        else:
            assert desk.given(desk.ask_and_wait("clock.confirm", person="nurse"))["moved_ms"] == HOUR_MS
            assert desk.recorded("wall_clock_confirmed")[0].body["person"] == "nurse"
        again = desk.restarted()
        assert again.controller.ward.wall_step_ms == 0
        load(again, once())
        assert not _refused_at_the_press(again)
        again.must_be(D.INFUSING)
