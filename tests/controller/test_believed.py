"""What counts as contact and which status is believed: no refusal, no old picture, no counter that fell."""

from __future__ import annotations

import pytest

from protocols.companion import messages as wire
from protocols.companion.vocabulary import Alarm, RefusalReason
from pumpctl.core.delivered import Counters
from pumpctl.core.delivery import DeliveryState
from pumpctl.core.reason import Priority
from pumpctl.supervision.channel import Link
from tests.controller.desk import Desk
from tests.controller.orders import once
from tests.controller.scenes import infusing

D = DeliveryState


@pytest.mark.hazard("H52")
def test_a_pump_that_refuses_every_status_is_silent():
    desk = infusing(once())
    desk.run_for(10_000)
    desk.pump.deny = {wire.GetStatus: RefusalReason.BAD_STATE}
    desk.run_for(5_000)
    assert desk.channel.link is Link.SILENT
    desk.run_for(60_000)
    assert [alarm.priority for alarm in desk.alarms("link_lost")] == [Priority.LOW]
    desk.pump.deny = {}
    desk.run_for(3_000)
    assert desk.channel.link is Link.UP
    assert desk.active_alarms() == set()


@pytest.mark.hazard("H56")
def test_a_pump_that_is_busy_while_it_is_being_stopped_is_asked_at_the_pace_of_a_poll():
    desk = infusing(once())
    desk.pump.deny = {wire.GetStatus: RefusalReason.BAD_STATE}
    desk.ask("stop")
    desk.run_for(10_000)
    # It answers each STOP, once a second, and each answer asks for the status that is the proof; a refusal does not.
    assert 10 <= desk.written(wire.GetStatus) <= 30
    desk.pump.deny = {}
    desk.must_be(D.STOPPED, 1_500)


@pytest.mark.hazard("H56")
def test_a_pump_that_has_said_who_it_is_and_is_busy_since_is_asked_at_the_pace_of_a_poll():
    desk = Desk()
    desk.pump.deny = {wire.GetStatus: RefusalReason.BAD_STATE}
    desk.plug_in()
    desk.run_for(10_000)
    assert 9 <= desk.written(wire.GetStatus) <= 11
    desk.pump.deny = {}
    desk.must_be(D.IDLE, 1_500)


@pytest.mark.hazard("H42")
@pytest.mark.hazard("H52")
def test_statuses_of_five_seconds_ago_are_no_contact_however_long_they_last():
    desk = infusing(once())
    desk.run_for(20_000)
    desk.pump.uptime_lag_ms = 5_000
    desk.run_for(5_000)
    assert desk.channel.link is Link.SILENT
    desk.run_for(300_000)
    assert desk.active_alarms() == {"link_lost"}
    desk.pump.uptime_lag_ms = 0
    desk.run_for(3_000)
    assert desk.channel.link is Link.UP
    assert desk.state is D.INFUSING


@pytest.mark.hazard("H43")
@pytest.mark.parametrize(("silent_ms", "believed"), [(58_000, False), (62_000, True)])
def test_a_clock_that_lost_more_than_it_should_over_a_long_silence_is_known_anew(silent_ms: int, believed: bool):
    desk = infusing(once())
    desk.run_for(10_000)
    desk.pump.deny = {wire.GetStatus: RefusalReason.BAD_STATE}
    desk.run_for(silent_ms)
    desk.pump.deny, desk.pump.uptime_lag_ms = {}, 20_000
    desk.run_for(5_000)
    assert (desk.channel.link is Link.UP) is believed
    assert desk.state is (D.INFUSING if believed else desk.state)


@pytest.mark.hazard("H43")
@pytest.mark.hazard("H56")
def test_a_stop_is_proven_by_a_pump_whose_clock_lost_too_much_while_it_was_busy():
    desk = infusing(once())
    desk.run_for(10_000)
    desk.pump.deny = {wire.GetStatus: RefusalReason.BAD_STATE}
    desk.ask("stop")
    desk.run_for(600_000)
    desk.pump.deny, desk.pump.uptime_lag_ms = {}, 60_000
    desk.must_be(D.STOPPED, 3_000)


