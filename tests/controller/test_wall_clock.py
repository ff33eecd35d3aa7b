"""Whoever sets the host's date neither thins out what was given nor empties a window, and nothing starts meanwhile."""

from __future__ import annotations

import pytest

from pumpctl.configuration import JournalCondition, JournalContent, PastRecord
from pumpctl.controller import Controller
from pumpctl.core.delivery import DeliveryState
from pumpctl.core.exposure import H24_MS, Certainty, Segment
from pumpctl.core.instant import Now
from pumpctl.effects import Record
from pumpctl.supervision.wall_clock import NOTICED_MS, unseen_ms
from tests.controller.desk import LIBRARY, A, Desk
from tests.controller.orders import PATIENT, once
from tests.controller.scenes import infusing, load
from tests.core.held import held

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
    window_ms = held(again.controller.ward.ledger, PATIENT, H24_MS, began_ms + H24_MS + 10 * HOUR_MS).ceiling()
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
    assert held(desk.controller.ward.ledger, PATIENT, H24_MS, desk.now.utc_ms).ceiling() == segment.most_ug


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
@pytest.mark.parametrize("sign", [1, -1])
def test_a_calendar_that_was_moved_while_no_daemon_ran_is_noticed(sign: int):
    desk = Desk()
    desk.plug_in()
    desk.run_for(10 * MINUTE_MS)
    desk.move_wall_clock(-sign * HOUR_MS)
    for by_ms in (NOTICED_MS, NOTICED_MS + 1):
        again = desk.restarted(wall_off_ms=desk.wall_off_ms + sign * by_ms)
        assert again.controller.ward.wall_step_ms == -sign * HOUR_MS + (sign * by_ms if by_ms > NOTICED_MS else 0)
    again = desk.restarted(wall_off_ms=desk.wall_off_ms + sign * HOUR_MS).restarted()
    assert again.controller.ward.wall_step_ms == 0, "it was set right, and the next life knows"


@pytest.mark.hazard("H40")
@pytest.mark.parametrize(("off_ms", "certainty"), [(LIMIT_MS, "committed"), (LIMIT_MS + 1, "undated")])
@pytest.mark.parametrize(("sign", "lives"), [(1, 1), (-1, 1), (1, 2), (-1, 2)])
def test_a_dose_is_dated_after_a_restart_only_where_two_clocks_agree(
    off_ms: int, certainty: str, sign: int, lives: int
):
    desk = infusing(once())
    desk.run_for(10 * MINUTE_MS)
    again = desk.restarted(wall_off_ms=sign * off_ms)
    for _ in range(1, lives):
        again = again.restarted()
    again.plug_in()
    again.must_be(D.INFUSING, 10_000)
    _stopped(again)
    assert _segment(again).certainty is Certainty(certainty)


@pytest.mark.hazard("H40")
def test_a_step_that_could_not_be_recorded_does_not_stretch_a_dose():
    # The calendar goes back an hour, which is recorded; it is set right again while the disk takes nothing.
    desk = infusing(once())
    desk.run_for(10 * MINUTE_MS)
    desk.move_wall_clock(-HOUR_MS)
    durable = desk.records[-1].seq
    desk.run_for(MINUTE_MS)
    desk.move_wall_clock(HOUR_MS)
    again = desk.restarted(durable=durable)
    assert again.controller.ward.wall_step_ms == 0
    again.plug_in()
    again.must_be(D.INFUSING, 10_000)
    _stopped(again)
    assert _segment(again).certainty is Certainty.UNDATED


@pytest.mark.hazard("H71")
def test_an_old_journal_does_not_hide_that_the_calendar_was_moved():
    desk = Desk()
    desk.plug_in()
    desk.run_for(MINUTE_MS)
    before = desk.records[-1].seq
    desk.move_wall_clock(5 * MINUTE_MS)
    again = desk.restarted(durable=before)
    again.plug_in()
    load(again, once())
    assert _refused_at_the_press(again)


BOOT_NS, BOOT_UTC_MS = 1_000_000_000_000, 1_796_148_000_000


def _past(*last: PastRecord, therapy_ns: object = BOOT_NS) -> tuple[PastRecord, ...]:
    return (PastRecord(1, "daemon_started", {"therapy_ns": therapy_ns}, BOOT_UTC_MS), *last)


def _later(seconds: int) -> PastRecord:
    return PastRecord(2, "observed", {}, BOOT_UTC_MS + seconds * 1_000)


def _stepped(seconds: int, by_ms: object) -> PastRecord:
    return PastRecord(3, "wall_clock_stepped", {"step_ms": by_ms}, BOOT_UTC_MS + seconds * 1_000)


@pytest.mark.hazard("H40")
@pytest.mark.parametrize(
    ("past", "boot_s", "calendar_s", "unseen_s"),
    [
        (_past(), 60, 60, 0),
        (_past(), 60, 360, 300),
        (_past(), 60, -240, -300),
        (_past(_later(50), _stepped(-3_550, -3_600_000)), 60, -3_540, 0),
        (_past(_later(50), _stepped(-3_550, -3_600_000)), 60, 60, 3_600),
        (_past(_later(50), _stepped(50, "an hour")), 60, 60, 0),
        # Off and on again: its clock shows less than at the last record, and only the calendar tells how long ago.
        (_past(_later(600)), 597, 9_000, None),
        (_past(_later(600)), 598, 9_000, 8_402),  # a step of two seconds is none, and may lie in between
        (_past(_later(600)), -990, 9_000, None),
        (_past(_later(600)), 597, 597, None),  # it agrees with a calendar that was moved, and by chance
        (_past(therapy_ns=None), 60, 60, None),  # written before this was noted
        (_past(therapy_ns="soon"), 60, 60, None),
        ((_later(1),), 60, 60, None),
        ((), 60, 60, None),
    ],
)
def test_what_two_clocks_make_of_the_time_since_the_last_life_began(
    past: tuple[PastRecord, ...], boot_s: int, calendar_s: int, unseen_s: int | None
):
    boot_ns = BOOT_NS + boot_s * 1_000_000_000
    unseen = unseen_ms(past, Now(boot_ns, boot_ns, BOOT_UTC_MS + calendar_s * 1_000))
    assert unseen == (None if unseen_s is None else unseen_s * 1_000)


@pytest.mark.hazard("H40")
@pytest.mark.parametrize(("back_ms", "told"), [(LIMIT_MS, 0), (LIMIT_MS + 1, -LIMIT_MS - 1)])
def test_on_a_host_that_was_off_a_calendar_before_the_last_record_went_back(back_ms: int, told: int):
    past = JournalContent(JournalCondition.SOUND, "", (*_past(), _later(600)))
    controller = Controller(Desk().controller.ward.configuration, LIBRARY, past)
    controller.start(Now(0, 0, BOOT_UTC_MS + 600_000 - back_ms))
    assert controller.ward.wall_step_ms == told


@pytest.mark.hazard("H40")
def test_what_was_under_way_on_a_host_that_was_off_is_dated_by_nobody():
    desk = infusing(once())
    desk.run_for(10 * MINUTE_MS)
    past = desk.restarted().past
    controller = Controller(desk.controller.ward.configuration, LIBRARY, past)
    effects = controller.start(Now(0, 0, desk.now.utc_ms + 10 * MINUTE_MS))
    infusion = controller.ward.channels[A].infusion
    assert infusion is not None
    assert not infusion.is_dated
    assert [e.body["undated"] for e in effects if isinstance(e, Record) and e.kind == "daemon_started"] == [[A]]


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
