"""What really left the pump of a whole virtual run drives the virtual patient: the plan, an occlusion, a stop."""

from __future__ import annotations

import pytest

from simulator.faults import FaultKind
from simulator.patient.course import NS_PER_HOUR, Course, Dose, Route, of_trace, simulate
from simulator.patient.model import WASTING, typical
from simulator.rig.world import World
from tests.controller.orders import golden
from tests.system.worlds import HOUR, MG_PER_ML, MINUTE, A, heal, infusing, inject, state, truth, until

UNTIL_H = 24.0
PLANNED = [Dose(0, 10, Route.SUBCUTANEOUS, 10 / 3)]


def given(made: World, begun_ns: int) -> list[Dose]:
    points = made.pumps[A].trace.points
    return of_trace(points, mg_per_ml=MG_PER_ML, route=Route.SUBCUTANEOUS, from_ns=begun_ns)


def serum(doses: list[Dose]) -> Course:
    return simulate(typical(WASTING, 100), doses, UNTIL_H)


def test_a_whole_infusion_gives_the_serum_that_its_order_gives():
    made = infusing(golden())
    begun_ns = made.now_ns
    until(made, lambda: state(made) == "completed", 11 * HOUR)
    doses = given(made, begun_ns)
    delivered_mg = truth(made).delivered_ul / 1000 * MG_PER_ML
    assert sum(dose.mass_mg for dose in doses) == pytest.approx(delivered_mg, rel=1e-3)
    planned, true = serum(PLANNED), serum(doses)
    assert true.imbalance_mmol < 1e-9
    for hour in (0, 1, 5, 10, 24):
        assert true.at(hour) == pytest.approx(planned.at(hour), rel=0.005)
    assert true.peak().at_h == pytest.approx(planned.peak().at_h, abs=0.1)


def test_an_occlusion_reaches_the_patient_as_it_was():
    """Stopped after an hour and released two hours later: what was held by the line comes then, and no more."""
    made = infusing(golden())
    begun_ns = made.now_ns
    made.run_for(HOUR)
    inject(made, FaultKind.OCCLUSION)
    until(made, lambda: state(made) == "stopped", HOUR)
    stopped_h = (made.now_ns - begun_ns) / NS_PER_HOUR
    made.run_for(2 * HOUR)
    heal(made, FaultKind.OCCLUSION)
    made.run_for(10 * MINUTE)
    doses = given(made, begun_ns)
    true = serum(doses)
    held_mg = sum(dose.mass_mg for dose in doses if dose.begin_h > stopped_h + 1)
    assert 0 < held_mg < 0.02 * 2000
    assert sum(dose.mass_mg for dose in doses) == pytest.approx(truth(made).delivered_ul / 1000 * MG_PER_ML, rel=1e-3)
    assert true.at(24) < serum(PLANNED).at(24) - 0.05
    assert true.peak().serum_mmol_l < serum(PLANNED).peak().serum_mmol_l - 0.1
