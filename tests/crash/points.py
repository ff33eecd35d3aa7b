"""Where a daemon can die: a named step, the how-manieth passage of it, and on which side.

Refuses to know how a step is seen (seams.py). A passage is logged before it happens, so the log of a dead daemon
holds the step in which it died.
"""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path


class Side(Enum):
    """Before the step, in the middle of its bytes, or when it is done."""

    BEFORE = "before"
    TORN = "torn"
    AFTER = "after"


TORN_STEPS = ("write ", "wal write", "anchor write")  # steps of several bytes, which can be done by half


@dataclass(frozen=True, slots=True)
class Point:
    """`occurrence` counts from 1 in one life of the daemon."""

    step: str
    occurrence: int
    side: Side

    def __str__(self) -> str:
        return f"{self.side.value} {self.step} #{self.occurrence}"


class Passages:
    """Counts the passages of one life, and ends it at the wanted one as the out-of-memory killer would."""

    def __init__(self, log: Path, wanted: Point | None) -> None:
        self._log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._wanted = wanted
        self._counted: Counter[str] = Counter()
        self._lock = threading.RLock()  # loop and journal thread pass steps of their own

    @contextmanager
    def step(self, name: str, half: Callable[[], object] | None = None) -> Generator[None, None, None]:
        """Around a step. `half` does the first half of it."""
        occurrence = self.begin(name)
        if half is not None and self.ends_here(name, occurrence, Side.TORN):
            half()
            self.die()
        yield
        self.end(name, occurrence)

    def begin(self, name: str) -> int:
        """Count and log a passage; die if it is the wanted one."""
        with self._lock:
            self._counted[name] += 1
            occurrence = self._counted[name]
        self.note("step", name)
        if self.ends_here(name, occurrence, Side.BEFORE):
            self.die()
        return occurrence

    def end(self, name: str, occurrence: int) -> None:
        """The step is done."""
        if self.ends_here(name, occurrence, Side.AFTER):
            self.die()

    def passed(self, name: str) -> int:
        """How often it has been begun."""
        return self._counted[name]

    def ends_here(self, name: str, occurrence: int, side: Side) -> bool:
        """Whether this is where it dies."""
        return self._wanted == Point(name, occurrence, side)

    def note(self, what: str, value: object) -> None:
        """One line of the log, in one write."""
        os.write(self._log, f"{what} {value}\n".encode())

    def die(self) -> None:
        """No handler, no flush, no goodbye."""
        self.note("died", self._wanted)
        os.kill(os.getpid(), signal.SIGKILL)


@dataclass(frozen=True, slots=True)
class Life:
    """What the log of one life says."""

    steps: tuple[str, ...]
    died_at: str | None
    ledger_ug: int | None  # the dose ledger as this life remembered it when it began
    ended: int | None = None  # its exit code, when it ended by itself

    @property
    def written(self) -> tuple[str, ...]:
        """The messages written to the pump, in order; one torn or killed in the middle included."""
        return tuple(step.removeprefix("write ") for step in self.steps if step.startswith("write "))


def read_life(log: Path) -> Life:
    """The log of a life that has ended."""
    steps: list[str] = []
    died_at, ledger_ug, ended = None, None, None
    for line in log.read_text().splitlines() if log.exists() else ():
        what, _, value = line.partition(" ")
        if what == "step":
            steps.append(value)
        elif what == "died":
            died_at = value
        elif what == "ledger_ug":
            ledger_ug = int(value)
        elif what == "ended":
            ended = int(value)
    return Life(tuple(steps), died_at, ledger_ug, ended)


def enumerated(steps: Sequence[str]) -> list[Point]:
    """The first, a middle and the last passage of each step, on each of its sides."""
    found: list[Point] = []
    for name, count in sorted(Counter(steps).items()):
        sides = tuple(Side) if name.startswith(TORN_STEPS) else (Side.BEFORE, Side.AFTER)
        for occurrence in sorted({1, (count + 1) // 2, count}):
            found += [Point(name, occurrence, side) for side in sides]
    return found
