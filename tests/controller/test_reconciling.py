"""After a lost link or a restart: only what is ours goes on, nothing is adopted, nothing is started."""

from __future__ import annotations

import pytest

from protocols.companion import messages as wire
from protocols.companion.vocabulary import Alarm, PumpState, RefusalReason
from pumpctl.core.delivery import DeliveryState
from pumpctl.effects import ArmGuard
from pumpctl.supervision.channel import Link
from tests.controller.desk import Desk
from tests.controller.orders import monitored_iv, monitored_iv_continuous, once
from tests.controller.scenes import infusing, left_alone, loaded

D = DeliveryState


both = pytest.mark.parametrize("restart", [False, True], ids=["link", "daemon"])


@both
@pytest.mark.hazard("H44")
@pytest.mark.hazard("H52")
def test_our_running_program_is_supervised_on(restart: bool):
    desk = infusing(once())
    desk.run_for(60_000)
    again = left_alone(desk, restart)
    again.must_be(D.INFUSING, 5_000)
    again.run_for(10_000)
    assert again.pump.count(wire.Stop) == 0
    assert len(again.pump.begun) == 1
    again.must_be(D.COMPLETED, 4_000_000)
    assert again.recorded("settled")[-1].body["how"] == "completed"


@both
def test_the_read_back_is_asked_for_before_it_is_called_ours(restart: bool):
    desk = infusing(once())
    desk.pump.read_back = {"flow_limit_ul_h": 99_000}
    again = left_alone(desk, restart)
    again.must_be(D.STOPPED, 5_000)
    assert again.latched


@both
def test_another_flow_than_ours_is_stopped(restart: bool):
    desk = infusing(once())
    desk.pump.commanded_ul_h = 9_000
    again = left_alone(desk, restart)
    again.must_be(D.STOPPED, 5_000)
    assert again.pump.flow_ul_h == 0


@both
@pytest.mark.hazard("H44")
def test_a_foreign_program_is_never_adopted(restart: bool):
    desk = infusing(once())
    program = desk.pump.program
    assert program is not None
    desk.pump.program = wire.Load(b"\x01" * 8, bytes(16), 1, 10_000, 10_000, 12_000, 0, 0, 0, 0)
    again = left_alone(desk, restart)
    again.must_be(D.STOPPED, 5_000)
    assert again.latched == {"foreign_program"}


@pytest.mark.parametrize("state", [PumpState.INFUSING, PumpState.PAUSED, PumpState.PRIMING])
def test_a_pump_found_busy_by_a_daemon_without_a_past_is_stopped(state: PumpState):
    desk = Desk()
    desk.pump.state, desk.pump.flow_ul_h = state, 5_000
    desk.pump.program = wire.Load(b"\x01" * 8, bytes(16), 1, 5_000, 10_000, 12_000, 0, 0, 0, 0)
    desk.plug_in()
    desk.must_be(D.STOPPED, 5_000)
    assert desk.latched == {"foreign_program"}


def test_a_pump_found_loaded_is_emptied_and_not_latched():
    desk = Desk()
    desk.pump.state = PumpState.LOADED
    desk.pump.program = wire.Load(b"\x01" * 8, bytes(16), 1, 5_000, 10_000, 12_000, 0, 0, 0, 0)
    desk.plug_in()
    desk.must_be(D.IDLE, 5_000)
    assert desk.pump.program is None


@both
def test_a_program_completed_out_of_reach_is_completed(restart: bool):
    desk = infusing(once())
    desk.run_for(3_590_000)
    again = left_alone(desk, restart, 20_000)
    again.must_be(D.COMPLETED, 5_000)
    account = again.recorded("settled")[-1].body
    assert account["least_ul"] == 10_000
    assert 10_000 <= account["most_ul"] <= 10_500


@both
def test_after_a_phase_completed_out_of_reach_the_next_one_waits_for_its_person(restart: bool):
    desk = infusing(monitored_iv())
    desk.run_for(1_195_000)
    again = left_alone(desk, restart, 10_000)
    again.must_be(D.AWAITING_CONFIRMATION, 5_000)
    assert again.pump.program is not None
    assert again.pump.program.flow_ul_h == 6_000
    again.press(token=9)
    again.must_be(D.INFUSING, 5_000)
    assert len(again.pump.begun) == 2


@both
@pytest.mark.hazard("H52")
def test_a_lease_program_is_renewed_again(restart: bool):
    desk = infusing(monitored_iv_continuous())
    desk.run_for(60_000)
    again = left_alone(desk, restart, 20_000)
    again.must_be(D.INFUSING, 5_000)
    renewals = again.pump.count(wire.Renew)
    again.run_for(300_000)
    assert again.pump.count(wire.Renew) - renewals >= 6
    armed = [effect for effect in again.effects if isinstance(effect, ArmGuard)]
    assert armed[-1].lease


