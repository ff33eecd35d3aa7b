"""The driver of MIVA pumps (docs/dialects/miva.md): one command, one round of questions at a time.

Refuses to know what is asked (miva_scripts.py) and what a program is for. Nothing that a script asks after its first
question can move the motor: a start is one frame, and it leaves by `command` or not at all. After a question that went
unanswered the next one is another, and what comes before its answer is dropped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from protocols.errors import LocalProtocolError
from protocols.miva.framing import Garbage
from protocols.miva.requests import RUN
from protocols.miva.session import STOP_FRAME, STOPPED_FRAME, Heard, KeyDone, MivaSession, Reply, Stray, fence
from pumpctl.core.instant import NS_PER_MS, Now
from pumpctl.drivers.miva_scripts import Script, Scripts
from pumpctl.drivers.pump import (
    Command,
    Fact,
    Identify,
    LineNoise,
    ReadStatus,
    Start,
    StopTaken,
    Unanswered,
)

REPLY_NS = 500 * NS_PER_MS  # the maker's driver gives up after 50 ms; ten times that for the host and its buses


@dataclass(slots=True)
class _Round:
    """A command under way."""

    command: Command
    script: Script
    question_ns: int  # when the last question left
    following: str | None = None  # the next one
    kept: bool = False  # a STOP may come amid it: it reads, or has been written whole
    cut: bool = False  # STOP was written meanwhile: nothing of this may follow it


class MivaDriver:
    """One transaction at a time; see drivers/pump.py Driver for what each method promises."""

    stop_frame = STOP_FRAME
    stopped_frame = STOPPED_FRAME

    def __init__(self) -> None:
        self._session: MivaSession | None = None
        self._round: _Round | None = None
        self._owed: str | None = None  # a question whose answer may still come
        self._scripts = Scripts()

    @property
    def busy(self) -> bool:
        return self._round is not None

    def open(self, session: int) -> None:  # noqa: ARG002 - this link knows no sessions
        self._session = MivaSession()
        self._round = self._owed = None

    def command(self, command: Command, now: Now) -> bytes:
        if self._session is None:
            raise LocalProtocolError("no link is open")
        if self._round is not None:
            raise LocalProtocolError(f"{type(self._round.command).__name__} is still under way")
        script = self._scripts.script_for(command, now, settled=self._owed is None)
        if not isinstance(command, Start):
            script = self._settled(script)
        reads_stop = isinstance(command, ReadStatus) and self._scripts.is_stopping
        self._scripts.asking(now)
        self._round = _Round(command, script, now.link_ns, kept=reads_stop or isinstance(command, Start | Identify))
        return self._session.ask(next(script))

    def receive(self, received: bytes) -> list[Fact]:
        if self._session is None:
            return []
        return [fact for heard in self._session.receive(received) for fact in self._facts(heard)]

    def outgoing(self, now: Now) -> bytes:
        current = self._round
        if current is None or self._session is None or current.following is None:
            return b""
        question, current.following, current.question_ns = current.following, None, now.link_ns
        self._scripts.asking(now)
        return self._session.ask(question)

    def stopping(self, now: Now) -> None:  # noqa: ARG002
        self._scripts.stopping()
        if self._round is not None and not self._round.kept:
            self._round.cut, self._round.following = True, None

    def wake(self, now: Now) -> list[Fact]:
        current, session = self._round, self._session
        if current is None or session is None:
            return []
        waits = session.outstanding is not None
        if (waits or not current.cut) and now.link_ns < current.question_ns + REPLY_NS:
            return []
        self._owed = session.expire() or self._owed
        return self._given_up(current)

    def next_wake_ns(self) -> int | None:
        current, session = self._round, self._session
        if current is None or session is None:
            return None
        return 0 if current.cut and session.outstanding is None else current.question_ns + REPLY_NS

    def _facts(self, heard: Heard) -> list[Fact]:
        match heard:
            case Reply():
                return self._replied(heard)
            case KeyDone() if self._owed == RUN:
                return [LineNoise("a key was taken: the run key, for all that can be known")]  # until the fence
            case KeyDone():
                self._scripts.stop_taken()
                return [StopTaken()]
            case Stray():
                return [LineNoise(f"stray {heard.text[:2]}")]
            case Garbage():
                return [LineNoise(heard.reason.value)]
            case _:
                assert_never(heard)

    def _replied(self, reply: Reply) -> list[Fact]:
        current = self._round
        if current is None:
            return [LineNoise("a reply to nothing that was asked")]
        if current.cut:
            return self._given_up(current)
        try:
            current.following = current.script.send(reply.values)
        except StopIteration as ended:
            self._round = None
            facts: list[Fact] = ended.value
            return facts
        return []

    def _given_up(self, current: _Round) -> list[Fact]:
        self._round = None
        current.script.close()
        return [Unanswered(current.command)]

    def _settled(self, script: Script) -> Script:
        """After an answer that may still come, a question behind which it cannot."""
        if self._owed is not None:
            yield fence(self._owed)
            self._owed = None
        return (yield from script)
