"""The whole system in one thread and virtual time: controllers' effects, lines, pumps, and persons.

Refuses to know asyncio, sockets, files and the wall clock. A heap of instants is all: the daemon's
function, each simulated pump and each byte on its way are called when their time has come, and
between them time jumps. Same seed, same bytes: the digest over the wire says so.
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from pumpctl.configuration import ControllerConfiguration, JournalCondition, JournalContent, PastRecord
from pumpctl.controller import Controller
from pumpctl.core.instant import NS_PER_MS, Now
from pumpctl.core.library import Library
from pumpctl.effects import (
    Annunciate,
    ArmGuard,
    ClosePort,
    DisarmGuard,
    Effect,
    Publish,
    Record,
    Refuse,
    Reply,
    WritePump,
)
from pumpctl.events import DeadlineReached, Event, GuardChanged, LinkDown, LinkUp, OperatorRequest, PumpBytes, Recorded
from simulator.instant import SimNow
from simulator.pump import Button, SimPump

MAX_STEPS = 5_000_000  # a run that needs more has stopped making sense


@dataclass(frozen=True, slots=True)
class Delays:
    """How long things take, ns of link time: a byte to the other end, a record to the disk."""

    line_ns: int = NS_PER_MS
    sync_ns: int = NS_PER_MS


@dataclass(slots=True)
class Seen:
    """What came out of the daemon, for those who judge."""

    records: list[Record] = field(default_factory=list[Record])
    answers: dict[int, Reply | Refuse] = field(default_factory=dict[int, Reply | Refuse])
    alarms: list[Annunciate] = field(default_factory=list[Annunciate])
    states: dict[str, Any] = field(default_factory=dict[str, Any])
    published: int = 0
    writes: list[tuple[int, WritePump]] = field(default_factory=list[tuple[int, WritePump]])


class World:
    """One daemon and its pumps. `start_utc_ms` is the calendar at link time 0; speed is 1."""

    def __init__(
        self,
        configuration: ControllerConfiguration,
        library: Library,
        pumps: dict[str, SimPump],
        past: JournalContent,
        *,
        seed: int,
        start_utc_ms: int,
        delays: Delays | None = None,
    ) -> None:
        self.configuration, self.library, self.pumps = configuration, library, pumps
        self.controller = Controller(configuration, library, past)
        self.now_ns = 0
        self.seen = Seen()
        self.wire = hashlib.sha256()
        self.linked: set[str] = set()
        self.steps = 0
        self._random = Random(seed)  # noqa: S311 - a world must be reproducible
        self._start_utc_ms = start_utc_ms
        self._delays = delays or Delays()
        self._agenda: list[tuple[int, int, Callable[[], None]]] = []
        self._order = 0
        self._life = 0  # of the daemon: what was on its way to a dead one reaches nobody
        self._requests = 0
        self._carry_out(self.controller.start(self._now()))
        self.tell(GuardChanged(alive=True))

    # Persons and circumstances.

    def plug_in(self, channel: str) -> None:
        """Open the port to this pump."""
        self.linked.add(channel)
        self.tell(LinkUp(channel, self._random.randrange(1, 1 << 32)))

    def unplug(self, channel: str, reason: str = "unplugged") -> None:
        self.linked.discard(channel)
        self.tell(LinkDown(channel, reason))

    def ask(self, method: str, **params: object) -> int:
        """An operator's request; its answer will stand in `seen.answers` under the number returned."""
        self._requests += 1
        self.tell(OperatorRequest(self._requests, method, params, "rig"))
        return self._requests

    def press(self, channel: str, button: Button) -> None:
        pump = self.pumps[channel]
        pump.press(button, self._sim_now())
        self._hear(channel, pump.advance(self._sim_now()))

    def restart(self, past: JournalContent | None = None) -> None:
        """The daemon dies and comes back with what its journal holds; ports must be plugged in again."""
        self.linked.clear()
        self._life += 1
        self.controller = Controller(self.configuration, self.library, past or self.journal())
        self._carry_out(self.controller.start(self._now()))
        self.tell(GuardChanged(alive=True))

    def journal(self) -> JournalContent:
        """What a restarted daemon would read."""
        return journal_of(self.seen.records)

    # Time.

    def run_until(self, reached: Callable[[], bool], limit_ns: int) -> bool:
        """Step until `reached` holds (True) or link time `limit_ns` has come (False)."""
        while not reached():
            if not self.step(limit_ns):
                return False
        return True

    def run_for(self, span_ns: int) -> None:
        limit_ns = self.now_ns + span_ns
        while self.step(limit_ns):
            pass

    def at(self, at_ns: int, action: Callable[[], None]) -> None:
        """Let something happen at this link instant."""
        self._order += 1
        heapq.heappush(self._agenda, (at_ns, self._order, action))

    def step(self, limit_ns: int) -> bool:
        """Go to the earliest instant at which anything happens; False when that is past the limit."""
        self.steps += 1
        if self.steps > MAX_STEPS:
            raise AssertionError(f"{MAX_STEPS} steps at {self.now_ns} ns")
        agenda_ns = self._agenda[0][0] if self._agenda else limit_ns + 1
        deadline_ns = self.controller.next_deadline_ns()
        daemon_ns = limit_ns + 1 if deadline_ns is None else max(deadline_ns, self.now_ns)
        pump_ns, channel = min((pump.call_at(), name) for name, pump in self.pumps.items())
        following = min(agenda_ns, daemon_ns, pump_ns)
        if following > limit_ns:
            self.now_ns = max(self.now_ns, limit_ns)
            return False
        self.now_ns = max(self.now_ns, following)
        if following == pump_ns:
            self._hear(channel, self.pumps[channel].advance(self._sim_now()))
        elif following == agenda_ns:
            heapq.heappop(self._agenda)[2]()
        else:
            self.tell(DeadlineReached())
        return True

    def tell(self, event: Event) -> None:
        """Hand an event to the daemon now."""
        self._carry_out(self.controller.handle(event, self._now()))

    @property
    def utc_ms(self) -> int:
        """The calendar now."""
        return self._start_utc_ms + self.now_ns // NS_PER_MS

    def _now(self) -> Now:
        return Now(self.now_ns, self.now_ns, self.utc_ms)

    def _sim_now(self) -> SimNow:
        return SimNow(self.now_ns, self.now_ns)

    # The lines.

    def _carry_out(self, effects: tuple[Effect, ...]) -> None:
        for effect in effects:
            match effect:
                case WritePump():
                    self._send(effect)
                case Record():
                    self.seen.records.append(effect)
                    self._later(self._delays.sync_ns, Recorded(effect.seq))
                case Reply() | Refuse():
                    self.seen.answers[effect.request_id] = effect
                case Annunciate():
                    self.seen.alarms.append(effect)
                case Publish():
                    self.seen.published += 1
                    if effect.leaf == "state":
                        self.seen.states[effect.channel] = effect.payload
                case ClosePort():
                    self.linked.discard(effect.channel)
                case ArmGuard() | DisarmGuard():
                    pass

    def _later(self, delay_ns: int, event: Event) -> None:
        life = self._life

        def _arrive() -> None:
            if self._life == life:
                self.tell(event)

        self.at(self.now_ns + delay_ns, _arrive)

    def _send(self, write: WritePump) -> None:
        if write.channel not in self.linked:
            return
        self.seen.writes.append((self.now_ns, write))
        self._trace("d", write.channel, write.frame)

        def _arrive() -> None:
            self._hear(write.channel, self.pumps[write.channel].receive(write.frame, self._sim_now()))

        self.at(self.now_ns + self._delays.line_ns, _arrive)

    def _hear(self, channel: str, spoken: bytes) -> None:
        if not spoken or channel not in self.linked:
            return
        self._trace("p", channel, spoken)
        self._later(self._delays.line_ns, PumpBytes(channel, spoken))

    def _trace(self, speaker: str, channel: str, spoken: bytes) -> None:
        self.wire.update(f"{self.now_ns} {speaker} {channel} {spoken.hex()}\n".encode())


def journal_of(records: list[Record]) -> JournalContent:
    """Records as the journal would give them back."""
    past = tuple(PastRecord(r.seq, r.kind, dict(r.body), r.utc_ms) for r in records)
    return JournalContent(JournalCondition.SOUND, "", past)
