"""The motor's arithmetic: exact, and never faster than asked."""

from __future__ import annotations

import pytest

from simulator import motor
from simulator.instant import NS_PER_H
from simulator.profile import REFERENCE

STEPS_PER_UL = REFERENCE.steps_per_ul


def test_every_settable_flow_comes_back_from_its_interval():
    for flow_ul_h in range(REFERENCE.min_flow_ul_h, REFERENCE.max_flow_ul_h + 1, REFERENCE.flow_step_ul_h):
        assert motor.flow_of_interval(motor.interval_of_flow(flow_ul_h, STEPS_PER_UL), STEPS_PER_UL) == flow_ul_h


@pytest.mark.parametrize("limit_ul_h", [1, 99, 1_234_567, 4_294_967_295])
def test_a_limit_of_any_size_comes_back(limit_ul_h: int):
    assert motor.flow_of_interval(motor.interval_of_flow(limit_ul_h, STEPS_PER_UL), STEPS_PER_UL) == limit_ul_h


@pytest.mark.parametrize("flow_ul_h", [100, 700, 10_000, 33_300, 1_199_900, 1_200_000])
def test_an_hour_moves_the_flow_and_not_a_hair_more(flow_ul_h: int):
    wanted = motor.position_of_volume(flow_ul_h, STEPS_PER_UL)
    travelled = motor.travel(motor.interval_of_flow(flow_ul_h, STEPS_PER_UL), NS_PER_H)
    assert 0 <= wanted - travelled < motor.POSITION_ONE_STEP


@pytest.mark.parametrize("flow_ul_h", [700, 33_300, 1_199_900])
def test_an_interval_that_does_not_come_out_even_is_too_long_not_too_short(flow_ul_h: int):
    an_hour = NS_PER_H * motor.INTERVAL_ONE_NS
    steps_an_hour = flow_ul_h * STEPS_PER_UL
    interval = motor.interval_of_flow(flow_ul_h, STEPS_PER_UL)
    assert interval * steps_an_hour > an_hour > (interval - 1) * steps_an_hour


@pytest.mark.parametrize("flow_ul_h", [100, 700, 10_000, 1_199_900])
def test_travel_time_is_the_first_nanosecond_that_suffices(flow_ul_h: int):
    interval = motor.interval_of_flow(flow_ul_h, STEPS_PER_UL)
    distance = motor.position_of_volume(100, STEPS_PER_UL)
    due_ns = motor.travel_time_ns(interval, distance)
    assert motor.travel(interval, due_ns) >= distance > motor.travel(interval, due_ns - 1)


def test_a_motor_that_is_not_driven_stands_still():
    assert motor.travel(0, NS_PER_H) == 0
    assert motor.flow_of_interval(0, STEPS_PER_UL) == 0
