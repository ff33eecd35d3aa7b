"""What the guard can do, as values: all of it.

Refuses to know when (decision.py) and how (process.py). There is no action that could start anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias


class Cause(Enum):
    """Why the guard stopped a channel; the value is for people."""

    NOT_WRITTEN = "a stop was asked for and the daemon did not write it in time"
    NO_DAEMON = "a stop was asked for while no daemon was running"
    DAEMON_LEFT = "the daemon wrote a STOP and ended before the stop was proven"
    LOOP_SILENT = "the daemon's loop did not report for a second"


class Outcome(Enum):
    """What became of a stop that was asked for."""

    WRITTEN_BY_DAEMON = "written_by_daemon"  # the proof is the daemon's to give
    STOPPED = "stopped"  # the pump answered the guard
    NOT_PROVEN = "not_proven"
    NOT_ARMED = "not_armed"  # which pump is at this port is not known: nothing was written
    NO_PORT = "no_port"  # no port is open under that name


@dataclass(frozen=True, slots=True)
class KillDaemon:
    """A dead writer cannot send a late START."""


@dataclass(frozen=True, slots=True)
class WriteStop:
    """`first`: drop what is queued on the line before it."""

    channel: str
    cause: Cause
    first: bool


@dataclass(frozen=True, slots=True)
class Settled:
    """The guard is done with this channel; `proven` when the pump answered."""

    channel: str
    cause: Cause
    proven: bool


@dataclass(frozen=True, slots=True)
class Alarm:
    """Only a line for people."""

    message: str


@dataclass(frozen=True, slots=True)
class Answer:
    """To the one who asked."""

    asker: int
    outcomes: dict[str, Outcome]


Action: TypeAlias = KillDaemon | WriteStop | Settled | Alarm | Answer
