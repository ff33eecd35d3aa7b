"""What an Alaris pump is asked for each command, in which order, and what it cannot be asked at all.

Refuses to know the line and the answers.
"""

from __future__ import annotations

from typing import assert_never

from protocols.alaris import messages as m
from protocols.alaris.codec import security_code
from pumpctl.core.capability import ALARIS_REFERENCE
from pumpctl.core.program import LinkLoss, Program
from pumpctl.drivers.alaris_status import Loaded
from pumpctl.drivers.pump import (
    AcknowledgeAlarms,
    Command,
    Identify,
    LoadProgram,
    Pause,
    Prime,
    ReadConfirmation,
    ReadEvent,
    ReadProgram,
    ReadStatus,
    Renew,
    Resume,
    Start,
)

_IDENTITY: tuple[m.Request, ...] = (m.Query.PROTOCOL, m.Query.SERIAL, m.Query.RATE_MAX, m.Query.SYRINGE)
# INF last: a status is as old as its question, and a stop is proven by one that was asked after it.
_STATUS: tuple[m.Request, ...] = (m.Query.RATE, m.Query.VTBI, m.Query.ALARM, m.Query.STATUS)


def questions_for(command: Command, serial: str, loaded: Loaded | None) -> tuple[tuple[m.Request, ...], str | None]:
    """In their order; where there is an objection, only the harmless first one and why."""
    if isinstance(command, Identify):
        return _IDENTITY, None
    enable = m.Enable(m.Switch.CONTROL, security_code(serial))
    objection = _objection(command, loaded)
    return ((enable, *_after_enabling(command)) if objection is None else (enable,)), objection


def _after_enabling(command: Command) -> tuple[m.Request, ...]:
    match command:
        case ReadStatus():
            return _STATUS
        case LoadProgram():
            program = command.program
            # The volume before the rate: at no time is there a rate without the volume that ends it.
            return (
                m.Query.STATUS,
                m.Query.SYRINGE,
                m.SetVtbi(program.vtbi_ul, m.EndAction.STOP),
                m.SetRate(program.flow_rate_ul_h),
            )
        case ReadProgram():
            return (m.Query.RATE, m.Query.VTBI)
        case Start() | Resume():
            return (m.Order.START,)
        case Pause():
            return (m.Order.STOP,)
        case Identify() | ReadConfirmation() | Prime() | Renew() | ReadEvent() | AcknowledgeAlarms():
            return ()
        case _:
            assert_never(command)


def _objection(command: Command, loaded: Loaded | None) -> str | None:
    """The pump would not know better: it takes a start of anything, and knows no lease, prime or history."""
    match command:
        case LoadProgram():
            return _not_settable(command.program)
        case Start() | Resume():
            ours = loaded is not None and loaded.program.program_id == command.program_id
            return None if ours else "wrong_program"
        case Prime() | Renew() | ReadEvent() | AcknowledgeAlarms():
            return "not_by_link"
        case Identify() | ReadStatus() | ReadProgram() | ReadConfirmation() | Pause():
            return None
        case _:
            assert_never(command)


def _not_settable(program: Program) -> str | None:
    """What this pump cannot hold; the plan should have refused it (U04)."""
    if program.link_loss is not LinkLoss.FINISH_LOADED:
        return "no_lease"
    if program.kvo_ul_h:
        return "kvo_not_zero"
    in_steps = not program.flow_rate_ul_h % ALARIS_REFERENCE.flow_step_ul_h
    return None if in_steps and program.flow_rate_ul_h > 0 and program.vtbi_ul > 0 else "not_settable"


def against_syringe(program: Program, syringe: m.Syringe) -> str | None:
    """It may have been changed since the pump said who it is, and nobody may have said which one it is."""
    if not syringe.confirmed:
        return "syringe_not_confirmed"
    return None if program.vtbi_ul <= 1000 * syringe.size_ml else "syringe_too_small"
