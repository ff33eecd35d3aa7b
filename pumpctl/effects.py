"""What the daemon may do to the world: the outputs of `Controller.handle`.

They are carried out in the order of the tuple, except that a STOP never waits for anything.
Refuses to know how: the shell does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from pumpctl.core.reason import Priority, Reason
from pumpctl.events import Json


@dataclass(frozen=True, slots=True)
class Record:
    """Append to the journal; `Recorded` comes when it and the anchor are on disk."""

    seq: int
    kind: str
    body: Json
    utc_ms: int


@dataclass(frozen=True, slots=True)
class WritePump:
    """Bytes for the pump. `is_stop` bytes are written before anything else and reported to the guard."""

    channel: str
    frame: bytes
    is_stop: bool = False


@dataclass(frozen=True, slots=True)
class ClosePort:
    """Close the port and keep it closed: it may be another patient's pump."""

    channel: str
    reason: str


@dataclass(frozen=True, slots=True)
class ArmGuard:
    """From here the guard may stop this channel by itself, with these constant bytes.

    `lease`: a lease program may be flowing, so a stalled loop alone makes the guard fire.
    `proven`: no stop of this channel waits for its proof, so the guard need not see to one that was left to the daemon.
    """

    channel: str
    stop_frame: bytes
    stopped_frame: bytes
    lease: bool
    proven: bool


@dataclass(frozen=True, slots=True)
class DisarmGuard:
    """The guard must not write to this channel (identity unknown or wrong)."""

    channel: str


@dataclass(frozen=True, slots=True)
class Publish:
    """A live value. `leaf` is `state`, `link` or `alarm/<code>`; payload None clears a retained one.

    `changed` is False for a periodic repeat, which a slow sink may skip. What happened is a Record, and is told from
    the journal.
    """

    channel: str
    leaf: str
    payload: Json | None
    changed: bool = True


@dataclass(frozen=True, slots=True)
class Annunciate:
    """Ring (active) or stop ringing (not active) at this host."""

    channel: str
    code: str
    priority: Priority
    active: bool
    message: str


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to an OperatorRequest that was carried out."""

    request_id: int
    result: Json


@dataclass(frozen=True, slots=True)
class Refuse:
    """The answer to an OperatorRequest that was not. `exit_code` as the CLI contract has it."""

    request_id: int
    exit_code: int
    reasons: tuple[Reason, ...]
    details: Json | None = None


Effect: TypeAlias = Record | WritePump | ClosePort | ArmGuard | DisarmGuard | Publish | Annunciate | Reply | Refuse
