"""`make ledger-property`: two processes over random histories, bounded by a number and by time.

Refuses to judge a history (history.py).
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from itertools import islice

from tests.ledger.campaign import Tally, live
from tests.ledger.oracle import CAP_7D_UG, CAP_24H_UG

CHUNK = 10
SHOWN_EVERY_S = 10.0


def main() -> int:
    asked = _arguments()
    _say(f"seed {asked.seed}; the same histories again: --seed {asked.seed} --examples {asked.examples}")
    _say(f"caps: {CAP_24H_UG / 1e6:.3f} g in any 24 h, {CAP_7D_UG / 1e6:.3f} g in any 7 days")
    tally = _run(asked)
    for line in tally.wrong:
        print(line)
    for what, count in sorted(tally.done.items()):
        print(f"  {what}: {count}")
    if tally.histories < asked.examples:
        print(f"ended by the clock after {asked.minutes} minutes: {tally.histories} of {asked.examples}")
    print(tally.last_line())
    return 1 if tally.wrong_count else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make ledger-property", description="LEDGER_ARGS of make ledger-property")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(32))
    parser.add_argument("--examples", type=int, default=5_000)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--workers", type=int, default=2)
    return parser.parse_args()


def _run(asked: argparse.Namespace) -> Tally:
    """At most two chunks a worker are under way, so that the end by the clock is soon."""
    tally, began_s = Tally(), time.monotonic()
    shown_s = began_s
    seeds = range(asked.seed, asked.seed + asked.examples)
    chunks = (seeds[start : start + CHUNK] for start in range(0, len(seeds), CHUNK))
    with ProcessPoolExecutor(asked.workers) as pool:
        pending = {pool.submit(live, chunk) for chunk in islice(chunks, 2 * asked.workers)}
        while pending:
            done, pending = wait(pending, return_when=FIRST_COMPLETED)
            for future in done:
                tally.add(future.result())
                in_time = time.monotonic() - began_s < asked.minutes * 60
                chunk = next(chunks, None) if in_time else None
                if chunk is not None:
                    pending.add(pool.submit(live, chunk))
            if time.monotonic() - shown_s >= SHOWN_EVERY_S:
                shown_s = time.monotonic()
                _say(_progress(tally, asked.examples, shown_s - began_s))
    return tally


def _progress(tally: Tally, wanted: int, took_s: float) -> str:
    rate = tally.histories / max(took_s, 0.001)
    left_s = (wanted - tally.histories) / max(rate, 0.001)
    return f"{tally.histories} of {wanted}, {rate:.1f}/s, {tally.wrong_count} wrong, about {left_s / 60:.1f} min left"


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
