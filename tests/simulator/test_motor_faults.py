"""What goes wrong where the motor is: how much a step moves, a motor that does not obey, heat and supply."""

from __future__ import annotations

from dataclasses import replace

import pytest

from protocols.companion import messages as m
from protocols.companion.vocabulary import Alarm, PumpState, StatusFlag
from simulator.afflictions import MAX_DRIFT_PERMILLE
from simulator.profile import REFERENCE, PumpProfile
from tests.simulator.desk import Desk, program

FLOW_UL_H = 10_000
WITHOUT_CUT_OFF = replace(REFERENCE, cut_off_ul=0)


def infusing(profile: PumpProfile = REFERENCE, flow_ul_h: int = FLOW_UL_H) -> Desk:
    desk = Desk(profile)
    desk.run(program(flow_ul_h=flow_ul_h, vtbi_ul=40_000))
    desk.wait(60)
    return desk


# How much a step moves.


@pytest.mark.hazard("H02")
@pytest.mark.parametrize(("kind", "meter_sees"), [("rate_bias", True), ("common_bias", False)])
@pytest.mark.parametrize("permille", [-200, 40, 80, 500])
def test_a_biased_step_moves_more_and_the_steps_do_not_tell(kind: str, meter_sees: bool, permille: int):
    desk = infusing()
    before = desk.status()
    desk.inject(kind, by=f"{permille} permille")
    delivered_ul = desk.delivered_in(3600)
    assert delivered_ul == pytest.approx(FLOW_UL_H * (1 + permille / 1000), abs=2)
    after = desk.status()
    assert after.motor_ul - before.motor_ul == after.encoder_ul - before.encoder_ul == pytest.approx(FLOW_UL_H, abs=1)
    assert after.flow_ul - before.flow_ul == pytest.approx(delivered_ul if meter_sees else FLOW_UL_H, abs=2)
    desk.heal(kind)
    assert desk.delivered_in(360) == pytest.approx(FLOW_UL_H / 10, abs=2)


@pytest.mark.hazard("H02")
def test_a_drift_grows_each_hour_and_stays_bounded():
    desk = infusing(flow_ul_h=1_000)
    desk.inject("rate_drift", by="60 permille")
    first_ul, second_ul = desk.delivered_in(3600), desk.delivered_in(3600)
    assert first_ul == pytest.approx(1_000 * 1.030, rel=0.002)
    assert second_ul == pytest.approx(1_000 * 1.090, rel=0.002)
    desk.inject("rate_drift", by="900 permille")
    desk.wait(2 * 3600)
    assert desk.delivered_in(3600) == pytest.approx(1_000 + MAX_DRIFT_PERMILLE, rel=0.002)
    desk.heal("rate_drift")
    assert desk.delivered_in(3600) == pytest.approx(1_000, abs=2)


@pytest.mark.parametrize("permille", [100, 500])
def test_ripple_swings_within_a_revolution_and_is_gone_after_it(permille: int):
    desk = infusing(flow_ul_h=3_600)  # a microlitre a second
    whole_s = REFERENCE.revolution_ul
    desk.inject("ripple", by=f"{permille} permille")
    quarters_ul = [desk.delivered_in(whole_s / 4) for _ in range(8)]
    swing_ul = permille / 1000 * REFERENCE.revolution_ul / 6.2832
    assert max(quarters_ul) - min(quarters_ul) > swing_ul
    assert min(quarters_ul) > 0.0
    assert sum(quarters_ul[:4]) == pytest.approx(whole_s, abs=1)
    assert sum(quarters_ul[4:]) == pytest.approx(whole_s, abs=0.5)
    assert desk.status().motor_ul == desk.status().encoder_ul == 60 + 2 * whole_s


@pytest.mark.hazard("H18")
def test_a_fresh_set_delays_the_next_fluid_by_its_slack():
    desk = infusing()
    before = desk.status()
    desk.inject("slack", by="500 uL")
    assert desk.delivered_in(179) < 2
    assert desk.status().flow_ul == before.flow_ul
    assert desk.delivered_in(361) == pytest.approx(1_000, abs=5)


# The motor.


