"""Volume that nobody commanded is stopped, told, and booked to the patient: no more and no less often than once."""

from __future__ import annotations

import itertools

import pytest

from protocols.companion import messages as wire
from protocols.companion.vocabulary import PumpState
from pumpctl.core.delivery import DeliveryState
from pumpctl.core.exposure import H24_MS
from pumpctl.core.reason import Priority
from tests.controller.desk import MS, Desk, S
from tests.controller.orders import PATIENT, monitored_iv, once
from tests.controller.scenes import infusing, loaded
from tests.core.held import held

D = DeliveryState
WEAK_UG_UL, STRONG_UG_UL, STRONGEST_UG_UL = 20, 40, 200  # the bags of once() and monitored_iv(); L02


def _booked_ug(desk: Desk) -> int:
    ledger = desk.controller.ward.ledger
    return held(ledger, PATIENT, H24_MS, desk.now.utc_ms).ceiling()


def _completed() -> Desk:
    desk = infusing(once())
    desk.must_be(D.COMPLETED, 4_000_000)
    desk.run_for(1_000)
    return desk


def _worst_ug(moved_ul: int, ug_ul: int) -> int:
    return -(-moved_ul * 1050 // 1000) * ug_ul


@pytest.mark.hazard("H06")
def test_a_siphon_after_the_end_is_stopped_told_and_booked_at_its_worst():
    desk = _completed()
    before_ug = _booked_ug(desk)
    desk.pump.moved_ul += 400
    desk.must(lambda: bool(desk.recorded("external_dose")), 11_000)  # two idle polls
    assert _booked_ug(desk) == before_ug + _worst_ug(400, WEAK_UG_UL)
    desk.must_be(D.STOPPED, 2_000)
    (alarm,) = desk.alarms("moved_while_stopped")
    assert alarm.priority is Priority.HIGH
    assert "clamp the line" in alarm.message


@pytest.mark.hazard("H16")
def test_a_drip_after_the_end_is_booked_hour_by_hour_and_as_no_further_start():
    desk = _completed()
    starts = desk.controller.ward.ledger.starts_utc_ms(PATIENT, "sc")
    before_ug, before_ul = _booked_ug(desk), desk.pump.moved_ul
    desk.pump.flow_ul_h, desk.pump.lies_stopped = 1_000, True  # what keeps a vein open, and no STOP ends it
    desk.run_for(75 * 60_000)
    moved_ul = desk.pump.moved_ul - before_ul
    assert moved_ul >= 1_249
    booked_ug = _booked_ug(desk) - before_ug
    assert booked_ug >= (moved_ul - 50) * WEAK_UG_UL
    assert booked_ug <= _worst_ug(moved_ul, WEAK_UG_UL) * 11 // 10
    assert len([s for s in desk.controller.ward.ledger.segments if s.key.startswith("external:")]) == 2
    assert desk.controller.ward.ledger.starts_utc_ms(PATIENT, "sc") == starts


@pytest.mark.hazard("H20")
@pytest.mark.parametrize("state", [PumpState.INFUSING, PumpState.PRIMING])
def test_a_bolus_at_the_keypad_is_stopped_at_once_and_booked_to_its_last_drop(state: PumpState):
    desk = loaded(once())
    desk.run_for(2_000)
    before_ug = _booked_ug(desk)
    desk.pump.state, desk.pump.flow_ul_h = state, 300_000
    if state is PumpState.PRIMING:
        desk.pump.program = None
    before_ul = desk.pump.moved_ul
    desk.must_be(D.STOPPED, 3_000)
    moved_ul = desk.pump.moved_ul - before_ul
    assert moved_ul > 0
    assert _booked_ug(desk) - before_ug == _worst_ug(moved_ul, WEAK_UG_UL)


@pytest.mark.hazard("H20")
def test_of_two_bags_that_may_hang_the_stronger_is_counted():
    desk = infusing(monitored_iv())
    desk.must_be(D.AWAITING_CONFIRMATION, 1_300_000)  # the strong bag was given, the weak one is to follow
    desk.run_for(2_000)
    before_ug = _booked_ug(desk)
    desk.pump.moved_ul += 100
    desk.must(lambda: bool(desk.recorded("external_dose")), 3_000)
    assert _booked_ug(desk) - before_ug == _worst_ug(100, STRONG_UG_UL)


@pytest.mark.hazard("H20")
def test_a_bag_that_nobody_told_of_is_the_strongest_that_may_hang():
    desk = Desk()
    desk.plug_in()
    desk.run_for(6_000)
    desk.pump.moved_ul += 51
    desk.must(lambda: bool(desk.recorded("external_dose")), 11_000)
    assert _booked_ug(desk) == _worst_ug(51, STRONGEST_UG_UL)


@pytest.mark.hazard("H06")
def test_what_is_too_little_for_an_alarm_is_booked_with_the_next_start():
    desk = loaded(once())
    desk.pump.moved_ul += 50
    desk.run_for(3_000)
    assert not desk.recorded("external_dose")
    desk.press()
    desk.must_be(D.INFUSING, 5_000)
    (external,) = desk.recorded("external_dose")
    assert external.body["moved_ul"] == 50
    assert desk.channel.infusion is not None
    assert desk.channel.infusion.delivered is not None
    assert (
        desk.channel.infusion.delivered.base.motor_ul == desk.recorded("external_dose")[0].body["counters"]["motor_ul"]
    )


@pytest.mark.hazard("H06")
def test_what_moves_in_a_pause_is_in_the_programs_account_and_not_booked_twice():
    desk = infusing(once())
    desk.run_for(600_000)
    desk.ask("pause")
    desk.must_be(D.PAUSED, 3_000)
    desk.pump.moved_ul += 500
    desk.must_be(D.STOPPED, 5_000)
    assert not desk.recorded("external_dose")
    assert desk.recorded("settled")[-1].body["most_ul"] >= desk.pump.moved_ul


@pytest.mark.hazard("H06")
@pytest.mark.hazard("H58")
def test_what_a_pump_shows_after_a_new_power_on_has_moved_since():
    desk = _completed()
    before_ug = _booked_ug(desk)
    desk.pump.restart(desk.link_ns)
    desk.pump.moved_ul = 30
    desk.run_for(11_000)
    assert _booked_ug(desk) - before_ug == _worst_ug(30, WEAK_UG_UL)
    assert desk.state is D.COMPLETED  # so little is no alarm
    desk.pump.restart(desk.link_ns)
    desk.pump.moved_ul = 51
    desk.must_be(D.STOPPED, 11_000)
    assert _booked_ug(desk) - before_ug == _worst_ug(30, WEAK_UG_UL) + _worst_ug(51, WEAK_UG_UL)


@pytest.mark.hazard("H06")
@pytest.mark.hazard("H34")
def test_a_restarted_daemon_knows_what_was_booked_and_books_what_moved_meanwhile():
    desk = _completed()
    desk.pump.moved_ul += 400
    desk.must_be(D.STOPPED, 15_000)
    booked_ug = _booked_ug(desk)
    again = desk.restarted()
    assert _booked_ug(again) == booked_ug
    again.pump.moved_ul += 300
    again.plug_in()
    again.run_for(12_000)
    assert _booked_ug(again) == booked_ug + _worst_ug(300, WEAK_UG_UL)


@pytest.mark.hazard("H03")
def test_a_runaway_that_ignores_stop_is_told_to_be_clamped_stopped_again_and_again_and_counted():
    desk = infusing(once(dose="2 g", volume="100 mL", duration="10 h"))
    desk.run_for(60_000)
    desk.pump.run_to(desk.link_ns)
    desk.pump.ignores_stops, desk.pump.commanded_ul_h, desk.pump.flow_ul_h = 60, 10_000, 60_000
    desk.must_be(D.STOPPING, 30_000)
    stopping_ns = desk.link_ns
    desk.must_be(D.STOPPED, 30_000)
    (alarm,) = desk.alarms("stop_unproven")[:1]
    assert "clamp the line" in alarm.message
    times = desk.pump.times(wire.Stop)
    assert {later - earlier for earlier, later in itertools.pairwise(times)} == {250 * MS}
    assert desk.link_ns - stopping_ns >= 14 * S
    assert desk.recorded("settled")[-1].body["most_ul"] >= desk.pump.moved_ul


@pytest.mark.hazard("H03")
@pytest.mark.hazard("H06")
@pytest.mark.hazard("H20")
@pytest.mark.parametrize("completed", [False, True], ids=["idle", "completed"])
def test_a_pump_that_ran_by_itself_and_that_a_person_stopped_first_is_latched_and_told_once(completed: bool):
    desk = _completed() if completed else _plugged_in()
    state = desk.state
    _runs_by_itself(desk, ignoring_stops=12)
    assert desk.state is state  # no poll has seen it
    desk.ask("stop")
    desk.must_be(D.STOPPED, 10_000)
    assert desk.latched == {"operator_stop", "moved_while_stopped"}
    (alarm,) = desk.alarms("moved_while_stopped")
    assert alarm.priority is Priority.HIGH
    assert [record.body["latches"] for record in desk.recorded("stop_requested")] == [False, True]
    assert {later - earlier for earlier, later in itertools.pairwise(desk.pump.times(wire.Stop)[-12:])} == {250 * MS}
    desk.run_for(5)
    again = desk.restarted()
    again.plug_in()
    again.must_be(D.STOPPED, 5_000)
    assert again.latched == {"operator_stop", "moved_while_stopped"}


@pytest.mark.hazard("H06")
@pytest.mark.parametrize("moved_ul", [50, 51])
def test_a_stop_in_idle_latches_by_what_moved_and_not_by_the_slack_of_a_motor(moved_ul: int):
    desk = _plugged_in()
    desk.pump.moved_ul += moved_ul
    desk.ask("stop")
    desk.must(lambda: desk.channel.stop is None, 3_000)
    assert desk.latched == (set() if moved_ul == 50 else {"operator_stop", "moved_while_stopped"})
    assert sum(record.body["moved_ul"] for record in desk.recorded("external_dose")) == moved_ul


@pytest.mark.hazard("H20")
@pytest.mark.parametrize("beyond_ul", [0, 100])
def test_a_prime_that_a_stop_does_not_end_latches_only_by_what_is_beyond_the_wish(beyond_ul: int):
    desk = _plugged_in()
    desk.ask_and_wait("prime", volume="2 mL", flow="300 mL/h", not_connected=True)
    desk.must(lambda: desk.pump.state is PumpState.PRIMING, 3_000)
    desk.pump.prime_left_ul += beyond_ul
    desk.pump.ignores_stops = 200
    desk.ask("stop")
    desk.must(lambda: desk.channel.stop is None, 60_000)
    assert desk.latched == ({"operator_stop", "moved_while_stopped"} if beyond_ul else set())
    assert sum(record.body["moved_ul"] for record in desk.recorded("external_dose")) == beyond_ul


def _plugged_in() -> Desk:
    desk = Desk()
    desk.plug_in()
    desk.run_for(7_000)  # between two idle polls
    return desk


def _runs_by_itself(desk: Desk, ignoring_stops: int) -> None:
    desk.pump.run_to(desk.link_ns)
    desk.pump.state, desk.pump.flow_ul_h, desk.pump.ignores_stops = PumpState.PRIMING, 600_000, ignoring_stops
    desk.run_for(300)
