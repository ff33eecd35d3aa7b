"""What has happened in the world: all of it for tests, and what the last event brought for those who watch.

Refuses to judge.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from pumpctl.configuration import JournalContent
from pumpctl.core.instant import NS_PER_MS
from pumpctl.effects import Annunciate, Record, Refuse, Reply, WritePump
from pumpctl.events import Recorded, RecordFailed
from simulator.faults import Fault
from simulator.pump import Button
from simulator.rig.mishaps import Mishap


@dataclass(frozen=True, slots=True)
class Delays:
    """How long things take, ns of link time: a byte to the other end, a record to the disk."""

    line_ns: int = NS_PER_MS
    sync_ns: int = NS_PER_MS


@dataclass(slots=True)
class Seen:
    """What came out of the daemon since the world began."""

    records: list[Record] = field(default_factory=list[Record])
    answers: dict[int, Reply | Refuse] = field(default_factory=dict[int, Reply | Refuse])
    alarms: list[Annunciate] = field(default_factory=list[Annunciate])
    states: dict[str, Any] = field(default_factory=dict[str, Any])
    published: int = 0
    writes: list[tuple[int, WritePump]] = field(default_factory=list[tuple[int, WritePump]])


@dataclass(frozen=True, slots=True)
class Delivered:
    """Bytes of the pump, as the daemon was given them."""

    channel: str
    received: bytes


@dataclass(frozen=True, slots=True)
class Asked:
    """A person's request, when the daemon takes it."""

    number: int
    method: str
    params: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Pressed:
    """A button of a pump."""

    channel: str
    button: Button


@dataclass(frozen=True, slots=True)
class PortOpened:
    """The daemon has this channel's port."""

    channel: str


@dataclass(frozen=True, slots=True)
class PortClosed:
    """Not any more: unplugged, or closed by the daemon."""

    channel: str


@dataclass(frozen=True, slots=True)
class LifeBegan:
    """A daemon came up with this past."""

    past: JournalContent


@dataclass(frozen=True, slots=True)
class LifeEnded:
    """The daemon is no more, its ports are closed."""


@dataclass(frozen=True, slots=True)
class Happened:
    """A fault or mishap begins, or is healed."""

    what: Fault | Mishap
    channel: str | None
    begins: bool


Happening: TypeAlias = (
    WritePump
    | Record
    | Reply
    | Refuse
    | Recorded
    | RecordFailed
    | Delivered
    | Asked
    | Pressed
    | PortOpened
    | PortClosed
    | LifeBegan
    | LifeEnded
    | Happened
)
