"""The machine on which the daemon runs, and the daemon's lives: its clocks, its disk, its ports, its end.

Refuses to know pumps and people. A dead daemon hears nothing and a sleeping one hears it later; what a disk
still owed a dead one reaches nobody.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from random import Random
from typing import TypeAlias

from pumpctl.configuration import ControllerConfiguration, JournalContent
from pumpctl.controller import Controller
from pumpctl.core.instant import NS_PER_MS
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
from pumpctl.events import (
    DeadlineReached,
    Event,
    GuardChanged,
    LinkDown,
    LinkUp,
    OperatorRequest,
    PumpBytes,
    WallClockStepped,
)
from simulator.rig.clock import RigClock
from simulator.rig.disk import Disk
from simulator.rig.world.agenda import Agenda
from simulator.rig.world.cables import Cables
from simulator.rig.world.seen import Asked, Delivered, Happening, LifeBegan, LifeEnded, PortClosed, PortOpened, Seen

MAX_BACKLOG = 1_024  # what waits for a host that sleeps; the shell's inbox holds no more either
REOPEN_NS = 10 * NS_PER_MS  # a daemon that is back opens its ports
TICK_NS = 250 * NS_PER_MS  # how often the shell compares the clocks

MakeController: TypeAlias = Callable[[ControllerConfiguration, Library, JournalContent], Controller]


class Crash(Enum):
    """How a daemon dies."""

    KILL = "kill"  # the process: what it handed to the operating system stays
    POWER_LOSS = "power_loss"  # the host: the disk forgets what it has not synced


@dataclass(frozen=True, slots=True)
class Installation:
    """What every life of the daemon starts from."""

    configuration: ControllerConfiguration
    library: Library
    make_controller: MakeController


class Host:
    """`fresh` is what the last event brought; the world hands it to those who watch and empties it."""

    def __init__(
        self,
        installation: Installation,
        past: JournalContent,
        agenda: Agenda,
        clock: RigClock,
        disk: Disk,
        random: Random,
    ) -> None:
        self.clock, self.disk = clock, disk
        self.seen = Seen()
        self.fresh: list[Happening] = []
        self.alive = False
        self.guard_alive = True
        self.broker_there = True
        self.asleep = False
        self.cables: Cables | None = None
        self._installation = installation
        self._agenda = agenda
        self._random = random
        self._life = 0
        self._is_off = False
        self._backlog: list[Event] = []
        self.disk.adopt(past)
        self.controller = self._begin(past)

    # Lives.

    def restart(self, past: JournalContent | None = None) -> None:
        """The daemon dies and comes back at once; its ports stay closed."""
        self.end(power_lost=False)
        if past is not None:
            self.disk.adopt(past)
        self.controller = self._begin(past or self.disk.read())

    def crash(self, kind: Crash, down_ns: int) -> None:
        """The daemon dies, and is back `down_ns` later with the ports whose cables are in."""
        self.end(power_lost=kind is Crash.POWER_LOSS)
        self.in_this_life(down_ns, self.come_back)

    def come_back(self) -> None:
        """A daemon starts, if none lives."""
        if not self.alive:
            self.controller = self._begin(self.disk.read())
            self.in_this_life(REOPEN_NS, self.open_ports)

    def end(self, *, power_lost: bool) -> None:
        """Nobody is there; what was handed to the ports still goes out."""
        self._life += 1
        self.alive, self.asleep = False, False
        self._is_off = self._is_off or power_lost
        self._backlog.clear()
        self.disk.end_of_process(self._agenda.now_ns, power_lost=power_lost)
        self.fresh.append(LifeEnded())
        for channel in self._ports():
            self._close(channel)

    def sleep(self) -> None:
        """The host stands still: events wait."""
        self.asleep = True

    def wake(self) -> None:
        """It goes on, with all that waited."""
        self.asleep = False
        backlog, self._backlog = self._backlog, []
        for event in backlog:
            self.tell(event)
        self.look_at_clocks()

    def in_this_life(self, span_ns: int, action: Callable[[], None]) -> None:
        """Do it then unless the daemon has died meanwhile."""
        life = self._life

        def _do() -> None:
            if self._life == life:
                action()

        self._agenda.after(span_ns, _do)

    def _begin(self, past: JournalContent) -> Controller:
        made = self._installation
        self.alive = True
        if self._is_off:
            self.clock.boot(self._agenda.now_ns)
            self._is_off = False
        self.clock.begin_life(self._agenda.now_ns)
        controller = made.make_controller(made.configuration, made.library, past)
        self.fresh.append(LifeBegan(past))
        now = self.clock.now(self._agenda.now_ns)
        self._carry_out(controller.start(now))
        if self.guard_alive:
            self._carry_out(controller.handle(GuardChanged(alive=True), now))
        return controller

    # Events.

    def tell(self, event: Event) -> None:
        """Hand an event to the daemon now; to a dead one, to nobody."""
        if not self.alive:
            return
        if self.asleep:
            if len(self._backlog) < MAX_BACKLOG:
                self._backlog.append(event)
            return
        if isinstance(event, PumpBytes):
            self.fresh.append(Delivered(event.channel, event.received))
        elif isinstance(event, OperatorRequest):
            self.fresh.append(Asked(event.request_id, event.method, event.params))
        self._carry_out(self.controller.handle(event, self.clock.now(self._agenda.now_ns)))

    def next_ns(self, never_ns: int) -> int:
        """The world instant at which the daemon wants to look again."""
        if not self.alive or self.asleep:
            return never_ns
        deadline_ns = self.controller.next_deadline_ns()
        return never_ns if deadline_ns is None else max(self.clock.world_ns(deadline_ns), self._agenda.now_ns)

    def look_again(self) -> None:
        """Its deadline has come."""
        self.tell(DeadlineReached())

    def look_at_clocks(self) -> None:
        """Once a tick the shell tells a step of the wall clock; while the host stands still nobody looks."""
        if self.asleep:
            return
        step_ms = self.clock.take_step_ms(self._agenda.now_ns)
        if step_ms is not None:
            self.tell(WallClockStepped(step_ms))

    def guard(self, *, alive: bool) -> None:
        """The guard process comes or goes."""
        self.guard_alive = alive
        self.tell(GuardChanged(alive=alive))

    # Ports.

    def open_ports(self) -> None:
        """Every one whose cable is in and which is not open."""
        for channel in sorted(each.name for each in self._installation.configuration.channels):
            self.open_port(channel)

    def open_port(self, channel: str) -> None:
        """Nothing happens while nobody is there to open it."""
        if self.cables is None or not self.alive or channel in self.cables.linked or channel in self.cables.pulled:
            return
        self.cables.open(channel)
        self.fresh.append(PortOpened(channel))
        self.tell(LinkUp(channel, self._random.randrange(1, 1 << 32)))

    def pull(self, channel: str, reason: str) -> None:
        """The port is gone with the cable."""
        if self.cables is not None:
            self.cables.pull(channel)
        self.fresh.append(PortClosed(channel))
        self.tell(LinkDown(channel, reason))

    def deliver(self, channel: str, arrived: bytes) -> None:
        """Bytes at the port."""
        self.tell(PumpBytes(channel, arrived))

    def _ports(self) -> list[str]:
        return sorted(self.cables.linked) if self.cables is not None else []

    def _close(self, channel: str) -> None:
        if self.cables is not None:
            self.cables.close(channel)
        self.fresh.append(PortClosed(channel))

    # Effects.

    def _carry_out(self, effects: tuple[Effect, ...]) -> None:
        for effect in effects:
            match effect:
                case WritePump(channel, frame):
                    if self.cables is not None and self.cables.send(channel, frame):
                        self.seen.writes.append((self._agenda.now_ns, effect))
                        self.fresh.append(effect)
                case Record():
                    self.seen.records.append(effect)
                    self.fresh.append(effect)
                    self.disk.append(effect)
                case Reply() | Refuse():
                    self.seen.answers[effect.request_id] = effect
                    self.fresh.append(effect)
                case Annunciate():
                    self.seen.alarms.append(effect)
                case Publish(channel, leaf, payload):
                    self.seen.published += 1
                    if leaf == "state" and self.broker_there:
                        self.seen.states[channel] = payload
                case ClosePort(channel):
                    self._close(channel)
                case ArmGuard() | DisarmGuard():
                    pass
        self._let_the_disk_write()

    def _let_the_disk_write(self) -> None:
        ends_ns = self.disk.begin(self._agenda.now_ns)
        if ends_ns is not None:
            self.in_this_life(ends_ns - self._agenda.now_ns, self._synced)

    def _synced(self) -> None:
        told = self.disk.finish()
        if told is not None:
            self.fresh.append(told)
            self.tell(told)
        self._let_the_disk_write()
