"""What an Alaris pump says, apart from what it does: true unless a fault makes it lie.

Refuses to change anything of the pump. A lie about the volume begins from a mark, what it was when the fault began.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from protocols.alaris.alarms import Alarm
from protocols.alaris.figures import RATE_STEP_UL_H, VOLUME_STEP_UL
from protocols.alaris.messages import HOLD, SET, AlarmState, Rate, Status, Vtbi
from protocols.companion.vocabulary import Alarm as Cause
from simulator.fault_kinds import ALARM_NAMES, READ_BACK_FIELDS, FaultKind
from simulator.firmware.alaris_machine import CODES

_VTBI_PLACE = READ_BACK_FIELDS.index("vtbi_ul")  # of the other fields this pump knows the rate alone


class AlarisReporting:
    """Of one power-on. `active` is the pump's own table of faults and their sizes, and changes by itself."""

    def __init__(self, active: Mapping[FaultKind, int]) -> None:
        self._active = active
        self._marks_ul: dict[FaultKind, int] = {}
        self._dropped_ul = 0
        self._stuck: Alarm | None = None
        self._last_infusing: Status | None = None
        self._frozen: Status | None = None

    def mark(self, kind: FaultKind, volume_ul: int) -> None:
        """What the counter is as this fault begins."""
        self._marks_ul[kind] = volume_ul
        self._frozen = None

    def drop(self, volume_ul: int) -> None:
        """From now until power-off the counter shows so much less."""
        self._dropped_ul += volume_ul

    def status(self, true: Status) -> Status:
        if true.mode == SET:
            self._last_infusing = true
        told = replace(self._with_mode(true), infused_ul=self.volume_ul(true.infused_ul))
        if FaultKind.STATUS_FREEZE in self._active:
            self._frozen = self._frozen or told
            return self._frozen
        return told

    def volume_ul(self, true_ul: int) -> int:
        """Less what was dropped, and never less than nothing."""
        shown_ul = max(0, true_ul - self._dropped_ul)
        if FaultKind.VOLUME_FREEZE in self._active:
            return self._marks_ul.get(FaultKind.VOLUME_FREEZE, 0)
        if FaultKind.COUNTER_RUNAWAY in self._active:
            since_ul = max(0, shown_ul - self._marks_ul.get(FaultKind.COUNTER_RUNAWAY, 0))
            return shown_ul + since_ul * self._active[FaultKind.COUNTER_RUNAWAY] // 1000
        return shown_ul

    def alarm(self, true: tuple[Alarm, ...]) -> Alarm:
        """The one that is told: a spurious one first, a stuck one for ever."""
        told = true[0] if true else Alarm.NONE
        if FaultKind.SPURIOUS_ALARM in self._active:
            cause = Cause[ALARM_NAMES[self._active[FaultKind.SPURIOUS_ALARM]].upper()]
            told = CODES.get(cause, Alarm.FAULT)
        if FaultKind.STUCK_ALARM not in self._active:
            self._stuck = None
            return told
        if told is not Alarm.NONE:
            self._stuck = told
        return self._stuck or told

    def alarm_state(self, true: tuple[Alarm, ...]) -> AlarmState:
        return AlarmState(self.alarm(true).value)

    def rate(self, true_ul_h: int) -> Rate:
        """Read back one step higher."""
        place = self._active.get(FaultKind.READ_BACK)
        return Rate(true_ul_h + (RATE_STEP_UL_H if place is not None and place != _VTBI_PLACE else 0))

    def vtbi(self, true: Vtbi) -> Vtbi:
        if true.vtbi_ul is None or self._active.get(FaultKind.READ_BACK) != _VTBI_PLACE:
            return true
        return replace(true, vtbi_ul=true.vtbi_ul + VOLUME_STEP_UL)

    def serial(self, true: str) -> str:
        """Another pump of the same make."""
        if FaultKind.OTHER_SERIAL not in self._active:
            return true
        return true[:-1] + ("8" if true.endswith("9") else "9")

    def _with_mode(self, true: Status) -> Status:
        if FaultKind.SAY_STOPPED in self._active and true.mode == SET:
            return replace(true, mode=HOLD, flow_rate_ul_h=0)
        before = self._last_infusing
        if FaultKind.SAY_INFUSING in self._active and before is not None and true.mode == HOLD:
            return replace(true, mode=SET, flow_rate_ul_h=before.flow_rate_ul_h)
        return true
