"""What goes wrong in the machine and the fluid: each kind against a pump without it, and what the pump notices."""

from __future__ import annotations

from dataclasses import replace

import pytest

from protocols.companion import messages as m
from protocols.companion.vocabulary import Alarm, PumpState, StatusFlag
from simulator.afflictions import MAX_DRIFT_PERMILLE
from simulator.profile import AMBULATORY_BAG, REFERENCE, SYRINGE, PumpProfile
from simulator.truth import PumpTruth
from tests.simulator.desk import PROGRAM_ID, Desk, program

FLOW_UL_H = 10_000
WITHOUT_METER = replace(REFERENCE, has_flow_sensor=False)
WITHOUT_CUT_OFF = replace(REFERENCE, cut_off_ul=0)


def infusing(profile: PumpProfile = REFERENCE, flow_ul_h: int = FLOW_UL_H) -> Desk:
    desk = Desk(profile)
    desk.run(program(flow_ul_h=flow_ul_h, vtbi_ul=40_000))
    desk.wait(60)
    return desk


def truth(desk: Desk) -> PumpTruth:
    return desk.pump.truth(desk.now)


def delivered_in(desk: Desk, seconds: float) -> float:
    before_ul = truth(desk).delivered_ul
    desk.wait(seconds)
    return truth(desk).delivered_ul - before_ul


# The line.


@pytest.mark.hazard("H08")
def test_a_closed_clamp_at_the_bag_gives_no_fluid_and_alarms_by_its_vacuum():
    desk = infusing()
    before = truth(desk)
    desk.inject("upstream_occlusion")
    felt_s = REFERENCE.upstream_stroke_ul * 3600 / FLOW_UL_H
    desk.wait(felt_s - 0.01)
    status = desk.status()
    assert (status.state, status.alarms) == (PumpState.INFUSING, Alarm(0))
    assert status.motor_ul == status.encoder_ul > before.motor_ul + 50
    assert status.flow_ul == before.flow_ul
    desk.wait(0.02)
    assert (desk.state, desk.alarms) == (PumpState.STOPPED, Alarm.OCCLUSION_UPSTREAM)
    after = truth(desk)
    assert after.drawn_ul == before.drawn_ul
    assert desk.ask(m.Acknowledge(0xFFFF_FFFF), m.Acknowledged).alarms is Alarm.OCCLUSION_UPSTREAM
    desk.heal("upstream_occlusion")
    assert desk.ask(m.Acknowledge(0xFFFF_FFFF), m.Acknowledged).alarms == Alarm(0)


@pytest.mark.hazard("H06")
@pytest.mark.parametrize("profile", [REFERENCE, WITHOUT_METER], ids=["metered", "unmetered"])
@pytest.mark.parametrize("runs", [True, False])
def test_a_siphon_flows_without_a_step_and_only_a_flow_sensor_sees_it(profile: PumpProfile, runs: bool):
    desk = infusing(profile)
    if not runs:
        desk.stop()
    own_ul = FLOW_UL_H / 60 if runs else 0
    before = desk.status()
    desk.inject("siphon", by="60 mL/h")
    assert delivered_in(desk, 60) == pytest.approx(1_000 + own_ul, rel=0.01)
    status = desk.status()
    assert status.motor_ul - before.motor_ul == status.encoder_ul - before.encoder_ul == pytest.approx(own_ul, abs=1)
    if profile.has_flow_sensor:
        assert status.flow_ul - before.flow_ul == pytest.approx(1_000 + own_ul, abs=1)
    desk.heal("siphon")
    assert delivered_in(desk, 60) == pytest.approx(own_ul, abs=5)


def test_a_siphon_ends_with_the_bag_and_opens_no_closed_line():
    desk = infusing()
    desk.inject("siphon", by="100 mL/h")
    desk.inject("occlusion")
    assert delivered_in(desk, 60) == 0.0
    desk.heal("occlusion")
    desk.wait(4 * 3600)
    after = truth(desk)
    assert after.bag_ul == pytest.approx(0.0, abs=1e-6)
    assert after.delivered_ul + after.stored_ul == pytest.approx(REFERENCE.reservoir_ul, abs=0.01)


@pytest.mark.hazard("H14")
def test_off_the_patient_the_volume_runs_on_the_floor_at_a_low_pressure():
    desk = infusing()
    before, pressure_mmhg = truth(desk), desk.status().pressure_mmhg
    desk.inject("disconnect")
    desk.wait(360)
    after, status = truth(desk), desk.status()
    assert after.delivered_ul == before.delivered_ul
    assert after.spilled_ul == pytest.approx(1_000, abs=1)
    assert status.motor_ul - before.motor_ul == pytest.approx(1_000, abs=1)
    assert status.pressure_mmhg == pressure_mmhg - REFERENCE.patient_pressure_mmhg
    assert (status.state, status.alarms) == (PumpState.INFUSING, Alarm(0))
    desk.heal("disconnect")
    assert delivered_in(desk, 360) == pytest.approx(1_000, abs=1)


