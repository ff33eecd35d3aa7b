"""The driver of New Era syringe pumps (docs/dialects/new_era.md).

Refuses to know what a program is for. A reply names neither its question nor a number: there is one question at a
time, its reply must have the shape of an answer to it, and after one that stayed out the line is left alone until a
late reply has had its time. What else arrives is noise.
"""

from __future__ import annotations

from typing import assert_never

from protocols.errors import LocalProtocolError, RemoteProtocolError
from protocols.new_era.framing import ETX, Garbage, Mode, Packet, ReplyDecoder, encode_reply, encode_request
from protocols.new_era.messages import AlarmKind, Prompt, Reply, parse_reply, reply_payload, request_payload
from pumpctl.configuration import NewEraSetup
from pumpctl.core.instant import NS_PER_MS, Now
from pumpctl.core.program import LinkLoss
from pumpctl.drivers import new_era_scripts as scripts
from pumpctl.drivers.new_era_knowledge import ALARM_NAMES, Known, Script, fits
from pumpctl.drivers.new_era_status import identifying, reading_status, uptime_ms
from pumpctl.drivers.pump import (
    AcknowledgeAlarms,
    Command,
    ConfirmationRead,
    Denied,
    Fact,
    Identify,
    LineNoise,
    LoadProgram,
    Noticed,
    Pause,
    Prime,
    PumpActivity,
    ReadConfirmation,
    ReadEvent,
    ReadProgram,
    ReadStatus,
    Renew,
    Resume,
    Start,
    StopTaken,
    Unanswered,
)

REPLY_NS = 500 * NS_PER_MS  # a pump answers at once; for each question
LATE_NS = 250 * NS_PER_MS  # after a reply that stayed out, and after a STOP: as long as its own repetition takes
# No request of ours is longer: so many of them end any half packet on the line, and none of them means anything.
HALF_A_PACKET = bytes([ETX]) * 20


