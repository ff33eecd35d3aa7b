"""One program on its way through a pump: what was asked, what was sent, what was delivered.

Refuses to know links and alarms. The outcome of a dosing command is one of four, and
`unconfirmed` stays until the pump itself has said what happened.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from pumpctl.core.capability import Capability
from pumpctl.core.delivered import Counters, Delivered
from pumpctl.core.instant import Now
from pumpctl.core.program import Program


class Outcome(Enum):
    """What became of a dosing command."""

    NOT_SENT = "not_sent"
    UNCONFIRMED = "unconfirmed"
    DENIED = "denied"
    CONFIRMED = "confirmed"


@dataclass(slots=True)
class Dosing:
    """The one outstanding dosing command of a channel: intended, made durable, sent."""

    resume: bool
    token: int
    intent_seq: int
    intended_ns: int  # link time
    durable: bool = False
    sent: Now | None = None


@dataclass(slots=True)
class Infusion:
    """A program and its life. `base` are the pump's counters before its first drop."""

    program: Program
    due_utc_ms: int
    start_before_utc_ms: int
    delivered: Delivered | None = None
    dosing: Dosing | None = None
    used_token: int | None = None
    unconfirmed: bool = False
    started_utc_ms: int | None = None
    began_therapy_ns: int = 0
    is_dated: bool = True  # False: read from the past, and the wall clock cannot tell how long ago it began
    paused_therapy_ns: int | None = None
    reservoir_at_start_ul: int | None = None  # as the pump said then
    remaining: tuple[Program, ...] = field(default=())

    @property
    def program_id(self) -> bytes:
        return self.program.program_id

    @property
    def may_have_started(self) -> bool:
        """From here its volume counts against the patient."""
        return self.delivered is not None

    def begin(self, base: Counters, capability: Capability, now: Now) -> None:
        """START is about to be written: from this instant the drug may flow."""
        self.started_utc_ms, self.began_therapy_ns = now.utc_ms, now.therapy_ns
        self.delivered = Delivered(
            base=base,
            vtbi_ul=self.program.vtbi_ul,
            volume_step_ul=capability.volume_step_ul,
            accuracy_permille=capability.accuracy_permille,
            asked_therapy_ns=now.therapy_ns,
            moving_ul_h=self.program.flow_rate_ul_h,
        )