# How much a step moves.


@pytest.mark.hazard("H02")
@pytest.mark.parametrize(("kind", "meter_sees"), [("rate_bias", True), ("common_bias", False)])
@pytest.mark.parametrize("permille", [-200, 40, 80, 500])
def test_a_biased_step_moves_more_and_the_steps_do_not_tell(kind: str, meter_sees: bool, permille: int):
    desk = infusing()
    before = desk.status()
    desk.inject(kind, by=f"{permille} permille")
    delivered_ul = delivered_in(desk, 3600)
    assert delivered_ul == pytest.approx(FLOW_UL_H * (1 + permille / 1000), abs=2)
    after = desk.status()
    assert after.motor_ul - before.motor_ul == after.encoder_ul - before.encoder_ul == pytest.approx(FLOW_UL_H, abs=1)
    assert after.flow_ul - before.flow_ul == pytest.approx(delivered_ul if meter_sees else FLOW_UL_H, abs=2)
    desk.heal(kind)
    assert delivered_in(desk, 360) == pytest.approx(FLOW_UL_H / 10, abs=2)


@pytest.mark.hazard("H02")
def test_a_drift_grows_each_hour_and_stays_bounded():
    desk = infusing(flow_ul_h=1_000)
    desk.inject("rate_drift", by="60 permille")
    first_ul, second_ul = delivered_in(desk, 3600), delivered_in(desk, 3600)
    assert first_ul == pytest.approx(1_000 * 1.030, rel=0.002)
    assert second_ul == pytest.approx(1_000 * 1.090, rel=0.002)
    desk.inject("rate_drift", by="900 permille")
    desk.wait(2 * 3600)
    assert delivered_in(desk, 3600) == pytest.approx(1_000 + MAX_DRIFT_PERMILLE, rel=0.002)
    desk.heal("rate_drift")
    assert delivered_in(desk, 3600) == pytest.approx(1_000, abs=2)


@pytest.mark.parametrize("permille", [100, 500])
def test_ripple_swings_within_a_revolution_and_is_gone_after_it(permille: int):
    desk = infusing(flow_ul_h=3_600)  # a microlitre a second
    whole_s = REFERENCE.revolution_ul
    desk.inject("ripple", by=f"{permille} permille")
    quarters_ul = [delivered_in(desk, whole_s / 4) for _ in range(8)]
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
    assert delivered_in(desk, 179) < 2
    assert desk.status().flow_ul == before.flow_ul
    assert delivered_in(desk, 361) == pytest.approx(1_000, abs=5)


# Air.


@pytest.mark.hazard("H10")
@pytest.mark.parametrize(("by", "stops"), [("100 uL", False), ("101 uL", True)])
def test_a_single_bubble_above_its_limit_stops(by: str, stops: bool):
    desk = infusing()
    desk.inject("bubble", by=by)
    assert desk.alarms is (Alarm.AIR_IN_LINE if stops else Alarm(0))
    desk.wait(1)
    assert desk.ask(m.Acknowledge(0xFFFF_FFFF), m.Acknowledged).alarms == Alarm(0)  # it has passed


@pytest.mark.hazard("H10")
@pytest.mark.parametrize(("every_s", "stops"), [(80, True), (100, False)])
def test_small_bubbles_add_up_over_fifteen_minutes(every_s: int, stops: bool):
    desk = infusing()
    for _ in range(40):
        desk.inject("bubble", by="100 uL")
        desk.wait(every_s)
    assert desk.alarms is (Alarm.AIR_IN_LINE if stops else Alarm(0))


# The bag.


@pytest.mark.hazard("H11")
def test_a_bag_with_less_in_it_than_believed_runs_dry_unwarned():
    desk = infusing()
    desk.inject("wrong_fill", by="1 mL")
    desk.wait(360)
    assert (desk.state, desk.alarms) == (PumpState.INFUSING, Alarm(0))
    assert desk.status().reservoir_ul > 200_000
    desk.wait(REFERENCE.empty_stroke_ul * 0.36 + 0.1)
    assert desk.alarms & Alarm.RESERVOIR_EMPTY
    assert truth(desk).bag_ul == 0.0


# The motor.


