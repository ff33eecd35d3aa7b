"""What can go wrong with a simulated pump, when, and for how long.

Refuses to know what a fault does: the plant, the firmware and the port each look up their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

MAX_COUNT = 1_000_000
MAX_PENDING = 1_000  # faults waiting for their time: more than any scenario file has a use for


class FaultKind(Enum):
    """The last two are used up by counting; `power_cycle` ends by itself; the others last until healed."""

    OCCLUSION = "occlusion"  # the line is closed downstream of the pressure sensor
    AIR = "air"  # a bubble at the sensor
    DOOR = "door"  # the door is open
    EMPTY = "empty"  # the bag holds less than the pump believes: nothing. Healed: a full bag hangs there
    STALL = "stall"  # the rotor does not follow its steps
    MAINS_LOSS = "mains_loss"  # on battery
    UNPLUG = "unplug"  # the companion's cable is out
    POWER_CYCLE = "power_cycle"  # power off, and on again
    DROP_REPLY = "drop_reply"  # the next n requests are carried out and not answered
    IGNORE_STOP = "ignore_stop"  # the next n STOPs are not seen


_COUNTED = frozenset({FaultKind.DROP_REPLY, FaultKind.IGNORE_STOP})


@dataclass(frozen=True, slots=True)
class Fault:
    """A kind, and for the counted kinds how often."""

    kind: FaultKind
    count: int = 1

    def __str__(self) -> str:
        return f"{self.kind.value}:{self.count}" if self.kind in _COUNTED else self.kind.value


@dataclass(frozen=True, slots=True)
class AtTherapy:
    """At this instant of therapy time, counted from the simulator's start."""

    therapy_ns: int


@dataclass(frozen=True, slots=True)
class AtProgramVolume:
    """When the running program has counted this volume."""

    volume_ul: int


When: TypeAlias = AtTherapy | AtProgramVolume


@dataclass(frozen=True, slots=True)
class ScheduledFault:
    """A line of a scenario. `for_ns` of therapy time, None: until healed."""

    fault: Fault
    when: When
    for_ns: int | None = None


def parse_fault(text: str) -> Fault:
    """`occlusion`, or `ignore_stop:3`. Raises ValueError with a line for people."""
    name, separator, number = text.partition(":")
    try:
        kind = FaultKind(name)
    except ValueError:
        raise ValueError(f"unknown fault {name!r}; known are {', '.join(kind.value for kind in FaultKind)}") from None
    if not separator:
        return Fault(kind)
    if kind not in _COUNTED:
        raise ValueError(f"{name} takes no count")
    if not (number.isascii() and number.isdigit() and 1 <= int(number) <= MAX_COUNT):
        raise ValueError(f"{name}:{number}: the count is a whole number from 1 to {MAX_COUNT}")
    return Fault(kind, int(number))
