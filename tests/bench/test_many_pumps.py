"""The benchmark of many pumps, on a few: it finds every gap, and what it counts is there. Nothing is timed."""

from __future__ import annotations

import pytest

from tests.bench.many_pumps import Watched, gaps_s, watched

S = 1_000_000_000


def test_every_gap_counts_the_ones_at_both_ends_too() -> None:
    asked_ns = {"SIM-0": [0, 11 * S, 12 * S, 15 * S, 99 * S], "SIM-1": []}
    assert gaps_s(asked_ns, ["0", "1", "2"], 10 * S, 16 * S) == [1.0, 1.0, 1.0, 3.0, 6.0, 6.0]


def test_a_question_is_late_when_it_is_overdue_by_more_than_a_period() -> None:
    assert Watched([1.0, 2.0], 0.1, 50.0).late == 0
    assert Watched([1.0, 2.001], 0.1, 50.0).late == 1


@pytest.mark.timeout(300)
def test_a_few_pumps_all_infuse_and_are_all_asked() -> None:
    seen = watched(3, 2.0)
    assert len(seen.gaps_s) > 3
    assert sum(seen.gaps_s) == pytest.approx(3 * 2.0, rel=0.5)  # each was watched for as long
    assert seen.resident_mib > 10
