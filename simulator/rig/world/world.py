"""Time and people: the world steps from one instant at which anything happens to the next.

Refuses to know asyncio, sockets, files and the wall clock. The daemon's function, each simulated pump and each
byte on its way are called when their time has come, and between them time jumps. Same seed, same bytes: the
digest over the wire says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import TypeAlias

from pumpctl.configuration import ControllerConfiguration, JournalContent
from pumpctl.controller import Controller
from pumpctl.core.instant import Now
from pumpctl.core.library import Library
from pumpctl.events import Event, OperatorRequest
from simulator.faults import Fault
from simulator.instant import SimNow
from simulator.pump import Button, SimPump
from simulator.rig.clock import RigClock
from simulator.rig.disk import Disk
from simulator.rig.mishaps import Mishap
from simulator.rig.world.agenda import Agenda
from simulator.rig.world.cables import Cables
from simulator.rig.world.host import Crash, Host, Installation, MakeController
from simulator.rig.world.misfortune import Misfortune
from simulator.rig.world.seen import Asked, Delays, Happening, Pressed, Seen

MAX_STEPS = 5_000_000  # a run that needs more has stopped making sense
MAX_REACTIONS = 100  # of observers to what an observer did

Observer: TypeAlias = Callable[["World"], None]


class World:
    """One daemon and its pumps. `start_utc_ms` is the calendar at world time 0; speed is 1.

    `observers` are called after every event; `fresh` is what that event brought, and then forgotten.
    """

    def __init__(  # noqa: PLR0913 - all that a world consists of
        self,
        configuration: ControllerConfiguration,
        library: Library,
        pumps: dict[str, SimPump],
        past: JournalContent,
        *,
        seed: int,
        start_utc_ms: int,
        delays: Delays | None = None,
        observers: Sequence[Observer] = (),
        make_controller: MakeController = Controller,
    ) -> None:
        delays = delays or Delays()
        self.configuration, self.library, self.pumps = configuration, library, pumps
        self.observers = list(observers)
        self._pumps_in_order = sorted(pumps.items())
        self.fresh: list[Happening] = []
        self.steps = 0
        self._observing = False
        self.agenda = Agenda()
        self.clock = RigClock(start_utc_ms)
        self.disk = Disk(delays.sync_ns)
        self.asked: dict[str, Asked] = {}  # the last request of each method
        random = Random(seed)  # noqa: S311 - a world must be reproducible
        installation = Installation(configuration, library, make_controller)
        self.host = Host(installation, past, self.agenda, self.clock, self.disk, random)
        self.cables = Cables(pumps, self.agenda, random, delays.line_ns, self.host.deliver)
        self.host.cables = self.cables
        self._misfortune = Misfortune(pumps, self.agenda, self.cables, self.host, self.asked, self._person)
        self.wire = self.cables.wire  # a digest over every byte that was said, by whom and when
        self._requests = 0
        self._observe()

    # What others look at.

    @property
    def now_ns(self) -> int:
        """World time: the link time of the pumps, and of a host that was never paused."""
        return self.agenda.now_ns

    @property
    def utc_ms(self) -> int:
        """The true calendar."""
        return self.clock.true_ms(self.agenda.now_ns)

    @property
    def host_now(self) -> Now:
        """What the daemon's clocks show."""
        return self.clock.now(self.agenda.now_ns)

    @property
    def controller(self) -> Controller:
        """The daemon that lives now, or died last."""
        return self.host.controller

    @property
    def seen(self) -> Seen:
        """What came out of the daemon since the world began."""
        return self.host.seen

    @property
    def linked(self) -> set[str]:
        """The open ports."""
        return self.cables.linked

    # Persons and circumstances.

    def plug_in(self, channel: str) -> None:
        """Open the port to this pump."""
        self.cables.pulled.discard(channel)
        self.host.open_port(channel)
        self._observe()

    def unplug(self, channel: str, reason: str = "unplugged") -> None:
        """What is on its way is lost with the cable."""
        self.host.pull(channel, reason)
        self._observe()

    def ask(self, method: str, **params: object) -> int:
        """An operator's request; its answer will stand in `seen.answers` under the number returned."""
        number = self._person(method, params)
        self._observe()
        return number

    def press(self, channel: str, button: Button) -> None:
        """A person at the pump."""
        pump, now = self.pumps[channel], SimNow(self.now_ns, self.now_ns)
        self.host.fresh.append(Pressed(channel, button))
        pump.press(button, now)
        self.cables.hear(channel, pump.advance(now))
        self._observe()

    def inject(
        self, what: Fault | Mishap, channel: str | None = None, *, by: int | None = None, for_ns: int | None = None
    ) -> None:
        """Let something go wrong, at one channel or (None) at all; `for_ns` of world time, else until healed."""
        self._misfortune.begin(what, channel, by, for_ns)
        self._observe()

    def heal_all(self) -> None:
        """Everything is in order again, as far as things and hosts go; what people must do is theirs."""
        self._misfortune.heal_all()
        self._observe()

    def restart(self, past: JournalContent | None = None) -> None:
        """The daemon dies and comes back with what its journal holds; ports must be plugged in again."""
        self.host.restart(past)
        self._observe()

    def crash(self, kind: Crash, *, down_ns: int = 0) -> None:
        """The daemon dies, and is back `down_ns` later with its ports."""
        self.host.crash(kind, down_ns)
        self._observe()

    def journal(self) -> JournalContent:
        """What a restarted daemon would read."""
        return self.disk.read()

    # Time.

    def run_until(self, reached: Callable[[], bool], limit_ns: int) -> bool:
        """Step until `reached` holds (True) or world time `limit_ns` has come (False)."""
        while not reached():
            if not self.step(limit_ns):
                return False
        return True

    def run_for(self, span_ns: int) -> None:
        """Let this much world time pass."""
        limit_ns = self.now_ns + span_ns
        while self.step(limit_ns):
            pass

    def at(self, at_ns: int, action: Callable[[], None]) -> None:
        """Let something happen at this world instant."""
        self.agenda.at(at_ns, action)

    def step(self, limit_ns: int) -> bool:
        """Go to the earliest instant at which anything happens; False when that is past the limit."""
        self.steps += 1
        if self.steps > MAX_STEPS:
            raise AssertionError(f"{MAX_STEPS} steps at {self.now_ns} ns")
        agenda, never_ns = self.agenda, limit_ns + 1
        agenda_ns, daemon_ns = agenda.next_ns(never_ns), self.host.next_ns(never_ns)
        pump_ns, channel = never_ns, ""
        for name, pump in self._pumps_in_order:
            call_ns = pump.call_at()
            if call_ns < pump_ns:
                pump_ns, channel = call_ns, name
        following_ns = min(agenda_ns, daemon_ns, pump_ns)
        if following_ns > limit_ns:
            agenda.now_ns = max(agenda.now_ns, limit_ns)
            return False
        agenda.now_ns = max(agenda.now_ns, following_ns)
        if following_ns == pump_ns:
            self.cables.hear(channel, self.pumps[channel].advance(SimNow(agenda.now_ns, agenda.now_ns)))
        elif following_ns == agenda_ns:
            agenda.take()()
        else:
            self.host.look_again()
        self._observe()
        return True

    def tell(self, event: Event) -> None:
        """Hand an event to the daemon now."""
        self.host.tell(event)
        self._observe()

    def _person(self, method: str, params: dict[str, object]) -> int:
        self._requests += 1
        self.asked[method] = Asked(self._requests, method, params)
        self.host.tell(OperatorRequest(self._requests, method, params, "rig"))
        return self._requests

    def _observe(self) -> None:
        """An observer may act; what that brings is looked at next, by all of them."""
        if self._observing:
            return
        self._observing = True
        try:
            for _ in range(MAX_REACTIONS):
                self.fresh, self.host.fresh = self.host.fresh, []
                for observer in self.observers:
                    observer(self)
                if not self.host.fresh:
                    break
            else:
                raise AssertionError(f"observers react to each other without end at {self.now_ns} ns")
        finally:
            self._observing = False
        self.fresh = []
