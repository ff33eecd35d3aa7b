"""What is taken away: a control, its kind, the file that holds it, and how it falls silent.

Refuses to know which controls there are (listing.py asks the program) and which tests there are (trial.py runs them).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

Anything: TypeAlias = Any
"""What a function takes or gives that another one stands in for."""
Fired: TypeAlias = Callable[[str], None]
"""Told the name of a control that has just spoken."""


@dataclass(frozen=True, slots=True)
class Control:
    """`disable` silences it in this process, for good: whoever calls it does so in a process of its own."""

    name: str
    file: str  # from the root of the repository
    disable: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Group:
    """Controls of one kind, and how to hear each of them speak while a test runs."""

    kind: str
    controls: tuple[Control, ...]
    watch: Callable[[Fired], None]
    """Tells the name of each control when it finds, refuses or emits something, in this process, for good."""
