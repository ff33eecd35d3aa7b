"""What a MIVA pump's event log says of it since it was switched on: power-on, prescription, run, stop, alarms.

Refuses to ask for anything: rows are handed in, oldest first, none left out. There is no query for an alarm, a boot
count or a program id, so this is where they come from (docs/dialects/miva.md section 5). What nobody has named stands
as an alarm until the next prescription: it must not look like fine.
"""

from __future__ import annotations

import re
import struct
from collections import deque
from dataclasses import dataclass, field

from protocols.miva.record import (
    INFUSION_ROWS,
    RING_RECORDS,
    BatteryState,
    InfusionFrame,
    Occlusion,
    Record,
    RecordType,
    SystemFault,
    decode_record,
)

_T = RecordType
REMEMBERED_PRESCRIPTIONS = 64  # whose raw rows are told apart from entries: more than a day brings
AUTHENTICATION_LIFE_S = 60  # a confirmation is good for so long (docs/dialects/miva.md)
_ON_MAINS = 16  # bit of BATTERY's detail
_PROGRAM_ID = slice(154, 174)  # the name of the second component
_PASSING = frozenset({"battery_low", "unattended"})  # told, and no reason to stop
_ALARMS: dict[RecordType, str] = {
    _T.CASSETTE_EMPTY: "reservoir_empty",
    _T.CASSETTE_DETACHED: "door_open",
    _T.BATTERY_DEPLETED: "battery_empty",
    _T.BATTERY_LOW: "battery_low",
    _T.BATTERY_FAILURE: "battery_empty",
    _T.FIRMWARE_ERROR: "self_test",
    _T.SYSTEM_ERROR2: "self_test",
    _T.PUMP_LIMIT: "self_test",
    _T.HARD_LIMIT: "self_test",
    _T.UNATTENDED: "unattended",
    _T.PROGRAMMING_INCOMPLETE: "self_test",
    _T.LIMIT_REACHED: "self_test",
}
_HARMLESS = frozenset(
    {
        _T.RUN,
        _T.PAUSED,
        _T.AUTHENTICATION,
        _T.BATTERY,
        _T.TIME_STAMP,
        _T.POWER_ON,
        _T.POWER_OFF,
        _T.DEBUG,
        _T.SETTING_CHANGE,
        _T.CLEAR_SHIFT,
        _T.BATTERY_CHECK,
    }
)


@dataclass(frozen=True, slots=True)
class Authentication:
    """A person entered a code at the pump: in this row, at this second of its clock."""

    row: int
    stamp_s: int


def _last_begins() -> deque[int]:
    return deque(maxlen=REMEMBERED_PRESCRIPTIONS)


