"""What a pump says, apart from what it does: between its firmware and the wire, and true unless a fault makes it lie.

Refuses to change anything of the pump. Volumes are told as four counters; a lie about them begins from a mark, what
they were when the fault began, so that it does not depend on who has asked when. Marks go with the power.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace

from protocols.companion import messages as m
from protocols.companion.codec import NO_PROGRAM, sealed
from protocols.companion.vocabulary import NO_FLOW_SENSOR_UL, Alarm, PumpState, StatusFlag
from simulator.fault_kinds import ALARM_NAMES, COUNTER_NAMES, READ_BACK_FIELDS, FaultKind
from simulator.instant import NS_PER_MS

MAX_LAGGING = 4_096  # statuses kept while they are told late: more than a link carries in the longest lag
_NO_PROGRAM_ID = NO_PROGRAM.program_id
_STEPS = {"flow_ul_h": 100, "flow_limit_ul_h": 100}  # the other fields: 1


@dataclass(frozen=True, slots=True)
class Counters:
    """In uL since power-on; `flow` None without a sensor."""

    motor: int = 0
    encoder: int = 0
    flow: int | None = 0
    program: int = 0


class Reporting:
    """Of one power-on. `active` is the pump's own table of faults and their sizes, and changes by itself."""

    def __init__(self, active: Mapping[FaultKind, int]) -> None:
        self._active = active
        self._marks: dict[FaultKind, Counters] = {}
        self._dropped = Counters()
        self._stuck = Alarm(0)
        self._last_infusing: m.Status | None = None
        self._frozen: m.Status | None = None
        self._lagging: deque[tuple[int, m.Status]] = deque(maxlen=MAX_LAGGING)

    # When a fault begins.

    def mark(self, kind: FaultKind, counters: Counters) -> None:
        """What the counters are as this fault begins."""
        self._marks[kind] = counters
        self._frozen = None
        self._lagging.clear()

    def drop(self, counters: Counters) -> None:
        """From now until power-off the counters show so much less."""
        self._dropped = _combined(self._dropped, counters, 1)

    # What is said.

    def status(self, true: m.Status, link_ns: int) -> m.Status:
        if true.state is PumpState.INFUSING:
            self._last_infusing = true
        if not self._active and self._dropped == Counters():
            return true
        told = self._with_state(self._with_counters(true))
        return self._in_time(replace(told, alarms=self.alarms(told.alarms)), link_ns)

    def notice(self, true: m.Notice) -> m.Notice:
        if not self._active:
            return true
        return replace(true, alarms=self.alarms(true.alarms), state=self._state(true.state))

    def alarms(self, true: Alarm) -> Alarm:
        """A bit that nothing has raised, and bits that nothing clears."""
        told = true
        if FaultKind.SPURIOUS_ALARM in self._active:
            told |= Alarm[ALARM_NAMES[self._active[FaultKind.SPURIOUS_ALARM]].upper()]
        if FaultKind.STUCK_ALARM in self._active:
            self._stuck |= told
            return self._stuck
        self._stuck = Alarm(0)
        return told

    def program(self, true: m.Program) -> m.Program:
        """Read back with one value different, and the digest that fits."""
        place = self._active.get(FaultKind.READ_BACK)
        if place is None or true.program_id == _NO_PROGRAM_ID:
            return true
        field = READ_BACK_FIELDS[place]
        return sealed(replace(true, **{field: getattr(true, field) + _STEPS.get(field, 1)}))

    def serial(self, true: str) -> str:
        """Another pump of the same make."""
        if FaultKind.OTHER_SERIAL not in self._active:
            return true
        return true[:-1] + ("8" if true.endswith("9") else "9")

    def _state(self, true: PumpState) -> PumpState:
        if FaultKind.SAY_STOPPED in self._active and true is PumpState.INFUSING:
            return PumpState.STOPPED
        if FaultKind.SAY_INFUSING in self._active and self._last_infusing is not None:
            return PumpState.INFUSING
        return true

    def _with_state(self, true: m.Status) -> m.Status:
        state = self._state(true.state)
        if state is true.state:
            return true
        if state is PumpState.STOPPED:
            still = true.flags & ~StatusFlag.MOTOR_MOVING
            return replace(
                true,
                state=state,
                flags=still,
                program_id=_NO_PROGRAM_ID,
                commanded_flow_ul_h=0,
                measured_flow_ul_h=0,
                program_ul=0,
                lease_left_ms=0,
            )
        before = self._last_infusing or true
        return replace(
            true,
            state=state,
            flags=true.flags | StatusFlag.MOTOR_MOVING,
            program_id=before.program_id,
            commanded_flow_ul_h=before.commanded_flow_ul_h,
            measured_flow_ul_h=before.measured_flow_ul_h,
            program_ul=max(before.program_ul, true.program_ul),
        )

    def _with_counters(self, true: m.Status) -> m.Status:
        flow = None if true.flow_ul == NO_FLOW_SENSOR_UL else true.flow_ul
        told = self._lied(_combined(Counters(true.motor_ul, true.encoder_ul, flow, true.program_ul), self._dropped, -1))
        return replace(
            true,
            motor_ul=told.motor,
            encoder_ul=told.encoder,
            flow_ul=NO_FLOW_SENSOR_UL if told.flow is None else told.flow,
            program_ul=told.program,
        )

    def _lied(self, told: Counters) -> Counters:
        active, marks = self._active, self._marks
        if FaultKind.VOLUME_FREEZE in active:
            told = marks.get(FaultKind.VOLUME_FREEZE, Counters(flow=None if told.flow is None else 0))
        if FaultKind.COUNTER_RUNAWAY in active:
            mark, permille = marks.get(FaultKind.COUNTER_RUNAWAY, Counters()), active[FaultKind.COUNTER_RUNAWAY]
            ahead = max(0, told.motor - mark.motor) * permille // 1000
            told = replace(told, motor=told.motor + ahead, program=told.program + ahead if told.program else 0)
        for kind in (FaultKind.COUNTER_FREEZE, FaultKind.COUNTER_DOUBLE, FaultKind.COUNTER_ZERO):
            if kind in active:
                told = _with_one(told, COUNTER_NAMES[active[kind]], kind, marks.get(kind, Counters()))
        if FaultKind.COUNTER_SWAP in active:
            flow = told.motor if told.flow is None else told.flow
            told = replace(told, motor=told.encoder, encoder=flow, flow=None if told.flow is None else told.motor)
        return told

    def _in_time(self, told: m.Status, link_ns: int) -> m.Status:
        """The same one again and again, or the one of some time ago."""
        if FaultKind.STATUS_FREEZE in self._active:
            self._frozen = self._frozen or told
            return self._frozen
        lag_ms = self._active.get(FaultKind.STATUS_LAG)
        if lag_ms is None:
            return told
        self._lagging.append((link_ns, told))
        while len(self._lagging) > 1 and self._lagging[1][0] <= link_ns - lag_ms * NS_PER_MS:
            self._lagging.popleft()
        return self._lagging[0][1]


def _with_one(told: Counters, name: str, kind: FaultKind, mark: Counters) -> Counters:
    """One counter stands, counts twice, or shows nothing. One that is not there stays away."""
    reading: int | None = getattr(told, name)
    if reading is None:
        return told
    began: int = getattr(mark, name) or 0
    wrong = {
        FaultKind.COUNTER_FREEZE: began,
        FaultKind.COUNTER_DOUBLE: reading + max(0, reading - began),
        FaultKind.COUNTER_ZERO: 0,
    }[kind]
    return replace(told, **{name: wrong})


def _combined(first: Counters, second: Counters, sign: int) -> Counters:
    """No counter shows less than nothing."""
    return Counters(
        max(0, first.motor + sign * second.motor),
        max(0, first.encoder + sign * second.encoder),
        None if first.flow is None else max(0, first.flow + sign * (second.flow or 0)),
        max(0, first.program + sign * second.program),
    )
