"""A plan that breaks an invariant, made as small as it can be while it still breaks the same one.

Refuses to know why. A shorter run first, then the fewest incidents and deeds (delta debugging), then shorter times,
smaller sizes, fewer beds and courses. Every try is a whole run, so their number is bounded; what is left when they are
used up is still a plan that fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import pairwise
from typing import TypeAlias

from simulator.instant import NS_PER_S
from simulator.rig.campaign.plan import Act, Bed, Incident, RunPlan

MAX_TRIES = 150
SHORTEST_NS = NS_PER_S  # below this a shorter time is no help to who reads it
MINUTE_NS = 60 * NS_PER_S

Fails: TypeAlias = Callable[[RunPlan], bool]
Happening: TypeAlias = Incident | Act
Move: TypeAlias = Callable[[RunPlan], RunPlan | None]
Changes: TypeAlias = dict[str, int] | None


def shrunk(plan: RunPlan, fails: Fails, max_tries: int = MAX_TRIES) -> RunPlan:
    """`fails` says whether a plan still breaks what it must break; it is never asked about `plan` itself."""
    bounded = _Bounded(fails, max_tries)
    while (sooner := _sooner_over(plan)) is not None and bounded(sooner):
        plan = sooner  # first of all: what follows asks often, and a short run is answered soon
    while bounded.tries_left > 0:
        smaller = _simpler(_fewest(plan, bounded), bounded)
        if smaller == plan:
            break
        plan = smaller
    return plan


class _Bounded:
    """The question, as often as it may be asked; then everything seems to hold."""

    def __init__(self, fails: Fails, tries: int) -> None:
        self._fails = fails
        self.tries_left = tries

    def __call__(self, plan: RunPlan) -> bool:
        if self.tries_left <= 0:
            return False
        self.tries_left -= 1
        return self._fails(plan)


def _fewest(plan: RunPlan, fails: Fails) -> RunPlan:
    """Delta debugging over everything that happens: leave out ever smaller parts."""
    kept: list[Happening] = [*plan.incidents, *plan.acts]
    parts = 1
    while kept:
        for left in _without_a_part(kept, parts):
            smaller = _with(plan, left)
            if fails(smaller):
                kept, plan, parts = left, smaller, max(1, parts - 1)
                break
        else:
            if parts >= len(kept):
                break
            parts = min(len(kept), 2 * parts)
    return plan


def _without_a_part(kept: list[Happening], parts: int) -> Iterator[list[Happening]]:
    bounds = [len(kept) * number // parts for number in range(parts + 1)]
    for begin, end in pairwise(bounds):
        yield kept[:begin] + kept[end:]


def _with(plan: RunPlan, kept: Sequence[Happening]) -> RunPlan:
    incidents = tuple(each for each in kept if isinstance(each, Incident))
    acts = tuple(each for each in kept if isinstance(each, Act))
    return plan.model_copy(update={"incidents": incidents, "acts": acts})


def _simpler(plan: RunPlan, fails: Fails) -> RunPlan:
    """Each move is made as often as the plan still fails after it."""
    for move in _moves(plan):
        while (candidate := move(plan)) is not None and fails(candidate):
            plan = candidate
    return plan


def _moves(plan: RunPlan) -> Iterator[Move]:
    """Those of whole lists last: each keeps the places of what the earlier ones change."""
    yield _sooner_over
    for place in range(len(plan.incidents)):
        for milder in (_sooner, _shorter, _less_often, _less):
            yield partial(_changed, milder, place)
    yield _acts_sooner
    yield _fewer_beds
    for change in (_without_last_course, _without_first_course, _without_clears):
        yield partial(_other_beds, change)


def _sooner_over(plan: RunPlan) -> RunPlan | None:
    return None if plan.limit_ns <= MINUTE_NS else plan.model_copy(update={"limit_ns": _half(plan.limit_ns)})


def _changed(milder: Callable[[Incident], Changes], place: int, plan: RunPlan) -> RunPlan | None:
    """Sooner, shorter, less often, or half as much."""
    changes = milder(plan.incidents[place])
    if changes is None:
        return None
    incidents = list(plan.incidents)
    incidents[place] = incidents[place].model_copy(update=changes)
    return plan.model_copy(update={"incidents": tuple(incidents)})


def _sooner(incident: Incident) -> Changes:
    return {"at_ns": _half(incident.at_ns)} if incident.at_ns > SHORTEST_NS else None


def _shorter(incident: Incident) -> Changes:
    is_long = incident.for_ns is not None and incident.for_ns > SHORTEST_NS
    return {"for_ns": _half(incident.for_ns or 0)} if is_long else None


def _less_often(incident: Incident) -> Changes:
    return {"count": incident.count // 2} if incident.count > 1 else None


def _less(incident: Incident) -> Changes:
    return {"by": int(incident.by / 2)} if incident.by is not None and abs(incident.by) > 1 else None


def _acts_sooner(plan: RunPlan) -> RunPlan | None:
    acts = tuple(act.model_copy(update={"at_ns": _half(act.at_ns)}) for act in plan.acts)
    return None if acts == plan.acts else plan.model_copy(update={"acts": acts})


def _fewer_beds(plan: RunPlan) -> RunPlan | None:
    named = {each.channel for each in (*plan.incidents, *plan.acts)}
    beds = tuple(bed for bed in plan.beds if bed.channel in named) or plan.beds[:1]
    return None if beds == plan.beds else plan.model_copy(update={"beds": beds})


def _other_beds(change: Callable[[Bed], Bed], plan: RunPlan) -> RunPlan | None:
    beds = tuple(change(bed) for bed in plan.beds)
    return None if beds == plan.beds else plan.model_copy(update={"beds": beds})


def _without_last_course(bed: Bed) -> Bed:
    return bed.model_copy(update={"courses": bed.courses[:-1] or bed.courses})


def _without_first_course(bed: Bed) -> Bed:
    return bed.model_copy(update={"courses": bed.courses[1:] or bed.courses})


def _without_clears(bed: Bed) -> Bed:
    return bed.model_copy(update={"clears": 0})


def _half(span_ns: int) -> int:
    """Whole seconds: people read them."""
    return max(SHORTEST_NS, span_ns // 2 // NS_PER_S * NS_PER_S)
