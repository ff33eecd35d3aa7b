"""What was said on one line, as a third party who hears both ends at the daemon's port understands it.

Refuses to ask the daemon: who has identified itself, what was loaded, which token was told, which dosing command
has no answer yet, and whether a program may be running, all this follows from the bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from simulator.instant import NS_PER_MS, NS_PER_S
from simulator.rig.invariants import naive
from simulator.rig.invariants.naive import Ear, ProgramSaid, Said, StatusSaid

BELIEVED_NS = 450 * NS_PER_MS  # an answer older than this the daemon may rightly have given up
OUT_OF_CONTACT_NS = 6 * NS_PER_S  # an idle pump is asked every 5 s


@dataclass(slots=True)
class Talk:
    """One channel. Instants are world time."""

    channel: str
    serial: str
    identified_ns: int | None = None  # since when, in this opening of the port
    is_known: bool = False  # and in time, so that the daemon must know it, too
    auto_confirm: bool = False
    asked: Said | None = None
    asked_ns: int = 0
    status: StatusSaid | None = None
    status_asked_ns: int = 0
    contact_since_ns: int = 0
    last_heard_ns: int = -OUT_OF_CONTACT_NS
    poll_ns: int = OUT_OF_CONTACT_NS
    tokens: dict[bytes, tuple[int, bytes]] = field(default_factory=dict[bytes, tuple[int, bytes]])
    loaded: dict[bytes, ProgramSaid] = field(default_factory=dict[bytes, ProgramSaid])
    running: bytes | None = None  # a program that was started and is not known to have ended
    started_boot: int | None = None
    unresolved: Said | None = None  # a dosing command without a known outcome
    unresolved_ns: int = 0
    stop_ns: int | None = None  # the last STOP since the last dosing command
    stop_answered: bool = False  # the pump has said STOPPED since, and nothing else after it
    _from_daemon: Ear = field(default_factory=Ear)
    _from_pump: Ear = field(default_factory=Ear)

    def opened(self) -> None:
        """A fresh port: nobody is known yet."""
        self.identified_ns, self.is_known, self.status, self.asked = None, False, None, None
        self._from_daemon, self._from_pump = Ear(), Ear()

    def wrote(self, frame: bytes) -> list[Said]:
        """The daemon's messages, before any of them is taken into account."""
        return self._from_daemon.hear(frame)

    def sent(self, said: Said, now_ns: int) -> None:
        """Take one of them into account."""
        if said.kind == naive.STOP:
            self.stop_ns = now_ns
            return
        self.asked, self.asked_ns = said, now_ns
        if said.kind == naive.LOAD and (program := naive.program_said(said.body)) is not None:
            self.loaded[program.program_id] = program
        elif said.kind in naive.DOSING:
            self.running, self.started_boot = said.body[:8], self.status.boot_count if self.status else None
            self.unresolved, self.unresolved_ns = said, now_ns
            self.stop_ns, self.stop_answered = None, False

    def heard(self, received: bytes) -> list[Said]:
        """The pump's messages that answer something, or need nothing to answer; not yet taken into account."""
        return [said for said in self._from_pump.hear(received) if self._believes(said)]

    def learned(self, said: Said, now_ns: int) -> None:
        """Take one of them into account."""
        match said.kind:
            case naive.IDENTITY if len(said.body) == 98:
                serial = said.body[16:32].rstrip(b"\0").decode("ascii", "replace")
                self.identified_ns = now_ns if serial == self.serial else None
                self.is_known = serial == self.serial and now_ns - self.asked_ns <= BELIEVED_NS
                self.auto_confirm = bool(said.body[48] & 2)
                if self.stop_ns is not None:
                    self.stop_ns = now_ns  # whoever has just found the pump reads first (I8): the pace begins anew
            case naive.STATUS:
                self._status(naive.status_said(said.body), now_ns)
            case naive.STOPPED:
                self.stop_answered = self.stop_ns is not None
            case naive.CONFIRMATION if len(said.body) == 21:
                self.tokens[said.body[9:17]] = (said.body[0], said.body[1:9])
            case naive.STARTED | naive.RESUMED:
                self._resolve(said)
            case naive.REFUSED if len(said.body) == 3:
                if said.body[1] == naive.WRONG_SESSION:
                    self.identified_ns, self.is_known, self.status = None, False, None
                if said.body[0] == naive.START:
                    self.running = None
                self._resolve(said)
            case _:
                return

    def in_contact(self, now_ns: int, *, polls: int) -> bool:
        """Whether the pump has been answering for so many polls, and a second, without a gap."""
        fresh = now_ns - self.last_heard_ns <= OUT_OF_CONTACT_NS
        return fresh and now_ns - self.contact_since_ns >= polls * self.poll_ns + NS_PER_S

    def _believes(self, said: Said) -> bool:
        if said.kind in {naive.NOTICE, naive.STOPPED}:
            return said.session == 0 and said.sequence == 0
        asked = self.asked
        return asked is not None and (said.session, said.sequence) == (asked.session, asked.sequence)

    def _resolve(self, said: Said) -> None:
        if self.unresolved is not None and said.sequence == self.unresolved.sequence:
            self.unresolved = None

    def _status(self, status: StatusSaid | None, now_ns: int) -> None:
        if status is None:
            return
        if now_ns - self.last_heard_ns > OUT_OF_CONTACT_NS:
            self.contact_since_ns = now_ns
        self.poll_ns = min(OUT_OF_CONTACT_NS, max(NS_PER_S, now_ns - self.last_heard_ns))
        self.last_heard_ns, self.status, self.status_asked_ns = now_ns, status, self.asked_ns
        if status.state == naive.INFUSING and self.stop_answered and self.asked_ns >= (self.stop_ns or now_ns):
            self.stop_answered, self.stop_ns = False, now_ns  # it said STOPPED and runs: its pace begins anew
        if self.unresolved is not None and self.asked_ns > self.unresolved_ns:
            self.unresolved = None
        runs = status.program_id == self.running and status.state in {naive.INFUSING, naive.PAUSED}
        if not runs and self.unresolved is None:
            self.running = None
