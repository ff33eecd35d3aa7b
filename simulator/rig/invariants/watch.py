"""One watch over one world: every event goes past every checker.

Refuses to judge by itself: each checker decides about its own invariants and writes into the same findings.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from simulator.rig.invariants.violation import Findings, Violation
from simulator.rig.world import World

Checker: TypeAlias = Callable[[World], None]


class Watch:
    """Made by `watch`. `finish` is for the end of a run."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._findings = Findings()
        self._checkers: tuple[Checker, ...] = ()
        self.undetected_excess_ul: dict[str, int] = {}

    @property
    def violations(self) -> list[Violation]:
        """What was found up to now."""
        return self._findings.violations

    def finish(self) -> bool | None:
        """The last look. Whether a fresh order could be started after everything was healed (I12); None: not tried."""
        return None

    def look(self, world: World) -> None:
        """After every event."""
        for checker in self._checkers:
            checker(world)


def watch(world: World) -> Watch:
    """Watch this world from now on."""
    made = Watch(world)
    world.observers.append(made.look)
    return made
