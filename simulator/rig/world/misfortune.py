"""How each mishap comes about, and how it is healed.

Refuses to choose: what goes wrong, when and how much is the campaign's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from pumpctl.core.instant import NS_PER_MS
from pumpctl.effects import Reply
from simulator.faults import Fault, FaultKind
from simulator.instant import SimNow
from simulator.pump import SimPump
from simulator.rig.mishaps import DEFAULT_BY, ON_THE_LINE, ONCE, STANDSTILL, Mishap
from simulator.rig.world.agenda import Agenda
from simulator.rig.world.cables import Cables
from simulator.rig.world.host import TICK_NS, Crash, Host
from simulator.rig.world.seen import Asked, Happened

HOUR_MS = 3_600_000
TEN_YEARS_MS = 3_652 * 24 * HOUR_MS
STEP_MS_OF = {
    Mishap.SPRING: HOUR_MS,
    Mishap.AUTUMN: -HOUR_MS,
    Mishap.TEN_YEARS_ON: TEN_YEARS_MS,
    Mishap.TEN_YEARS_BACK: -TEN_YEARS_MS,
}
STEPS_A_SECOND = {Mishap.STEP_FORWARD: 1_000, Mishap.STEP_BACK: -1_000}
WISHES = {
    Mishap.STOP_REQUEST: "stop",
    Mishap.PAUSE_REQUEST: "pause",
    Mishap.RESUME_REQUEST: "resume",
    Mishap.CLEAR_REQUEST: "clear",
}
GIVES_DRUG = ("order.submit", "order.prepare", "resume")
AT_ONCE_NS = 100 * NS_PER_MS  # a unit that is started again at once

Person: TypeAlias = Callable[[str, dict[str, object]], int]


class Misfortune:
    """`person` asks the daemon for something, `asked` is the last request of each method."""

    def __init__(
        self,
        pumps: dict[str, SimPump],
        agenda: Agenda,
        cables: Cables,
        host: Host,
        asked: dict[str, Asked],
        person: Person,
    ) -> None:
        self._pumps, self._agenda, self._cables, self._host = pumps, agenda, cables, host
        self._asked, self._person = asked, person
        self._since_ns = 0
        self._clocks_stand = False
        self._sync_ns = host.disk.sync_ns

    def begin(self, what: Fault | Mishap, channel: str | None, by: int | None, for_ns: int | None) -> None:
        """Now, at this channel or at all, for so long or until healed."""
        self._host.fresh.append(Happened(what, channel, begins=True))
        if isinstance(what, Fault):
            for name in self._named(channel):
                self._pumps[name].inject(what, self._sim_now(), for_ns=for_ns)
        else:
            self._begin(what, channel, DEFAULT_BY.get(what, 0) if by is None else by)
        if for_ns is not None and not (isinstance(what, Mishap) and what in ONCE):
            self._agenda.after(for_ns, lambda: self.end(what, channel))

    def end(self, what: Fault | Mishap, channel: str | None) -> None:
        """It is healed. A pump's fault heals itself after its time."""
        self._host.fresh.append(Happened(what, channel, begins=False))
        if isinstance(what, Mishap):
            self._end(what, channel)

    def heal_all(self) -> None:
        """Lines, disk, clocks, guard, cables and pumps; a daemon that is down comes back."""
        for mishap in Mishap:
            if mishap not in ONCE:
                self.end(mishap, None)
        host = self._host
        host.disk.sync_failure = None
        host.clock.set_right(self._agenda.now_ns)
        host.look_at_clocks()
        for pump in self._pumps.values():
            for kind in FaultKind:
                pump.heal(Fault(kind), self._sim_now())
        host.come_back()

    def _named(self, channel: str | None) -> list[str]:
        return sorted(self._pumps) if channel is None else [channel]

    def _sim_now(self) -> SimNow:
        return SimNow(self._agenda.now_ns, self._agenda.now_ns)

    def _begin(self, mishap: Mishap, channel: str | None, by: int) -> None:
        if mishap is Mishap.UNPLUG:
            for name in self._named(channel):
                self._cables.pulled.add(name)
                self._host.pull(name, "unplugged")
        elif mishap in ON_THE_LINE:
            for name in self._named(channel):
                self._cables.trouble(name, mishap, by)
        elif mishap in STANDSTILL:
            self._stand_still(mishap)
        else:
            self._begin_at_host(mishap, channel, by)

    def _end(self, mishap: Mishap, channel: str | None) -> None:
        disk = self._host.disk
        match mishap:
            case Mishap.UNPLUG:
                for name in self._named(channel):
                    self._cables.pulled.discard(name)
                    self._host.open_port(name)
            case Mishap.DISK_FULL:
                disk.full = False
            case Mishap.SLOW_SYNC:
                disk.sync_ns = self._sync_ns
            case Mishap.WALL_FREEZE:
                self._host.clock.go_on(self._agenda.now_ns)
            case Mishap.HOST_SLEEP | Mishap.VM_PAUSE:
                self._go_on()
            case Mishap.BROKER_GONE:
                self._host.broker_there = True
            case Mishap.GUARD_LOST:
                if not self._host.guard_alive:
                    self._host.guard(alive=True)
            case _:
                for name in self._named(channel) if mishap in ON_THE_LINE else ():
                    self._cables.trouble(name, mishap, 0)

    def _begin_at_host(self, mishap: Mishap, channel: str | None, by: int) -> None:
        host = self._host
        match mishap:
            case Mishap.DISK_FULL:
                host.disk.full = True
            case Mishap.SYNC_FAILS:
                host.disk.sync_failure = by
            case Mishap.SLOW_SYNC:
                host.disk.sync_ns = by * NS_PER_MS
            case Mishap.FORGET_UNSYNCED:
                host.crash(Crash.POWER_LOSS, by * NS_PER_MS)
            case Mishap.KILL:
                host.crash(Crash.KILL, by * NS_PER_MS)
            case Mishap.TORN_WRITE | Mishap.STALE_COPY:
                host.crash(Crash.KILL, AT_ONCE_NS)
                host.disk.tear(by)
            case Mishap.GUARD_LOST:
                host.guard(alive=False)
            case Mishap.WALL_FREEZE:
                host.clock.stop_wall(self._agenda.now_ns)
                self._watch_wall()
            case Mishap.BROKER_GONE:
                host.broker_there = False
            case _:
                self._step_or_ask(mishap, channel, by)

    def _step_or_ask(self, mishap: Mishap, channel: str | None, by: int) -> None:
        if mishap in STEP_MS_OF or mishap in STEPS_A_SECOND:
            by_ms = STEP_MS_OF[mishap] if mishap in STEP_MS_OF else STEPS_A_SECOND[mishap] * by
            self._host.clock.step(by_ms)
            self._agenda.after(TICK_NS, self._host.look_at_clocks)
        elif mishap is Mishap.DUPLICATE_REQUEST:
            for method in GIVES_DRUG:
                if method in self._asked:
                    self._person(method, dict(self._asked[method].params))
        elif mishap is Mishap.CANCEL_REQUEST:
            for digest in self._orders():
                self._person("order.cancel", {"order": digest})
        elif mishap in WISHES:
            for name in self._named(channel):
                self._person(WISHES[mishap], {"channel": name})

    def _orders(self) -> list[str]:
        """What was accepted last, by its answer."""
        submitted = self._asked.get("order.submit")
        answer = self._host.seen.answers.get(submitted.number) if submitted else None
        return [str(answer.result["order"])] if isinstance(answer, Reply) else []

    def _stand_still(self, mishap: Mishap) -> None:
        if self._host.asleep or not self._host.alive:
            return
        self._since_ns, self._clocks_stand = self._agenda.now_ns, mishap is Mishap.VM_PAUSE
        self._host.sleep()

    def _go_on(self) -> None:
        if not self._host.asleep:
            return
        if self._clocks_stand:
            self._host.clock.miss(self._agenda.now_ns - self._since_ns)
        self._host.wake()

    def _watch_wall(self) -> None:
        self._host.look_at_clocks()
        if self._host.clock.stands:
            self._agenda.after(TICK_NS, self._watch_wall)
