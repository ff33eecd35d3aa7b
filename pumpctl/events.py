"""What can happen to the daemon: the inputs of `Controller.handle`.

Refuses to know sockets, files and loops: each event is a value that a test can write down.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

Json: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class LinkUp:
    """A port was opened. `session` is a fresh random number other than 0 (SPEC.md section 2)."""

    channel: str
    session: int


@dataclass(frozen=True, slots=True)
class LinkDown:
    """The port is gone or could not be opened; `reason` is for people."""

    channel: str
    reason: str


@dataclass(frozen=True, slots=True)
class PumpBytes:
    """Bytes as they came off the port, split anywhere."""

    channel: str
    received: bytes


@dataclass(frozen=True, slots=True)
class Recorded:
    """The record with this sequence number, and all before it, are durable."""

    seq: int


@dataclass(frozen=True, slots=True)
class RecordFailed:
    """The journal cannot write any more (disk full, failed sync). It stays so until a restart."""

    reason: str


@dataclass(frozen=True, slots=True)
class OperatorRequest:
    """A JSON-RPC request from the control socket. `actor` is a recorded name, not a proof."""

    request_id: int
    method: str
    params: Json
    actor: str


@dataclass(frozen=True, slots=True)
class GuardFired:
    """The guard stopped these channels while no daemon could; found at start-up in its slot."""

    channels: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class GuardChanged:
    """The guard process came up (alive) or was lost. Until the first of these it counts as absent."""

    alive: bool


@dataclass(frozen=True, slots=True)
class WallClockStepped:
    """The wall clock moved against CLOCK_BOOTTIME by `step_ms` (signed)."""

    step_ms: int


@dataclass(frozen=True, slots=True)
class DeadlineReached:
    """Nothing happened but time: the instant that `Controller.next_deadline_ns` asked for came."""


Event: TypeAlias = (
    LinkUp
    | LinkDown
    | PumpBytes
    | Recorded
    | RecordFailed
    | OperatorRequest
    | GuardFired
    | GuardChanged
    | WallClockStepped
    | DeadlineReached
)
