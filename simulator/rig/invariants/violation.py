"""A broken invariant, and the list of them.

Refuses to grow without end: of one invariant only the first few are kept, the rest counted.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

KEPT_OF_EACH = 20


@dataclass(frozen=True, slots=True)
class Violation:
    """`invariant` is I1 to I12, `at_ns` world time."""

    invariant: str
    at_ns: int
    detail: str


@dataclass(slots=True)
class Findings:
    """What the checkers of one run have found."""

    violations: list[Violation] = field(default_factory=list[Violation])
    counts: Counter[str] = field(default_factory=Counter[str])

    def add(self, invariant: str, at_ns: int, detail: str) -> None:
        """Note a violation."""
        self.counts[invariant] += 1
        if self.counts[invariant] <= KEPT_OF_EACH:
            self.violations.append(Violation(invariant, at_ns, detail))