@pytest.mark.hazard("H03")
@pytest.mark.parametrize("stopped", [False, True])
def test_a_runaway_motor_ignores_stop_until_the_cut_off_ends_it(stopped: bool):
    desk = infusing()
    before = desk.truth
    desk.inject("runaway", by="3000 permille")
    desk.wait(10)
    assert desk.status().measured_flow_ul_h == 3 * FLOW_UL_H
    assert desk.truth.delivered_ul - before.delivered_ul == pytest.approx(30_000 / 360, rel=0.02)
    if stopped:
        desk.stop()
        assert desk.stopped_count == 0  # it would not be true
        status = desk.status()
        assert (status.state, status.commanded_flow_ul_h) == (PumpState.STOPPED, 0)
        assert status.flags & StatusFlag.MOTOR_MOVING
        assert status.measured_flow_ul_h == 3 * FLOW_UL_H
    desk.wait(600)
    assert desk.alarms is Alarm.FLOW_MISMATCH
    after = desk.truth
    ordered_ul = FLOW_UL_H / 360 if stopped else FLOW_UL_H * REFERENCE.cut_off_ul / (2 * FLOW_UL_H)
    assert after.delivered_ul - before.delivered_ul == pytest.approx(ordered_ul + REFERENCE.cut_off_ul, abs=2)
    desk.stop()
    assert desk.stopped_count == 1
    assert desk.ask(m.Acknowledge(0xFFFF_FFFF), m.Acknowledged).alarms is Alarm.FLOW_MISMATCH
    desk.heal("runaway")
    assert desk.ask(m.Acknowledge(0xFFFF_FFFF), m.Acknowledged).alarms == Alarm(0)


@pytest.mark.hazard("H03")
def test_without_a_cut_off_it_runs_until_it_is_healed_or_the_bag_is_empty():
    desk = infusing(WITHOUT_CUT_OFF)
    desk.inject("runaway")
    desk.stop()
    assert desk.delivered_in(3600) == pytest.approx(2 * FLOW_UL_H, abs=2)
    desk.heal("runaway")
    assert desk.delivered_in(3600) < 2
    desk.stop()
    assert desk.stopped_count == 1


def test_a_runaway_motor_at_rest_stays_there_and_runs_past_its_volume():
    desk = Desk(WITHOUT_CUT_OFF)
    desk.inject("runaway")
    assert desk.delivered_in(600) == 0.0
    desk.run(program(vtbi_ul=1_000))
    assert desk.delivered_in(3600) == pytest.approx(2 * FLOW_UL_H, abs=2)
    assert (desk.state, desk.status().flags & StatusFlag.MOTOR_MOVING) == (
        PumpState.COMPLETED,
        StatusFlag.MOTOR_MOVING,
    )
    desk.inject("power_cycle", for_s=10)
    desk.wait(1)
    assert desk.delivered_in(8) < 1


@pytest.mark.hazard("H17")
@pytest.mark.parametrize(("by", "stops"), [("54 C", False), ("70 C", True)])
def test_a_hot_place_stops_the_pump_when_it_is_warm_through(by: str, stops: bool):
    desk = infusing()
    desk.inject("heat", by=by)
    desk.wait(60)
    assert desk.alarms == Alarm(0)
    desk.wait(3600)
    assert desk.alarms is (Alarm.OVER_TEMPERATURE if stops else Alarm(0))
    desk.heal("heat")
    desk.wait(600)
    assert desk.ask(m.Acknowledge(0xFFFF_FFFF), m.Acknowledged).alarms == Alarm(0)


@pytest.mark.hazard("H17")
def test_a_slowly_stalled_motor_heats_itself():
    desk = Desk(replace(REFERENCE, stall_lag_ul=50))
    desk.run(program(flow_ul_h=100))
    desk.inject("stall")
    desk.wait(1_000)
    assert (desk.state, desk.alarms) == (PumpState.STOPPED, Alarm.OVER_TEMPERATURE)


# Supply.


@pytest.mark.hazard("H63")
def test_a_dead_battery_is_dead_without_a_warning():
    desk = infusing()
    desk.inject("battery_death")
    assert desk.exchange(m.GetStatus()) is None
    assert desk.delivered_in(3600) < 1
    dead = desk.truth
    assert (dead.powered, dead.battery_permille) == (False, 0)
    assert not any(notice.alarms for notice in desk.notices)
    desk.inject("power_cycle")
    desk.wait(5)
    assert not desk.truth.powered
    desk.heal("battery_death")
    assert desk.open(0xBEEF).boot_count == 2
    assert (desk.state, desk.status().battery_permille) == (PumpState.IDLE, 1000)
