"""What a check found: in order, doubtful or wrong, why, and what to do about it.

Refuses to know what was looked at. A doubt or a fault without a next step cannot be made.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Verdict(Enum):
    """A warning does not keep the daemon from its work; a fault does, or will."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line for people. `next_step` is empty when all is well."""

    check: str
    verdict: Verdict
    cause: str
    next_step: str = ""


def fine(check: str, cause: str) -> Finding:
    """As it should be; `cause` says what was seen."""
    return Finding(check, Verdict.OK, cause)


def doubt(check: str, cause: str, next_step: str) -> Finding:
    """The daemon works, and somebody should look at it."""
    return Finding(check, Verdict.WARNING, cause, next_step)


def fault(check: str, cause: str, next_step: str) -> Finding:
    """The daemon does not work like this."""
    return Finding(check, Verdict.FAULT, cause, next_step)
