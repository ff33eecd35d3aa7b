"""One row of the table of rules: an id of clinical.md and everything that is said under it.

Refuses to know what any rule is about, and what findings add up to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from pumpctl.core.rules.case import Case
from pumpctl.core.rules.finding import Finding, Severity

Judge: TypeAlias = Callable[[Case], Iterable[Finding]]


class Stage(Enum):
    """When a rule is judged."""

    CHECK = "every check"
    PLAN = "the plan and later"
    START = "the bag check and the start"
    DEFINITION = "nowhere: a definition"


HARD, SOFT, ADVISORY, SCHEDULE = Severity.HARD, Severity.SOFT, Severity.ADVISORY, Severity.SCHEDULE


@dataclass(frozen=True, slots=True)
class Rule:
    """`judges`: all of them speak under this id, and under no other.

    The rows of the library with this id speak too (limits.py), and each states its own severity and basis: for a
    rule without judges they are all of it. `verdicts`: what the judges may say. `inputs`: fields that they look at.
    """

    id: str
    judges: tuple[Judge, ...]
    about: str = ""
    inputs: tuple[str, ...] = ()
    verdicts: tuple[Severity, ...] = ()
    basis: str = ""
    stage: Stage = Stage.CHECK