@dataclass(slots=True)
class History:
    """From the last POWER_ON on; `boot_row` None: none was seen yet."""

    boot_row: int | None = None
    tenths_at_boot: int = 0  # of a millilitre, of the pump's whole life
    on_mains: bool = False
    block: bytes | None = None  # the prescription as the pump holds it
    block_row: int | None = None
    ran: bool = False  # since the prescription came
    authentication: Authentication | None = None
    alarms: set[str] = field(default_factory=set[str])
    _begins: deque[int] = field(default_factory=_last_begins)
    _rows_left: int = 0
    _block: bytes = b""

    def take(self, index: int, row: bytes) -> None:
        """One row more."""
        if self._rows_left:
            self._rows_left -= 1
            self._block += row
            return
        record = decode_record(row)
        if record is None:
            self.alarms.add("unknown_event")
        elif record.kind is _T.INFUSION_DATA:
            self._prescription(index, record)
        else:
            self._entry(index, record)

    def is_raw(self, index: int) -> bool:
        """Whether this row is part of a prescription and no entry."""
        return any(0 < (index - begin) % RING_RECORDS <= INFUSION_ROWS for begin in self._begins)

    @property
    def stopping_alarms(self) -> tuple[str, ...]:
        return tuple(sorted(self.alarms - _PASSING))

    @property
    def program_id(self) -> bytes | None:
        """None: there is no prescription, or it is not one of ours."""
        text = b"" if self.block is None else self.block[_PROGRAM_ID].rstrip(b"\0")
        return bytes.fromhex(text.decode("ascii")) if re.fullmatch(b"[0-9A-F]{16}", text) else None

    @property
    def rate_ul_h(self) -> int:
        """Of the prescription; 0 without one, and for one that is no number."""
        return self._figure(0)

    @property
    def vtbi_ul(self) -> int:
        """The same."""
        return self._figure(4)

    def is_confirmed(self, clock_s: int) -> bool:
        """A person entered the code for this prescription, not long ago, and it has not run since."""
        given = self.authentication
        return given is not None and not self.ran and 0 <= clock_s - given.stamp_s <= AUTHENTICATION_LIFE_S

    def _figure(self, place: int) -> int:
        if self.block is None:
            return 0
        millilitres: float = struct.unpack(">f", self.block[place : place + 4])[0]
        return round(millilitres * 1000) if 0 <= millilitres <= 1000 else 0

    def _prescription(self, index: int, record: Record) -> None:
        if record.subtype == InfusionFrame.BEGIN:
            self.block, self.block_row, self.ran, self.authentication = None, index, False, None
            self.alarms.clear()  # a pump that takes a prescription has no alarm (invented, as its other refusals)
            self._begins.append(index)
            self._rows_left, self._block = INFUSION_ROWS, b""
        elif len(self._block) == INFUSION_ROWS * 16 and self.block_row is not None:
            self.block = self._block
        else:
            self.alarms.add("unknown_event")

    def _entry(self, index: int, record: Record) -> None:
        match record.kind:
            case _T.POWER_ON:
                self._power_on(index, record)
            case _T.RUN:
                self.ran, self.authentication = True, None
            case _T.PAUSED:
                self.authentication = None
            case _T.AUTHENTICATION:
                self.authentication = Authentication(index, record.stamp_s)
            case _T.BATTERY:
                self.on_mains = bool(record.detail & _ON_MAINS)
            case _T.OCCLUSION:
                self._occlusion(record.detail)
            case _T.SYSTEM_ERROR:
                self.alarms |= _system_alarms(record.detail)
            case kind if kind in _ALARMS:
                self.alarms.add(_ALARMS[kind])
            case kind if kind not in _HARMLESS:
                self.alarms.add("unknown_event")  # a bolus, a delay: nothing of that is in our prescriptions
            case _:
                return

    def _power_on(self, index: int, record: Record) -> None:
        """Whatever was held or alarmed before is gone."""
        total_ml: float = struct.unpack(">f", record.payload[6:10])[0]
        self.boot_row = index
        self.tenths_at_boot = round(total_ml * 10) if 0 <= total_ml < 1e7 else 0
        self.on_mains = record.detail == BatteryState.AC
        self.block, self.block_row, self.ran, self.authentication = None, None, False, None
        self.alarms.clear()

    def _occlusion(self, detail: int) -> None:
        occlusions = {Occlusion.UPSTREAM: "occlusion_upstream", Occlusion.DOWNSTREAM: "occlusion_downstream"}
        if detail == Occlusion.CLEARED:
            self.alarms -= set(occlusions.values())
        else:
            self.alarms |= {name for bit, name in occlusions.items() if detail & bit} or {"unknown_event"}


def kind_of(row: bytes, *, raw: bool) -> tuple[str, tuple[str, ...]]:
    """The name of an entry, and the stopping alarms whose rise it is, for the daemon's own reading of the log."""
    record = None if raw else decode_record(row)
    if record is None:
        return ("prescription", ()) if raw else ("unknown_event", ("unknown_event",))
    before = History()
    before.take(0, row)
    name = "keypad_change" if record.kind is _T.SETTING_CHANGE else record.kind.name.lower()
    return name, () if record.kind is _T.INFUSION_DATA else before.stopping_alarms


def _system_alarms(detail: int) -> set[str]:
    moved = {SystemFault.SLOW_MOTOR: "motor_stall", SystemFault.FAST_MOTOR: "flow_mismatch"}
    named = {name for bit, name in moved.items() if detail & bit}
    rest = detail & ~(SystemFault.SLOW_MOTOR | SystemFault.FAST_MOTOR)
    return named | ({"self_test"} if rest or not named else set())
