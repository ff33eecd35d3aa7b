"""What any pump can be asked and can say, whatever its dialect.

Refuses to know bytes (the drivers do) and therapy (the controller does). A driver turns one
Command at a time into bytes and bytes into Facts; it never repeats a command by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Protocol, TypeAlias

from pumpctl.core.capability import Capability
from pumpctl.core.delivered import Counters
from pumpctl.core.instant import Now
from pumpctl.core.program import PhaseKind, Program

LOADING_KINDS = frozenset({PhaseKind.LOADING, PhaseKind.EMERGENCY})


class PumpActivity(Enum):
    """What a pump says it is doing."""

    IDLE = "idle"
    LOADED = "loaded"
    CONFIRMED = "confirmed"
    INFUSING = "infusing"
    PAUSED = "paused"
    STOPPED = "stopped"
    COMPLETED = "completed"
    PRIMING = "priming"


# --- commands: one at a time; STOP is apart, it is constant bytes and asks nobody ---------------


@dataclass(frozen=True, slots=True)
class Identify:
    """Who are you? The first thing said on a link, and nothing else until it is answered."""


@dataclass(frozen=True, slots=True)
class ReadStatus:
    pass


@dataclass(frozen=True, slots=True)
class LoadProgram:
    """Not a dosing command: nothing moves. May be repeated to a pump proven still."""

    program: Program


@dataclass(frozen=True, slots=True)
class ReadProgram:
    """Read back what the pump would run, to be compared with this program."""

    expected: Program


@dataclass(frozen=True, slots=True)
class ReadConfirmation:
    pass


@dataclass(frozen=True, slots=True)
class Start:
    """DOSING. Never resent."""

    program_id: bytes
    token: int


@dataclass(frozen=True, slots=True)
class Resume:
    """DOSING. Never resent."""

    program_id: bytes
    token: int


@dataclass(frozen=True, slots=True)
class Pause:
    program_id: bytes


@dataclass(frozen=True, slots=True)
class Prime:
    """Fill a line that nobody is connected to, which a person has said. Never resent."""

    volume_ul: int
    flow_ul_h: int


@dataclass(frozen=True, slots=True)
class Renew:
    """Let the pump run on until this instant of its own uptime, ms."""

    program_id: bytes
    until_uptime_ms: int


@dataclass(frozen=True, slots=True)
class ReadEvent:
    index: int


@dataclass(frozen=True, slots=True)
class AcknowledgeAlarms:
    """Clear what the pump still latches; a cause that persists stays."""


Command: TypeAlias = (
    Identify
    | ReadStatus
    | LoadProgram
    | ReadProgram
    | ReadConfirmation
    | Start
    | Resume
    | Pause
    | Prime
    | Renew
    | ReadEvent
    | AcknowledgeAlarms
)


# --- facts ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Identified:
    """Uptime in ms of the pump's own clock."""

    serial: str
    firmware: str
    simulated: bool
    auto_confirm: bool
    boot_count: int
    uptime_ms: int
    capability: Capability
    idle_pressure_mmhg: int = 0  # 0: it does not say


@dataclass(frozen=True, slots=True)
class StatusRead:
    """A status, and the instant at which it was asked for. Flows uL/h, volumes uL."""

    asked: Now
    uptime_ms: int
    activity: PumpActivity
    program_id: bytes | None
    counters: Counters
    program_ul: int
    commanded_flow_ul_h: int
    measured_flow_ul_h: int
    moving: bool
    confirmation_waits: bool
    alarms: tuple[str, ...]
    stopping_alarms: tuple[str, ...]
    pressure_mmhg: int
    reservoir_ul: int
    battery_permille: int
    event_count: int
    lease_left_ms: int
    on_battery: bool = False


@dataclass(frozen=True, slots=True)
class ProgramRead:
    """What the pump would run, as it re-encoded it from its own values; None: no program."""

    program_id: bytes | None
    equals: Program | None  # the program it was compared with and found equal to, field by field


@dataclass(frozen=True, slots=True)
class ConfirmationRead:
    """A person's press of the pump's button, good once; `token` None: nobody pressed."""

    program_id: bytes | None
    token: int | None
    for_resume: bool


@dataclass(frozen=True, slots=True)
class Done:
    """The pump says that it carried this command out."""

    command: Command


@dataclass(frozen=True, slots=True)
class Denied:
    """The pump refused this command; nothing happened there."""

    command: Command
    code: str


@dataclass(frozen=True, slots=True)
class Unanswered:
    """No reply in time. Whether the pump acted is unknown."""

    command: Command


@dataclass(frozen=True, slots=True)
class StopTaken:
    """The pump says that it took a STOP written to it. A status asked for from now on tells whether it is still."""


@dataclass(frozen=True, slots=True)
class Noticed:
    """The pump spoke unasked: something changed, read the status. Alarms are already named."""

    activity: PumpActivity
    stopping_alarms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EventRead:
    """One entry of the pump's own history: `stopping_alarms` when it is the rise of such."""

    index: int
    kind: str
    stopping_alarms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SessionLost:
    """The pump no longer knows who is asking: it was switched off and on, or somebody else spoke to it."""


@dataclass(frozen=True, slots=True)
class LineNoise:
    """Bytes that were no answer to anything we asked: noise, late, duplicate."""

    reason: str


Fact: TypeAlias = (
    Identified
    | StatusRead
    | ProgramRead
    | ConfirmationRead
    | Done
    | Denied
    | Unanswered
    | StopTaken
    | Noticed
    | EventRead
    | SessionLost
    | LineNoise
)


class Driver(Protocol):
    """One pump dialect. Holds the only transaction; keeps no clock and queues nothing.

    A command may take several exchanges: `command` gives the first question, `outgoing` each further one. What raises
    a flow is the first of its command, for the one door writes that; nothing that `outgoing` gives does.
    """

    stop_frame: bytes
    stopped_frame: bytes

    @property
    def busy(self) -> bool:
        """A command waits for its answer; no other may be sent (STOP may)."""
        ...

    def open(self, session: int) -> None:
        """A fresh link: forget every transaction of the old one."""
        ...

    def command(self, command: Command, now: Now) -> bytes:
        """The bytes to write. Raises LocalProtocolError when busy."""
        ...

    def receive(self, received: bytes) -> list[Fact]:
        """What these bytes say."""
        ...

    def outgoing(self, now: Now) -> bytes:
        """The next question of the command under way, once; b"" for none. Asked for after every look at the channel."""
        ...

    def stopping(self, now: Now) -> None:
        """`stop_frame` is written at this instant, maybe amid a transaction: nothing of that one may follow it."""
        ...

    def wake(self, now: Now) -> list[Fact]:
        """`Unanswered` when the reply is overdue."""
        ...

    def next_wake_ns(self) -> int | None:
        """link_ns at which `wake` has something to say."""
        ...