class NewEraDriver:
    """One transaction at a time; see drivers/pump.py Driver for what each method promises."""

    def __init__(self, setup: NewEraSetup, serial: str) -> None:
        mode = Mode.SAFE if setup.safe_s else Mode.BASIC
        stop = encode_request(request_payload(setup.address, "STP"), mode)
        # One STP pauses, two end the program. In basic mode a half line before them must not be carried out as it is.
        self.stop_frame = (HALF_A_PACKET if mode is Mode.SAFE else b"!\r") + stop + stop
        self.stopped_frame = encode_reply(reply_payload(Reply(setup.address, Prompt.STOPPED)), mode)
        self._serial = serial
        self._known = Known(setup)
        self._decoder = ReplyDecoder()
        self._command: Command | None = None
        self._script: Script | None = None
        self._question = ""
        self._next: str | None = None  # the question that `outgoing` is to give
        self._asked_ns = 0
        self._alarm_seen = False  # since the question was asked: its reply, or the same unasked
        self._quiet_ns: int | None = None  # until then replies are late ones
        self._stopping = False
        self._safe_first = False  # a pump that hears no basic line may be in safe mode

    @property
    def busy(self) -> bool:
        return self._script is not None or self._quiet_ns is not None

    def open(self, session: int) -> None:  # noqa: ARG002 - this link knows no sessions
        self._decoder = ReplyDecoder()
        self._known.mode = self._known.prompt = None
        self._command, self._script, self._next, self._quiet_ns, self._stopping = None, None, None, None, False

    def command(self, command: Command, now: Now) -> bytes:
        if self.busy:
            raise LocalProtocolError("a question is still open")
        self._command, self._script = command, self._script_for(command, now)
        return self._ask(next(self._script), now)

    def receive(self, received: bytes) -> list[Fact]:
        facts: list[Fact] = []
        for piece in self._decoder.receive(received):
            facts += self._piece(piece)
        return facts

    def outgoing(self, now: Now) -> bytes:
        question, self._next = self._next, None
        return b"" if question is None else self._ask(question, now)

    def stopping(self, now: Now) -> None:
        """Two replies to it are on their way, and maybe one to the question before it: no other is asked until then."""
        overtaken = self._command if isinstance(self._command, Start | Resume) else None
        self._known.void()
        self._command, self._script, self._next = overtaken, None, None
        self._stopping, self._quiet_ns = True, now.link_ns + LATE_NS

    def wake(self, now: Now) -> list[Fact]:
        if self._quiet_ns is not None and now.link_ns >= self._quiet_ns:
            self._quiet_ns, self._stopping = None, False
            return self._unanswered()
        if self._script is None or self._next is not None or now.link_ns < self._asked_ns + REPLY_NS:
            return []
        facts = [fact for piece in self._decoder.expire() for fact in self._piece(piece)]
        return facts + self._give_up(now)

    def next_wake_ns(self) -> int | None:
        if self._quiet_ns is not None:
            return self._quiet_ns
        return None if self._script is None else self._asked_ns + REPLY_NS

    def _give_up(self, now: Now) -> list[Fact]:
        """Unless the last bytes, or an alarm that no other reply has followed, were the reply after all."""
        if self._script is None or self._next is not None:
            return []
        if self._alarm_seen:
            return self._advance(Reply(self._known.setup.address, AlarmKind.STALLED))
        self._safe_first = isinstance(self._command, Identify) and not self._safe_first
        self._script, self._quiet_ns = None, now.link_ns + LATE_NS
        return []

    def _unanswered(self) -> list[Fact]:
        command, self._command = self._command, None
        return [] if command is None else [Unanswered(command)]

    def _ask(self, question: str, now: Now) -> bytes:
        """Until it is known how the pump is set, both replies are taken; it takes a safe request in either mode."""
        known = self._known
        basic = known.setup.safe_s == 0 and (known.mode is Mode.BASIC or not self._safe_first)
        self._decoder.mode = known.mode
        self._question, self._asked_ns, self._alarm_seen = question, now.link_ns, False
        known.asked_ms = now.link_ns // NS_PER_MS
        return encode_request(request_payload(known.setup.address, question), Mode.BASIC if basic else Mode.SAFE)

    def _piece(self, piece: Packet | Garbage) -> list[Fact]:
        if isinstance(piece, Garbage):
            return [LineNoise(piece.reason.value)]
        try:
            reply = parse_reply(piece.payload)
        except RemoteProtocolError:
            return [LineNoise("not a reply")]
        if reply.address != self._known.setup.address:
            return [LineNoise(f"from address {reply.address}")]
        return self._reply(reply, piece.mode)

    def _reply(self, reply: Reply, mode: Mode) -> list[Fact]:
        if self._quiet_ns is not None:
            return self._late(reply)
        if self._script is None or self._next is not None or not fits(self._question, reply):
            return self._unasked(reply)
        if isinstance(reply.state, AlarmKind) and mode is Mode.SAFE and not self._alarm_seen:
            # It may have come unasked, the reply, which says the same, still on its way. Told at once in any case.
            self._alarm_seen = True
            return self._unasked(reply)
        return self._advance(reply)

    def _late(self, reply: Reply) -> list[Fact]:
        """After STOP: `S` proves it. Otherwise the answer to a question that nobody waits for any more."""
        if isinstance(reply.state, AlarmKind):
            return self._unasked(reply)
        if not self._stopping or reply.state is not Prompt.STOPPED or reply.body:
            return [LineNoise("a late reply")]
        self._known.hear(reply)
        self._quiet_ns, self._stopping = None, False
        return [StopTaken(), *self._unanswered()]

    def _unasked(self, reply: Reply) -> list[Fact]:
        if not isinstance(reply.state, AlarmKind):
            return [LineNoise("a reply to nothing that was asked")]
        self._known.hear(reply)
        return [Noticed(PumpActivity.STOPPED, () if reply.state is AlarmKind.RESET else (ALARM_NAMES[reply.state],))]

    def _advance(self, reply: Reply) -> list[Fact]:
        script = self._script
        if script is None:
            return []
        if not (self._alarm_seen and isinstance(reply.state, AlarmKind)):
            self._known.hear(reply)
        try:
            self._next = script.send(reply)
        except StopIteration as ended:
            self._script = self._command = None
            return list(ended.value)
        return []

    def _script_for(self, command: Command, now: Now) -> Script:
        known = self._known
        match command:
            case Identify():
                known.mode = None
                return identifying(known, command, self._serial, now)
            case ReadStatus():
                return reading_status(known, command, now)
            case LoadProgram():
                return scripts.loading(known, command)
            case ReadProgram():
                return scripts.reading_back(known, command)
            case Start() | Resume():
                return self._dosing(command, now)
            case Pause():
                return scripts.pausing(known, command)
            case Renew():
                return scripts.renewing(known, command)
            case AcknowledgeAlarms():
                return scripts.acknowledging(known, command)
            case ReadConfirmation():
                return scripts.answering(ConfirmationRead(None, None, for_resume=False))
            case ReadEvent():
                return scripts.answering(Denied(command, "no_such_event"))
            case Prime():
                # PUR runs at top speed without end, and a small program would need its RUN behind other questions.
                return scripts.answering(Denied(command, "prime_refused"))
            case _:
                assert_never(command)

    def _dosing(self, command: Start | Resume, now: Now) -> Script:
        known = self._known
        why_not = scripts.objection(known, command)
        if why_not is not None or known.held is None:
            return scripts.answering(Denied(command, why_not or "wrong_program"))
        if known.held.program.link_loss is LinkLoss.STOP_AT_LEASE_END:
            known.lease_until_ms = uptime_ms(now) + known.held.program.lease_ms
        return scripts.running(known, command)
