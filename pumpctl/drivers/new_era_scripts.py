"""What is asked of a New Era pump for each command, question by question, and what the answers come to.

Refuses to know packets, time-outs and turns. RUN is asked only for what was read back at a stopped pump and has not
run, stopped or alarmed since (docs/dialects/new_era.md section 6); no script asks for it behind another question.
"""

from __future__ import annotations

from collections.abc import Generator

from protocols.errors import LocalProtocolError
from protocols.new_era.figures import dispensed_nl, number_text, rate_nl_h, thousandths, volume_nl
from protocols.new_era.framing import Mode
from protocols.new_era.messages import Prompt, Reply
from pumpctl.configuration import NewEraSetup
from pumpctl.core.program import LinkLoss, Program
from pumpctl.drivers.new_era_knowledge import Held, Known, Refused, Script, ask
from pumpctl.drivers.pump import (
    AcknowledgeAlarms,
    Denied,
    Done,
    Fact,
    LoadProgram,
    Pause,
    ProgramRead,
    ReadProgram,
    Renew,
    Resume,
    Start,
)

MAX_SAFE_S = 255


def loading(known: Known, command: LoadProgram) -> Script:
    """Phase two stops, phase one infuses. The total is cleared, so that its four digits show as much as they can."""
    known.void()
    try:
        settings = _settings(known, command.program)
    except (LocalProtocolError, Refused) as error:
        code = error.code if isinstance(error, Refused) else "not_settable"
        return (yield from answering(Denied(command, code)))
    try:
        known.shown_ul = infused_ul((yield from ask("DIS")))
        yield from ask("CLDINF")
        known.cleared_ul, known.shown_ul = known.total_ul, 0
        for setting in settings:
            yield from ask(setting)
    except Refused as refused:
        return [Denied(command, refused.code)]
    known.held = Held(command.program, known.total_ul)
    return [Done(command)]


def _settings(known: Known, program: Program) -> list[str]:
    """Raises LocalProtocolError for what the pump's numbers cannot hold exactly, Refused for a lease it cannot keep."""
    rate, volume = number_text(program.flow_rate_ul_h), number_text(program.vtbi_ul)
    silence_s = safe_s(known.setup, program)
    silence = [f"SAF{silence_s}"] if known.mode is Mode.SAFE else []
    phase = ["PHN1", "FUNRAT", f"RAT{rate}MH", "VOLML", f"VOL{volume}", "DIRINF"]
    return [*silence, f"DIA{number_text(known.setup.diameter_um)}", "PHN2", "FUNSTP", *phase]


def safe_s(setup: NewEraSetup, program: Program) -> int:
    """How long a silence stops the pump: the program's lease, or else what the channel was set up for."""
    if program.link_loss is not LinkLoss.STOP_AT_LEASE_END:
        return setup.safe_s
    seconds, rest_ms = divmod(program.lease_ms, 1000)
    if rest_ms or not setup.safe_s or not 1 <= seconds <= MAX_SAFE_S:
        raise Refused("lease_out_of_range")
    return seconds


def reading_back(known: Known, command: ReadProgram) -> Script:
    """Every value that decides, as the pump shows it. The phases can be asked for at a stopped pump only."""
    held, expected = known.held, command.expected
    if held is None or held.program.program_id != expected.program_id:
        yield ""
        return [ProgramRead(None, None)]
    try:
        yield from ask("")
        still = known.prompt is Prompt.STOPPED
        equal = yield from _equal(known, expected, still=still)
    except Refused as refused:
        return [Denied(command, refused.code)]
    if known.held is not held:
        return [ProgramRead(None, None)]  # an alarm that came unasked has voided it
    held.proven = equal and still and not held.started
    return [ProgramRead(expected.program_id, expected if equal else None)]


def _equal(known: Known, expected: Program, *, still: bool) -> Generator[str, Reply, bool]:
    if still:
        yield from ask("PHN2")
        stops_behind = (yield from ask("FUN")) == "STP"
        yield from ask("PHN1")
        if not stops_behind or (yield from ask("FUN")) != "RAT":
            return False
    diameter_um = thousandths((yield from ask("DIA")))
    rate = rate_nl_h((yield from ask("RAT")))
    volume = volume_nl((yield from ask("VOL")))
    direction = yield from ask("DIR")
    silence_s = int((yield from ask("SAF"))) if known.mode is Mode.SAFE else 0
    wanted_s = safe_s(known.setup, expected) if known.mode is Mode.SAFE else 0
    read = (diameter_um, rate, volume, direction, silence_s)
    return read == (known.setup.diameter_um, expected.flow_rate_ul_h * 1000, expected.vtbi_ul * 1000, "INF", wanted_s)


def objection(known: Known, command: Start | Resume) -> str | None:
    """Why RUN may not be asked; None when it may."""
    held = known.held
    if held is None or held.program.program_id != command.program_id:
        return "wrong_program"
    if known.alarms:
        return "alarm_active"
    if isinstance(command, Resume):
        return None if held.started and known.prompt is Prompt.PAUSED else "bad_state"
    return None if held.proven and known.prompt is Prompt.STOPPED else "not_read_back"


def running(known: Known, command: Start | Resume) -> Script:
    """RUN, once: whatever becomes of it, another one needs another read-back."""
    if known.held is not None:
        known.held.proven, known.held.started = False, True
    try:
        yield from ask("RUN")
    except Refused as refused:
        return [Denied(command, refused.code)]
    return [Done(command)]


def pausing(known: Known, command: Pause) -> Script:
    """One STP, and only at a pump that runs: a second one would end the program."""
    ours = known.held is not None and known.held.program.program_id == command.program_id
    if not ours or known.prompt is not Prompt.INFUSING:
        return (yield from answering(Denied(command, "bad_state" if ours else "wrong_program")))
    try:
        yield from ask("STP")
    except Refused as refused:
        return [Denied(command, refused.code)]
    return [Done(command)]


def renewing(known: Known, command: Renew) -> Script:
    """Any packet renews the pump's: the one that was granted is kept here, and ended with STP (new_era_status.py)."""
    if known.mode is not Mode.SAFE:
        return (yield from answering(Denied(command, "lease_out_of_range")))
    yield ""
    if known.held is None or known.held.program.program_id != command.program_id:
        return [Denied(command, "wrong_program")]
    known.lease_until_ms = command.until_uptime_ms
    return [Done(command)]


def acknowledging(known: Known, command: AcknowledgeAlarms) -> Script:
    """The pump takes any question for it; one that answers with an alarm again has just had another."""
    known.alarms = ()
    yield ""
    return [Done(command)]


def answering(fact: Fact) -> Script:
    """Nothing that this pump could be asked for does it: a question that changes nothing, and the answer to us."""
    yield ""
    return [fact]


def infused_ul(dispensed: str) -> int:
    """Rounded down; the pump's own four digits are coarser than that from 10 mL on."""
    return dispensed_nl(dispensed)[0] // 1000
