"""The driver of Alaris GH syringe pumps (docs/dialects/alaris.md).

Refuses to know what a program is for. A command is a round of questions, the first of them REMOTE_CTRL: it keeps
remote control alive, and its reply lets every late one out before a name is asked again. The pump checks no program
id and voids nothing on a stop, so this is done here: a start leaves only for the program that was set and read back
and not stopped since, and its two frames leave in one write.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import TypeVar, assert_never

from protocols.alaris import messages as m
from protocols.alaris.codec import STOP_ECHO, encode, stop_bytes
from protocols.alaris.framing import Garbage
from protocols.alaris.session import AlarisSession, Heard, Replied, Stray
from protocols.errors import LocalProtocolError
from pumpctl.core.capability import ALARIS_REFERENCE, Capability
from pumpctl.core.instant import NS_PER_MS, Now
from pumpctl.drivers.alaris_questions import against_syringe, questions_for
from pumpctl.drivers.alaris_status import ONLY_BOOT, Loaded, Round, is_set, status_read
from pumpctl.drivers.pump import (
    AcknowledgeAlarms,
    Command,
    ConfirmationRead,
    Denied,
    Done,
    Fact,
    Identified,
    Identify,
    LineNoise,
    LoadProgram,
    Noticed,
    Pause,
    Prime,
    ProgramRead,
    PumpActivity,
    ReadConfirmation,
    ReadEvent,
    ReadProgram,
    ReadStatus,
    Renew,
    Resume,
    SessionLost,
    Start,
    StopTaken,
    Unanswered,
)

REPLY_NS = 500 * NS_PER_MS  # infupy and OpenICE wait as long; for each question of a round
SIMULATED = "SIM-"  # no real pump's serial number begins so
_Reply = TypeVar("_Reply", bound=m.Reply)


@dataclass(slots=True)
class _Round:
    """A command under way: what is still to be asked, and what was answered."""

    command: Command
    left: deque[m.Request]  # at most four, what alaris_questions.py has for a command
    asked: Now  # the last question
    replies: list[m.Reply]
    objection: str | None  # why nothing but REMOTE_CTRL is asked
    stopped: bool = False  # STOP was written meanwhile: what was set is not a program


class AlarisDriver:
    """One transaction at a time; see drivers/pump.py Driver for what each method promises."""

    stopped_frame = STOP_ECHO  # says that the order was taken; the guard has no more to go by

    def __init__(self) -> None:
        self.stop_frame = b""  # needs the serial number
        self._session: AlarisSession | None = None
        self._round: _Round | None = None
        self._serial = ""
        self._syringe_ul = 0
        self._loaded: Loaded | None = None
        self._was_unnamed = False

    @property
    def busy(self) -> bool:
        return self._round is not None

    def open(self, session: int) -> None:  # noqa: ARG002 - this link knows no sessions
        self._session = AlarisSession()
        self._round = None

    def command(self, command: Command, now: Now) -> bytes:
        if self._session is None:
            raise LocalProtocolError("no link is open")
        if self._round is not None:
            raise LocalProtocolError(f"{type(self._round.command).__name__} is still under way")
        questions, objection = questions_for(command, self._serial, self._loaded)
        self._round = _Round(command, deque(questions[1:]), now, [], objection)
        if isinstance(command, Start | Resume) and objection is None and self._loaded is not None:
            # In one write, so that no STOP can come between the two; REMOTE_CTRL's reply is let pass.
            self._round.left.clear()
            self._loaded = replace(self._loaded, started=True)
            return encode(questions[0]) + self._session.request(questions[1])
        return self._session.request(questions[0])

    def receive(self, received: bytes) -> list[Fact]:
        if self._session is None:
            return []
        return [fact for heard in self._session.receive(received) for fact in self._facts(heard)]

    def outgoing(self, now: Now) -> bytes:
        current = self._round
        if current is None or self._session is None or self._session.outstanding is not None or not current.left:
            return b""
        current.asked = now
        return self._session.request(current.left.popleft())

    def stopping(self, now: Now) -> None:  # noqa: ARG002
        self._loaded = None  # as a pump would that voids its program: what comes now starts nothing
        if self._round is not None and not isinstance(self._round.command, ReadStatus | Identify):
            self._round.left.clear()
            self._round.stopped = True

    def wake(self, now: Now) -> list[Fact]:
        current, session = self._round, self._session
        if current is None or session is None or now.link_ns < current.asked.link_ns + REPLY_NS:
            return []
        session.expire()
        self._round = None
        return [Unanswered(current.command)]

    def next_wake_ns(self) -> int | None:
        return None if self._round is None else self._round.asked.link_ns + REPLY_NS

    def _facts(self, heard: Heard) -> list[Fact]:
        match heard:
            case Replied():
                return self._replied(heard)
            case Stray(reply=m.Echo(order=m.Order.STOP)):
                return [StopTaken()]
            case Stray():
                return [LineNoise(f"stray {type(heard.reply).__name__}")]
            case Garbage():
                return [LineNoise(heard.reason.value)]
            case _:
                assert_never(heard)

    def _replied(self, heard: Replied) -> list[Fact]:
        current = self._round
        if current is None:
            return [LineNoise("a reply to nothing that was asked")]
        reply, command = heard.reply, current.command
        objection = self._objection(heard, current)
        if objection is not None:
            self._round = None
            lost = isinstance(heard.request, m.Enable) and isinstance(reply, m.Refusal)
            wrong = isinstance(reply, m.Status) and reply.serial != self._serial
            return [Denied(command, objection), *([SessionLost()] if lost or wrong else [])]
        current.replies.append(reply)
        if current.left:
            return []
        self._round = None
        return self._finished(current)

    def _objection(self, heard: Replied, current: _Round) -> str | None:
        """Why the round ends here: the pump refused, or took something else than it was told."""
        request, reply = heard.request, heard.reply
        match reply:
            case m.Refusal():
                return reply.reason.lower()
            case m.Switched(permitted=False) | m.Switched(enabled=False):
                return "no_remote_control"
            case m.Status() if reply.serial != self._serial:
                return "wrong_serial"
            case m.Status() if isinstance(current.command, LoadProgram):
                on_hold = reply.mode == m.HOLD and reply.flow_rate_ul_h == 0
                return None if on_hold else "not_on_hold"
            case m.Syringe() if isinstance(current.command, LoadProgram):
                return against_syringe(current.command.program, reply)
            case m.Vtbi() if isinstance(request, m.SetVtbi):
                return None if reply == m.Vtbi(request.vtbi_ul, request.end) else "not_taken"
            case m.Rate() if isinstance(request, m.SetRate):
                return None if reply.flow_rate_ul_h == request.flow_rate_ul_h else "not_taken"
            case _:
                return current.objection

    def _finished(self, current: _Round) -> list[Fact]:
        command, replies = current.command, current.replies
        match command:
            case Identify():
                return [self._identified(current)]
            case ReadStatus():
                return self._status(current)
            case LoadProgram():
                status = _one(m.Status, replies)
                if current.stopped or status is None:
                    return [Unanswered(command)]
                self._loaded = Loaded(command.program, status.infused_ul)
                return [Done(command)]
            case ReadProgram():
                return [self._read_back(command, replies)]
            case ReadConfirmation():
                return [ConfirmationRead(None, None, for_resume=False)]  # there is no button
            case Start() | Resume() | Pause():
                taken = _one(m.Echo, replies) is not None
                return [Done(command) if taken else Unanswered(command)]
            case Prime() | Renew() | ReadEvent() | AcknowledgeAlarms():
                return [Denied(command, "not_by_link")]
            case _:
                assert_never(command)

    def _identified(self, current: _Round) -> Fact:
        protocol, serial = _one(m.ProtocolName, current.replies), _one(m.Serial, current.replies)
        rate_max, syringe = _one(m.RateMax, current.replies), _one(m.Syringe, current.replies)
        if protocol is None or serial is None or rate_max is None or syringe is None:
            return Unanswered(current.command)
        if serial.serial != self._serial:
            self._loaded = None
        self._serial, self._syringe_ul = serial.serial, 1000 * syringe.size_ml
        self.stop_frame = stop_bytes(serial.serial)
        return Identified(
            serial=serial.serial,
            firmware=protocol.text,
            simulated=serial.serial.startswith(SIMULATED),
            auto_confirm=False,
            boot_count=ONLY_BOOT,
            uptime_ms=current.asked.link_ns // NS_PER_MS,
            capability=_capability(rate_max, syringe),
        )

    def _status(self, current: _Round) -> list[Fact]:
        rate, vtbi = _one(m.Rate, current.replies), _one(m.Vtbi, current.replies)
        alarm, status = _one(m.AlarmState, current.replies), _one(m.Status, current.replies)
        if rate is None or vtbi is None or alarm is None or status is None:
            return [Unanswered(current.command)]
        told = Round(current.asked, rate, vtbi, alarm, status, self._syringe_ul)
        facts: list[Fact] = [status_read(told, self._loaded, was_unnamed=self._was_unnamed)]
        if told.is_unnamed and not self._was_unnamed:
            facts.append(Noticed(PumpActivity.PAUSED if told.is_still else PumpActivity.INFUSING, ()))
        self._was_unnamed = told.is_unnamed
        return facts

    def _read_back(self, command: ReadProgram, replies: list[m.Reply]) -> Fact:
        rate, vtbi = _one(m.Rate, replies), _one(m.Vtbi, replies)
        if rate is None or vtbi is None:
            return Unanswered(command)
        loaded, expected = self._loaded, command.expected
        if loaded is None or loaded.program != expected or not is_set(expected, rate, vtbi):
            return ProgramRead(None, None)
        return ProgramRead(expected.program_id, expected)


def _capability(rate_max: m.RateMax, syringe: m.Syringe) -> Capability:
    """As the reference, within what this syringe allows. Without a confirmed syringe nothing can be given."""
    return replace(
        ALARIS_REFERENCE,
        max_flow_ul_h=min(ALARIS_REFERENCE.max_flow_ul_h, rate_max.flow_rate_ul_h),
        reservoir_ul=min(ALARIS_REFERENCE.reservoir_ul, 1000 * syringe.size_ml) if syringe.confirmed else 0,
    )


def _one(kind: type[_Reply], replies: list[m.Reply]) -> _Reply | None:
    return next((reply for reply in replies if isinstance(reply, kind)), None)
