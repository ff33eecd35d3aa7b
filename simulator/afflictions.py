"""Which faults a pump has now, which wait for their time or volume, and what they are to the plant.

Refuses to know the firmware and the link. Times are therapy time; volumes are those of the running program.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass, replace

from simulator.fault_kinds import Lasts
from simulator.faults import MAX_PENDING, AtTherapy, Fault, FaultKind, ScheduledFault
from simulator.instant import NS_PER_H
from simulator.plant_state import Conditions
from simulator.thermal import ROOM_C

MAX_DRIFT_PERMILLE = 900


@dataclass(frozen=True, slots=True)
class Turn:
    """A fault begins, or ends. `for_ns` of therapy time later a beginning brings its end; `times` more follow it."""

    fault: Fault
    begins: bool
    for_ns: int | None = None
    every_ns: int = 0
    times: int = 1


class Afflictions:
    """Bounded by MAX_PENDING. The owner carries out each turn it takes."""

    def __init__(self, scenario: Iterable[ScheduledFault], start_ns: int) -> None:
        self.active: dict[FaultKind, int] = {}  # with its size
        self.drift_due_ns: int | None = None  # when a growing rate error is one more per mille
        self._by_time: list[tuple[int, int, Turn]] = []  # a heap: instant, then order of asking
        self._by_volume: list[tuple[int, int, Turn]] = []
        self._asked = 0
        for line in scenario:
            turn = Turn(line.fault, begins=True, for_ns=line.for_ns, every_ns=line.every_ns, times=line.times)
            if isinstance(line.when, AtTherapy):
                self.schedule(turn, start_ns + line.when.therapy_ns)
            else:
                self._push(self._by_volume, line.when.volume_ul, turn)

    def schedule(self, turn: Turn, at_ns: int) -> None:
        """Raises ValueError when too many wait already."""
        self._push(self._by_time, at_ns, turn)

    def begin(self, turn: Turn, at_ns: int) -> None:
        """It is there now; its end and its return are arranged."""
        if turn.for_ns is not None:
            self.schedule(Turn(turn.fault, begins=False), at_ns + turn.for_ns)
        if turn.times > 1:
            self.schedule(replace(turn, times=turn.times - 1), at_ns + turn.every_ns)
        kind = turn.fault.kind
        if kind.traits.lasts is Lasts.UNTIL_HEALED:
            self.active[kind] = turn.fault.size
        if kind is FaultKind.RATE_DRIFT:
            self.drift_due_ns = at_ns + NS_PER_H // turn.fault.size

    def end(self, kind: FaultKind) -> None:
        """It is gone."""
        self.active.pop(kind, None)
        if kind is FaultKind.RATE_DRIFT:
            self.drift_due_ns = None

    def drift(self, conditions: Conditions, at_ns: int) -> Conditions:
        """One more per mille when it is due."""
        if self.drift_due_ns is None or at_ns < self.drift_due_ns:
            return conditions
        self.drift_due_ns += NS_PER_H // self.active[FaultKind.RATE_DRIFT]
        if conditions.drift_permille + 1 >= MAX_DRIFT_PERMILLE:
            self.drift_due_ns = None
        return replace(conditions, drift_permille=conditions.drift_permille + 1)

    def next_ns(self) -> int | None:
        """When the next turn is due."""
        waiting_ns = self._by_time[0][0] if self._by_time else None
        if waiting_ns is None or self.drift_due_ns is None:
            return self.drift_due_ns if waiting_ns is None else waiting_ns
        return min(waiting_ns, self.drift_due_ns)

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


def afflict(conditions: Conditions, fault: Fault, *, present: bool) -> Conditions:
    """The plant's conditions with, or without, this fault. Kinds that are none of the plant's change nothing."""
    by = fault.size if present else 0
    match fault.kind:
        case FaultKind.OCCLUSION:
            return replace(conditions, occluded=present)
        case FaultKind.UPSTREAM_OCCLUSION:
            return replace(conditions, upstream_closed=present)
        case FaultKind.SIPHON:
            return replace(conditions, siphon_ul_h=by)
        case FaultKind.RATE_BIAS:
            return replace(conditions, bias_permille=by)
        case FaultKind.COMMON_BIAS:
            return replace(conditions, common_bias_permille=by)
        case FaultKind.RATE_DRIFT:
            return replace(conditions, drift_permille=0)
        case FaultKind.RIPPLE:
            return replace(conditions, ripple_permille=by)
        case FaultKind.AIR:
            return replace(conditions, air_at_sensor=present)
        case FaultKind.DOOR:
            return replace(conditions, door_open=present)
        case FaultKind.STALL:
            return replace(conditions, stalled=present)
        case FaultKind.RUNAWAY:
            return replace(conditions, runaway_permille=by)
        case FaultKind.DISCONNECT:
            return replace(conditions, disconnected=present)
        case FaultKind.HEAT:
            return replace(conditions, ambient_c=by if present else ROOM_C)
        case FaultKind.MAINS_LOSS:
            return replace(conditions, on_mains=not present)
        case FaultKind.BATTERY_DEATH:
            return replace(conditions, supply_dead=present)
        case _:  # the bag's, the battery's, the firmware's, the port's: mischief.py and pump.py
            return conditions
