"""What a thing costs, told as a multiple of a floor that was measured in the same run.

Refuses to know what is measured (__main__.py lists it) and to fail a build on a time: it only says
whether a goal is met. Rounds of ours and of the floor alternate, and which of them goes first alternates too, so that a
busy moment of the machine falls on both. Each figure is the median of all samples of all rounds.
"""

from __future__ import annotations

import statistics
import subprocess
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

FLOORS = Path(__file__).resolve().parent / "floors"

TITLE = f"{'':<42}{'ours p50':>11}{'floor p50':>11}  {'unit':<12}{'ratio':>7}  goal"

Round = Callable[[], Sequence[float]]


@dataclass(frozen=True, slots=True)
class Subject:
    """Something to measure. With a floor the goal is the largest good ratio; without one, the least good value.

    Without a goal the row is told and not judged.
    """

    name: str
    unit: str
    goal: float | None
    rounds: int
    ours: Round
    floor: Round | None


Preparation = Callable[[Path], AbstractContextManager[Subject]]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table and of build/bench.json."""

    name: str
    ours: float
    floor: float | None
    ratio: float | None
    goal: float | None
    met: bool | None
    unit: str
    rounds: int


def measure(subject: Subject) -> Row:
    """Run all rounds of one subject, after one that does not count."""
    goal = subject.goal
    subject.ours()
    if subject.floor is None:
        ours = statistics.median(sample for _ in range(subject.rounds) for sample in subject.ours())
        met = None if goal is None else ours >= goal
        return Row(subject.name, ours, None, None, goal, met, subject.unit, subject.rounds)
    subject.floor()
    samples: dict[Round, list[float]] = {subject.ours: [], subject.floor: []}
    for number in range(subject.rounds):
        pair = (subject.ours, subject.floor) if number % 2 else (subject.floor, subject.ours)
        for side in pair:
            samples[side].extend(side())
    ours, floor = (statistics.median(samples[side]) for side in (subject.ours, subject.floor))
    met = None if goal is None else ours / floor <= goal
    return Row(subject.name, ours, floor, ours / floor, goal, met, subject.unit, subject.rounds)


def compiled(source: str, build: Path, *libraries: str) -> Path:
    """The program of a C floor, built anew for each run."""
    program = build / source.removesuffix(".c")
    subprocess.run(["gcc", "-O2", "-Wall", "-o", str(program), str(FLOORS / source), *libraries], check=True)
    return program


def line_of(row: Row) -> str:
    floor = "-" if row.floor is None else f"{row.floor:.1f}"
    ratio = "-" if row.ratio is None else f"{row.ratio:.2f}"
    bound = "" if row.goal is None else f"{'>=' if row.ratio is None else '<='} {row.goal:g}"
    verdict = {True: "met", False: "NOT MET", None: ""}[row.met]
    return f"{row.name:<42}{row.ours:>11.1f}{floor:>11}  {row.unit:<12}{ratio:>7}  {bound:<8}{verdict}".rstrip()
