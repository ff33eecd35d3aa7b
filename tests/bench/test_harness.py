"""The harness alternates, takes medians and judges a goal on both sides of its edge. No clock is involved."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.bench.__main__ import ROWS, WHOLE
from tests.bench.harness import Round, Subject, line_of, measure


def subject(ours: Round, floor: Round | None, goal: float | None) -> Subject:
    return Subject("a row", "us", goal, rounds=4, ours=ours, floor=floor)


@pytest.mark.parametrize(("goal", "met"), [(2.0, True), (1.9, False)])
def test_a_ratio_meets_its_goal_up_to_the_goal_itself(goal: float, met: bool) -> None:
    row = measure(subject(lambda: [1.0, 4.0, 400.0], lambda: [2.0], goal))
    assert (row.ours, row.floor, row.ratio, row.met) == (4.0, 2.0, 2.0, met)


@pytest.mark.parametrize(("goal", "met"), [(3.0, True), (3.1, False)])
def test_without_a_floor_the_goal_is_the_least_good_value(goal: float, met: bool) -> None:
    row = measure(subject(lambda: [3.0], None, goal))
    assert (row.ours, row.floor, row.ratio, row.met) == (3.0, None, None, met)


def test_each_row_has_a_name_of_its_own() -> None:
    """And all of them are still made of what the product is made of."""
    assert not ROWS.keys() & WHOLE.keys()
    assert len(ROWS) + len(WHOLE) == 20


def test_rounds_alternate_and_so_does_who_goes_first() -> None:
    order: list[str] = []

    def side(name: str) -> Round:
        def run() -> Sequence[float]:
            order.append(name)
            return [1.0]

        return run

    measure(subject(side("ours"), side("floor"), 1.0))
    warm_up, rounds = order[:2], order[2:]
    assert warm_up == ["ours", "floor"]
    assert rounds == ["floor", "ours", "ours", "floor"] * 2


def test_the_ratio_is_taken_round_by_round() -> None:
    """A floor of two figures, as a pty's wake-up has them: each of ours is held against that of its own round."""
    slow, fast = iter([1, 5, 50, 5, 50]), iter([1, 10, 100, 10, 100])
    row = measure(subject(lambda: [float(next(fast))], lambda: [float(next(slow))], 2.0))
    assert (row.ratio, row.met) == (2.0, True)
    assert (row.ours, row.floor) == (55.0, 27.5)


def test_the_99th_percentile_is_a_sample_that_one_in_a_hundred_exceeds() -> None:
    samples = [float(each) for each in range(1, 101)]
    row = measure(subject(lambda: samples, lambda: samples, None))
    assert (row.ours_p99, row.floor_p99) == (99.0, 99.0)


def test_a_missed_goal_is_told_in_words() -> None:
    assert "NOT MET" in line_of(measure(subject(lambda: [9.0], lambda: [1.0], 2.0)))
    assert "NOT MET" not in line_of(measure(subject(lambda: [1.0], lambda: [1.0], 2.0)))


def test_without_a_goal_nothing_is_judged() -> None:
    row = measure(subject(lambda: [9.0], lambda: [1.0], None))
    assert (row.ratio, row.met) == (9.0, None)
    assert "MET" not in line_of(row)
