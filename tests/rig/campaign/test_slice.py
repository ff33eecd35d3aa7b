"""A slice of the campaign with every fault, and the scenarios that were found by one and are mended.

The slice's seed is fixed: what a longer campaign finds with others is mended there, and not by luck here.
"""

from __future__ import annotations

from pathlib import Path

from simulator.rig.campaign.drawing import drawn_plan
from simulator.rig.campaign.kinds import KINDS
from simulator.rig.campaign.performing import perform
from simulator.rig.campaign.plan import read_scenario

SEED = 1
# Runs whose orders take little more than an hour: the whole slice takes some five seconds.
SHORT_RUNS = [i for i in range(60) if drawn_plan(SEED, i, tuple(KINDS)).limit_ns < 90 * 60 * 1_000_000_000][:4]


def test_no_run_of_the_slice_breaks_an_invariant_and_most_are_started():
    print(f"pumpsim campaign --seed {SEED}/N, N in {SHORT_RUNS}")
    outcomes = {index: perform(drawn_plan(SEED, index, tuple(KINDS))) for index in SHORT_RUNS}
    assert {index: outcome.broken for index, outcome in outcomes.items() if outcome.broken} == {}
    assert sum(outcome.started for outcome in outcomes.values()) >= len(SHORT_RUNS) - 1
    assert all(outcome.is_live is not None for outcome in outcomes.values() if outcome.started)


def test_what_was_found_once_does_not_come_again():
    scenarios = sorted((Path(__file__).parents[1] / "scenarios").glob("*.json"))
    outcomes = {path.stem: perform(read_scenario(path).plan) for path in scenarios}
    assert scenarios
    assert {name: outcome.broken for name, outcome in outcomes.items() if outcome.broken} == {}
