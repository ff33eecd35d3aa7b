"""What a rule says about an order.

Refuses to know how findings add up to a verdict.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final


class Severity(Enum):
    """HARD: refused, nobody can override. SOFT: needs an override. The others never block."""

    HARD = "hard"
    SOFT = "soft"
    ADVISORY = "advisory"
    SCHEDULE = "schedule"

    __hash__ = object.__hash__  # members are single; Enum would hash the name anew in every look-up


# Final and not frozen, here and in the figures: as unchangeable to the type checker, and made three times as fast.
@dataclass(slots=True, unsafe_hash=True)
class Finding:
    """`value` and `limit` are texts with units; an override binds the rule id and the value."""

    rule: Final[str]
    severity: Final[Severity]
    message: Final[str]
    value: Final[str]
    limit: Final[str]
    basis: Final[str]
    overridden: Final[bool] = False
