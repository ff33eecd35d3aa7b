"""Why something was refused or stopped, and how loudly to say so. Knows no rule and no pump."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Priority(Enum):
    """Alarm priorities of IEC 60601-1-8."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


@dataclass(frozen=True, slots=True)
class Reason:
    """One limiting reason: a stable snake_case code and a line for people."""

    code: str
    message: str
