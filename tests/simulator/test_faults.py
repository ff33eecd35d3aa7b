"""What goes wrong: the pump's own alarms, what it keeps of them, and when a scenario brings them."""

from __future__ import annotations

import pytest

from protocols.companion import messages as m
from protocols.companion.vocabulary import STOPPING_ALARMS, Alarm, EventKind, PumpState, RefusalReason, StatusFlag
from simulator.faults import MAX_PENDING, AtProgramVolume, AtTherapy, Fault, FaultKind, ScheduledFault, parse_fault
from simulator.instant import NS_PER_S, SimNow
from simulator.profile import REFERENCE
from simulator.pump import SimPump
from tests.simulator.desk import PROGRAM_ID, Desk, program


def infusing(vtbi_ul: int = 100_000) -> Desk:
    desk = Desk()
    desk.run(program(vtbi_ul=vtbi_ul))
    desk.wait(60)
    return desk


@pytest.mark.hazard("H15")
@pytest.mark.parametrize(
    ("fault", "alarm", "flag"),
    [("door", Alarm.DOOR_OPEN, StatusFlag.DOOR_OPEN), ("air", Alarm.AIR_IN_LINE, StatusFlag.AIR_AT_SENSOR)],
)
def test_door_and_air_stop_at_once_and_stay_until_gone_and_acknowledged(fault: str, alarm: Alarm, flag: StatusFlag):
    desk = infusing()
    token_at = desk.now
    desk.inject(fault)
    assert desk.notices[-1].alarms is alarm
    assert desk.pump.truth(desk.now).alarm_notice_sent_ns == token_at.link_ns
    status = desk.status()
    assert (status.state, status.program_id, status.alarms) == (PumpState.STOPPED, bytes(8), alarm)
    assert status.flags & flag
    assert desk.ask(m.Acknowledge(int(alarm)), m.Acknowledged).alarms is alarm  # its cause persists
    assert desk.exchange(program()) is RefusalReason.ALARM_ACTIVE
    desk.heal(fault)
    assert desk.alarms is alarm  # latched
    assert desk.ask(m.Acknowledge(int(alarm)), m.Acknowledged).alarms == Alarm(0)
    assert desk.notices[-1].alarms == Alarm(0)
    desk.ask(program(), m.Loaded)


@pytest.mark.parametrize("state", [PumpState.IDLE, PumpState.COMPLETED])
def test_an_alarm_at_rest_leaves_the_state_and_no_program(state: PumpState):
    desk = Desk()
    if state is PumpState.COMPLETED:
        desk.run(program(vtbi_ul=100))
        desk.wait(60)
    desk.inject("door")
    status = desk.status()
    assert (status.state, status.alarms) == (state, Alarm.DOOR_OPEN)
    assert (status.program_id, status.program_ul) == (bytes(8), 0)


def test_an_alarm_voids_program_and_token_before_the_start():
    desk = Desk()
    desk.ask(program(), m.Loaded)
    token = desk.confirm()
    desk.inject("door", for_s=1)
    desk.wait(5)
    assert desk.state is PumpState.STOPPED
    assert desk.exchange(m.Start(PROGRAM_ID, token)) is RefusalReason.BAD_STATE


@pytest.mark.hazard("H61")
def test_an_alarm_shorter_than_any_poll_stays_in_bit_and_history():
    desk = infusing()
    before = desk.status().event_count
    desk.inject("air", after_s=5, for_s=0)
    desk.wait(10)
    assert desk.alarms is Alarm.AIR_IN_LINE
    events = [desk.ask(m.GetEvent(index), m.Event) for index in range(before, desk.status().event_count)]
    assert [(event.kind, event.detail) for event in events] == [
        (EventKind.ALARM_RAISED, Alarm.AIR_IN_LINE),
        (EventKind.STOPPED, 180),
    ]
    assert {event.program_id for event in events} == {PROGRAM_ID}


@pytest.mark.hazard("H04")
@pytest.mark.parametrize("flow_ul_h", [100, 10_000, 1_200_000])
def test_a_stall_is_seen_when_the_encoder_is_five_microlitres_behind(flow_ul_h: int):
    desk = Desk()
    desk.run(program(flow_ul_h=flow_ul_h))
    desk.inject("stall")
    lag_s = REFERENCE.stall_lag_ul * 3600 / flow_ul_h
    desk.wait(lag_s * 0.99)
    assert desk.state is PumpState.INFUSING
    desk.wait(lag_s * 0.02)
    status = desk.status()
    assert (status.state, status.alarms) == (PumpState.STOPPED, Alarm.MOTOR_STALL)
    assert (status.motor_ul, status.encoder_ul) == (REFERENCE.stall_lag_ul, 0)
    assert desk.pump.truth(desk.now).delivered_ul == 0.0


