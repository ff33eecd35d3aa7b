"""The named numbers of the companion link: states, alarms, reasons, flags (SPEC.md sections 3 to 5).

Refuses to know which message carries which. Numbers and names are those of SPEC.md's tables.
"""

from __future__ import annotations

from enum import STRICT, IntEnum, IntFlag


class PumpState(IntEnum):
    """Section 4."""

    IDLE = 0
    LOADED = 1
    CONFIRMED = 2
    INFUSING = 3
    PAUSED = 4
    STOPPED = 5
    COMPLETED = 6
    PRIMING = 7


class Alarm(IntFlag, boundary=STRICT):
    """Section 5. An undefined bit is refused: it must not look like no alarm."""

    OCCLUSION_DOWNSTREAM = 1 << 0
    OCCLUSION_UPSTREAM = 1 << 1
    AIR_IN_LINE = 1 << 2
    DOOR_OPEN = 1 << 3
    RESERVOIR_EMPTY = 1 << 4
    RESERVOIR_LOW = 1 << 5
    BATTERY_LOW = 1 << 6
    BATTERY_EMPTY = 1 << 7
    MOTOR_STALL = 1 << 8
    OVER_TEMPERATURE = 1 << 9
    LEASE_ENDED = 1 << 10
    FLOW_MISMATCH = 1 << 11
    SELF_TEST = 1 << 12


# All but the two that say "no": a bit added later stops until this table says otherwise.
STOPPING_ALARMS = ~(Alarm.RESERVOIR_LOW | Alarm.BATTERY_LOW)


class RefusalReason(IntEnum):
    """BF REFUSED."""

    WRONG_SESSION = 1
    UNKNOWN_REQUEST = 2
    WRONG_LENGTH = 3
    BAD_STATE = 4
    WRONG_PROGRAM = 5
    WRONG_DIGEST = 6
    WRONG_TOKEN = 7
    TOKEN_EXPIRED = 8
    FLOW_OUT_OF_RANGE = 9
    FLOW_ABOVE_LIMIT = 10
    NOT_SETTABLE = 11
    VTBI_ABOVE_RESERVOIR = 12
    KVO_NOT_ZERO = 13
    LEASE_OUT_OF_RANGE = 14
    ALARM_ACTIVE = 15
    NO_SUCH_EVENT = 16
    PRIME_REFUSED = 17
    BAD_VALUE = 18


class EventKind(IntEnum):
    """8B EVENT."""

    POWER_ON = 1
    LOADED = 2
    CONFIRMED = 3
    STARTED = 4
    PAUSED = 5
    RESUMED = 6
    STOPPED = 7
    COMPLETED = 8
    ALARM_RAISED = 9
    ALARM_CLEARED = 10
    KEYPAD_CHANGE = 11
    PRIMED = 12


class NoticeCause(IntEnum):
    """C0 NOTICE."""

    ALARMS = 1
    TOKEN = 2
    STATE = 3


class Purpose(IntEnum):
    """85 CONFIRMATION: what a confirm token is good for."""

    NONE = 0
    START = 1
    RESUME = 2


class Phase(IntEnum):
    """03 LOAD: which phase of the order this program is."""

    LOADING = 0
    INFUSION = 1


class LinkLoss(IntEnum):
    """03 LOAD: what the pump does when nobody supervises it any more."""

    FINISH_LOADED = 0
    STOP_AT_LEASE_END = 1


class IdentityFlag(IntFlag, boundary=STRICT):
    """81 IDENTITY."""

    SIMULATED = 1 << 0
    AUTO_CONFIRM = 1 << 1
    CONFIRM_BUTTON = 1 << 2
    FLOW_SENSOR = 1 << 3


class StatusFlag(IntFlag, boundary=STRICT):
    """82 STATUS."""

    DOOR_OPEN = 1 << 0
    AIR_AT_SENSOR = 1 << 1
    TOKEN_ALIVE = 1 << 2
    ON_BATTERY = 1 << 3
    MOTOR_MOVING = 1 << 4
    KEYPAD_TOUCHED = 1 << 5


NO_FLOW_SENSOR_UL = 0xFFFF_FFFF  # STATUS flow_ul of a pump without a flow sensor
NOT_CONNECTED = 0xA5  # PRIME: a person has said that no patient is connected
