"""The model through time: against a second integrator, in balance, in order, and within its bounds."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from random import Random

import numpy as np
import pytest

from simulator.patient.course import (
    MAX_DOSES,
    NS_PER_HOUR,
    Dose,
    Route,
    of_trace,
    simulate,
)
from simulator.patient.model import DEPOT, HEALTHY, URINE, WASTING, Physiology, typical
from simulator.truth import TracePoint
from tests.simulator.patient import second_reading
from tests.simulator.patient.expected import DAILY, IV, ONE_HOUR, QUARTER_HOUR, SC, course

KINDS = [(HEALTHY, second_reading.HEALTHY), (WASTING, second_reading.WASTING)]


@pytest.mark.parametrize(("physiology", "again"), KINDS, ids=["healthy", "wasting"])
@pytest.mark.parametrize("clearance", [15.0, 100.0, 130.0])
def test_a_second_integrator_agrees(physiology: Physiology, again: dict[str, float], clearance: float):
    doses = [Dose(1, 11, SC, 2000 / 600), Dose(2, 2.25, IV, 2000 / 15), Dose(5, 9, IV, 2.5)]
    ours = course(physiology, doses, 24, clearance)
    written = [(dose.begin_h, dose.end_h, dose.route.value, dose.rate_mg_min) for dose in doses]
    theirs = second_reading.serum_after(again, clearance, written, 24)
    at = np.arange(len(theirs)) * second_reading.STEP_H
    assert np.max(np.abs(np.interp(ours.hours, at, theirs) - ours.serum_mmol_l[:, 0])) < 5e-4
    assert np.max(np.abs(np.interp(at, ours.hours, ours.serum_mmol_l[:, 0]) - theirs)) < 2e-3  # straight lines between


@pytest.mark.parametrize("physiology", [HEALTHY, WASTING], ids=["healthy", "wasting"])
def test_what_entered_is_what_left_and_what_is_there(physiology: Physiology, seed: int):
    print(f"seed {seed}")
    chance = Random(seed)
    doses = [_any_dose(chance) for _ in range(200)]
    for each in (DAILY, QUARTER_HOUR, doses):
        seen = course(physiology, each, 14 * 24)
        entered = sum(_within(dose, 14 * 24).mass_mg for dose in each) / 246.47
        assert seen.imbalance_mmol < 1e-9
        # Counted a second time, so that the balance cannot be at peace with doses that never came.
        began = course(physiology, [], 1).last_mmol[DEPOT:URINE].sum()
        there = seen.last_mmol[DEPOT:URINE].sum() - began
        assert there + seen.last_mmol[URINE, 0] == pytest.approx(
            entered + physiology.gut_uptake_mmol_h * 14 * 24, abs=1e-6
        )


@pytest.mark.parametrize("physiology", [HEALTHY, WASTING], ids=["healthy", "wasting"])
@pytest.mark.parametrize("clearance", [5.0, 20.0, 100.0, 250.0])
def test_the_untreated_do_not_drift(physiology: Physiology, clearance: float):
    serum = course(physiology, [], 7 * 24, clearance).serum_mmol_l
    assert np.max(np.abs(serum - serum[0])) < 1e-12


@pytest.mark.parametrize("physiology", [HEALTHY, WASTING], ids=["healthy", "wasting"])
def test_the_faster_the_same_dose_comes_the_higher_the_peak(physiology: Physiology):
    under_the_skin = [Dose(0, 10, SC, 2000 / 600)]
    fast, hour, slow = (course(physiology, each, 24).peak() for each in (QUARTER_HOUR, ONE_HOUR, under_the_skin))
    assert fast.serum_mmol_l > hour.serum_mmol_l > slow.serum_mmol_l
    assert (fast.at_h, hour.at_h) == (0.25, 1.0)
    assert 10 < slow.at_h < 12


@pytest.mark.parametrize("physiology", [HEALTHY, WASTING], ids=["healthy", "wasting"])
def test_serum_falls_as_clearance_rises(physiology: Physiology):
    seen = [course(physiology, DAILY, 7 * 24, clearance) for clearance in (20, 40, 60, 80, 100, 130)]
    for less, more in pairwise(seen):
        assert all(less.at(hour) > more.at(hour) for hour in range(0, 7 * 24 + 1, 6))


def test_more_and_longer_is_never_lower():
    less, more = ([replace(dose, rate_mg_min=rate) for dose in DAILY] for rate in (3.0, 3.1))
    assert np.all(course(WASTING, more, 72).serum_mmol_l[1:] > course(WASTING, less, 72).serum_mmol_l[1:])


def test_a_dose_cut_in_pieces_is_the_same_dose():
    whole = course(WASTING, [Dose(0, 10, SC, 10 / 3)], 24)
    pieces = course(WASTING, [Dose(part, part + 1, SC, 10 / 3) for part in range(10)], 24)
    assert pieces.at(24) == pytest.approx(whole.at(24), rel=1e-6)
    both = course(WASTING, [Dose(0, 10, SC, 1), Dose(0, 10, SC, 7 / 3)], 24)
    assert both.at(24) == pytest.approx(whole.at(24), rel=1e-12)


def test_what_begins_after_the_end_is_not_given():
    assert course(WASTING, [Dose(24, 25, IV, 100)], 24).at(24) == course(WASTING, [], 24).at(24)
    assert course(WASTING, [Dose(23, 25, IV, 100)], 24).at(24) > course(WASTING, [], 24).at(24)


def test_a_trace_becomes_what_really_entered():
    """Two minutes at 10 mL/h, one minute of occlusion, the bolus of its release, and the end."""
    minute = NS_PER_HOUR // 60
    volumes = (0.0, 1000 / 6, 2000 / 6, 2000 / 6, 3000 / 6)
    points = [TracePoint(7 * minute + each * minute, volume, 0) for each, volume in enumerate(volumes)]
    points += [TracePoint(12 * minute, 3000 / 6, 0), TracePoint(13 * minute, 3000 / 6 + 0.5, 0)]  # and half a pulse
    doses = of_trace(points, mg_per_ml=20, route=SC, from_ns=7 * minute)
    assert [dose.rate_mg_min for dose in doses] == pytest.approx([10 / 3, 10 / 3, 10 / 3, 0.01])
    assert [round(dose.begin_h * 60) for dose in doses] == [0, 1, 3, 5]
    assert sum(dose.mass_mg for dose in doses) == pytest.approx(0.5005 * 20)
    assert of_trace(points[:1], mg_per_ml=20, route=SC, from_ns=0) == []


@pytest.mark.parametrize(
    "points",
    [
        [TracePoint(0, 5, 0), TracePoint(10, 4, 0)],
        [TracePoint(10, 5, 0), TracePoint(0, 6, 0)],
        [TracePoint(10, 5, 0), TracePoint(10, 6, 0)],
    ],
    ids=["volume falls", "time falls", "volume without time"],
)
def test_a_trace_that_does_not_run_forward_is_refused(points: list[TracePoint]):
    with pytest.raises(ValueError, match="runs forward"):
        of_trace(points, mg_per_ml=20, route=SC, from_ns=0)


@pytest.mark.parametrize("until_h", [0.0, -1.0, 35 * 24 + 0.1, float("nan"), float("inf")])
def test_hours_outside_the_bounds_are_refused(until_h: float):
    with pytest.raises(ValueError, match="can be simulated"):
        simulate(typical(HEALTHY, 100), [], until_h)


def test_the_longest_course_is_simulated():
    assert simulate(typical(HEALTHY, 100), [], 35 * 24).hours[-1] == 35 * 24


@pytest.mark.parametrize(
    "dose",
    [
        Dose(1, 1, IV, 1),
        Dose(2, 1, IV, 1),
        Dose(0, 1, IV, -1),
        Dose(0, 1, IV, float("nan")),
        Dose(0, 1, IV, float("inf")),
    ],
)
def test_what_is_no_dose_is_refused(dose: Dose):
    with pytest.raises(ValueError, match="is not a dose"):
        simulate(typical(HEALTHY, 100), [dose], 1)


def test_the_number_of_doses_is_bounded():
    doses = [Dose(part / MAX_DOSES, (part + 1) / MAX_DOSES, IV, 1) for part in range(MAX_DOSES)]
    assert course(HEALTHY, doses, 1).imbalance_mmol < 1e-9
    with pytest.raises(ValueError, match=f"at most {MAX_DOSES} doses"):
        course(HEALTHY, [*doses, doses[0]], 1)


def test_a_week_takes_few_steps():
    """What a week costs, without a clock: 2 000 steps of an eighth of a millisecond."""
    assert len(course(WASTING, DAILY, 7 * 24).hours) < 2_000


def test_an_hour_that_was_not_simulated_has_no_serum():
    seen = course(HEALTHY, [], 24)
    assert seen.at(24) == pytest.approx(seen.at(0))
    for hour in (-0.001, 24.001):
        with pytest.raises(ValueError, match="was not simulated"):
            seen.at(hour)


def _any_dose(chance: Random) -> Dose:
    begin_h = chance.uniform(0, 14 * 24)
    return Dose(begin_h, begin_h + chance.uniform(0.01, 20), chance.choice(list(Route)), chance.uniform(0, 5))


def _within(dose: Dose, until_h: float) -> Dose:
    return replace(dose, end_h=min(dose.end_h, until_h))
