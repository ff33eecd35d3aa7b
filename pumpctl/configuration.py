"""What the person who set the daemon up has told it: parsed elsewhere, decided on here.

Refuses to know files and environment (shell/settings.py reads those).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Mode(Enum):
    """Which pumps may be driven at all: rig takes simulated and bench pumps, therapy real ones."""

    RIG = "rig"
    THERAPY = "therapy"


@dataclass(frozen=True, slots=True)
class NewEraSetup:
    """What a New Era pump cannot tell of itself. `safe_s`: the silence after which it stops, 0 for basic mode.

    `simulated`: the person who set it up says so, for the pump has no serial number (docs/dialects/new_era.md).
    """

    address: int
    diameter_um: int
    syringe_ul: int
    safe_s: int
    simulated: bool


@dataclass(frozen=True, slots=True)
class ChannelConfiguration:
    """One pump: the name people use, how it speaks, and the serial number it must answer with.

    `battery_life_h`: from full to nothing at a usual flow; the link does not tell it. A day is what small ambulatory
    pumps last on one set of cells at least (project).
    `firmware`: the "MODEL VERSION" pairs that may be driven (H62). None: any of a simulated pump, none of a real one.
    """

    name: str
    dialect: str
    serial: str
    patient_id: str
    battery_life_h: int = 24
    firmware: tuple[str, ...] | None = None
    new_era: NewEraSetup | None = None  # of that dialect, and of no other
    line: str = ""  # the name of the line that it shares with other channels; empty: it has one of its own


@dataclass(frozen=True, slots=True)
class ControllerConfiguration:
    """`speed` scales therapy time; other than 1 it is refused unless the pump says it is simulated."""

    mode: Mode
    speed: int
    channels: tuple[ChannelConfiguration, ...]


class JournalCondition(Enum):
    """What the shell found when it opened the journal."""

    SOUND = "sound"
    DAMAGED = "damaged"  # chain, anchor or epoch does not hold: STOP-only, caps assumed used


@dataclass(frozen=True, slots=True)
class PastRecord:
    """One journal record as read back at start-up. `body` is the parsed JSON that was recorded."""

    seq: int
    kind: str
    body: dict[str, object]
    utc_ms: int


@dataclass(frozen=True, slots=True)
class JournalContent:
    """The past, oldest first, with the verdict on it."""

    condition: JournalCondition
    reason: str
    records: tuple[PastRecord, ...]
