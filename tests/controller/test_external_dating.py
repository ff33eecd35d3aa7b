"""A dose that nobody commanded, given while the host's date was wrong: it counts, whichever date was right (H40)."""

from __future__ import annotations

import pytest

from pumpctl.core.delivery import DeliveryState
from pumpctl.core.exposure import D7_MS, H24_MS, Certainty, Segment
from tests.controller.desk import Desk
from tests.controller.orders import PATIENT, once
from tests.controller.scenes import infusing
from tests.core.held import held

D = DeliveryState
HOUR_MS = 3_600_000
MOVED_UL, MOST_UG = 400, 400 * 1050 // 1000 * 20
STEPS = [HOUR_MS, -HOUR_MS, 2 * H24_MS, -2 * H24_MS, 8 * H24_MS, -8 * H24_MS, 3_650 * H24_MS, -3_650 * H24_MS]

pytestmark = pytest.mark.hazard("H40")


def _external(desk: Desk) -> list[Segment]:
    return [segment for segment in desk.controller.ward.ledger.segments if segment.key.startswith("external:")]


def _held_ug(desk: Desk, window_ms: int, after_ms: int = 0) -> int:
    """Of what nobody commanded, from now on or from later on."""
    ledger = desk.controller.ward.ledger
    others = [segment.key for segment in ledger.segments if not segment.key.startswith("external:")]
    for key in others:
        ledger = ledger.without(key)
    return held(ledger, PATIENT, window_ms, desk.now.utc_ms + after_ms).ceiling()


def _completed() -> Desk:
    desk = infusing(once())
    desk.must_be(D.COMPLETED, 4_000_000)
    return desk


def _siphon(desk: Desk) -> None:
    booked = len(desk.recorded("external_dose"))
    desk.pump.moved_ul += MOVED_UL
    desk.must(lambda: len(desk.recorded("external_dose")) > booked, 11_000)
    desk.run_for(10_000)


def _siphoned(by_ms: int) -> Desk:
    """A drip after the end of an infusion, on a date that was moved before."""
    desk = _completed()
    desk.move_wall_clock(by_ms)
    desk.run_for(60_000)
    _siphon(desk)
    return desk


@pytest.mark.parametrize("by_ms", STEPS)
@pytest.mark.parametrize("restarts", [False, True])
def test_it_counts_once_when_the_date_is_set_back(by_ms: int, restarts: bool):
    desk = _siphoned(by_ms)
    desk.move_wall_clock(-by_ms)
    if restarts:
        desk = desk.restarted()
    assert _held_ug(desk, H24_MS) == MOST_UG
    assert _held_ug(desk, D7_MS) == MOST_UG
    assert _held_ug(desk, H24_MS, 23 * HOUR_MS) == MOST_UG


@pytest.mark.parametrize("by_ms", STEPS)
@pytest.mark.parametrize("restarts", [False, True])
def test_it_counts_when_the_new_date_is_found_right(by_ms: int, restarts: bool):
    """Once; of two dates further apart than any window the earlier is made the later by a confirmed step: twice."""
    desk = _siphoned(by_ms)
    desk.ask_and_wait("clock.confirm", person="nurse")
    if restarts:
        desk = desk.restarted()
    expected_ug = 2 * MOST_UG if by_ms > D7_MS else MOST_UG
    assert _held_ug(desk, H24_MS) == expected_ug
    assert _held_ug(desk, D7_MS) == expected_ug
    assert _held_ug(desk, H24_MS, 23 * HOUR_MS) == expected_ug


@pytest.mark.parametrize("by_ms", STEPS)
def test_it_makes_no_start_look_longer_ago(by_ms: int):
    desk = _completed()
    began = desk.controller.ward.ledger.starts_utc_ms(PATIENT, "sc")
    desk.move_wall_clock(by_ms)
    _siphon(desk)
    assert desk.controller.ward.ledger.starts_utc_ms(PATIENT, "sc") == began


@pytest.mark.parametrize(("by_ms", "certainty"), [(120_000, Certainty.COMMITTED), (120_001, Certainty.UNDATED)])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_small_step_is_none(by_ms: int, certainty: Certainty, sign: int):
    (segment,) = _external(_siphoned(sign * by_ms))
    assert segment.certainty is certainty


@pytest.mark.parametrize(("by_ms", "segments"), [(D7_MS, 1), (D7_MS + 1, 2)])
def test_two_dates_further_apart_than_any_window_do_not_fill_what_lies_between(by_ms: int, segments: int):
    desk = _siphoned(by_ms)
    assert len(_external(desk)) == segments
    desk.move_wall_clock(-by_ms)
    desk.ask_and_wait("status")
    assert _held_ug(desk, D7_MS) == MOST_UG


@pytest.mark.parametrize(("back_ms", "undated"), [(0, False), (119_000, True)])
def test_a_date_that_goes_back_within_the_hour_dates_nothing_earlier(back_ms: int, undated: bool):
    desk = _completed()
    desk.run_for(10 * 60_000)
    _siphon(desk)
    (before,) = _external(desk)
    desk.move_wall_clock(-back_ms)
    _siphon(desk)
    (after,) = _external(desk)
    assert after.most_ug == 2 * MOST_UG
    assert after.end_utc_ms >= before.end_utc_ms
    assert (after.certainty is Certainty.UNDATED) is undated
    assert after == _external(desk.restarted())[0]
