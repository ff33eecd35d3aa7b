"""All that one daemon supervises: its channels, the orders it accepted, the doses it knows of.

Refuses to decide: the other rooms do, with this as their only memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from pumpctl.configuration import ControllerConfiguration
from pumpctl.core.exposure import Ledger
from pumpctl.core.library import Library
from pumpctl.core.order import Order, Override
from pumpctl.core.reason import Reason
from pumpctl.core.rules.start_case import Occasion
from pumpctl.core.schedule import Occurrence
from pumpctl.core.starting import StartCheck
from pumpctl.events import Json
from pumpctl.supervision.channel import Channel, Priming
from pumpctl.supervision.line import SharedLine


@dataclass(frozen=True, slots=True)
class CheckedStart:
    """What was found at the bag check of one occurrence, and the overrides given for its start."""

    check: StartCheck
    overrides: tuple[Override, ...]


@dataclass(slots=True)
class AcceptedOrder:
    """An order in force on a channel. Which occurrences were begun (S01) stands in the ledger."""

    order: Order
    digest: str
    channel: str
    overrides: tuple[Override, ...]
    occurrences: tuple[Occurrence, ...]
    accepted_utc_ms: int
    attempts: dict[int, int] = field(default_factory=dict[int, int])  # by occurrence number
    checks: dict[int, CheckedStart] = field(default_factory=dict[int, CheckedStart])  # the newest, by occurrence number
    cancelled: bool = False


@dataclass(frozen=True, slots=True)
class Preparation:
    """Which occurrence to load: the one that is nearest, or `number`. Without a check there is nothing to load."""

    digest: str
    check: StartCheck | None
    person: str
    overrides: tuple[str, ...] = ()  # as given, RULE=PERSON:reason
    number: int | None = None


@dataclass(frozen=True, slots=True)
class DosingIntent:
    """A start or resume that waits for its record to be durable."""

    channel: str


@dataclass(frozen=True, slots=True)
class OwedReply:
    """A success that may be told only once it is durable."""

    request_id: int
    result: Json
    prepare: Preparation | None = None  # to be done when this is durable


@dataclass(frozen=True, slots=True)
class PrimeIntent:
    """A prime that waits for its record to be durable, and who is told then."""

    channel: str
    priming: Priming  # this wish: the channel may have dropped it by then, or hold a later one
    reply: OwedReply


@dataclass(frozen=True, slots=True)
class StopAnswer:
    """Somebody asked for a stop and waits for the proof."""

    request_id: int
    asked_ns: int
    channels: list[str]


Waiting: TypeAlias = DosingIntent | OwedReply | PrimeIntent


@dataclass(slots=True)
class Ward:
    """See the module docstring."""

    configuration: ControllerConfiguration
    library: Library
    channels: dict[str, Channel]
    ledger: Ledger
    journal_sound: bool
    journal_reason: str
    lines: tuple[SharedLine, ...] = ()
    orders: dict[str, AcceptedOrder] = field(default_factory=dict[str, AcceptedOrder])
    used_bags: dict[str, Occasion] = field(default_factory=dict[str, Occasion])  # by folded() bag id (B02)
    waiting: dict[int, Waiting] = field(default_factory=dict[int, Waiting])
    stop_answers: list[StopAnswer] = field(default_factory=list[StopAnswer])
    next_seq: int = 1
    guard_alive: bool = False
    wall_step_ms: int = 0  # since a person last found it right
    steps_to_come_ms: int = 0  # of the records that are not replayed yet
    last_durable_ns: int | None = None

    def others_of(self, channel: Channel) -> Iterator[Channel]:
        """The other channels of the same patient."""
        return (
            other for other in self.channels.values() if other is not channel and other.patient_id == channel.patient_id
        )

    def busy_elsewhere(self, channel: Channel) -> str | None:
        """Where this patient's magnesium already runs, is unresolved, or waits for its start (S02, H33).

        A stop that is not proven is unresolved too: whatever that pump holds may be running (UNPROVEN).
        """
        for other in self.others_of(channel):
            starting = other.infusion is not None and other.infusion.dosing is not None
            if other.owes_dose() or starting or other.stop is not None:
                return other.name
        return None

    def journal_reasons(self) -> tuple[Reason, ...]:
        return () if self.journal_sound else (Reason("journal_unsound", self.journal_reason),)
