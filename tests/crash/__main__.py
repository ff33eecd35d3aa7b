"""`make crash-test`: the daemon killed at every kind of step, and what the pump says about it afterwards.

Refuses to be satisfied with less than all: a point that was not reached, a case that did not hold and a run that took
too long are each told, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from tests.crash.lying import LIES
from tests.crash.persons import Course
from tests.crash.points import Point, Side, enumerated
from tests.crash.survival import Case, Outcome, dry_run, survive
from tests.crash.trace import Unordered, ordered, traced

BUILD = Path(__file__).resolve().parents[2] / "build/crash-test"
LIMIT_S = 18 * 60.0
TOLD_EVERY_S = 20.0
# In the middle of an infusion, right behind the START, and right behind a STOP: there the successors die as well.
NESTED_AFTER = (
    (Course.HOME, "event reply Status", 2),
    (Course.HOME, "write Start", 1),
    (Course.LEASE, "write Stop", 1),
)


def main() -> int:
    asked = _arguments()
    _preload()
    until_s = time.monotonic() + LIMIT_S
    with ThreadPoolExecutor(asked.workers) as pool:
        lives = dict(zip(Course, pool.map(dry_run, Course), strict=True))
        single = single_cases({course: life.steps for course, life in lives.items()})
        bases = [
            Case(course, Point(step, lives[course].steps.count(step) // part, Side.AFTER))
            for course, step, part in NESTED_AFTER
        ]
        nested = nested_cases([survive(base) for base in bases])
    chosen = [case for case in (*single, *nested) if asked.only in str(case)]
    print(f"{len(single)} points in {len(lives)} courses, {len(nested)} nested; {len(chosen)} are run", flush=True)
    outcomes = _run(chosen, asked.workers, until_s)
    in_order = bool(asked.only) or _traced()
    survived = _told(chosen, outcomes, len(single), len(nested))
    return 0 if survived and in_order else 1


def single_cases(steps: dict[Course, Sequence[str]]) -> list[Case]:
    """Every step of HOME; of LEASE what HOME has not."""
    cases = [Case(Course.HOME, point) for point in enumerated(steps[Course.HOME])]
    new = [step for step in steps[Course.LEASE] if step not in set(steps[Course.HOME])]
    return cases + [Case(Course.LEASE, point) for point in enumerated(new)]


def nested_cases(recovered: Sequence[Outcome]) -> list[Case]:
    """The first passage of each step of a recovery, in two lives in a row; later bases add what is new in them."""
    cases: list[Case] = []
    known: set[str] = set()
    for outcome in recovered:
        steps = dict.fromkeys(step for step in outcome.lives[-1].steps if step not in known)
        known |= set(steps)
        cases += [Case(outcome.case.course, outcome.case.point, (point, point)) for point in enumerated(list(steps))]
    return cases


def _run(cases: Sequence[Case], workers: int, until_s: float) -> list[Outcome]:
    outcomes: list[Outcome] = []
    told_s = time.monotonic()
    with ThreadPoolExecutor(workers) as pool:
        waiting = [pool.submit(survive, case) for case in cases]
        for done in as_completed(waiting):
            if done.cancelled():
                continue
            outcomes.append(done.result())
            for complaint in outcomes[-1].complaints:
                print(f"NOT SURVIVED {outcomes[-1].case}: {complaint}", flush=True)
            now_s = time.monotonic()
            if now_s - told_s > TOLD_EVERY_S:
                told_s = now_s
                print(f"{len(outcomes)} of {len(cases)}, {until_s - now_s:.0f} s left at most", flush=True)
            if now_s > until_s:
                pool.shutdown(wait=False, cancel_futures=True)
    return outcomes


def _traced() -> bool:
    """The order of the calls in an untouched daemon; and each lying one must be found out."""
    del os.environ["LD_PRELOAD"]
    try:
        calls = ordered(traced(BUILD))
    except Unordered as error:
        print(f"NOT in order: {error}")
        return False
    for call in calls:
        print(f"trace, {call}")
    believed = [lie for lie in LIES if _believed(lie)]
    return not believed


def _believed(lie: str) -> bool:
    try:
        ordered(traced(BUILD, lie))
    except Unordered as error:
        print(f"trace of a daemon that lies ({lie}) is red: {error}", flush=True)
        return False
    print(f"NOT found out: a daemon that lies ({lie})")
    return True


def _told(cases: Sequence[Case], outcomes: Sequence[Outcome], single: int, nested: int) -> bool:
    lost = [outcome for outcome in outcomes if outcome.complaints]
    missed = [outcome for outcome in outcomes if outcome.deaths == 0]
    for outcome in missed:
        print(f"never reached: {outcome.case}")
    BUILD.mkdir(parents=True, exist_ok=True)
    (BUILD / "points.txt").write_text("".join(f"{case}\n" for case in cases))
    deaths = sum(outcome.deaths for outcome in outcomes)
    survived = len(outcomes) - len(lost)
    whole = len(outcomes) == len(cases) and not lost and not missed
    verdict = (
        "all survived"
        if whole
        else f"{survived} survived, {len(missed)} not reached, {len(cases) - len(outcomes)} not run"
    )
    print(f"{single} points x before/after, nested {nested}: {verdict} ({deaths} deaths)")
    return whole


def _preload() -> None:
    """What happens below SQLite is seen by a library that every daemon of this run is started with."""
    BUILD.mkdir(parents=True, exist_ok=True)
    library = BUILD / "sync_points.so"
    source = Path(__file__).with_name("sync_points.c")
    subprocess.run(["gcc", "-O2", "-Wall", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    os.environ["LD_PRELOAD"] = str(library)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make crash-test", description="CRASH_ARGS of make crash-test")
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--only", default="", help="cases whose line holds this text")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
