"""A fault, when it comes, how long it stays and how often it returns; and how people write one.

Refuses to know what a fault does: the plant, the firmware and the port each look up their own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from simulator.fault_kinds import Choice, FaultKind, Lasts, Size

__all__ = ["AtProgramVolume", "AtTherapy", "Fault", "FaultKind", "ScheduledFault", "When", "parse_fault", "scaled"]

MAX_COUNT = 1_000_000
MAX_TIMES = 1_000  # how often a line of a scenario may return
MAX_PENDING = 1_000  # faults waiting for their time: more than any scenario file has a use for
_NUMBER_AND_UNIT = re.compile(r"(-?)([0-9]{1,9})(?:\.([0-9]{1,6}))? ?([A-Za-z][A-Za-z/]{0,7}|%)", re.ASCII)
_UNITS: Mapping[str, Mapping[str, int]] = {
    "uL": {"uL": 1, "mL": 1_000},
    "uL/h": {"uL/h": 1, "mL/h": 1_000},
    "permille": {"permille": 1, "%": 10},
    "ms": {"ms": 1, "s": 1_000, "min": 60_000},
    "C": {"C": 1},
    "events": {"events": 1},
    "B/s": {"B/s": 1, "kB/s": 1_000},
}


@dataclass(frozen=True, slots=True)
class Fault:
    """A kind, for the counted kinds how often, and for those with a size how much; `by` None is the kind's default."""

    kind: FaultKind
    count: int = 1
    by: int | None = None

    @property
    def size(self) -> int:
        """How much, in the unit of its kind; the place of the name in a choice; 0 for a kind without either."""
        by = self.kind.traits.by
        if self.by is None:
            return 0 if by is None else by.default
        return self.by

    def __str__(self) -> str:
        return f"{self.kind.value}:{self.count}" if self.kind.traits.lasts is Lasts.COUNTED else self.kind.value


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
    """A line of a scenario. `for_ns` of therapy time, None: until healed. It comes `times`, `every_ns` apart."""

    fault: Fault
    when: When
    for_ns: int | None = None
    every_ns: int = 0
    times: int = 1


def parse_fault(text: str, by: str | None = None) -> Fault:
    """`occlusion`, `ignore_stop:3`, or `siphon` with `50 mL/h`. Raises ValueError with a line for people."""
    name, separator, number = text.partition(":")
    try:
        kind = FaultKind(name)
    except ValueError:
        raise ValueError(f"unknown fault {name!r}; known are {', '.join(kind.value for kind in FaultKind)}") from None
    size = None if by is None else _size(kind, by)
    if not separator:
        return Fault(kind, by=size)
    if kind.traits.lasts is not Lasts.COUNTED:
        raise ValueError(f"{name} takes no count")
    if not (number.isascii() and number.isdigit() and 1 <= int(number) <= MAX_COUNT):
        raise ValueError(f"{name}:{number}: the count is a whole number from 1 to {MAX_COUNT}")
    return Fault(kind, int(number), size)


def scaled(text: str, units: Mapping[str, int], example: str) -> int:
    """Exact: a number that is not whole in the smallest unit is refused."""
    match = _NUMBER_AND_UNIT.fullmatch(text)
    if match is None or match[4] not in units:
        raise ValueError(f"{text!r} is not {example}")
    fraction = match[3] or ""
    whole, rest = divmod(int(match[2] + fraction) * units[match[4]], 10 ** len(fraction))
    if rest:
        raise ValueError(f"{text!r} is finer than this simulator counts")
    return -whole if match[1] else whole


def _size(kind: FaultKind, text: str) -> int:
    match kind.traits.by:
        case None:
            raise ValueError(f"{kind.value} takes no size")
        case Choice(names=names):
            if text not in names:
                raise ValueError(f"{kind.value} by {text!r}: one of {', '.join(names)}")
            return names.index(text)
        case Size(unit=unit, least=least, most=most):
            size = scaled(text, _UNITS[unit], f"a size in {unit} for {kind.value}")
            if not least <= size <= most:
                raise ValueError(f"{kind.value} by {text}: from {least} to {most} {unit}")
            return size
