"""One entry of a MIVA pump's event log: sixteen bytes (docs/dialects/miva.md section 5).

Refuses to know the ring, and the sixteen raw rows between the begin and the end of INFUSION_DATA: they are not entries
(rx.py reads them), and whoever reads the log has to step over them.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import TypeVar

from protocols.errors import LocalProtocolError

RING_RECORDS = 43_264  # 169 pages of 4096 bytes
RECORD_BYTES = 16
PAYLOAD_BYTES = 11
INFUSION_ROWS = 16  # between INFUSION_DATA begin and end
_STAMP_MARK = 0xF000_0000  # stands over the 28 bits that count seconds
MAX_STAMP_S = 0x0FFF_FFFF


class RecordType(IntEnum):
    """Numbers and names of the maker's driver."""

    INFUSION_DATA = 0
    RUN = 1
    PAUSED = 2
    CASSETTE_EMPTY = 3
    LIMIT_REACHED = 4
    AUTHENTICATION = 5
    DOSE_GRANTED = 6
    EXTRA_DOSE_DENIED = 7
    DOSE_CANCEL = 8
    OCCLUSION = 9
    DELAY_END = 10
    PUMP_LIMIT = 11
    CLEAR_SHIFT = 12
    BATTERY = 13
    CASSETTE_DETACHED = 14
    TIME_STAMP = 15
    POWER_OFF = 16
    FIRMWARE_ERROR = 17
    SYSTEM_ERROR = 18
    BATTERY_FAILURE = 19
    DEBUG = 20
    UNATTENDED = 21
    SETTING_CHANGE = 22
    DOSE_FINISH = 23
    POWER_ON = 24
    STARTING_DOSE_SKIP = 25
    SYSTEM_ERROR2 = 26
    HARD_LIMIT = 27
    BATTERY_DEPLETED = 28
    PROGRAMMING_INCOMPLETE = 29
    BATTERY_LOW = 30
    BATTERY_CHECK = 31


class InfusionFrame(IntEnum):
    """First byte of an INFUSION_DATA payload."""

    BEGIN = 1
    END = 2


class Occlusion(IntEnum):
    """The 16-bit detail of OCCLUSION."""

    UPSTREAM = 1
    DOWNSTREAM = 2
    CLEARED = 4


class SystemFault(IntFlag):
    """The 16-bit detail of SYSTEM_ERROR."""

    UPSTREAM_PRESSURE_SENSOR = 1
    SLOW_MOTOR = 2
    DOWNSTREAM_PRESSURE_SENSOR = 4
    MOTOR_CONTROLLER = 8
    VINF_LIMIT = 16
    MOTOR_WRONG_STATE = 32
    MOTOR_DRIVER = 64
    TIMER_INTERRUPT = 128
    POST = 256
    FAST_MOTOR = 512
    UPSTREAM_SENSOR = 1024
    DOWNSTREAM_SENSOR = 2048
    MOTOR_SENSOR = 4096
    PRIMARY_AUDIO = 8192
    SUPER_CAPACITOR = 16384
    EXTERNAL_WATCHDOG = 32768


class BatteryState(IntEnum):
    """The 16-bit detail of POWER_ON."""

    HIGH = 1
    MEDIUM = 2
    LOW = 3
    CRITICAL = 4
    AC = 5
    NEW = 6
    DEPLETED = 7
    EMPTY = 8


@dataclass(frozen=True, slots=True)
class Record:
    """`stamp_s` counts seconds of the pump's own clock."""

    kind: RecordType
    stamp_s: int
    payload: bytes = bytes(PAYLOAD_BYTES)

    @property
    def subtype(self) -> int:
        """The payload's first byte: of INFUSION_DATA and DOSE_GRANTED."""
        return self.payload[0]

    @property
    def detail(self) -> int:
        """The payload's first two bytes: of most others."""
        return int.from_bytes(self.payload[:2], "big")


_Kind = TypeVar("_Kind", bound=IntEnum)


def encode_record(record: Record) -> bytes:
    """Its sixteen bytes."""
    if not 0 <= record.stamp_s <= MAX_STAMP_S or len(record.payload) != PAYLOAD_BYTES:
        raise LocalProtocolError(f"not a record: {record}")
    return bytes([record.kind]) + (record.stamp_s | _STAMP_MARK).to_bytes(4, "little") + record.payload


def decode_record(row: bytes) -> Record | None:
    """None: not sixteen bytes, or of a type that nobody has named."""
    if len(row) != RECORD_BYTES:
        return None
    kind = named(RecordType, row[0])
    return None if kind is None else Record(kind, int.from_bytes(row[1:5], "little") & MAX_STAMP_S, row[5:])


def payload_of(detail: int, *floats_ml: float) -> bytes:
    """A 16-bit detail and up to two floats: the layout of PAUSED, BATTERY and POWER_ON."""
    packed = detail.to_bytes(2, "big") + b"".join(struct.pack(">f", value) for value in floats_ml)
    return packed.ljust(PAYLOAD_BYTES, b"\0")


def named(kind: type[_Kind], value: int) -> _Kind | None:
    """The member of that number, if there is one."""
    return kind(value) if value in kind._value2member_map_ else None
