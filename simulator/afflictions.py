"""Which faults a pump has now, which wait for their time or volume, and what they are to the plant.

Refuses to know the firmware and the link. Times are therapy time; volumes are those of the running program.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass, replace

from simulator.faults import MAX_PENDING, AtTherapy, Fault, FaultKind, ScheduledFault
from simulator.physics import Conditions


@dataclass(frozen=True, slots=True)
class Turn:
    """A fault begins, or ends. `for_ns` of therapy time later a beginning brings its end."""

    fault: Fault
    begins: bool
    for_ns: int | None = None


class Afflictions:
    """Bounded by MAX_PENDING. The owner carries out each turn it takes and keeps `active` true."""

    def __init__(self, scenario: Iterable[ScheduledFault], start_ns: int) -> None:
        self.active: set[FaultKind] = set()
        self._by_time: list[tuple[int, int, Turn]] = []  # a heap: instant, then order of asking
        self._by_volume: list[tuple[int, int, Turn]] = []
        self._asked = 0
        for line in scenario:
            turn = Turn(line.fault, begins=True, for_ns=line.for_ns)
            if isinstance(line.when, AtTherapy):
                self.schedule(turn, start_ns + line.when.therapy_ns)
            else:
                self._push(self._by_volume, line.when.volume_ul, turn)

    def schedule(self, turn: Turn, at_ns: int) -> None:
        """Raises ValueError when too many wait already."""
        self._push(self._by_time, at_ns, turn)

    def next_ns(self) -> int | None:
        """When the next turn is due."""
        return self._by_time[0][0] if self._by_time else None

    def next_volume_ul(self) -> int | None:
        """At which program volume the next turn is due."""
        return self._by_volume[0][0] if self._by_volume else None

    def take_due(self, at_ns: int, program_ul: int | None) -> Turn | None:
        """The next turn that is due, None when none is. Without a program no volume is reached."""
        if self._by_time and self._by_time[0][0] <= at_ns:
            return heapq.heappop(self._by_time)[2]
        if self._by_volume and program_ul is not None and self._by_volume[0][0] <= program_ul:
            return heapq.heappop(self._by_volume)[2]
        return None

    def _push(self, heap: list[tuple[int, int, Turn]], due: int, turn: Turn) -> None:
        if len(self._by_time) + len(self._by_volume) >= MAX_PENDING:
            raise ValueError(f"{MAX_PENDING} faults are waiting already")
        self._asked += 1
        heapq.heappush(heap, (due, self._asked, turn))


def afflict(conditions: Conditions, kind: FaultKind, *, present: bool) -> Conditions:
    """The plant's conditions with, or without, this fault. Kinds that are none of the plant's change nothing."""
    match kind:
        case FaultKind.OCCLUSION:
            return replace(conditions, occluded=present)
        case FaultKind.AIR:
            return replace(conditions, air_at_sensor=present)
        case FaultKind.DOOR:
            return replace(conditions, door_open=present)
        case FaultKind.STALL:
            return replace(conditions, stalled=present)
        case FaultKind.MAINS_LOSS:
            return replace(conditions, on_mains=not present)
        case FaultKind.EMPTY | FaultKind.UNPLUG | FaultKind.POWER_CYCLE | FaultKind.DROP_REPLY | FaultKind.IGNORE_STOP:
            return conditions
