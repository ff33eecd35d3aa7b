"""The plant against what must hold of any plant: conservation, and independence of who looks when."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from simulator import motor, tubing
from simulator.instant import NS_PER_MS, NS_PER_S
from simulator.physics import Plant
from simulator.plant_state import Conditions, PlantState
from simulator.profile import REFERENCE, PumpProfile

NO_STOP = 1 << 60
FLOW_UL_H = 10_000


def driven(flow_ul_h: int = FLOW_UL_H) -> Conditions:
    return Conditions(interval=motor.interval_of_flow(flow_ul_h, REFERENCE.steps_per_ul), stop_position=NO_STOP)


def at_s(seconds: float) -> int:
    return round(seconds * NS_PER_S)


def plant_with(profile: PumpProfile = REFERENCE, conditions: Conditions | None = None) -> Plant:
    plant = Plant(profile, 0)
    plant.change(0, conditions or driven())
    return plant


def balance_ul(profile: PumpProfile, state: PlantState) -> float:
    return profile.reservoir_ul - state.content_ul - state.delivered_ul - state.spilled_ul - state.stored_ul


def test_volume_is_conserved_through_any_conditions(seed: int):
    rng = random.Random(seed)
    profile = replace(REFERENCE, slack_ul=50, rate_error_permille=30)
    plant = plant_with(profile)
    now_ns = 0
    delivered_ul = 0.0
    for _ in range(300):
        now_ns += rng.randrange(1, 600 * NS_PER_S)
        state = plant.at(now_ns)
        assert balance_ul(profile, state) == pytest.approx(0.0, abs=1e-3)
        assert state.delivered_ul >= delivered_ul - 1e-9
        delivered_ul = state.delivered_ul
        turn = driven(rng.randrange(100, 1_200_001, 100)) if rng.random() < 0.5 else Conditions(stop_position=NO_STOP)
        turn = replace(turn, occluded=rng.random() < 0.2, stalled=rng.random() < 0.1, connected=rng.random() < 0.9)
        plant.change(now_ns, turn)


def test_looking_often_changes_nothing():
    profile = replace(REFERENCE, slack_ul=500)
    watched, left_alone = plant_with(profile), plant_with(profile)
    for tick in range(1, 3_000):
        watched.at(tick * 100 * NS_PER_MS)
    assert watched.at(at_s(400)) == left_alone.at(at_s(400))


def test_delivery_follows_the_motor_through_an_open_line():
    state = plant_with().at(at_s(3600))
    assert state.delivered_ul + state.stored_ul == pytest.approx(FLOW_UL_H, abs=0.001)
    assert state.stored_ul < 1.0


@pytest.mark.parametrize("error_permille", [-80, 0, 80])
def test_rate_error_is_in_the_truth_and_not_in_the_steps(error_permille: int):
    state = plant_with(replace(REFERENCE, rate_error_permille=error_permille)).at(at_s(3600))
    assert state.entered_line_ul == pytest.approx(FLOW_UL_H * (1 + error_permille / 1000), abs=0.01)
    assert motor.volume_of_position_ul(state.rotor_position, REFERENCE.steps_per_ul) in (FLOW_UL_H - 1, FLOW_UL_H)


@pytest.mark.hazard("H18")
@pytest.mark.parametrize("slack_ul", [10, 500])
def test_slack_delays_the_first_drop_and_costs_its_volume(slack_ul: int):
    plant = plant_with(replace(REFERENCE, slack_ul=slack_ul))
    lag_s = slack_ul / FLOW_UL_H * 3600
    assert plant.at(at_s(lag_s * 0.999)).delivered_ul == 0.0
    assert plant.at(at_s(lag_s + 5)).delivered_ul > 0.0
    assert plant.at(at_s(lag_s + 3600)).entered_line_ul == pytest.approx(FLOW_UL_H, abs=0.01)


def test_an_empty_bag_gives_nothing_more():
    plant = plant_with()
    plant.fill(at_s(60), 5)
    state = plant.at(at_s(600))
    assert state.content_ul == 0.0
    assert state.entered_line_ul == pytest.approx(FLOW_UL_H / 60 + 5, abs=0.01)
    assert state.dry_ul == pytest.approx(FLOW_UL_H * 540 / 3600 - 5, abs=0.01)


def test_the_comparator_of_the_motor_control_is_never_passed():
    stop_position = motor.position_of_volume(100, REFERENCE.steps_per_ul)
    plant = plant_with(conditions=replace(driven(), stop_position=stop_position))
    assert plant.at(at_s(3600)).motor_position == stop_position


def test_priming_into_the_air_is_not_delivered():
    plant = plant_with(conditions=replace(driven(), connected=False))
    state = plant.at(at_s(360))
    assert state.delivered_ul == 0.0
    assert state.spilled_ul == pytest.approx(1000, abs=1)


def test_a_stalled_rotor_stays_behind_its_steps():
    plant = plant_with(conditions=replace(driven(), stalled=True))
    assert plant.at(at_s(3.6)).delivered_ul == 0.0
    assert plant.lag(at_s(3.6)) == motor.position_of_volume(10, REFERENCE.steps_per_ul)


@pytest.mark.parametrize("flow_ul_h", [100, 10_000, 100_000, 1_200_000])
def test_foretold_pressure_alarm_is_when_the_line_is_full(flow_ul_h: int):
    plant = plant_with(conditions=replace(driven(flow_ul_h), occluded=True))
    due_ns = plant.outlook.pressure_alarm_ns()
    assert due_ns is not None
    assert plant.holds_occlusion_volume(due_ns)
    assert not plant.holds_occlusion_volume(due_ns - NS_PER_MS)


def test_a_narrow_open_line_can_alarm_too():
    narrow = replace(REFERENCE, line_resistance_mmhg_s_ul=5.0)
    fast, slow = plant_with(narrow, driven(1_200_000)), plant_with(narrow, driven(100_000))
    assert slow.outlook.pressure_alarm_ns() is None
    due_ns = fast.outlook.pressure_alarm_ns()
    assert due_ns is not None
    assert fast.holds_occlusion_volume(due_ns)
    assert not fast.holds_occlusion_volume(due_ns - NS_PER_MS)


def test_one_long_stretch_equals_many_short_ones():
    stored_ul, left_ul = 300.0, 0.0
    for _ in range(1000):
        passage = tubing.pass_through(stored_ul, 0.02, 0.001, 0.09, occluded=False)
        stored_ul, left_ul = passage.stored_ul, left_ul + passage.left_ul
    whole = tubing.pass_through(300.0, 20.0, 1.0, 0.09, occluded=False)
    assert (stored_ul, left_ul) == pytest.approx((whole.stored_ul, whole.left_ul))


def test_battery_runs_down_only_off_the_mains():
    plant = plant_with()
    assert plant.outlook.charge_falls_ns(REFERENCE.battery_low_permille) is None
    plant.change(0, replace(driven(), on_mains=False))
    due_ns = plant.outlook.charge_falls_ns(REFERENCE.battery_low_permille)
    assert due_ns is not None
    assert plant.at(due_ns).charge_permille == pytest.approx(REFERENCE.battery_low_permille, abs=1e-6)


def test_the_past_is_not_asked_for():
    plant = plant_with()
    plant.change(at_s(10), Conditions())
    with pytest.raises(ValueError, match="before its last change"):
        plant.at(at_s(9))
