"""What a host and an Alaris pump can say to each other: one declaration a message (docs/dialects/alaris.md).

Refuses to know bytes, checksums and the order in which messages may come. Flows are uL/h, volumes uL.
What no capture shows is marked invented here and in the document.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias


class Query(Enum):
    """Asked with the bare name; answered with the name and what is asked for. Changes nothing."""

    SERIAL = "INST_SERIALNO"
    PROTOCOL = "COMMS_PROTOCOL"
    LONGEST_SILENCE = "COMMS_RESPONSE_MAX"
    SYRINGE = "SYRINGE_STATUS"
    RATE_MAX = "INF_RATE_MAX_SYRINGE"
    STATUS = "INF"
    ALARM = "ALARM"
    RATE = "INF_RATE"
    VOLUME_INFUSED = "INF_VI"
    VTBI = "INF_VTBI"


class Order(Enum):
    """Ordered with the bare name, answered with an echo. START is the only one that doses."""

    START = "INF_START"
    STOP = "INF_STOP"
    CLEAR_VOLUME = "INF_VI_CLEAR"


class Switch(Enum):
    """What remote operation needs: control, and by infupy alone also configuration."""

    CONTROL = "REMOTE_CTRL"
    CONFIGURATION = "REMOTE_CFG"


class EndAction(Enum):
    """What the pump does at its VTBI. Only STOP was seen; the others follow from the names of two alarms."""

    STOP = "STOP"
    KVO = "KVO"
    CONTINUE = "CONT"


# Field 3 of the status. Both were seen. Others must exist: a mode that is not HOLD may be anything, an infusion first.
HOLD = "HLD"
SET = "SET"


@dataclass(frozen=True, slots=True)
class Enable:
    """With the security code, the checksum of the serial number."""

    switch: Switch
    code: str


@dataclass(frozen=True, slots=True)
class Disable:
    switch: Switch


@dataclass(frozen=True, slots=True)
class SetRate:
    """While infusing this doses."""

    flow_rate_ul_h: int


@dataclass(frozen=True, slots=True)
class SetVtbi:
    vtbi_ul: int
    end: EndAction


@dataclass(frozen=True, slots=True)
class ClearVtbi:
    pass


@dataclass(frozen=True, slots=True)
class EndQuery:
    """`REMQUERY^DEACT`, of which no more is known than its answer."""


Request: TypeAlias = Query | Order | Enable | Disable | SetRate | SetVtbi | ClearVtbi | EndQuery


@dataclass(frozen=True, slots=True)
class Serial:
    serial: str


@dataclass(frozen=True, slots=True)
class ProtocolName:
    """`Asena Rev 2.1.5` of the two pumps that were captured."""

    text: str


@dataclass(frozen=True, slots=True)
class LongestSilence:
    """Probably how long a host may be silent; nobody has written it down."""

    silence_ms: int


@dataclass(frozen=True, slots=True)
class Syringe:
    """`confirmed`: somebody said at the pump that this is the syringe."""

    name: str
    size_ml: int
    confirmed: bool


@dataclass(frozen=True, slots=True)
class RateMax:
    flow_rate_ul_h: int


@dataclass(frozen=True, slots=True)
class Status:
    """The answer to INF. Mode, `time_left` and the log fields are kept as the pump wrote them."""

    serial: str
    alarmed: bool
    mode: str
    flow_rate_ul_h: int
    drug: str
    infused_ul: int
    pressure_hundredths_mmhg: int
    time_left: str
    log_kind: str
    log_entry: str


@dataclass(frozen=True, slots=True)
class AlarmState:
    """A code of alarms.py, as text: one that nobody knows is still an alarm. The two texts were single spaces."""

    code: str
    texts: tuple[str, str] = (" ", " ")


@dataclass(frozen=True, slots=True)
class Rate:
    flow_rate_ul_h: int


@dataclass(frozen=True, slots=True)
class VolumeInfused:
    """Layout guessed: `^1.234^ml`, as infupy's author and OpenICE's simulated pump have it."""

    infused_ul: int


@dataclass(frozen=True, slots=True)
class Vtbi:
    """`vtbi_ul` None: none is set."""

    vtbi_ul: int | None
    end: EndAction | None


@dataclass(frozen=True, slots=True)
class Switched:
    """The code comes back masked. A bare echo of DISABLED says nothing of permission: None."""

    switch: Switch
    enabled: bool
    permitted: bool | None


@dataclass(frozen=True, slots=True)
class Echo:
    """`order` was taken. Nothing is said of the motor."""

    order: Order


@dataclass(frozen=True, slots=True)
class QueryEnded:
    pass


@dataclass(frozen=True, slots=True)
class Refusal:
    """INVENTED, `NAME^ERROR^REASON`: no capture shows what a pump says to what it does not do."""

    name: str
    reason: str


Reply: TypeAlias = (
    Serial
    | ProtocolName
    | LongestSilence
    | Syringe
    | RateMax
    | Status
    | AlarmState
    | Rate
    | VolumeInfused
    | Vtbi
    | Switched
    | Echo
    | QueryEnded
    | Refusal
)
