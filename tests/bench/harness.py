"""What a thing costs, told as a multiple of a floor that was measured in the same run.

Refuses to know what is measured (__main__.py lists it) and to fail a build on a time: it only says
whether a goal is met. Rounds of ours and of the floor alternate, and which of them goes first alternates too, so that a
busy moment of the machine falls on both. Each figure is the median, or the 99th percentile, of all samples of all
rounds; the ratio is the median of the ratios of the rounds, so that a floor that has two figures cannot choose.
"""

from __future__ import annotations

import math
import statistics
import subprocess
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

FLOORS = Path(__file__).resolve().parent / "floors"

NAME_WIDTH = 52
TITLE = f"{'':<{NAME_WIDTH}}{'p50':>9}{'p99':>9}{'floor p50':>11}{'p99':>9}  {'unit':<9}{'ratio':>7}  goal"

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
    ours_p99: float
    floor_p99: float | None = None
    note: str = ""


def measure(subject: Subject) -> Row:
    """Run all rounds of one subject, after one that does not count."""
    subject.ours()
    if subject.floor is None:
        return _alone(subject)
    subject.floor()
    ours: list[Sequence[float]] = []
    floor: list[Sequence[float]] = []
    sides = ((subject.floor, floor), (subject.ours, ours))
    for number in range(subject.rounds):
        for side, kept in reversed(sides) if number % 2 else sides:
            kept.append(side())
    ratio = statistics.median(
        statistics.median(mine) / statistics.median(its) for mine, its in zip(ours, floor, strict=True)
    )
    met = None if subject.goal is None else ratio <= subject.goal
    p50, p99 = _figures(ours)
    floor_p50, floor_p99 = _figures(floor)
    return Row(subject.name, p50, floor_p50, ratio, subject.goal, met, subject.unit, subject.rounds, p99, floor_p99)


def _alone(subject: Subject) -> Row:
    p50, p99 = _figures([subject.ours() for _ in range(subject.rounds)])
    met = None if subject.goal is None else p50 >= subject.goal
    return Row(subject.name, p50, None, None, subject.goal, met, subject.unit, subject.rounds, p99)


def _figures(rounds: Sequence[Sequence[float]]) -> tuple[float, float]:
    """The median and the 99th percentile of all samples."""
    samples = sorted(sample for each in rounds for sample in each)
    return statistics.median(samples), samples[math.ceil(len(samples) * 99 / 100) - 1]


def compiled(source: str, build: Path, *libraries: str) -> Path:
    """The program of a C floor, built anew for each run."""
    program = build / source.removesuffix(".c")
    subprocess.run(["gcc", "-O2", "-Wall", "-o", str(program), str(FLOORS / source), *libraries], check=True)
    return program


def line_of(row: Row) -> str:
    floor = f"{_text(row.floor):>11}{_text(row.floor_p99):>9}"
    bound = "" if row.goal is None else f"{'>=' if row.ratio is None else '<='} {row.goal:g}"
    verdict = {True: "met", False: "NOT MET", None: ""}[row.met]
    ratio = "-" if row.ratio is None else f"{row.ratio:.2f}"
    figures = f"{row.ours:>9.1f}{row.ours_p99:>9.1f}{floor}  {row.unit:<9}{ratio:>7}"
    note = row.note and f"\n  {row.note}"
    return f"{row.name:<{NAME_WIDTH}}{figures}  {bound:<8}{verdict}".rstrip() + note


def _text(figure: float | None) -> str:
    return "-" if figure is None else f"{figure:.1f}"
