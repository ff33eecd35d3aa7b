"""The plant under any conditions whatever: fluid is conserved, and looking changes nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator import motor
from simulator.instant import NS_PER_S
from simulator.physics import Plant
from simulator.plant_state import Conditions, PlantState
from simulator.profile import PROFILES, PumpProfile

FAR = 1 << 60
MOST_UL = 1e-3  # of a bag, and of what a day of sums of floats may lose


@st.composite
def conditions(draw: st.DrawFn) -> Conditions:
    flow_ul_h = draw(st.one_of(st.just(0), st.integers(100, 1_200_000)))
    return Conditions(
        interval=motor.interval_of_flow(flow_ul_h, 4) if flow_ul_h else 0,
        stop_position=draw(st.sampled_from([FAR, 400 * motor.POSITION_ONE_STEP])),
        connected=draw(st.booleans()),
        powered=draw(st.sampled_from([True, True, True, False])),
        stalled=draw(st.sampled_from([False, False, True])),
        occluded=draw(st.sampled_from([False, False, True])),
        upstream_closed=draw(st.sampled_from([False, False, True])),
        disconnected=draw(st.booleans()),
        siphon_ul_h=draw(st.sampled_from([0, 0, 1, 20_000, 10_000_000])),
        bias_permille=draw(st.sampled_from([0, -400, 80, 900])),
        drift_permille=draw(st.sampled_from([0, 7, 900])),
        common_bias_permille=draw(st.sampled_from([0, -400, 900])),
        ripple_permille=draw(st.sampled_from([0, 100, 500])),
        runaway_permille=draw(st.sampled_from([0, 0, 1_001, 10_000])),
        ambient_c=draw(st.integers(-20, 150)),
    )


STRETCHES = st.lists(st.tuples(conditions(), st.integers(1, 7_200 * NS_PER_S)), min_size=1, max_size=8)


def missing_ul(profile: PumpProfile, state: PlantState) -> float:
    return profile.reservoir_ul - state.content_ul - state.delivered_ul - state.spilled_ul - state.stored_ul


@given(STRETCHES, st.sampled_from(sorted(PROFILES)))
def test_drawn_is_delivered_and_spilled_and_stored(stretches: list[tuple[Conditions, int]], name: str):
    profile, now_ns = PROFILES[name], 0
    plant = Plant(profile, now_ns)
    before = plant.at(now_ns)
    for acts, for_ns in stretches:
        plant.change(now_ns, acts)
        for part in (3, 2, 1):
            state = plant.at(now_ns + for_ns // part)
            assert missing_ul(profile, state) == pytest.approx(0.0, abs=MOST_UL)
            assert state.entered_line_ul == pytest.approx(state.delivered_ul + state.spilled_ul + state.stored_ul)
            for rising in ("motor_position", "rotor_position", "entered_line_ul", "metered_ul"):
                assert getattr(state, rising) >= getattr(before, rising) - 2 * MOST_UL, rising  # either may be off
            assert state.content_ul >= -MOST_UL
            before = state
        now_ns += for_ns


@given(STRETCHES, st.sampled_from(sorted(PROFILES)), st.lists(st.integers(1, 999), max_size=5))
def test_who_looks_changes_nothing(stretches: list[tuple[Conditions, int]], name: str, looks: list[int]):
    now_ns = 0
    watched, left_alone = Plant(PROFILES[name], now_ns), Plant(PROFILES[name], now_ns)
    for acts, for_ns in stretches:
        watched.change(now_ns, acts)
        left_alone.change(now_ns, acts)
        for look in sorted(looks):
            watched.at(now_ns + for_ns * look // 1000)
        now_ns += for_ns
    assert watched.at(now_ns) == left_alone.at(now_ns)


@given(conditions(), st.sampled_from(sorted(PROFILES)))
def test_what_is_foretold_is_so_when_it_comes_and_not_long_before(acts: Conditions, name: str):
    plant = Plant(replace(PROFILES[name], ripple_permille=0), 0)
    plant.change(0, replace(acts, ripple_permille=0))
    profile, outlook = plant.profile, plant.outlook
    foretold = (
        ("stored_ul", outlook.pressure_alarm_ns(), profile.occlusion_volume_ul),
        ("dry_ul", outlook.dry_reaches_ns(profile.empty_stroke_ul), profile.empty_stroke_ul),
        ("void_ul", outlook.void_reaches_ns(profile.upstream_stroke_ul), profile.upstream_stroke_ul),
        ("temperature_c", outlook.warms_to_ns(profile.hot_c), profile.hot_c),
    )
    for reading, due_ns, level in foretold:
        if due_ns is None or acts.stop_position != FAR:
            continue
        assert getattr(plant.at(due_ns), reading) >= level * (1 - 1e-6)
        assert getattr(plant.at(due_ns * 99 // 100), reading) < level


def test_a_cut_off_comes_at_its_volume_and_never_before():
    profile = PROFILES["reference"]
    plant = Plant(profile, 0)
    driven = Conditions(interval=motor.interval_of_flow(10_000, profile.steps_per_ul), stop_position=FAR)
    plant.change(0, replace(driven, runaway_permille=1_500))
    cut_ns = plant.outlook.cut_ns
    assert cut_ns is not None
    limit = motor.position_of_volume(profile.cut_off_ul, profile.steps_per_ul)
    assert plant.at(cut_ns - NS_PER_S // 10).excess_position < limit <= plant.at(cut_ns).excess_position
    assert plant.at(10 * cut_ns).motor_position == plant.at(cut_ns).motor_position
