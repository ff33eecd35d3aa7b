"""What the companion and its pump can say to each other (SPEC.md section 3): one declaration a message.

Refuses to know bytes, sessions and the order in which messages may come.

Fields carry the names of SPEC.md's tables, in the order of the body. What a pump says has enums: an undefined state,
reason or alarm bit does not decode, because a value that nobody has named must not look like "fine". What a pump is
asked is plain integers: the pump itself judges them and answers with its reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, TypeAlias

from protocols.companion import vocabulary
from protocols.companion.layout import I16, U8, U16, U32, U64, Digest, ProgramId, Text16


@dataclass(frozen=True, slots=True)
class Identify:
    TYPE: ClassVar[int] = 0x01


@dataclass(frozen=True, slots=True)
class GetStatus:
    TYPE: ClassVar[int] = 0x02


@dataclass(frozen=True, slots=True)
class Load:
    """`digest` is codec.program_digest of the rest; codec.sealed fills it in."""

    TYPE: ClassVar[int] = 0x03
    program_id: ProgramId
    digest: Digest
    phase: U8
    flow_ul_h: U32
    vtbi_ul: U32
    flow_limit_ul_h: U32
    kvo_ul_h: U32
    link_loss: U8
    lease_ms: U32
    dose_ug: U64


@dataclass(frozen=True, slots=True)
class ReadProgram:
    TYPE: ClassVar[int] = 0x04


@dataclass(frozen=True, slots=True)
class GetConfirmation:
    TYPE: ClassVar[int] = 0x05


@dataclass(frozen=True, slots=True)
class Start:
    TYPE: ClassVar[int] = 0x06
    program_id: ProgramId
    token: U64


@dataclass(frozen=True, slots=True)
class Pause:
    TYPE: ClassVar[int] = 0x07
    program_id: ProgramId


@dataclass(frozen=True, slots=True)
class Resume:
    TYPE: ClassVar[int] = 0x08
    program_id: ProgramId
    token: U64


@dataclass(frozen=True, slots=True)
class Renew:
    TYPE: ClassVar[int] = 0x09
    program_id: ProgramId
    until_uptime_ms: U64


@dataclass(frozen=True, slots=True)
class Stop:
    TYPE: ClassVar[int] = 0x0A


@dataclass(frozen=True, slots=True)
class GetEvent:
    TYPE: ClassVar[int] = 0x0B
    index: U32


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """`alarms` are the bits to clear."""

    TYPE: ClassVar[int] = 0x0C
    alarms: U32


@dataclass(frozen=True, slots=True)
class Prime:
    TYPE: ClassVar[int] = 0x0D
    volume_ul: U32
    flow_ul_h: U32
    not_connected: U8


@dataclass(frozen=True, slots=True)
class Identity:
    TYPE: ClassVar[int] = 0x81
    model: Text16
    serial: Text16
    firmware: Text16
    flags: Annotated[vocabulary.IdentityFlag, "H"]
    boot_count: U32
    uptime_ms: U64
    min_flow_ul_h: U32
    max_flow_ul_h: U32
    flow_step_ul_h: U32
    reservoir_ul: U32
    volume_step_ul: U32
    accuracy_permille: U16
    max_lease_ms: U32
    token_life_ms: U32
    event_ring: U16
    idle_pressure_mmhg: I16
    kvo_min_ul_h: U16


@dataclass(frozen=True, slots=True)
class Status:
    TYPE: ClassVar[int] = 0x82
    uptime_ms: U64
    boot_count: U32
    state: Annotated[vocabulary.PumpState, "B"]
    flags: Annotated[vocabulary.StatusFlag, "B"]
    program_id: ProgramId
    commanded_flow_ul_h: U32
    measured_flow_ul_h: U32
    motor_ul: U32
    encoder_ul: U32
    flow_ul: U32
    program_ul: U32
    pressure_mmhg: I16
    reservoir_ul: U32
    battery_permille: U16
    alarms: Annotated[vocabulary.Alarm, "I"]
    event_count: U32
    lease_left_ms: U32
    refused_count: U16
    dropped_frames: U32


@dataclass(frozen=True, slots=True)
class Loaded:
    TYPE: ClassVar[int] = 0x83
    program_id: ProgramId
    digest: Digest


@dataclass(frozen=True, slots=True)
class Program:
    """The read-back, in the layout of Load."""

    TYPE: ClassVar[int] = 0x84
    program_id: ProgramId
    digest: Digest
    phase: Annotated[vocabulary.Phase, "B"]
    flow_ul_h: U32
    vtbi_ul: U32
    flow_limit_ul_h: U32
    kvo_ul_h: U32
    link_loss: Annotated[vocabulary.LinkLoss, "B"]
    lease_ms: U32
    dose_ug: U64


@dataclass(frozen=True, slots=True)
class Confirmation:
    TYPE: ClassVar[int] = 0x85
    purpose: Annotated[vocabulary.Purpose, "B"]
    program_id: ProgramId
    token: U64
    left_ms: U32


@dataclass(frozen=True, slots=True)
class Started:
    TYPE: ClassVar[int] = 0x86
    program_id: ProgramId


@dataclass(frozen=True, slots=True)
class Paused:
    TYPE: ClassVar[int] = 0x87
    program_id: ProgramId


@dataclass(frozen=True, slots=True)
class Resumed:
    TYPE: ClassVar[int] = 0x88
    program_id: ProgramId


@dataclass(frozen=True, slots=True)
class Renewed:
    TYPE: ClassVar[int] = 0x89
    until_uptime_ms: U64


@dataclass(frozen=True, slots=True)
class Stopped:
    """The motor is proven still; program and token are void."""

    TYPE: ClassVar[int] = 0x8A


@dataclass(frozen=True, slots=True)
class Event:
    TYPE: ClassVar[int] = 0x8B
    index: U32
    uptime_ms: U64
    kind: Annotated[vocabulary.EventKind, "B"]
    detail: U32
    program_id: ProgramId


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """`alarms` are the bits still set."""

    TYPE: ClassVar[int] = 0x8C
    alarms: Annotated[vocabulary.Alarm, "I"]


@dataclass(frozen=True, slots=True)
class Primed:
    TYPE: ClassVar[int] = 0x8D


@dataclass(frozen=True, slots=True)
class Refused:
    """`request_type` may be any byte: the request need not have been a known one."""

    TYPE: ClassVar[int] = 0xBF
    request_type: U8
    reason: Annotated[vocabulary.RefusalReason, "H"]


@dataclass(frozen=True, slots=True)
class Notice:
    TYPE: ClassVar[int] = 0xC0
    uptime_ms: U64
    event_count: U32
    state: Annotated[vocabulary.PumpState, "B"]
    alarms: Annotated[vocabulary.Alarm, "I"]
    cause: Annotated[vocabulary.NoticeCause, "B"]


Request: TypeAlias = (
    Identify
    | GetStatus
    | Load
    | ReadProgram
    | GetConfirmation
    | Start
    | Pause
    | Resume
    | Renew
    | Stop
    | GetEvent
    | Acknowledge
    | Prime
)
Answer: TypeAlias = (
    Identity
    | Status
    | Loaded
    | Program
    | Confirmation
    | Started
    | Paused
    | Resumed
    | Renewed
    | Stopped
    | Event
    | Acknowledged
    | Primed
    | Refused
)
Message: TypeAlias = Request | Answer | Notice