@pytest.mark.hazard("H03")
@pytest.mark.parametrize("stopped", [False, True])
def test_a_runaway_motor_ignores_stop_until_the_cut_off_ends_it(stopped: bool):
    desk = infusing()
    before = truth(desk)
    desk.inject("runaway", by="3000 permille")
    desk.wait(10)
    assert desk.status().measured_flow_ul_h == 3 * FLOW_UL_H
    assert truth(desk).delivered_ul - before.delivered_ul == pytest.approx(30_000 / 360, rel=0.02)
    if stopped:
        desk.stop()
        assert desk.stopped_count == 0  # it would not be true
        status = desk.status()
        assert (status.state, status.commanded_flow_ul_h) == (PumpState.STOPPED, 0)
        assert status.flags & StatusFlag.MOTOR_MOVING
        assert status.measured_flow_ul_h == 3 * FLOW_UL_H
    desk.wait(600)
    assert desk.alarms is Alarm.FLOW_MISMATCH
    after = truth(desk)
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
    assert delivered_in(desk, 3600) == pytest.approx(2 * FLOW_UL_H, abs=2)
    desk.heal("runaway")
    assert delivered_in(desk, 3600) < 2
    desk.stop()
    assert desk.stopped_count == 1


def test_a_runaway_motor_at_rest_stays_there_and_runs_past_its_volume():
    desk = Desk(WITHOUT_CUT_OFF)
    desk.inject("runaway")
    assert delivered_in(desk, 600) == 0.0
    desk.run(program(vtbi_ul=1_000))
    assert delivered_in(desk, 3600) == pytest.approx(2 * FLOW_UL_H, abs=2)
    assert (desk.state, desk.status().flags & StatusFlag.MOTOR_MOVING) == (
        PumpState.COMPLETED,
        StatusFlag.MOTOR_MOVING,
    )
    desk.inject("power_cycle", for_s=10)
    desk.wait(1)
    assert delivered_in(desk, 8) < 1


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
    assert delivered_in(desk, 3600) < 1
    dead = truth(desk)
    assert (dead.powered, dead.battery_permille) == (False, 0)
    assert not any(notice.alarms for notice in desk.notices)
    desk.inject("power_cycle")
    desk.wait(5)
    assert not truth(desk).powered
    desk.heal("battery_death")
    assert desk.open(0xBEEF).boot_count == 2
    assert (desk.state, desk.status().battery_permille) == (PumpState.IDLE, 1000)


# Whole models of pumps.


@pytest.mark.parametrize("profile", [AMBULATORY_BAG, SYRINGE], ids=lambda profile: profile.model)
def test_a_real_pump_starts_late_and_stays_within_its_declared_accuracy(profile: PumpProfile):
    desk = Desk(profile)
    desk.run(program(flow_ul_h=FLOW_UL_H, vtbi_ul=40_000))
    lag_s = profile.slack_ul * 3600 / FLOW_UL_H
    assert delivered_in(desk, lag_s * 0.9) == 0.0
    desk.wait(3600)
    hour_ul = delivered_in(desk, 3600)
    assert hour_ul != pytest.approx(FLOW_UL_H, abs=10)
    assert hour_ul == pytest.approx(FLOW_UL_H, rel=profile.accuracy_permille / 1000)


@pytest.mark.hazard("H07")
@pytest.mark.parametrize("profile", [AMBULATORY_BAG, SYRINGE], ids=lambda profile: profile.model)
def test_every_model_alarms_by_its_own_line_volume(profile: PumpProfile):
    desk = Desk(profile)
    desk.run(program(flow_ul_h=5_000, vtbi_ul=40_000))
    desk.wait(600)
    desk.inject("occlusion")
    due_s = profile.occlusion_volume_ul * 3600 / 5_000
    desk.wait(due_s * 0.9)
    assert desk.state is PumpState.INFUSING
    desk.wait(due_s * 0.2)
    assert (desk.state, desk.alarms) == (PumpState.STOPPED, Alarm.OCCLUSION_DOWNSTREAM)
    before_ul = truth(desk).stored_ul
    desk.heal("occlusion")
    assert delivered_in(desk, 120) == pytest.approx(before_ul, abs=1)


def test_a_program_runs_on_the_syringe_in_its_own_steps():
    desk = Desk(SYRINGE)
    desk.run(program(flow_ul_h=FLOW_UL_H, vtbi_ul=1_000))
    desk.wait(361)
    status = desk.status()
    assert (status.state, status.program_id, status.program_ul) == (PumpState.COMPLETED, PROGRAM_ID, 1_000)
    assert status.flow_ul == 0xFFFF_FFFF
