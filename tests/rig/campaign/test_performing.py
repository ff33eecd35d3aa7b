"""A plan performed: whole infusions when nothing goes wrong, and one outcome for one plan."""

from __future__ import annotations

from datetime import datetime
from random import Random

import pytest

from pumpctl.controller import Controller
from pumpctl.core.instant import Now
from pumpctl.effects import Effect
from pumpctl.events import Event, PumpBytes
from simulator.rig.campaign import orders
from simulator.rig.campaign.drawing import STARTS, drawn_plan
from simulator.rig.campaign.kinds import KINDS
from simulator.rig.campaign.outcome import Outcome
from simulator.rig.campaign.performing import UNCAUGHT, UnknownProfile, perform
from simulator.rig.campaign.plan import Act, Bed, Course, Deed, Incident, RunPlan

S = 1_000_000_000
MINUTE = 60 * S
ALL = tuple(KINDS)


def plan(*courses: orders.Order, start: str = STARTS[0], clears: int = 0, **more: object) -> RunPlan:
    """One bed, all in order."""
    given = tuple(
        Course(order=order, overrides=orders.OVERRIDES, after_ns=20 * S, press_after_ns=2 * S) for order in courses
    )
    bed = Bed(channel="a", patient_id="patient-0001", profile="reference", courses=given, clears=clears,
              clear_after_ns=5 * S)  # fmt: skip
    at_ms = round(datetime.fromisoformat(start).timestamp() * 1000)
    return RunPlan(seed=1, start_utc_ms=at_ms, limit_ns=720 * MINUTE, beds=(bed,)).model_copy(update=more)


def order_of(recipe: object, number: int = 0, seed: int = 1) -> orders.Order:
    order = recipe(Random(seed)).order  # pyright: ignore
    order["order_id"] = f"order-{number}"
    return order


def short() -> RunPlan:
    """An emergency dose: ten minutes."""
    return plan(order_of(orders._emergency))


GIVEN = [(recipe, STARTS[0]) for recipe in orders.RECIPES if recipe is not orders._golden] + [
    (recipe, start) for recipe in (orders._home, orders._emergency) for start in STARTS[1:]
]


@pytest.mark.parametrize(("recipe", "start"), GIVEN)
def test_each_order_is_accepted_loaded_confirmed_and_given_whole(recipe: object, start: str, seed: int):
    outcome = perform(plan(order_of(recipe, seed=seed), start=start))
    assert (outcome.started, outcome.ended, outcome.broken) == (True, "completed", ())
    assert outcome.pump_ms >= 600_000


def test_orders_follow_one_another_at_a_bed():
    both = perform(plan(order_of(orders._loading, 1), order_of(orders._emergency, 2)))
    assert both.ended == "completed"
    assert both.pump_ms > (15 + 10) * 60_000


def test_the_same_plan_is_the_same_outcome_and_another_seed_another_digest():
    drawn = drawn_plan(2, 5, ALL)
    first = perform(drawn)
    assert perform(drawn) == first
    assert perform(drawn.model_copy(update={"seed": drawn.seed + 1})).digest != first.digest


def test_a_fault_counts_when_it_begins_before_the_run_is_over():
    def outcome(at_ns: int) -> Outcome:
        return perform(short().model_copy(update={"incidents": (Incident(at_ns=at_ns, kind="door", channel="a"),)}))

    opened, never = outcome(5 * MINUTE), outcome(60 * MINUTE)
    assert (opened.fired, opened.ended) == ({"door": 1}, "latched")
    assert (never.fired, never.ended) == ({}, "completed")


def test_after_a_latch_persons_clear_and_go_on_as_often_as_the_plan_says():
    shut = Incident(at_ns=3 * MINUTE, kind="door", channel="a", for_ns=2 * S)
    two = plan(order_of(orders._emergency, 1), order_of(orders._loading, 2), incidents=(shut,))
    assert perform(two).ended == "latched"
    cleared = two.model_copy(update={"beds": (two.beds[0].model_copy(update={"clears": 3}),)})
    assert perform(cleared).ended == "completed"


def test_what_was_taken_out_before_it_began_is_prepared_once_more():
    stop = Act(at_ns=21 * S + S // 2, deed=Deed.STOP, channel="a")
    outcome = perform(plan(order_of(orders._emergency), acts=(stop,), clears=1))
    assert (outcome.started, outcome.ended) == (True, "completed")


def test_a_pause_and_a_resume_with_a_press_of_its_own():
    acts = (Act(at_ns=3 * MINUTE, deed=Deed.PAUSE, channel="a"), Act(at_ns=5 * MINUTE, deed=Deed.RESUME, channel="a"))
    paused, whole = (perform(short().model_copy(update={"acts": some})) for some in (acts, ()))
    assert paused.ended == whole.ended == "completed"
    assert 110_000 <= paused.pump_ms - whole.pump_ms <= 140_000


class Raises(Controller):
    """A daemon with a bug that a hundredth answer of the pump wakes."""

    heard = 0

    def handle(self, event: Event, now: Now) -> tuple[Effect, ...]:
        self.heard += isinstance(event, PumpBytes)
        if self.heard == 100:
            raise ArithmeticError("the hundredth answer")
        return super().handle(event, now)


def test_an_exception_of_the_daemon_is_a_finding():
    outcome = perform(short(), Raises)
    assert [broken.invariant for broken in outcome.broken] == [UNCAUGHT]
    assert "ArithmeticError" in outcome.broken[0].detail
    assert "the hundredth answer" in outcome.broken[0].detail
    assert outcome.ended == UNCAUGHT


def test_a_plan_for_an_unknown_pump_is_refused():
    bed = short().beds[0].model_copy(update={"profile": "abacus"})
    with pytest.raises(UnknownProfile, match="'abacus'"):
        perform(short().model_copy(update={"beds": (bed,)}))