def test_after_a_stall_the_count_begins_anew():
    desk = infusing()
    desk.inject("stall", for_s=10)
    desk.wait(20)
    assert desk.ask(m.Acknowledge(int(Alarm.MOTOR_STALL)), m.Acknowledged).alarms == Alarm(0)
    desk.run(program())
    desk.wait(60)
    status = desk.status()
    assert (status.state, status.motor_ul - status.encoder_ul) == (PumpState.INFUSING, REFERENCE.stall_lag_ul)


@pytest.mark.hazard("H12")
def test_an_empty_bag_is_felt_after_a_dry_stroke():
    desk = infusing()
    desk.inject("empty")
    dry_s = REFERENCE.empty_stroke_ul * 3600 / 10_000
    desk.wait(dry_s - 0.01)
    assert desk.state is PumpState.INFUSING
    desk.wait(0.02)
    status = desk.status()
    assert status.state is PumpState.STOPPED
    assert status.alarms == Alarm.RESERVOIR_EMPTY | Alarm.RESERVOIR_LOW
    assert status.reservoir_ul == 0
    assert desk.pump.truth(desk.now).delivered_ul == pytest.approx(10_000 / 60, abs=1)
    desk.heal("empty")
    assert desk.status().reservoir_ul == REFERENCE.reservoir_ul
    assert desk.ask(m.Acknowledge(0xFFFF_FFFF), m.Acknowledged).alarms == Alarm(0)
    desk.ask(program(), m.Loaded)


def test_empty_at_the_end_of_the_program_is_completion():
    desk = infusing(vtbi_ul=176)  # at 166 uL by now: the rest is shorter than the stroke that feels it
    desk.inject("empty")
    desk.wait(3600)
    assert (desk.state, desk.alarms) == (PumpState.COMPLETED, Alarm(0))


@pytest.mark.hazard("H11")
def test_a_low_bag_warns_and_runs_on():
    desk = Desk()
    desk.run(program(flow_ul_h=1_200_000, flow_limit_ul_h=1_200_000, vtbi_ul=250_000))
    desk.wait(249_000 / 1_200_000 * 3600 - 0.1)
    assert desk.alarms == Alarm(0)
    desk.wait(0.2)
    assert (desk.state, desk.alarms) == (PumpState.INFUSING, Alarm.RESERVOIR_LOW)
    desk.wait(4)
    assert desk.state is PumpState.COMPLETED


@pytest.mark.hazard("H63")
def test_a_battery_warns_and_then_stops():
    desk = Desk()
    desk.run(program(flow_ul_h=1_000, vtbi_ul=100_000))
    desk.inject("mains_loss")
    low_s = REFERENCE.battery_life_h * 3600 * (1000 - REFERENCE.battery_low_permille) / 1000
    desk.wait(low_s - 1)
    assert desk.status().flags & StatusFlag.ON_BATTERY
    assert desk.alarms == Alarm(0)
    desk.wait(2)
    assert (desk.state, desk.alarms) == (PumpState.INFUSING, Alarm.BATTERY_LOW)
    desk.wait(REFERENCE.battery_life_h * 3600 * 0.15)
    assert (desk.state, desk.alarms) == (PumpState.STOPPED, Alarm.BATTERY_LOW | Alarm.BATTERY_EMPTY)


def test_an_occlusion_keeps_its_alarm_until_the_pressure_is_gone():
    desk = infusing()
    desk.inject("occlusion")
    desk.wait(200)
    assert desk.ask(m.Acknowledge(1), m.Acknowledged).alarms is Alarm.OCCLUSION_DOWNSTREAM
    desk.heal("occlusion")
    desk.wait(1)
    assert desk.ask(m.Acknowledge(1), m.Acknowledged).alarms == Alarm(0)


@pytest.mark.hazard("H55")
def test_a_dropped_reply_was_carried_out():
    desk = Desk()
    desk.ask(program(), m.Loaded)
    token = desk.confirm()
    desk.inject("drop_reply:1")
    assert desk.exchange(m.Start(PROGRAM_ID, token)) is None
    assert desk.state is PumpState.INFUSING


