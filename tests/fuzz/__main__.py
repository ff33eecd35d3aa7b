"""`make fuzz-orders`: two processes, a rate and the time left on standard error, wrong acceptances kept as files.

Refuses to know how an order is judged or mutated (fuzzing.py).
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from dataclasses import asdict
from itertools import islice
from pathlib import Path

from tests.fuzz import oracle
from tests.fuzz.fuzzing import PRESENT, UNREADABLE, Tally, WrongAcceptance, work

BUILD = Path(__file__).resolve().parents[2] / "build/fuzz-orders"
CHUNK = 500
MAX_WRONG = 20  # enough to see what is wrong; the run ends there
SHOWN_PAIRS = 20
SHOWN_EVERY_S = 5.0
LEAST_ACCEPTED = 0.05  # below this share the fuzzing says nothing


def main() -> int:
    asked = _arguments()
    ids = {"all": oracle.RULES, "present": oracle.RULES & PRESENT}.get(asked.ids) or frozenset(asked.ids.split(","))
    _say(f"seed {asked.seed}; the same orders again: --seed {asked.seed} --first {asked.first} --orders {asked.orders}")
    _say(f"rules of the oracle left out of this run: {' '.join(sorted(oracle.RULES - ids)) or 'none'}")
    for rule, why in oracle.NOT_COVERED.items():
        _say(f"not judged by the oracle: {rule}: {why}")
    tally = _fuzz(asked.seed, ids, range(asked.first, asked.first + asked.orders), asked.workers)
    _show_refusals(tally)
    share = tally.decisions["accepted"] / max(tally.orders, 1)
    if share < LEAST_ACCEPTED:
        print(f"only {share:.1%} of the orders were accepted: nothing is shown by that")
    print(_last_line(tally))
    return 1 if tally.wrong or share < LEAST_ACCEPTED else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make fuzz-orders", description="FUZZ_ARGS of make fuzz-orders")
    parser.add_argument("--orders", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(32))
    parser.add_argument("--first", type=int, default=0, help="index of the first order, to run one again")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--ids", default="all", help="the oracle's: all, present (in pumpctl's table), or a,list")
    return parser.parse_args()


def _fuzz(seed: int, ids: frozenset[str], indices: range, workers: int) -> Tally:
    """At most two chunks a worker are under way, so an end by wrong acceptances is soon."""
    tally, chunks = Tally(), _chunks(indices)
    began_s = shown_s = time.monotonic()
    with ProcessPoolExecutor(workers) as pool:
        pending = {pool.submit(work, seed, ids, chunk) for chunk in islice(chunks, 2 * workers)}
        while pending:
            done, pending = wait(pending, return_when=FIRST_COMPLETED)
            for future in done:
                found = future.result()
                _show_wrong(found, seed)
                tally.add(found)
                chunk = next(chunks, None) if len(tally.wrong) < MAX_WRONG else None
                if chunk is not None:
                    pending.add(pool.submit(work, seed, ids, chunk))
            now_s = time.monotonic()
            if now_s - shown_s >= SHOWN_EVERY_S:
                _say(_progress(tally, len(indices), now_s - began_s))
                shown_s = now_s
    _say(_progress(tally, len(indices), time.monotonic() - began_s))
    return tally


def _chunks(indices: range) -> Iterator[range]:
    for start in range(indices.start, indices.stop, CHUNK):
        yield range(start, min(start + CHUNK, indices.stop))


def _progress(tally: Tally, wanted: int, took_s: float) -> str:
    rate = tally.orders / max(took_s, 0.001)
    left_s = (wanted - tally.orders) / max(rate, 0.001)
    return (
        f"{tally.orders} of {wanted} orders, {rate:.0f}/s, {len(tally.wrong)} wrongly accepted,"
        f" {tally.decisions['accepted'] / max(tally.orders, 1):.1%} accepted, about {left_s / 60:.1f} min left"
    )


def _show_wrong(tally: Tally, seed: int) -> None:
    """As soon as they are known: a run that is broken off has said what it found."""
    for wrong in tally.wrong:
        where = f"{_kept(wrong, seed)} (seed {seed}, order {wrong.index})"
        print(f"wrongly accepted: {' '.join(wrong.rules)}: {where}", flush=True)


def _show_refusals(tally: Tally) -> None:
    for (rule, reason), index in list(tally.refused_alone.items())[:SHOWN_PAIRS]:
        print(f"refused without the oracle's reason: {rule}: {reason} (order {index})")


def _kept(wrong: WrongAcceptance, seed: int) -> Path:
    """The order as it can be given to pumpctl check; time, ledger and stops beside it."""
    BUILD.mkdir(parents=True, exist_ok=True)
    order = wrong.situation.order | ({"overrides": wrong.overrides} if wrong.overrides else {})
    path = BUILD / f"{seed}-{wrong.index}.json"
    path.write_text(json.dumps(order, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    beside = {
        "at_utc_ms": wrong.situation.at_us // 1000,
        "accepted_utc_ms": None if wrong.situation.accepted_us is None else wrong.situation.accepted_us // 1000,
        "ledger": [asdict(one) for one in wrong.situation.given],
        "uncleared_stops": wrong.situation.stops,
        "rules": wrong.rules,
    }
    path.with_suffix(".context.json").write_text(json.dumps(beside, indent=2) + "\n", encoding="utf-8")
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _last_line(tally: Tally) -> str:
    of = ", ".join(f"{profile} {count}" for profile, count in sorted(tally.accepted_of.items()))
    return (
        f"{tally.orders} orders, {len(tally.wrong)} wrongly accepted, {tally.decisions['accepted']} accepted"
        f" ({tally.overridden} with overrides; {of}), {tally.decisions['needs_override']} need an override,"
        f" {tally.decisions['refused']} refused, {tally.decisions[UNREADABLE]} unreadable"
    )


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
