"""One controller and simulated New Era pumps on one line, in virtual time: bytes take their time, replies can collide.

Refuses to assert anything but what holds always: the next deadline lies ahead, and no two commands share the line.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from protocols.new_era.framing import Packet, RequestDecoder
from pumpctl.configuration import (
    ChannelConfiguration,
    ControllerConfiguration,
    JournalCondition,
    JournalContent,
    Mode,
    NewEraSetup,
)
from pumpctl.controller import Controller
from pumpctl.core.delivery import DeliveryState
from pumpctl.core.instant import NS_PER_MS, NS_PER_S, Now
from pumpctl.effects import Effect, Record, Refuse, Reply, WritePump
from pumpctl.events import DeadlineReached, Event, GuardChanged, LinkUp, OperatorRequest, PumpBytes, Recorded
from pumpctl.supervision.channel import Channel
from simulator.firmware.new_era import new_era
from simulator.instant import SimNow
from simulator.pump import SimPump
from tests.controller.desk import LIBRARY
from tests.controller.orders import START_UTC_MS, checked, once
from tests.simulator.new_era_desk import EXACT

BEGIN_NS = 10 * NS_PER_S
SYNC_NS = NS_PER_MS
THINKS_NS = 10 * NS_PER_MS  # a pump, before each reply: a guess, nobody has published it
BITS_A_BYTE = 10
MAX_WAKES = 400_000
SAFE = NewEraSetup(address=0, diameter_um=26_590, syringe_ul=60_000, safe_s=30, simulated=True)


@dataclass(slots=True)
class Said:
    """A reply in the air, from its first byte to its last."""

    channel: str
    content: bytes
    from_ns: int
    until_ns: int
    spoiled: bool = False


@dataclass(frozen=True, slots=True)
class Written:
    """A frame as the controller gave it to the line."""

    at_ns: int
    channel: str
    frame: bytes
    is_stop: bool

    @property
    def asked(self) -> list[str]:
        """The questions in it, without their addresses."""
        pieces = RequestDecoder().receive(self.frame)
        return [p.payload.decode().lstrip("0123456789") for p in pieces if isinstance(p, Packet)]


class Chain:
    """`count` pumps at addresses 0 and up; channel names p00, p01 and so on, a patient for each."""

    def __init__(self, count: int = 20, *, baud: int = 19_200, setup: NewEraSetup = SAFE) -> None:
        self.link_ns = BEGIN_NS
        self.byte_ns = BITS_A_BYTE * NS_PER_S // baud
        self.names = [f"p{number:02}" for number in range(count)]
        self.pumps = {
            name: SimPump(EXACT, serial=f"SIM-{n:04}", seed=n, dialect=new_era(n), now=SimNow(BEGIN_NS, BEGIN_NS))
            for n, name in enumerate(self.names)
        }
        self.deaf: set[str] = set()  # behind a cut cable
        self.written: list[Written] = []
        self.effects: list[Effect] = []
        self.answers: dict[int, Reply | Refuse] = {}
        self.collisions = 0
        self._agenda: list[tuple[int, int, Callable[[], object]]] = []
        self._order = self._requests = self._wakes = 0
        self.line_free_ns = self.link_ns
        self._air: list[Said] = []
        channels = tuple(
            ChannelConfiguration(
                name, "new_era", f"SIM-{n:04}", f"patient-{name}", new_era=replace(setup, address=n), line="chain"
            )
            for n, name in enumerate(self.names)
        )
        configuration = ControllerConfiguration(Mode.RIG, 1, channels)
        self.controller = Controller(configuration, LIBRARY, JournalContent(JournalCondition.SOUND, "", ()))
        self._carry_out(self.controller.start(self.now))
        self.tell(GuardChanged(alive=True))
        for name in self.names:
            self.tell(LinkUp(name, 1))

    # What is.

    @property
    def now(self) -> Now:
        return Now(self.link_ns, self.link_ns, START_UTC_MS + (self.link_ns - BEGIN_NS) // NS_PER_MS)

    @property
    def sim_now(self) -> SimNow:
        return SimNow(self.link_ns, self.link_ns)

    def channel(self, name: str) -> Channel:
        return self.controller.ward.channels[name]

    def states(self, *names: str) -> set[str]:
        return {self.channel(name).state.value for name in names or self.names}

    def alarms(self) -> dict[str, set[str]]:
        return {name: set(self.channel(name).alarms) for name in self.names if self.channel(name).alarms}

    def flow_ul_h(self, name: str) -> int:
        return round(self.pumps[name].truth(self.sim_now).commanded_flow_ul_h)

    def oldest_ms(self, *names: str) -> int:
        """The age of the oldest status of these."""
        asked = [status.asked.link_ns for name in names if (status := self.channel(name).status) is not None]
        assert len(asked) == len(names)
        return (self.link_ns - min(asked)) // NS_PER_MS

    def questions(self, name: str, since_ns: int = 0) -> list[str]:
        return [q for w in self.written if w.channel == name and w.at_ns >= since_ns for q in w.asked]

    # What happens.

    def tell(self, event: Event) -> None:
        effects = self.controller.handle(event, self.now)
        deadline_ns = self.controller.next_deadline_ns()
        assert deadline_ns is not None
        assert deadline_ns > self.link_ns, "the next deadline must lie ahead"
        self._carry_out(effects)

    def ask(self, method: str, **params: object) -> int:
        self._requests += 1
        self.tell(OperatorRequest(self._requests, method, params, "tester"))
        return self._requests

    def run_for(self, span_ms: int) -> None:
        self.run_until(lambda: False, span_ms)

    def must(self, reached: Callable[[], bool], limit_ms: int = 60_000) -> None:
        assert self.run_until(reached, limit_ms), (self.states(), self.alarms())

    def run_until(self, reached: Callable[[], bool], limit_ms: int) -> bool:
        end_ns = self.link_ns + limit_ms * NS_PER_MS
        while not reached():
            deadline_ns = self.controller.next_deadline_ns() or end_ns + 1
            calls_ns = {name: pump.call_at() for name, pump in self.pumps.items()}
            first = min(calls_ns, key=calls_ns.__getitem__)
            following = min(deadline_ns, calls_ns[first], self._agenda[0][0] if self._agenda else end_ns + 1)
            if following > end_ns:
                self.link_ns = end_ns
                return reached()
            self.link_ns = max(self.link_ns, following)
            self._wakes += 1
            assert self._wakes < MAX_WAKES, "time stands still"
            if calls_ns[first] <= self.link_ns:
                self._speak(first, self.pumps[first].advance(self.sim_now))
            elif self._agenda and self._agenda[0][0] <= self.link_ns:
                heapq.heappop(self._agenda)[2]()
            else:
                self.tell(DeadlineReached())
        return True

    def oldest_during(self, span_ms: int, *names: str) -> int:
        """The largest age of any of their statuses while this time passes, looked at each 20 ms."""
        oldest = 0
        for _ in range(span_ms // 20):
            self.run_for(20)
            oldest = max(oldest, self.oldest_ms(*names))
        return oldest

    def load(self, name: str, order: dict[str, Any] | None = None) -> None:
        """An order submitted, and its first program on its way to the pump."""
        text = order or once(order_id=f"order-{name}", patient=f"patient-{name}")
        check = checked(text, self.now.utc_ms)
        self.ask("order.submit", text=json.dumps(text), channel=name, check=check)

    def infuse(self, *names: str) -> None:
        for name in names:
            self.load(name)
        self.must(lambda: self.states(*names) == {"awaiting_confirmation"})
        for name in names:
            self.ask("confirm", channel=name, flow="10 mL/h", person="N. Nurse")
        self.must(lambda: self.states(*names) == {DeliveryState.INFUSING.value})

    # The line.

    def _carry_out(self, effects: tuple[Effect, ...]) -> None:
        self.effects += effects
        writes = [effect for effect in effects if isinstance(effect, WritePump)]
        for effect in sorted(writes, key=lambda write: not write.is_stop):
            self._send(effect)
        for effect in effects:
            if isinstance(effect, Record):
                seq = effect.seq
                self._later(self.link_ns + SYNC_NS, lambda seq=seq: self.tell(Recorded(seq)))
            elif isinstance(effect, Reply | Refuse):
                self.answers[effect.request_id] = effect

    def _send(self, write: WritePump) -> None:
        self.written.append(Written(self.link_ns, write.channel, write.frame, write.is_stop))
        frame = b"\x00" + write.frame if write.is_stop else write.frame
        self.line_free_ns = max(self.line_free_ns, self.link_ns) + len(frame) * self.byte_ns
        self._later(self.line_free_ns, lambda: self._hear(frame))

    def _hear(self, frame: bytes) -> None:
        for name, pump in self.pumps.items():
            if name not in self.deaf:
                self._speak(name, pump.receive(frame, self.sim_now))

    def _speak(self, name: str, content: bytes) -> None:
        if not content or name in self.deaf:
            return
        from_ns = self.link_ns + THINKS_NS
        said = Said(name, content, from_ns, from_ns + len(content) * self.byte_ns)
        self._air = [other for other in self._air if other.until_ns > self.link_ns]
        for other in self._air:
            if other.until_ns > said.from_ns and said.until_ns > other.from_ns:
                self.collisions += 1
                other.spoiled = said.spoiled = True
        self._air.append(said)
        self._later(said.until_ns, lambda: None if said.spoiled else self.tell(PumpBytes(name, content)))

    def _later(self, at_ns: int, action: Callable[[], object]) -> None:
        self._order += 1
        heapq.heappush(self._agenda, (at_ns, self._order, action))
