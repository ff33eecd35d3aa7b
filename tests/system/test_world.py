"""The whole system in virtual time: the golden infusion, and what must not happen when something goes wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest

from protocols.companion import messages as wire
from pumpctl.core.reason import Priority
from simulator.faults import FaultKind
from simulator.profile import REFERENCE
from simulator.pump import Button
from tests.controller.orders import golden, monitored_iv, monitored_iv_continuous, once
from tests.system.worlds import (
    HOUR,
    MINUTE,
    A,
    B,
    S,
    answer,
    heal,
    infusing,
    inject,
    latched,
    ledger_covers_truth,
    prepare,
    press_and_start,
    refusal,
    state,
    submit,
    truth,
    until,
    world,
    written,
)

HOUR_LONG = once()  # 200 mg in 10 mL over one hour
SHORT = once(dose="50 mg", volume="2.5 mL", duration="15 min")


def test_the_golden_infusion():
    """P01: 2 g in 100 mL over ten hours, subcutaneous, at home."""
    made = world()
    assert submit(made, golden())["prepared"]["programs"] == 1
    press_and_start(made)
    begun_ns = made.now_ns
    until(made, lambda: state(made) == "completed", 11 * HOUR)
    assert abs(made.now_ns - begun_ns - 10 * HOUR) < 5 * S
    seen = truth(made)
    assert 99_000 <= seen.delivered_ul <= 100_000
    assert seen.motor_ul == 100_000
    assert (seen.starts, seen.resumes) == (1, 0)
    assert seen.max_commanded_flow_ul_h == 10_000
    assert seen.stops_received == 0
    assert ledger_covers_truth(made)
    assert made.controller.ward.channels[A].alarms == {}
    made.run_for(5 * S)
    told = made.seen.states[A]
    assert (told["state"], told["delivered_least_ml"], told["delivered_most_ml"]) == ("completed", 100.0, 105.0)
    assert told["progress_percent"] == 100.0


def test_one_seed_is_one_wire_and_another_seed_is_another():
    """I9: session numbers and tokens come from the seed, everything else from the clock."""
    digests = [infusing(SHORT, seed).wire.hexdigest() for seed in (5, 5, 6)]
    assert digests[0] == digests[1] != digests[2]
    whole: list[str] = []
    for _ in range(2):
        made = infusing(SHORT, 9)
        until(made, lambda made=made: state(made) == "completed", HOUR)
        whole.append(made.wire.hexdigest())
    assert whole[0] == whole[1]


@pytest.mark.hazard("H07")
def test_an_occlusion_in_mid_infusion_stops_latches_and_says_why():
    made = infusing(HOUR_LONG)
    made.run_for(10 * MINUTE)
    inject(made, FaultKind.OCCLUSION)
    until(made, lambda: truth(made).stop_received_ns is not None, HOUR)
    seen = truth(made)
    assert seen.alarm_notice_sent_ns is not None
    assert seen.stop_received_ns is not None
    assert seen.stop_received_ns - seen.alarm_notice_sent_ns <= 2_000_000  # a millisecond of line each way
    until(made, lambda: state(made) == "stopped", 2 * S)
    assert latched(made) == {"occlusion_downstream"}
    alarm = next(each for each in made.seen.alarms if each.code == "occlusion_downstream")
    assert alarm.priority is Priority.HIGH
    assert ledger_covers_truth(made)
    heal(made, FaultKind.OCCLUSION)
    made.run_for(MINUTE)
    assert ledger_covers_truth(made)  # the bolus of the release is in the account
    made.press(A, Button.CONFIRM)
    made.run_for(MINUTE)
    assert truth(made).starts == 1
    assert truth(made).commanded_flow_ul_h == 0


@pytest.mark.parametrize(
    ("kind", "code"),
    [(FaultKind.AIR, "air_in_line"), (FaultKind.DOOR, "door_open"), (FaultKind.STALL, "motor_stall"),
     (FaultKind.EMPTY, "reservoir_empty")],
)  # fmt: skip
@pytest.mark.hazard("H10")
@pytest.mark.hazard("H12")
@pytest.mark.hazard("H15")
def test_every_stopping_alarm_stops_latches_and_clears_by_one_person(kind: FaultKind, code: str):
    made = infusing(HOUR_LONG)
    made.run_for(5 * MINUTE)
    inject(made, kind)
    until(made, lambda: state(made) == "stopped", 10 * MINUTE)
    assert latched(made) == {code}
    assert ledger_covers_truth(made)
    heal(made, kind)
    made.run_for(10 * S)
    number = made.ask("clear", persons=["nurse"])
    made.run_for(10 * S)
    assert answer(made, number)["cleared"] == [code]
    assert state(made) == "idle"
    assert truth(made).alarms == ()  # acknowledged at the pump as well
    assert made.controller.ward.channels[A].alarms == {}


@pytest.mark.hazard("H55")
@pytest.mark.hazard("H29")
def test_a_lost_answer_to_start_is_no_second_start():
    made = world()
    submit(made, SHORT)
    made.press(A, Button.CONFIRM)
    until(made, lambda: any(isinstance(message, wire.GetConfirmation) for message in written(made)), 3 * S)
    until(made, lambda: state(made) == "starting", 3 * S)
    inject(made, FaultKind.DROP_REPLY, 1)
    until(made, lambda: any(r.kind == "dosing_outcome" for r in made.seen.records), 3 * S)
    outcomes = [r.body["outcome"] for r in made.seen.records if r.kind == "dosing_outcome"]
    assert outcomes == ["unconfirmed"]
    until(made, lambda: state(made) == "completed", HOUR)
    assert truth(made).starts == 1
    assert sum(isinstance(message, wire.Start) for message in written(made)) == 1
    assert truth(made).delivered_ul <= 2_500
    assert ledger_covers_truth(made)


@pytest.mark.hazard("H56")
@pytest.mark.hazard("H03")
def test_a_pump_that_ignores_stops_is_stopped_in_the_end_and_everybody_told():
    made = infusing(HOUR_LONG)
    made.run_for(5 * MINUTE)
    inject(made, FaultKind.IGNORE_STOP, 20)
    asked_ns = made.now_ns
    number = made.ask("stop")
    until(made, lambda: state(made) == "stopped", 10 * S)
    assert 5 * S <= made.now_ns - asked_ns <= 5_200_000_000
    assert refusal(made, number) == ["stop_unproven"]
    assert truth(made).stops_ignored == 20
    assert ledger_covers_truth(made)
    alarm = next(each for each in made.seen.alarms if each.code == "stop_unproven")
    assert "clamp" in alarm.message


@pytest.mark.hazard("H58")
@pytest.mark.hazard("H59")
def test_a_pump_that_loses_power_in_mid_run_never_runs_on():
    made = infusing(HOUR_LONG)
    made.run_for(20 * MINUTE)
    inject(made, FaultKind.POWER_CYCLE)
    until(made, lambda: state(made) == "stopped", MINUTE)
    assert latched(made) == {"pump_reset"}
    assert ledger_covers_truth(made)
    for _ in range(3):
        made.press(A, Button.CONFIRM)
        made.run_for(5 * MINUTE)
    assert truth(made).starts == 1
    number = made.ask("clear", persons=["nurse"])
    made.run_for(5 * S)
    assert answer(made, number)["cleared"] == ["pump_reset"]
    # The occurrence was begun: it is not given a second time (S01).
    number = prepare(made)
    assert refusal(made, number) == ["S01"]


@pytest.mark.hazard("H52")
def test_unplugged_in_mid_infusion_at_home_the_pump_goes_on_and_is_supervised_again():
    made = infusing(HOUR_LONG)
    made.run_for(10 * MINUTE)
    made.unplug(A)
    made.run_for(20 * MINUTE)
    assert truth(made).flow_ul_h > 0
    assert state(made) == "infusing"
    made.plug_in(A)
    until(made, lambda: made.controller.ward.channels[A].reconciled, 5 * S)
    assert truth(made).stops_received == 0
    until(made, lambda: state(made) == "completed", HOUR)
    assert truth(made).starts == 1
    assert ledger_covers_truth(made)


@pytest.mark.hazard("H52")
def test_with_a_lease_the_pump_stops_by_itself_and_is_stopped_once_more():
    made = infusing(monitored_iv_continuous())
    made.run_for(5 * MINUTE)
    made.unplug(A)
    made.run_for(130 * S)
    assert truth(made).commanded_flow_ul_h == 0
    assert truth(made).delivered_ul <= 7 * 100 + 150 + 1
    until(made, lambda: any(each.code == "lease_end_unproven" for each in made.seen.alarms), 10 * S)
    made.plug_in(A)
    until(made, lambda: state(made) == "stopped", 5 * S)
    assert truth(made).stops_received >= 1
    assert ledger_covers_truth(made)


@pytest.mark.hazard("H39")
def test_a_loading_dose_and_its_infusion_with_two_presses():
    made = infusing(monitored_iv())
    until(made, lambda: state(made) == "awaiting_confirmation", HOUR)
    assert abs(truth(made).delivered_ul - 50_000) < 300  # the line gives its last pressure away in a moment
    made.run_for(MINUTE)
    assert truth(made).delivered_ul <= 50_000
    press_and_start(made)
    until(made, lambda: state(made) == "completed", 3 * HOUR)
    assert truth(made).starts == 2
    assert truth(made).delivered_ul <= 62_000


@pytest.mark.hazard("H33")
def test_two_pumps_one_patient_one_infusion():
    made = world(channels=2)
    submit(made, SHORT, A)
    submit(made, once("another", dose="50 mg", volume="2.5 mL", duration="15 min"), B)
    assert (state(made, A), state(made, B)) == ("awaiting_confirmation", "awaiting_confirmation")
    press_and_start(made, A)
    made.press(B, Button.CONFIRM)
    made.run_for(10 * S)
    assert truth(made, B).starts == 0
    refused = next(each for each in made.seen.alarms if each.code == "start_refused")
    assert "another_infusion" in refused.message
    until(made, lambda: state(made, A) == "completed", HOUR)
    made.press(B, Button.CONFIRM)
    made.run_for(10 * S)
    assert truth(made, B).starts == 0  # S03: the next one is due in twenty hours
    assert "S03" in [each for each in made.seen.alarms if each.code == "start_refused"][-1].message


@pytest.mark.parametrize("button", [Button.STOP, Button.PAUSE])
def test_the_pumps_own_keys_are_obeyed(button: Button):
    made = infusing(HOUR_LONG)
    made.run_for(MINUTE)
    made.press(A, button)
    wanted = "stopped" if button is Button.STOP else "paused"
    until(made, lambda: state(made) == wanted, 2 * S)
    assert latched(made) == ({"stopped_at_pump"} if button is Button.STOP else set())


@pytest.mark.hazard("H63")
def test_a_battery_that_runs_out_stops_before_the_pump_dies():
    made = infusing(HOUR_LONG, profile=replace(REFERENCE, battery_life_h=1))
    inject(made, FaultKind.MAINS_LOSS)
    until(made, lambda: state(made) == "stopped", HOUR)
    assert latched(made) == {"battery_critical"}
    assert 70 <= truth(made).battery_permille <= 80
    assert ledger_covers_truth(made)
