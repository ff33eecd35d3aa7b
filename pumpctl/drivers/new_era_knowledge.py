"""What this end knows of a New Era pump, and what one question to it may be answered with.

Refuses to know packets and commands. The pump has no name for a program and forgets none on a stop, so what it holds
is remembered here; its replies do not repeat the question, so a reply must have the shape of an answer to it.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import TypeAlias

from protocols.errors import RemoteProtocolError
from protocols.new_era.figures import dispensed_nl, rate_nl_h, thousandths, volume_nl
from protocols.new_era.framing import Mode
from protocols.new_era.messages import AlarmKind, Prompt, Reply
from pumpctl.configuration import NewEraSetup
from pumpctl.core.program import Program
from pumpctl.drivers.pump import Fact

# A question is yielded, its reply is sent in. A script ends in the facts of its command.
Script: TypeAlias = Generator[str, Reply, list[Fact]]

# Stall is the only sign of an occlusion; the last two say that the program itself is broken.
ALARM_NAMES = {
    AlarmKind.RESET: "reset",
    AlarmKind.STALLED: "motor_stall",
    AlarmKind.TIMED_OUT: "lease_ended",
    AlarmKind.PROGRAM_ERROR: "self_test",
    AlarmKind.PHASE_OUT_OF_RANGE: "self_test",
}
_WORDS = {"FUN": r"[A-Z]{3}[0-9]*", "DIR": r"INF|WDR|STK", "SAF": r"[0-9]{1,3}", "VER": r"NE[0-9A-Z]+V[0-9]+\.[0-9]+"}
_FIGURES = {"DIA": thousandths, "RAT": rate_nl_h, "VOL": volume_nl, "DIS": dispensed_nl}


class Refused(Exception):
    """A question of a script was not answered as it must be."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(slots=True)
class Held:
    """The program that was set. `from_ul` is the total at which it began."""

    program: Program
    from_ul: int
    proven: bool = False  # read back equal, at a stopped pump, since it was set and since it ran
    started: bool = False


@dataclass(slots=True)
class Known:
    """`cleared_ul`: infused before the pump's own total was last cleared. `lease_until_ms`: by our own clock."""

    setup: NewEraSetup
    mode: Mode | None = None
    prompt: Prompt | None = None  # of the last reply
    held: Held | None = None
    asked_ms: int = 0  # when it was last asked anything, link time
    boot_count: int = 0  # the pump counts none: a number that no daemon of this host has given to another power-on
    cleared_ul: int = 0
    shown_ul: int = 0
    alarms: tuple[str, ...] = field(default=())  # until they are acknowledged
    lease_until_ms: int | None = None

    @property
    def total_ul(self) -> int:
        return self.cleared_ul + self.shown_ul

    def hear(self, reply: Reply) -> None:
        """Every reply tells the state; an alarm also that the pump has stopped and its program begins anew."""
        if isinstance(reply.state, Prompt):
            self.prompt = reply.state
            return
        self.prompt = None
        self.void()
        if reply.state is AlarmKind.RESET:
            self.boot_count = max(self.boot_count + 1, self.asked_ms)
        else:
            self.alarm(ALARM_NAMES[reply.state])

    def alarm(self, name: str) -> None:
        self.alarms = (*self.alarms, name) if name not in self.alarms else self.alarms

    def void(self) -> None:
        """No program, no lease."""
        self.held, self.lease_until_ms = None, None


def ask(question: str) -> Generator[str, Reply, str]:
    """The body of the reply. Raises Refused."""
    reply = yield question
    if isinstance(reply.state, AlarmKind):
        raise Refused("alarm_active")
    if reply.refusal is not None:
        raise Refused(reply.refusal.name.lower())
    return reply.body


def fits(question: str, reply: Reply) -> bool:
    """Whether this can be the reply to that question."""
    if isinstance(reply.state, AlarmKind) or reply.refusal is not None:
        return True
    if question in _WORDS:
        return re.fullmatch(_WORDS[question], reply.body) is not None
    if question not in _FIGURES:
        return reply.body == ""
    try:
        _FIGURES[question](reply.body)
    except RemoteProtocolError:
        return False
    return True
