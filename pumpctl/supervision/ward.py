"""All that one daemon supervises: its channels, the orders it accepted, the doses it knows of.

Refuses to decide: the other rooms do, with this as their only memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from pumpctl.configuration import ControllerConfiguration
from pumpctl.core.exposure import Ledger
from pumpctl.core.library import Library
from pumpctl.core.order import Order, Override
from pumpctl.core.reason import Reason
from pumpctl.core.schedule import Occurrence
from pumpctl.events import Json
from pumpctl.supervision.channel import Channel


@dataclass(slots=True)
class AcceptedOrder:
    """An order in force on a channel. Which occurrences were begun (S01) stands in the ledger."""

    order: Order
    digest: str
    channel: str
    overrides: tuple[Override, ...]
    occurrences: tuple[Occurrence, ...]
    attempts: dict[int, int] = field(default_factory=dict[int, int])  # by occurrence number
    cancelled: bool = False


@dataclass(frozen=True, slots=True)
class DosingIntent:
    """A start or resume that waits for its record to be durable."""

    channel: str


@dataclass(frozen=True, slots=True)
class OwedReply:
    """A success that may be told only once it is durable."""

    request_id: int
    result: Json
    prepare: tuple[str, str] | None = None  # (order digest, channel): program it when due now


@dataclass(frozen=True, slots=True)
class StopAnswer:
    """Somebody asked for a stop and waits for the proof."""

    request_id: int
    asked_ns: int
    channels: list[str]


@dataclass(slots=True)
class Ward:
    """See the module docstring."""

    configuration: ControllerConfiguration
    library: Library
    channels: dict[str, Channel]
    ledger: Ledger
    journal_sound: bool
    journal_reason: str
    orders: dict[str, AcceptedOrder] = field(default_factory=dict[str, AcceptedOrder])
    waiting: dict[int, DosingIntent | OwedReply] = field(default_factory=dict[int, DosingIntent | OwedReply])
    stop_answers: list[StopAnswer] = field(default_factory=list[StopAnswer])
    next_seq: int = 1
    guard_alive: bool = False
    wall_step_ms: int = 0
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
