"""How many pump-hours of a campaign one core performs in a second: plans with every fault, judged by the invariants.

Refuses to choose easy plans: they are the first of the campaign with seed 1, whatever they hold.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

from simulator.rig.campaign.drawing import drawn_plan
from simulator.rig.campaign.kinds import KINDS
from simulator.rig.campaign.performing import perform
from tests.bench.harness import Subject

RUNS = 6
ROUNDS = 3
MS_PER_H = 3_600_000


@contextmanager
def campaign_speed(build: Path) -> Generator[Subject, None, None]:
    plans = [drawn_plan(1, index, tuple(KINDS)) for index in range(RUNS)]

    def pump_hours_a_second() -> list[float]:
        before = perf_counter()
        pump_ms = sum(perform(plan).pump_ms for plan in plans)
        return [pump_ms / MS_PER_H / (perf_counter() - before)]

    yield Subject(
        name="campaign, all faults, invariants watching",
        unit="pump-h/s",
        goal=1.0,
        rounds=ROUNDS,
        ours=pump_hours_a_second,
        floor=None,
    )
