"""Some of the lost answers in every test run, and daemons that do the wrong thing: the rest is `make lost-ack`."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pumpctl.controller import Controller
from pumpctl.core.instant import Now
from pumpctl.effects import Effect, WritePump
from pumpctl.events import Event
from tests.controller.orders import once
from tests.lost_ack.runs import START, DosingFrames, double_delivery, run
from tests.protocols.companion.naive_frames import Receiver
from tests.system.worlds import A, S, infusing, truth

RUNS = 60


class Resending(Controller):
    """A daemon that takes no answer for a no: it writes the same START once more."""

    _last: WritePump | None = None

    def handle(self, event: Event, now: Now) -> tuple[Effect, ...]:
        effects = super().handle(event, now)
        for effect in effects:
            if isinstance(effect, WritePump) and any(f.type == START for f in Receiver().feed(effect.frame)):
                self._last = effect
        infusion = self.ward.channels[A].infusion
        if self._last is not None and infusion is not None and infusion.unconfirmed:
            again, self._last = self._last, None
            return (*effects, again)
        return effects


@pytest.mark.hazard("H55")
def test_nothing_is_sent_or_given_twice(seed: int):
    first = seed % 1_000_000_000
    judged = [run(first + number) for number in range(RUNS)]
    assert [each for each in judged if not each.faultless] == []
    assert sum(each.sent for each in judged) > RUNS // 2
    assert all(each.unconfirmed for each in judged if each.sent and not each.troubles)
    assert {each.command for each in judged} == {"start", "resume"}
    assert sum(each.asked_meanwhile for each in judged) > 0


@pytest.mark.hazard("H55")
def test_the_block_holds_over_a_restart():
    restarted = [judged for judged in map(run, range(RUNS)) if judged.restarts_meanwhile and judged.asked_meanwhile]
    assert restarted
    assert all(judged.faultless for judged in restarted)


def test_a_daemon_that_sends_again_is_found_out():
    judged = [run(seed, Resending) for seed in range(10)]
    assert any(each.resends for each in judged)
    assert all(each.resends == 0 for each in (run(each.seed) for each in judged))


def test_the_same_seed_is_the_same_run():
    assert run(7) == run(7)


def test_what_counts_as_given_twice():
    world = infusing(once(dose="50 mg", volume="2.5 mL", duration="15 min"))
    world.run_for(60 * S)
    told = truth(world)
    assert double_delivery(world, told, resumed=False) == ""
    assert "2 starts" in double_delivery(world, replace(told, starts=2), resumed=False)
    assert "1 resumes" in double_delivery(world, replace(told, resumes=1), resumed=False)
    assert double_delivery(world, replace(told, resumes=1), resumed=True) == ""
    assert "at the ordered rate" in double_delivery(world, replace(told, delivered_ul=2_000.0), resumed=False)
    assert "of 2500" in double_delivery(world, replace(told, delivered_ul=2_626.0), resumed=False)
    assert DosingFrames(world).types == [START]
