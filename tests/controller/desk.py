"""A controller on a desk: its clock in the test's hand, pump doubles on its lines, everything it says written down.

Refuses to hurry: an event reaches the controller only when the test lets its instant come. After each event two
promises are checked that hold always: sequence numbers only grow, and the next deadline lies ahead.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pumpctl.configuration import (
    ChannelConfiguration,
    ControllerConfiguration,
    JournalCondition,
    JournalContent,
    Mode,
    PastRecord,
)
from pumpctl.controller import Controller
from pumpctl.core.delivery import DeliveryState
from pumpctl.core.instant import NS_PER_MS, NS_PER_S, Now
from pumpctl.effects import ClosePort, DisarmGuard, Effect, Publish, Record, Refuse, Reply, WritePump
from pumpctl.events import (
    DeadlineReached,
    Event,
    GuardChanged,
    LinkDown,
    LinkUp,
    OperatorRequest,
    PumpBytes,
    Recorded,
    WallClockStepped,
)
from pumpctl.shell.library_file import read_library
from pumpctl.supervision.channel import Channel
from tests.controller.nurse import LOOK_NS, look_after
from tests.controller.orders import PATIENT, START_UTC_MS, checked
from tests.controller.pump_double import PumpDouble
from tests.controller.told import Told

MS = NS_PER_MS
S = NS_PER_S
LINE_NS = MS
SYNC_NS = MS
BEGIN_NS = 10 * S
MAX_WAKES = 200_000
LIBRARY = read_library(None)
A, B = "a", "b"
ONE_CHANNEL = (ChannelConfiguration(A, "companion", "SIM-0001", PATIENT),)
NOTHING = JournalContent(JournalCondition.SOUND, "", ())


@dataclass(slots=True, repr=False)
class Desk(Told):
    """`speed` scales therapy time, as the shell's clock does."""

    channels: tuple[ChannelConfiguration, ...] = ONE_CHANNEL
    mode: Mode = Mode.RIG
    speed: int = 1
    past: JournalContent = NOTHING
    guard: bool = True
    begin_ns: int = BEGIN_NS
    doubles: dict[str, PumpDouble] = field(default_factory=dict[str, PumpDouble])
    looked_after: bool = True  # somebody looks at a patient with an intravenous infusion every four minutes
    holds_records: bool = False  # the disk takes its time: Recorded comes when the test says so
    wall_off_ms: int = 0  # how far somebody has moved the host's calendar
    link_ns: int = 0
    wakes: int = 0
    answers: dict[int, Reply | Refuse] = field(default_factory=dict[int, Reply | Refuse])
    held: list[int] = field(default_factory=list[int])
    controller: Controller = field(init=False)
    _agenda: list[tuple[int, int, Callable[[], object]]] = field(default_factory=list[Any])
    _order: int = 0
    requests: int = 0
    _sessions: int = 0
    _last_seq: int = 0
    linked: set[str] = field(default_factory=set[str])

    def __post_init__(self) -> None:
        self.link_ns = self.begin_ns
        for channel in self.channels:
            self.doubles.setdefault(channel.name, PumpDouble(channel.serial))
        configuration = ControllerConfiguration(self.mode, self.speed, self.channels)
        self.controller = Controller(configuration, LIBRARY, self.past)
        self._carry_out(self.controller.start(self.now))
        if self.guard:
            self.tell(GuardChanged(alive=True))
        self._later(LOOK_NS, lambda: look_after(self))

    # What is.

    @property
    def now(self) -> Now:
        therapy_ns = BEGIN_NS + (self.link_ns - BEGIN_NS) * self.speed
        return Now(self.link_ns, therapy_ns, START_UTC_MS + (therapy_ns - BEGIN_NS) // MS + self.wall_off_ms)

    @property
    def pump(self) -> PumpDouble:
        return self.doubles[A]

    @property
    def channel(self) -> Channel:
        return self.controller.ward.channels[A]

    @property
    def state(self) -> DeliveryState:
        return self.channel.state

    def active_alarms(self, channel: str = A) -> set[str]:
        return set(self.controller.ward.channels[channel].alarms)

    @property
    def latched(self) -> set[str]:
        return {reason.code for reason in self.channel.latched}

    @property
    def told(self) -> dict[str, Any]:
        """The newest state payload of channel a."""
        states = [e for e in self.effects if isinstance(e, Publish) and e.leaf == "state" and e.channel == A]
        return dict(states[-1].payload or {})

    # What happens.

    def tell(self, event: Event) -> tuple[Effect, ...]:
        """Hand the event to the controller now."""
        effects = self.controller.handle(event, self.now)
        deadline_ns = self.controller.next_deadline_ns()
        assert deadline_ns is not None
        assert deadline_ns > self.link_ns, "the next deadline must lie ahead"
        self._carry_out(effects)
        return effects

    def plug_in(self, channel: str = A) -> None:
        self.linked.add(channel)
        self._sessions += 1
        self.tell(LinkUp(channel, self._sessions))

    def unplug(self, channel: str = A) -> None:
        self.linked.discard(channel)
        self.tell(LinkDown(channel, "unplugged"))

    def ask(self, method: str, **params: object) -> int:
        """An operator's request; the answer comes to `answers` under the number returned."""
        self.requests += 1
        self.tell(OperatorRequest(self.requests, method, params, "tester"))
        return self.requests

    def ask_and_wait(self, method: str, **params: object) -> int:
        """The same, and half a second for the answer."""
        number = self.ask(method, **params)
        self.run_for(500)
        assert number in self.answers
        return number

    def given(self, number: int) -> dict[str, Any]:
        """What a request that was carried out was told."""
        answer = self.answers[number]
        assert isinstance(answer, Reply), answer
        return dict(answer.result)

    def refused(self, number: int) -> Refuse:
        answer = self.answers[number]
        assert isinstance(answer, Refuse), answer
        return answer

    def submit(self, order: dict[str, Any], channel: str = A, **params: object) -> int:
        """With the bag check that fits it; `check=None` for none."""
        params.setdefault("check", checked(order, self.now.utc_ms))
        return self.ask("order.submit", text=json.dumps(order), channel=channel, **params)

    def prepare(self, **params: object) -> int:
        """The first order's occurrence again, with a fresh bag and its check."""
        digest = next(iter(self.controller.ward.orders))
        params.setdefault("check", self.check_for(digest))
        return self.ask("order.prepare", order=digest, **params)

    def check_for(self, digest: str) -> str:
        """A fresh bag for this order, and its check."""
        order = self.controller.ward.orders[digest].order
        return checked(order.model_dump(mode="json", exclude_none=True), self.now.utc_ms)

    def move_wall_clock(self, by_ms: int) -> None:
        """As the shell sees it and tells it."""
        self.wall_off_ms += by_ms
        self.tell(WallClockStepped(by_ms))

    def say(self, spoken: bytes, channel: str = A) -> None:
        """Bytes from this pump, now."""
        self.tell(PumpBytes(channel, spoken))

    def press(self, channel: str = A, token: int = 7) -> None:
        double = self.doubles[channel]
        double.run_to(self.link_ns)
        self.say(double.press(token), channel)

    def release_records(self) -> None:
        """The disk has caught up."""
        held, self.held = self.held, []
        if held:
            self.tell(Recorded(max(held)))

    def run_for(self, span_ms: int) -> None:
        self.run_until(lambda: False, span_ms)

    def run_until(self, reached: Callable[[], bool], limit_ms: int = 60_000) -> bool:
        """Let time pass, each instant in its turn, until `reached` or for so long."""
        end_ns = self.link_ns + limit_ms * MS
        while not reached():
            deadline_ns = self.controller.next_deadline_ns() or end_ns + 1
            following = min(deadline_ns, self._agenda[0][0] if self._agenda else end_ns + 1)
            if following > end_ns:
                self.link_ns = end_ns
                return reached()
            self.link_ns = max(self.link_ns, following)
            self.wakes += 1
            assert self.wakes < MAX_WAKES, "time stands still"
            if self._agenda and self._agenda[0][0] <= self.link_ns:
                heapq.heappop(self._agenda)[2]()
            else:
                self.tell(DeadlineReached())
        return True

    def must(self, reached: Callable[[], bool], limit_ms: int = 60_000) -> None:
        assert self.run_until(reached, limit_ms), f"{self.state} {self.channel.link} {self.active_alarms()}"

    def must_be(self, state: DeliveryState, limit_ms: int = 60_000) -> None:
        self.must(lambda: self.state is state, limit_ms)

    def restarted(self, *, durable: int | None = None, wall_off_ms: int | None = None) -> Desk:
        """Another daemon, now, with what the journal holds (up to `durable`), on the same pumps, links closed.

        `wall_off_ms`: the calendar that it finds; None: as it was left.
        """
        kept = list(self.past.records)
        kept += [PastRecord(r.seq, r.kind, json.loads(json.dumps(r.body)), r.utc_ms) for r in self.records]
        past = JournalContent(JournalCondition.SOUND, "", tuple(r for r in kept if durable is None or r.seq <= durable))
        off_ms = self.wall_off_ms if wall_off_ms is None else wall_off_ms
        again = Desk(
            self.channels,
            self.mode,
            self.speed,
            past,
            begin_ns=self.link_ns,
            doubles=self.doubles,
            wall_off_ms=off_ms,
        )
        again._sessions, again.looked_after = self._sessions, self.looked_after
        return again

    # The lines.

    def _carry_out(self, effects: tuple[Effect, ...]) -> None:
        self.effects.extend(effects)
        for effect in effects:
            match effect:
                case WritePump():
                    self._send(effect)
                case Record():
                    assert effect.seq > self._last_seq
                    json.dumps(effect.body)
                    self._last_seq = effect.seq
                    self._sync(effect.seq)
                case Reply() | Refuse():
                    assert effect.request_id not in self.answers, "one answer a request"
                    self.answers[effect.request_id] = effect
                    assert isinstance(effect, Reply) or all(r.code and r.message for r in effect.reasons)
                case ClosePort():
                    self.linked.discard(effect.channel)
                case DisarmGuard() | _:
                    continue

    def _sync(self, seq: int) -> None:
        if self.holds_records:
            self.held.append(seq)
        else:
            self._later(SYNC_NS, lambda: self.tell(Recorded(seq)))

    def _later(self, delay_ns: int, action: Callable[[], object]) -> None:
        self._order += 1
        heapq.heappush(self._agenda, (self.link_ns + delay_ns, self._order, action))

    def _send(self, write: WritePump) -> None:
        def arrive() -> None:
            if write.channel not in self.linked:
                return
            spoken = self.doubles[write.channel].receive(write.frame, self.link_ns)
            if spoken:
                self._later(LINE_NS, lambda: write.channel in self.linked and self.say(spoken, write.channel))

        self._later(LINE_NS, arrive)
