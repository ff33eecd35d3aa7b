"""One case: a daemon dies at a point, maybe its successors too, and what is true afterwards is compared with the pump.

Refuses to trust the daemon: volumes and starts are the simulator's own. What must hold (hazards.md H44, verification.md
I1 to I3, I7, I8): nothing over-delivered, no second start, the ledger of every later life covers what was given,
nothing that doses is written by a daemon that came back, and that daemon says what the pump does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pumpctl.configuration import JournalCondition
from pumpctl.shell.chain import verify_journal
from tests.crash.pair import Died, Pair, Stuck
from tests.crash.persons import PLANS, Course, Plan, finish, play, setting
from tests.crash.points import Life, Point

ACCURACY_PERMILLE = 50  # what the reference pump declares
TRIES = 4  # polls are counted by the clock: the last one of a run need not come in the next
DOSING = frozenset({"Start", "Resume"})
BEFORE_DOSING = {"Start": ("Identify", "GetStatus", "Load", "ReadProgram"), "Resume": ("Identify", "GetStatus")}


@dataclass(frozen=True, slots=True)
class Case:
    """The first life dies at `point`, the next ones at `recoveries`, the last one lives."""

    course: Course
    point: Point
    recoveries: tuple[Point, ...] = ()

    def __str__(self) -> str:
        nested = "".join(f", then {point}" for point in self.recoveries)
        return f"{self.course.value}: {self.point}{nested}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """`deaths` as they came about; `complaints` are what did not hold."""

    case: Case
    deaths: int
    complaints: tuple[str, ...]
    lives: tuple[Life, ...]


def survive(case: Case) -> Outcome:
    """Run a case. A point that was not reached is tried again, at an earlier passage where there is one."""
    outcome = _run(case)
    for _ in range(TRIES - 1):
        if outcome.deaths > 0:
            break
        case = replace(case, point=replace(case.point, occurrence=max(1, case.point.occurrence * 4 // 5)))
        outcome = _run(case)
    return outcome


def dry_run(course: Course) -> Life:
    """A life that nobody ends before its time."""
    pair = Pair(setting(course))
    try:
        pair.start_pump()
        pair.start_daemon(None)
        play(course, pair)
        return pair.lives[0]
    finally:
        pair.clean_up()


def _run(case: Case) -> Outcome:
    pair = Pair(setting(case.course))
    deaths, complaints = 0, list[str]()
    try:
        pair.start_pump()
        pair.start_daemon(case.point)
        deaths += _lived_and_died(pair, case.course)
        for point in case.recoveries:
            pair.start_daemon(point)
            deaths += _came_back_and_died(pair, case.course)
        pair.start_daemon(None)
        told = finish(case.course, pair)
        journal = pair.ask("status")["daemon"]["journal"]
        complaints += against_truth(told, pair.truth, pair.lives, PLANS[case.course])
        code = pair.end_daemon()
        report = verify_journal(pair.state_dir)
        if code != 0:
            complaints.append(f"the last daemon ended with {code}")
        if journal != "sound" or report.condition is not JournalCondition.SOUND:
            complaints.append(f"the journal is not sound: {journal}; {report.reason}")
    except (Stuck, Died) as error:
        complaints.append(f"{type(error).__name__} {error}; pump {_pump_state(pair)}; it said: {pair.said}")
    finally:
        lives = pair.lives
        pair.clean_up()
    return Outcome(case, deaths, tuple(complaints), lives)


def _lived_and_died(pair: Pair, course: Course) -> bool:
    try:
        play(course, pair)
    except Died:
        return pair.wait_for_death()
    return pair.lives[-1].died_at is not None


def _came_back_and_died(pair: Pair, course: Course) -> bool:
    try:
        finish(course, pair)
        pair.end_daemon()
    except Died:
        return pair.wait_for_death()
    return pair.lives[-1].died_at is not None


def _pump_state(pair: Pair) -> str:
    truth = pair.truth
    return f"{truth['state']}, {truth['delivered_ul']:.1f} uL"


def against_truth(
    told: Mapping[str, Any], truth: Mapping[str, Any], lives: tuple[Life, ...], plan: Plan
) -> Iterator[str]:
    given_ul = truth["delivered_ul"]
    given_ug = given_ul * plan.ug_per_ul
    if truth["starts"] > 1 or truth["resumes"] > 1:
        yield f"{truth['starts']} starts, {truth['resumes']} resumes"
    for name in sorted(DOSING):
        if sum(life.written.count(name) for life in lives) > 1:
            yield f"{name} was written twice"
    if given_ul * 1000 > plan.vtbi_ul * (1000 + ACCURACY_PERMILLE):
        yield f"{given_ul:.1f} uL of {plan.vtbi_ul} were given"
    for number, life in enumerate(lives[1:], start=2):
        if life.ledger_ug is not None and life.ledger_ug < given_ug:
            yield f"life {number} began with {life.ledger_ug} ug in its ledger; {given_ug:.0f} were given"
        if DOSING & set(life.written):
            yield f"life {number} wrote {', '.join(sorted(DOSING & set(life.written)))}"
    for number, life in enumerate(lives, start=1):
        yield from (f"life {number}: {fault}" for fault in out_of_order(life.written))
    most_ml = told["delivered_most_ml"]
    if most_ml is not None and most_ml * 1000 < given_ul:
        yield f"at most {most_ml} mL are said to be given, {given_ul / 1000:.3f} were"
    if told["state"] == "stopped" and not told["latched"]:
        yield "stopped without a reason"


def out_of_order(written: tuple[str, ...]) -> Iterator[str]:
    """I7 and I8: who it is first, and nothing that doses before the pump's state and program were read."""
    if written and written[0] not in {"Identify", "Stop"}:
        yield f"the first frame is {written[0]}"
    for at, name in enumerate(written):
        if name in DOSING and not set(BEFORE_DOSING[name]) <= set(written[:at]):
            yield f"{name} after {', '.join(written[:at])}"
