"""`make stop-latency`: how long a STOP takes, over a real pty, when all is well and when the daemon hangs.

Refuses to judge a time by itself: the normal path is compared with a blocking program in C in the same run and under
the same load. The guard's 1.5 s, and that nothing doses after a STOP, are promises.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

from tests.latency.floor import Floor, floor
from tests.latency.load import Load, load
from tests.latency.trials import CHANNELS, Trial, Trouble, normal, troubled

BUILD = Path(__file__).resolve().parents[2] / "build/stop-latency"
LIMIT_S = 14 * 60.0
BUSY = 2  # processes that compute and never sleep
FLOOR_FACTOR, FLOOR_SPARE_MS = 3, 5.0  # docs/stop-latency.md
AIM_MS = 20.0
GUARD_LIMIT_MS = 1_500.0
STALL_S, LONG_STALL_S = 3, 60


def main() -> int:
    asked = _arguments()
    BUILD.mkdir(parents=True, exist_ok=True)
    until_s = time.monotonic() + LIMIT_S
    print(
        f"seed {asked.seed}; {asked.trials} trials on the normal path, {asked.guard_trials} of each other kind",
        flush=True,
    )
    with floor(BUILD) as peer, load(BUSY) as busy:
        ours, floors = _normal(asked.trials, Random(asked.seed), peer, busy, until_s)
    by_trouble = {
        trouble: _troubled(trouble, asked.guard_trials, asked.seed, asked.workers, until_s)
        for trouble in (Trouble.STALLED_AND_ASKED, Trouble.STALLED_LEASE)
    }
    once = [
        (
            f"{LONG_STALL_S} s: {Trouble.STALLED_AND_ASKED.value}",
            troubled(Trouble.STALLED_AND_ASKED, LONG_STALL_S, Random(asked.seed)),
        ),
        (
            f"{LONG_STALL_S} s: {Trouble.STALLED_LEASE.value}",
            troubled(Trouble.STALLED_LEASE, LONG_STALL_S, Random(asked.seed)),
        ),
        (Trouble.FROZEN_AND_ASKED.value, troubled(Trouble.FROZEN_AND_ASKED, STALL_S, Random(asked.seed))),
    ]
    wanted = asked.trials + 2 * asked.guard_trials
    return _told(ours, floors, {k.value: v for k, v in by_trouble.items()} | {name: [t] for name, t in once}, wanted)


def _normal(count: int, chance: Random, peer: Floor, busy: Load, until_s: float) -> tuple[list[Trial], list[int]]:
    """Batches of ours and of the floor by turns. The load rests while patients are prepared."""
    ours: list[Trial] = []
    floors: list[int] = []
    while len(ours) < count and time.monotonic() < until_s:
        ours += normal(chance, lambda _: busy.go(), min(CHANNELS, count - len(ours)))
        for _ in range(CHANNELS):
            time.sleep(chance.uniform(0.0, 0.01))
            floors.append(peer.stop_ns())
        busy.hold()
        if len(ours) % (10 * CHANNELS) == 0:
            print(f"normal path: {len(ours)} of {count}", flush=True)
    return ours, floors


def _troubled(trouble: Trouble, count: int, seed: int, workers: int, until_s: float) -> list[Trial]:
    def one(number: int) -> list[Trial]:
        return [] if time.monotonic() > until_s else [troubled(trouble, STALL_S, Random(seed + number))]

    with ThreadPoolExecutor(workers) as pool:
        return [trial for trials in pool.map(one, range(count)) for trial in trials]


def _told(ours: Sequence[Trial], floors: Sequence[int], others: dict[str, list[Trial]], wanted: int) -> int:
    normal_ms, floor_ms = [t.took_ns / 1e6 for t in ours], [ns / 1e6 for ns in floors]
    print(f"{'':<46}{'trials':>7}{'p50 ms':>9}{'p99 ms':>9}{'max ms':>9}")
    print(_line(f"request -> STOP, normal path, {BUSY} busy processes", normal_ms))
    print(_line("the same by a blocking program in C", floor_ms))
    for name, trials in others.items():
        print(_line(name, [t.took_ns / 1e6 for t in trials]))
    every = [*ours, *(trial for trials in others.values() for trial in trials)]
    guarded = [t for trials in others.values() for t in trials]
    goal_ms = FLOOR_FACTOR * _percentile(floor_ms, 99) + FLOOR_SPARE_MS
    p99_ms = _percentile(normal_ms, 99)
    goal = f"{FLOOR_FACTOR} x the C program's p99 + {FLOOR_SPARE_MS:g}"
    print(f"p99 {p99_ms:.1f} ms of at most {goal_ms:.1f} ({goal}); the aim is {AIM_MS:g} ms")
    late = [t for t in guarded if t.took_ns > GUARD_LIMIT_MS * 1e6]
    unfit = {
        "trials that were not run": max(0, wanted + 3 - len(every)),
        "normal trials in which the guard had to end the daemon": sum(t.killed for t in ours),
        "hung daemons that the guard did not end": sum(not t.killed for t in guarded),
        f"guard stops later than {GUARD_LIMIT_MS:g} ms": len(late),
        "pumps that did not stop": sum(not t.stopped for t in every),
        "trials with other than one START": sum(t.starts != 1 for t in every),
        "STARTs after a STOP": sum(t.dosed_after_stop for t in every),
    }
    for what, number in unfit.items():
        print(f"{number} {what}")
    _keep({"normal_ms": normal_ms, "floor_ms": floor_ms} | {k: [t.took_ns / 1e6 for t in v] for k, v in others.items()})
    met = p99_ms <= goal_ms and not any(unfit.values())
    print(f"{len(every)} trials: {'all as promised' if met else 'NOT as promised'}")
    return 0 if met else 1


def _line(name: str, took_ms: Sequence[float]) -> str:
    figures = (_percentile(took_ms, 50), _percentile(took_ms, 99), max(took_ms, default=0.0))
    return f"{name:<46}{len(took_ms):>7}" + "".join(f"{figure:>9.2f}" for figure in figures)


def _percentile(values: Sequence[float], percent: int) -> float:
    """Nearest rank; a percentile of nothing is infinite."""
    ranked = sorted(values)
    return ranked[-(-len(ranked) * percent // 100) - 1] if ranked else float("inf")


def _keep(figures: dict[str, list[float]]) -> None:
    (BUILD / "trials.json").write_text(json.dumps(figures) + "\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make stop-latency", description="LATENCY_ARGS of make stop-latency")
    parser.add_argument("--trials", type=int, default=1_000)
    parser.add_argument("--guard-trials", type=int, default=100)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(32))
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
