"""Shrinking: down to what the failure needs, in a bounded number of tries."""

from __future__ import annotations

from random import Random

import pytest

from simulator.instant import NS_PER_S
from simulator.rig.campaign.drawing import drawn_plan
from simulator.rig.campaign.plan import Act, Deed, Incident, RunPlan
from simulator.rig.campaign.shrinking import MAX_TRIES, shrunk

S = NS_PER_S


def plan_of(*kinds: str, acts: tuple[Act, ...] = ()) -> RunPlan:
    incidents = tuple(
        Incident(at_ns=(100 + place) * S, kind=kind, channel="a", for_ns=64 * S, count=8, by=400)
        for place, kind in enumerate(kinds)
    )
    return drawn_plan(1, 1, ()).model_copy(update={"incidents": incidents, "acts": acts})


def kinds_of(plan: RunPlan) -> list[str]:
    return [incident.kind for incident in plan.incidents]


@pytest.mark.parametrize("needed", [{"c"}, {"a", "h"}, {"b", "c", "g"}])
def test_only_the_incidents_that_it_takes_are_left(needed: set[str]):
    smallest = shrunk(plan_of(*"abcdefgh"), lambda plan: needed <= set(kinds_of(plan)))
    assert set(kinds_of(smallest)) == needed


def test_a_failure_that_needs_nothing_ends_with_nothing():
    stop = Act(at_ns=50 * S, deed=Deed.STOP, channel="a")
    smallest = shrunk(plan_of("a", "b", acts=(stop,)), lambda _: True)
    assert (smallest.incidents, smallest.acts) == ((), ())
    assert len(smallest.beds) == 1
    assert all(len(bed.courses) == 1 and bed.clears == 0 for bed in smallest.beds)


def test_deeds_are_left_out_like_incidents():
    acts = tuple(Act(at_ns=50 * S, deed=deed, channel="a") for deed in Deed)
    smallest = shrunk(plan_of("a", acts=acts), lambda plan: Deed.PAUSE in {act.deed for act in plan.acts})
    assert [act.deed for act in smallest.acts] == [Deed.PAUSE]
    assert smallest.incidents == ()


def test_times_and_sizes_shrink_to_the_edge_of_the_failure():
    def fails(plan: RunPlan) -> bool:
        return any(
            i.kind == "b" and i.at_ns >= 10 * S and (i.for_ns or 0) >= 5 * S and i.count >= 3 and (i.by or 0) >= 90
            for i in plan.incidents
        )

    (left,) = shrunk(plan_of(*"abcd"), fails).incidents
    assert left.kind == "b"
    assert 10 * S <= left.at_ns < 20 * S
    assert 5 * S <= (left.for_ns or 0) < 10 * S
    assert 3 <= left.count < 6
    assert 90 <= (left.by or 0) < 180


def test_what_is_left_always_fails_and_tries_are_bounded(seed: int):
    """Whatever the failure depends on, even chance itself."""
    chance = Random(seed)
    for _ in range(50):
        needed = set(chance.sample("abcdefgh", chance.randint(1, 3)))
        asked: list[RunPlan] = []

        def fails(plan: RunPlan, needed: set[str] = needed, asked: list[RunPlan] = asked) -> bool:
            asked.append(plan)
            return needed <= set(kinds_of(plan)) and chance.random() < 0.7

        whole = plan_of(*"abcdefgh")
        smallest = shrunk(whole, fails)
        assert needed <= set(kinds_of(smallest))
        assert len(asked) <= MAX_TRIES


def test_no_tries_no_change():
    whole = plan_of("a", "b")
    assert shrunk(whole, lambda _: True, max_tries=0) == whole
