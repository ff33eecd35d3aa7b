"""Orders as doses over time: the examples, hour by hour, accepted and refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from pumpctl.core.order import Order
from pumpctl.core.order_text import parse_order
from pumpctl.core.validation import Decision
from simulator.patient.course import Dose, Route
from simulator.rig.virtual_patient.prescribed import Prescribed, findings_against, prescribed
from tests.core.golden import EXAMPLES, LIBRARY, instant, order


def example(name: str) -> Prescribed:
    path = EXAMPLES / name
    return of(parse_order(path.read_bytes(), path.name))


def of(given: Order) -> Prescribed:
    return prescribed(given, LIBRARY, None)


def assert_dose(dose: Dose, begin_h: float, end_h: float, route: Route, rate_mg_min: float):
    assert (dose.begin_h, dose.end_h, dose.rate_mg_min) == pytest.approx((begin_h, end_h, rate_mg_min))
    assert dose.route is route


def test_the_golden_order_is_fourteen_evenings_of_two_grams():
    given = example("golden-home-sc-accepted.json")
    assert given.verdict.decision is Decision.ACCEPTED
    assert given.begin_h == tuple(24.0 * day for day in range(14))
    assert len(given.doses) == 14
    assert_dose(given.doses[0], 0, 10, Route.SUBCUTANEOUS, 10 / 3)
    assert_dose(given.doses[13], 13 * 24, 13 * 24 + 10, Route.SUBCUTANEOUS, 10 / 3)
    assert sum(dose.mass_mg for dose in given.doses) == pytest.approx(28_000)


def test_a_clock_change_moves_the_hours_of_a_local_time():
    """Berlin's last Sunday of October has 25 hours; what the rules say to the new dates is not asked here."""
    dates = {"schedule.first_date": "2026-10-24", "schedule.last_date": "2026-10-26"}
    assert of(order(dates)).begin_h == (0.0, 25.0, 49.0)


def test_phases_follow_each_other():
    given = example("accepted/loading_then_continuous.json")
    assert given.begin_h == (0.0,)
    loading, tail = given.doses
    assert_dose(loading, 0, 0.25, Route.INTRAVENOUS, 2000 / 15)
    assert_dose(tail, 0.25, 20.25, Route.INTRAVENOUS, 2.0)


def test_more_than_a_reservoir_comes_in_containers_one_after_the_other():
    given = example("accepted/monitored_iv_continuous.json")
    assert given.doses[0].begin_h == 0.0
    assert all(before.end_h == after.begin_h for before, after in zip(given.doses, given.doses[1:], strict=False))


@pytest.mark.parametrize("path", sorted((EXAMPLES / "accepted").glob("*.json")), ids=lambda path: path.stem)
def test_every_accepted_example_can_be_given(path: Path):
    given = of(parse_order(path.read_bytes(), path.name))
    assert given.verdict.decision is Decision.ACCEPTED
    assert given.doses
    assert findings_against(given.verdict) == ()


def test_what_lacks_an_override_says_of_which_rule():
    given = example("golden-home-sc.json")
    assert given.verdict.decision is Decision.NEEDS_OVERRIDE
    assert findings_against(given.verdict) == ("Q31",)
    assert len(given.doses) == 14


def test_a_refused_order_is_dosed_as_it_stands_written():
    given = example("refused-ten-fold-rate.json")
    assert given.verdict.decision is Decision.REFUSED
    assert findings_against(given.verdict) == ("P03",)
    assert_dose(given.doses[0], 0, 1, Route.SUBCUTANEOUS, 100 / 3)


def test_what_the_pump_alone_cannot_do_is_refused_too():
    """0.05 mL/h is below what the reference pump sets."""
    slow = {"phases.0.flow": "0.05 mL/h", "phases.0.duration": "2000 h"}
    given = of(order(slow))
    assert given.verdict.decision is Decision.REFUSED
    assert "U04" in findings_against(given.verdict)


@pytest.mark.parametrize(
    "changes",
    [
        {"phases.0.flow": None},
        {"phases.0.flow": "0 mL/h"},
        {"phases.0.volume": "0 mL"},
        {"phases.0.bag.content": None},
        {"product.basis": None},
        {"route": "intrathecal"},
        {"schedule.first_date": None},
        {"schedule.local_time": "25:00"},
    ],
    ids=str,
)
def test_what_an_order_leaves_open_is_not_dosed(changes: dict[str, str | None]):
    given = of(order(changes))
    assert given.verdict.decision is Decision.REFUSED
    assert findings_against(given.verdict)
    assert given.doses == ()


def test_judged_when_the_first_infusion_is_due_or_when_told():
    path = EXAMPLES / "golden-home-sc-accepted.json"
    golden = parse_order(path.read_bytes(), path.name)
    assert prescribed(golden, LIBRARY, None).verdict.decision is Decision.ACCEPTED
    late = prescribed(golden, LIBRARY, instant("2027-06-01T00:00:00Z"))
    assert "U03" in findings_against(late.verdict)
