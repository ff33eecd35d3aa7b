"""What goes wrong in the machine and the fluid: each kind against a pump without it, and what the pump notices."""

from __future__ import annotations

from dataclasses import replace

import pytest

from protocols.companion import messages as m
from protocols.companion.vocabulary import Alarm, PumpState
from simulator.profile import AMBULATORY_BAG, REFERENCE, SYRINGE, PumpProfile
from tests.simulator.desk import PROGRAM_ID, Desk, program

FLOW_UL_H = 10_000
WITHOUT_METER = replace(REFERENCE, has_flow_sensor=False)


def infusing(profile: PumpProfile = REFERENCE, flow_ul_h: int = FLOW_UL_H) -> Desk:
    desk = Desk(profile)
    desk.run(program(flow_ul_h=flow_ul_h, vtbi_ul=40_000))
    desk.wait(60)
    return desk


# The line.


@pytest.mark.hazard("H08")
def test_a_closed_clamp_at_the_bag_gives_no_fluid_and_alarms_by_its_vacuum():
    desk = infusing()
    before = desk.truth
    desk.inject("upstream_occlusion")
    felt_s = REFERENCE.upstream_stroke_ul * 3600 / FLOW_UL_H
    desk.wait(felt_s - 0.01)
    status = desk.status()
    assert (status.state, status.alarms) == (PumpState.INFUSING, Alarm(0))
    assert status.motor_ul == status.encoder_ul > before.motor_ul + 50
    assert status.flow_ul == before.flow_ul
    desk.wait(0.02)
    assert (desk.state, desk.alarms) == (PumpState.STOPPED, Alarm.OCCLUSION_UPSTREAM)
    after = desk.truth
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
    assert desk.delivered_in(60) == pytest.approx(1_000 + own_ul, rel=0.01)
    status = desk.status()
    assert status.motor_ul - before.motor_ul == status.encoder_ul - before.encoder_ul == pytest.approx(own_ul, abs=1)
    if profile.has_flow_sensor:
        assert status.flow_ul - before.flow_ul == pytest.approx(1_000 + own_ul, abs=1)
    desk.heal("siphon")
    assert desk.delivered_in(60) == pytest.approx(own_ul, abs=5)


def test_a_siphon_ends_with_the_bag_and_opens_no_closed_line():
    desk = infusing()
    desk.inject("siphon", by="100 mL/h")
    desk.inject("occlusion")
    assert desk.delivered_in(60) == 0.0
    desk.heal("occlusion")
    desk.wait(4 * 3600)
    after = desk.truth
    assert after.bag_ul == pytest.approx(0.0, abs=1e-6)
    assert after.delivered_ul + after.stored_ul == pytest.approx(REFERENCE.reservoir_ul, abs=0.01)


@pytest.mark.hazard("H14")
def test_off_the_patient_the_volume_runs_on_the_floor_at_a_low_pressure():
    desk = infusing()
    before, pressure_mmhg = desk.truth, desk.status().pressure_mmhg
    desk.inject("disconnect")
    desk.wait(360)
    after, status = desk.truth, desk.status()
    assert after.delivered_ul == before.delivered_ul
    assert after.spilled_ul == pytest.approx(1_000, abs=1)
    assert status.motor_ul - before.motor_ul == pytest.approx(1_000, abs=1)
    assert status.pressure_mmhg == pressure_mmhg - REFERENCE.patient_pressure_mmhg
    assert (status.state, status.alarms) == (PumpState.INFUSING, Alarm(0))
    desk.heal("disconnect")
    assert desk.delivered_in(360) == pytest.approx(1_000, abs=1)


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
    assert desk.truth.bag_ul == 0.0


# Whole models of pumps.


@pytest.mark.parametrize("profile", [AMBULATORY_BAG, SYRINGE], ids=lambda profile: profile.model)
def test_a_real_pump_starts_late_and_stays_within_its_declared_accuracy(profile: PumpProfile):
    desk = Desk(profile)
    desk.run(program(flow_ul_h=FLOW_UL_H, vtbi_ul=40_000))
    lag_s = profile.slack_ul * 3600 / FLOW_UL_H
    assert desk.delivered_in(lag_s * 0.9) == 0.0
    desk.wait(3600)
    hour_ul = desk.delivered_in(3600)
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
    before_ul = desk.truth.stored_ul
    desk.heal("occlusion")
    assert desk.delivered_in(120) == pytest.approx(before_ul, abs=1)


def test_a_program_runs_on_the_syringe_in_its_own_steps():
    desk = Desk(SYRINGE)
    desk.run(program(flow_ul_h=FLOW_UL_H, vtbi_ul=1_000))
    desk.wait(361)
    status = desk.status()
    assert (status.state, status.program_id, status.program_ul) == (PumpState.COMPLETED, PROGRAM_ID, 1_000)
    assert status.flow_ul == 0xFFFF_FFFF
