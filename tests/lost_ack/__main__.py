"""`make lost-ack`: ten thousand dosing commands whose answer is lost. None may be given twice, none may be sent twice.

Refuses to count a run whose outcome nobody knew after two minutes as a good one.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

from tests.lost_ack.runs import Judged, run

CHUNK = 50
SHOWN_EVERY_S = 10.0
MAX_SHOWN = 20
MOST_ROUNDS = 20  # each makes up for the tenth that the one before lacked


def main() -> int:
    asked = _arguments()
    again = f"LOST_ACK_ARGS='--seed {asked.seed} --runs {asked.runs}'"
    print(f"seed {asked.seed}; the same runs again: make lost-ack {again}", flush=True)
    tally: Counter[str] = Counter()
    slowest_s = 0.0
    for judged in _all(asked.seed, asked.runs, asked.workers):
        _count(judged, tally)
        slowest_s = max(slowest_s, judged.took_s)
        if not judged.faultless and tally["faulty"] <= MAX_SHOWN:
            print(f"NOT as promised: {judged}", flush=True)
    around = ", ".join(f"{what} {number}" for what, number in sorted(tally.items()) if what.startswith("around"))
    print(f"{tally['start']} starts, {tally['resume']} resumes written; {around}")
    print(
        f"{tally['unconfirmed']} were said to be unconfirmed; {tally['unsent']} more runs in which nothing was written"
    )
    print(f"{tally['asked']} wishes for more while the outcome was open, {tally['restarts']} restarts in that time")
    print(f"the longest took {slowest_s:.1f} s of therapy time")
    print(
        f"{tally['runs']} runs, {tally['double']} double deliveries, {tally['resends']} resends,"
        f" {tally['unresolved']} unresolved"
    )
    return 0 if tally["faulty"] == 0 and tally["runs"] == asked.runs else 1


def _all(first: int, wanted: int, workers: int) -> Iterator[Judged]:
    """Until so many commands were written. What else goes wrong keeps one in ten from being written at all."""
    shown_s, sent = time.monotonic(), 0
    with ProcessPoolExecutor(workers) as pool:
        for _ in range(MOST_ROUNDS):
            if sent == wanted:
                return
            seeds = range(first, first + wanted - sent)
            first = seeds.stop
            for judged in pool.map(run, seeds, chunksize=CHUNK):
                sent += judged.sent
                yield judged
                if time.monotonic() - shown_s > SHOWN_EVERY_S:
                    shown_s = time.monotonic()
                    print(f"{sent} of {wanted}", file=sys.stderr, flush=True)


def _count(judged: Judged, tally: Counter[str]) -> None:
    tally["runs"] += judged.sent
    tally[judged.command] += judged.sent
    tally["unsent"] += not judged.sent
    tally["unconfirmed"] += judged.unconfirmed
    tally["asked"] += judged.asked_meanwhile
    tally["restarts"] += judged.restarts_meanwhile
    tally["double"] += bool(judged.double_delivery)
    tally["resends"] += judged.resends
    tally["unresolved"] += not judged.resolved
    tally["faulty"] += not judged.faultless
    tally.update(f"around {trouble}" for trouble in judged.troubles)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make lost-ack", description="LOST_ACK_ARGS of make lost-ack")
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(32), help="of the first run")
    parser.add_argument("--workers", type=int, default=2)
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