@both
@pytest.mark.hazard("H61")
def test_an_alarm_that_came_and_went_out_of_reach_is_found(restart: bool):
    desk = infusing(once())
    desk.run_for(1_000)
    if restart:
        desk.pump.raise_alarm(Alarm.AIR_IN_LINE, desk.link_ns)
    else:
        desk.unplug()
        desk.run_for(10)
        desk.pump.raise_alarm(Alarm.AIR_IN_LINE, desk.link_ns)
        desk.pump.alarms = Alarm(0)
    again = left_alone(desk, restart)
    again.must_be(D.STOPPED, 5_000)
    assert again.latched <= {"air_in_line", "stopped_at_pump"}
    assert again.latched


@both
def test_a_program_that_nobody_had_started_is_taken_back(restart: bool):
    desk = loaded(once())
    again = left_alone(desk, restart)
    again.must_be(D.IDLE, 5_000)
    assert again.pump.program is None
    assert not again.latched
    number = again.prepare()
    again.must_be(D.AWAITING_CONFIRMATION, 5_000)
    assert again.given(number)["prepared"]


@both
def test_a_latch_holds(restart: bool):
    desk = infusing(once())
    desk.say(desk.pump.raise_alarm(Alarm.OCCLUSION_DOWNSTREAM, desk.link_ns))
    desk.must_be(D.STOPPED)
    again = left_alone(desk, restart)
    again.must(lambda: again.channel.link is Link.UP and again.state is D.STOPPED, 5_000)
    assert again.latched == {"occlusion_downstream"}
    number = again.prepare()
    again.run_for(1_000)
    assert {reason.code for reason in again.refused(number).reasons} >= {"channel_busy", "latched"}


def test_a_latch_that_was_cleared_stays_cleared_over_a_restart():
    desk = infusing(once())
    desk.ask("stop")
    desk.must_be(D.STOPPED)
    desk.ask_and_wait("clear")
    again = left_alone(desk, restart=True)
    again.must_be(D.IDLE, 5_000)
    assert again.pump.count(wire.Stop) == desk.pump.count(wire.Stop)


def test_a_stop_that_was_never_proven_is_pursued_after_the_restart():
    desk = infusing(once())
    desk.pump.ignores_stops = 1_000
    desk.ask("stop")
    desk.run_for(300)
    again = desk.restarted()
    again.pump.ignores_stops = 3
    again.plug_in()
    again.must_be(D.STOPPED, 5_000)
    assert again.latched == {"operator_stop"}


@pytest.mark.hazard("H44")
@pytest.mark.parametrize("durable", [True, False])
def test_a_daemon_that_died_between_intent_and_start_starts_nothing(durable: bool):
    desk = loaded(once())
    desk.holds_records = True
    desk.press()
    desk.must_be(D.STARTING, 3_000)
    again = desk.restarted(durable=None if durable else min(desk.held) - 1)
    again.plug_in()
    again.run_for(10_000)
    assert isinstance(again.frames()[0][1], wire.Identify)
    assert again.pump.begun == []
    assert again.state is D.IDLE
    assert again.controller.ward.ledger.segments == ()


@pytest.mark.hazard("H70")
@pytest.mark.parametrize("is_recorded", [False, True])
def test_a_loaded_program_that_was_stopped_without_a_record_waits_for_two_persons(is_recorded: bool):
    desk = loaded(once())
    before = desk.records[-1].seq
    desk.say(desk.pump.raise_alarm(Alarm.AIR_IN_LINE, desk.link_ns))
    desk.must_be(D.STOPPED, 3_000)
    desk.pump.alarms = Alarm(0)
    again = desk.restarted(durable=None if is_recorded else before)
    again.plug_in()
    again.must_be(D.STOPPED, 5_000)
    assert again.latched == ({"air_in_line"} if is_recorded else {"stop_not_recorded"})
    if not is_recorded:
        again.refused(again.ask_and_wait("clear", persons=["nurse"]))
    again.given(again.ask_and_wait("clear", persons=["nurse", "doctor"]))
    later = again.restarted()
    later.plug_in()
    later.must_be(D.IDLE, 5_000)


@pytest.mark.hazard("H70")
def test_a_loaded_program_that_nothing_stopped_is_only_taken_out():
    desk = loaded(once())
    again = desk.restarted()
    again.plug_in()
    again.must_be(D.IDLE, 5_000)
    assert again.latched == set()


@pytest.mark.hazard("H70")
def test_a_start_that_did_not_leave_leaves_the_program_in_the_pump():
    desk = loaded(once())
    desk.pump.deny = {wire.Start: RefusalReason.WRONG_TOKEN}
    desk.press()
    desk.must(lambda: bool(desk.recorded("dosing_outcome")), 3_000)
    before = desk.recorded("dosing_outcome")[-1].seq
    desk.must_be(D.AWAITING_CONFIRMATION, 3_000)
    desk.ask_and_wait("stop")
    again = desk.restarted(durable=before)
    again.plug_in()
    again.must_be(D.STOPPED, 5_000)
    assert again.latched == {"stop_not_recorded"}
