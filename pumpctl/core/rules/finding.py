"""What a rule says about an order.

Refuses to know how findings add up to a verdict.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Severity(Enum):
    """HARD: refused, nobody can override. SOFT: needs an override. The others never block."""

    HARD = "hard"
    SOFT = "soft"
    ADVISORY = "advisory"
    SCHEDULE = "schedule"


@dataclass(frozen=True, slots=True)
class Finding:
    """`value` and `limit` are texts with units; an override binds the rule id and the value."""

    rule: str
    severity: Severity
    message: str
    value: str
    limit: str
    basis: str
    overridden: bool = False