def test_a_lag_of_two_polls_and_a_second_is_none():
    desk = infusing(once())
    desk.run_for(20_000)
    desk.pump.uptime_lag_ms = 2_900
    desk.run_for(5_000)
    assert desk.channel.link is Link.UP


@pytest.mark.hazard("H13")
def test_counters_that_fall_without_a_power_on_are_a_stop_and_the_dose_is_the_worst_case():
    desk = infusing(once())
    desk.run_for(600_000)
    given_ul = desk.pump.program_ul
    desk.pump.counters_fell_ul = desk.pump.moved_ul
    desk.must_be(D.STOPPED, 3_000)
    assert "counter_fell" in desk.latched
    assert desk.recorded("settled")[-1].body["most_ul"] >= given_ul


@pytest.mark.hazard("H13")
@pytest.mark.parametrize(
    ("later", "fell"),
    [
        (Counters(1, 100, 100, 100), False),
        (Counters(1, 99, 100, 100), True),
        (Counters(1, 100, 99, 100), True),
        (Counters(1, 100, 100, 99), True),
        (Counters(1, 100, 100, None), False),
        (Counters(2, 0, 0, 0), False),
    ],
)
def test_one_counter_that_falls_is_enough(later: Counters, fell: bool):
    assert later.fell_since(Counters(1, 100, 100, 100)) is fell


@pytest.mark.hazard("H61")
def test_an_alarm_that_the_pump_still_latches_is_acknowledged_before_the_next_program():
    desk = Desk()
    desk.plug_in()
    desk.run_for(1_000)
    desk.pump.alarms = Alarm.DOOR_OPEN
    desk.run_for(6_000)
    desk.submit(once())
    desk.must_be(D.AWAITING_CONFIRMATION, 5_000)
    kinds = [type(message) for _, message in desk.pump.heard]
    assert kinds.index(wire.Acknowledge) < kinds.index(wire.Load)


@pytest.mark.hazard("H61")
def test_an_alarm_whose_cause_outlasts_the_clearing_is_acknowledged_until_it_is_gone():
    desk = infusing(once())
    desk.run_for(5_000)
    desk.say(desk.pump.raise_alarm(Alarm.DOOR_OPEN, desk.link_ns))
    desk.must_be(D.STOPPED, 3_000)
    desk.pump.deny = {wire.Acknowledge: RefusalReason.BAD_STATE}  # the cause is there: nothing is cleared
    desk.given(desk.ask_and_wait("clear", persons=["nurse"]))
    desk.run_for(30_000)
    assert 4 <= desk.pump.count(wire.Acknowledge) <= 8  # once a status
    desk.pump.deny = {}
    desk.run_for(11_000)
    assert desk.pump.alarms == Alarm(0)
    known = desk.pump.count(wire.Acknowledge)
    desk.run_for(30_000)
    assert desk.pump.count(wire.Acknowledge) == known


def test_a_new_alarm_is_not_acknowledged_by_the_clearing_of_the_last():
    desk = infusing(once())
    desk.say(desk.pump.raise_alarm(Alarm.DOOR_OPEN, desk.link_ns))
    desk.must_be(D.STOPPED, 3_000)
    desk.pump.deny = {wire.Acknowledge: RefusalReason.BAD_STATE}
    desk.given(desk.ask_and_wait("clear", persons=["nurse"]))
    desk.pump.deny = {}
    desk.pump.moved_ul += 500
    desk.must_be(D.STOPPED, 15_000)
    desk.run_for(3_000)
    known = desk.pump.count(wire.Acknowledge)
    desk.pump.alarms = Alarm.AIR_IN_LINE
    desk.run_for(20_000)
    assert desk.pump.count(wire.Acknowledge) == known


@pytest.mark.hazard("H44")
@pytest.mark.hazard("H70")
def test_a_stop_that_no_record_explains_needs_a_second_person():
    desk = infusing(once())
    desk.run_for(60_000)
    durable = desk.records[-1].seq
    desk.ask("stop")
    desk.must_be(D.STOPPED, 3_000)
    again = desk.restarted(durable=durable)
    again.plug_in()
    again.must_be(D.STOPPED, 5_000)
    assert again.latched == {"stop_not_recorded"}
    assert again.refused(again.ask("clear", persons=["nurse"])).reasons[0].code == "two_persons_needed"