@pytest.mark.hazard("H03")
def test_ignored_stops_leave_the_motor_running():
    desk = infusing()
    desk.inject("ignore_stop:2")
    for _ in range(2):
        desk.stop()
        assert (desk.stopped_count, desk.state) == (0, PumpState.INFUSING)
    desk.stop()
    assert (desk.stopped_count, desk.state) == (1, PumpState.STOPPED)
    truth = desk.pump.truth(desk.now)
    assert (truth.stops_received, truth.stops_ignored) == (3, 2)


@pytest.mark.hazard("H52")
def test_an_unplugged_pump_hears_and_says_nothing_and_infuses_on():
    desk = infusing()
    desk.inject("unplug")
    assert desk.pump.is_unplugged
    assert desk.exchange(m.GetStatus()) is None
    desk.stop()
    assert desk.pump.truth(desk.now).stops_received == 0
    desk.inject("air", after_s=60, for_s=1)
    told = len(desk.notices)
    desk.wait(120)
    desk.heal("unplug")
    assert len(desk.notices) == told
    assert desk.alarms is Alarm.AIR_IN_LINE
    assert desk.status().motor_ul == 333


def test_power_stays_off_as_long_as_asked():
    desk = infusing()
    desk.inject("power_cycle", for_s=30)
    desk.wait(29.9)
    assert not desk.pump.truth(desk.now).powered
    desk.wait(0.2)
    assert desk.pump.truth(desk.now).powered


def test_what_was_wrong_before_power_on_is_told_after_it():
    desk = Desk()
    desk.inject("power_cycle")
    desk.inject("door")
    desk.wait(2)
    assert desk.notices[-1].alarms is Alarm.DOOR_OPEN


# Schedules.


def served(*scenario: ScheduledFault) -> SimPump:
    return SimPump(serial="SIM-0001", seed=1, scenario=scenario)


def test_a_scenario_begins_and_ends_at_its_therapy_time():
    door = Fault(FaultKind.DOOR)
    pump = served(ScheduledFault(door, AtTherapy(5 * NS_PER_S), for_ns=3 * NS_PER_S))
    for second, faults in ((4, ()), (5, ("door",)), (7, ("door",)), (8, ())):
        assert pump.truth(SimNow(second * NS_PER_S, second * NS_PER_S)).faults == faults


def test_a_scenario_strikes_at_a_program_volume():
    desk = Desk()
    desk.pump = served(ScheduledFault(Fault(FaultKind.AIR), AtProgramVolume(500)))
    desk.open(1)
    desk.run(program())
    desk.wait(179.9)
    assert desk.state is PumpState.INFUSING
    desk.wait(0.2)
    assert (desk.state, desk.alarms) == (PumpState.STOPPED, Alarm.AIR_IN_LINE)
    assert desk.status().motor_ul == 500


def test_so_many_faults_wait_and_no_more():
    pump = served(*(ScheduledFault(Fault(FaultKind.AIR), AtTherapy(NS_PER_S)) for _ in range(MAX_PENDING)))
    with pytest.raises(ValueError, match="waiting already"):
        pump.inject(Fault(FaultKind.AIR), SimNow(0, 0), after_ns=1)


@pytest.mark.parametrize("kind", FaultKind)
def test_every_fault_can_come_and_go_in_every_order(kind: FaultKind):
    desk = infusing()
    desk.heal(kind.value)
    desk.inject(kind.value)
    desk.inject(kind.value)
    desk.wait(10)
    desk.heal(kind.value)
    desk.wait(10)
    desk.open(0xBEEF)
    assert desk.pump.truth(desk.now).faults == ()
    desk.ask(m.Acknowledge(0xFFFF_FFFF), m.Acknowledged)
    assert not desk.alarms & STOPPING_ALARMS


@pytest.mark.parametrize("text", ["occlusion", "ignore_stop:3", "drop_reply:1"])
def test_a_fault_reads_as_it_is_written(text: str):
    assert str(parse_fault(text)) == text


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("fire", "unknown fault 'fire'"),
        ("", "unknown fault"),
        ("door:2", "takes no count"),
        ("ignore_stop:0", "whole number"),
        ("ignore_stop:-1", "whole number"),
        ("ignore_stop:1000001", "whole number"),
        ("ignore_stop:", "whole number"),
        ("ignore_stop:\u0663", "whole number"),
    ],
)
def test_an_unreadable_fault_is_refused(text: str, complaint: str):
    with pytest.raises(ValueError, match=complaint):
        parse_fault(text)
