"""One run: a START or RESUME whose answer is lost, with what else goes wrong around it, until its outcome is known.

Refuses to let time pass in vain: a run ends when the daemon says what became of the command, or after two minutes of
therapy time. Meanwhile a person presses and asks for more, as people do who see nothing happen (hazards.md H55).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from random import Random

from pumpctl.configuration import ChannelConfiguration, ControllerConfiguration, Mode
from pumpctl.controller import Controller
from pumpctl.core.delivery import DeliveryState
from pumpctl.supervision.channel import Link
from simulator.faults import Fault, FaultKind
from simulator.instant import SimNow
from simulator.pump import Button, SimPump
from simulator.rig.mishaps import Mishap
from simulator.rig.world import Crash, World, journal_of
from simulator.rig.world.host import MakeController
from simulator.truth import PumpTruth
from tests.controller.orders import PATIENT, START_UTC_MS, once
from tests.protocols.companion.naive_frames import Receiver
from tests.system.worlds import LIBRARY, MG_PER_ML, A, S, booked_ug, submit

START, RESUME = 0x06, 0x08  # SPEC.md section 3
VTBI_UL, RATE_UL_H, ACCURACY_PERMILLE = 2_500, 10_000, 50
RESOLVED_WITHIN_NS = 120 * S
SETTLES_NS = 10 * S
NS_PER_H = 3_600 * S
CONFIGURATION = ControllerConfiguration(Mode.RIG, 1, (ChannelConfiguration(A, "companion", f"SIM-{A}", PATIENT),))


class Trouble(Enum):
    """What happens around the lost answer, more than once maybe."""

    RESTART = "restart"  # the daemon is killed, and is back after a while
    RECONNECT = "reconnect"  # the cable is pulled, and put back
    POWER_CYCLE = "power_cycle"  # the pump
    MORE_LOST = "more_lost"  # the next answers are lost as well


@dataclass(frozen=True, slots=True)
class Judged:
    """`sent` is False when a trouble before it kept the command from being written at all."""

    seed: int
    command: str
    troubles: tuple[str, ...]
    sent: bool
    unconfirmed: bool  # the daemon lived long enough to say that it does not know
    double_delivery: str
    resends: int
    resolved: bool
    took_s: float
    asked_meanwhile: int  # wishes for more drug while nobody knew the outcome
    restarts_meanwhile: int

    @property
    def faultless(self) -> bool:
        return not self.double_delivery and self.resends == 0 and self.resolved


def run(seed: int, make_controller: MakeController = Controller) -> Judged:
    """The whole run. The same seed is the same run."""
    return _Run(seed, make_controller).judged()


class _Run:
    def __init__(self, seed: int, make_controller: MakeController) -> None:
        self.seed = seed
        self.chance = Random(seed)
        pump = SimPump(serial=f"SIM-{A}", seed=seed)
        self.world = World(
            CONFIGURATION,
            LIBRARY,
            {A: pump},
            journal_of([]),
            seed=seed,
            start_utc_ms=START_UTC_MS,
            make_controller=make_controller,
        )
        self.command = self.chance.choice([START, START, RESUME])
        self.troubles: list[Trouble] = []
        self.asked_meanwhile = self.restarts_meanwhile = 0
        self.dosed = DosingFrames(self.world)

    def judged(self) -> Judged:
        world = self.world
        world.plug_in(A)
        self._until(lambda: self._state() is DeliveryState.IDLE)
        submit(world, once(dose="50 mg", volume="2.5 mL", duration="15 min"))
        if self.command == RESUME:
            self._pause()
        self._until(lambda: self._state() is DeliveryState.AWAITING_CONFIRMATION)
        self._arrange(self.chance.choices([0, 1], [4, 1])[0], -self.chance.choice([S // 1000, S // 100, S // 2]))
        world.press(A, Button.CONFIRM)
        sent = world.run_until(lambda: self.command in self.dosed.types, world.now_ns + SETTLES_NS)
        began_ns = world.now_ns
        if sent:
            # It is on its way and arrives: only what the pump answers is lost, once or a few times.
            world.inject(Fault(FaultKind.DROP_REPLY, self.chance.choice([1, 1, 1, 2, 5])), A)
        self._arrange(self.chance.choices([0, 1, 2, 3], [2, 4, 2, 1])[0], 0)
        world.run_for(S // 20)
        self._press_on(began_ns)
        resolved = world.run_until(self._resolved, began_ns + RESOLVED_WITHIN_NS)
        took_s = (world.now_ns - began_ns) / S
        world.run_for(SETTLES_NS)
        names = tuple(trouble.value for trouble in self.troubles)
        told = {START: "start", RESUME: "resume"}[self.command]
        return Judged(
            seed=self.seed,
            command=told,
            troubles=names,
            sent=sent,
            unconfirmed=any(record.body.get("outcome") == "unconfirmed" for record in world.seen.records),
            double_delivery=double_delivery(world, self._truth(), resumed=self.command == RESUME),
            resends=self.dosed.resends,
            resolved=resolved,
            took_s=took_s,
            asked_meanwhile=self.asked_meanwhile,
            restarts_meanwhile=self.restarts_meanwhile,
        )

    def _pause(self) -> None:
        world = self.world
        self._until(lambda: self._state() is DeliveryState.AWAITING_CONFIRMATION)
        world.press(A, Button.CONFIRM)
        self._until(lambda: self._state() is DeliveryState.INFUSING)
        world.run_for(self.chance.randrange(120) * S)
        world.ask("pause")
        self._until(lambda: self._state() is DeliveryState.PAUSED)
        world.ask("resume")

    def _arrange(self, count: int, offset_ns: int) -> None:
        """Let so many things go wrong within half a minute, most of them soon."""
        for _ in range(count):
            trouble = self.chance.choice(list(Trouble))
            self.troubles.append(trouble)
            after_ns = self.chance.randrange(self.chance.choice([3 * S // 1000, S, 30 * S])) + max(0, -offset_ns)
            self.world.at(self.world.now_ns + after_ns, lambda trouble=trouble: self._happen(trouble))

    def _happen(self, trouble: Trouble) -> None:
        world, away_ns = self.world, self.chance.randrange(20 * S)
        match trouble:
            case Trouble.RESTART:
                self.restarts_meanwhile += not self._resolved()
                world.crash(Crash.KILL, down_ns=away_ns)
            case Trouble.RECONNECT:
                world.inject(Mishap.UNPLUG, A, for_ns=away_ns)
            case Trouble.POWER_CYCLE:
                world.inject(Fault(FaultKind.POWER_CYCLE), A)
            case Trouble.MORE_LOST:
                world.inject(Fault(FaultKind.DROP_REPLY, self.chance.randint(1, 5)), A)

    def _press_on(self, began_ns: int) -> None:
        """Somebody presses the button and asks for the infusion, again and again, for half a minute."""
        for _ in range(6):
            self.world.at(began_ns + self.chance.randrange(30 * S), self._want_more)

    def _want_more(self) -> None:
        if self._resolved():
            return  # from here on another START would be another infusion
        self.asked_meanwhile += 1
        self.world.press(A, Button.CONFIRM)
        self.world.ask(self.chance.choice(["resume", "order.prepare"]), channel=A)

    def _resolved(self) -> bool:
        """The daemon has asked the pump and knows: nothing of the command is open any more."""
        world = self.world
        channel = world.controller.ward.channels[A]
        if not world.host.alive or channel.link is not Link.UP or not channel.reconciled or channel.stop is not None:
            return False
        infusion = channel.infusion
        return infusion is None or (infusion.dosing is None and not infusion.unconfirmed)

    def _state(self) -> DeliveryState:
        return self.world.controller.ward.channels[A].state

    def _until(self, reached: Callable[[], bool]) -> None:
        assert self.world.run_until(reached, self.world.now_ns + SETTLES_NS), (self.seed, self._state())

    def _truth(self) -> PumpTruth:
        now_ns = self.world.now_ns
        return self.world.pumps[A].truth(SimNow(now_ns, now_ns))


class DosingFrames:
    """The types of the STARTs and RESUMEs that were written, read by the second codec as they come."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._receiver = Receiver()
        self._read = 0
        self._types: list[int] = []

    @property
    def types(self) -> Sequence[int]:
        writes = self._world.seen.writes
        for _, write in writes[self._read :]:
            self._types += [frame.type for frame in self._receiver.feed(write.frame) if frame.type in {START, RESUME}]
        self._read = len(writes)
        return self._types

    @property
    def resends(self) -> int:
        """Beyond the first of its kind: nobody was allowed a second infusion in any of these runs."""
        return sum(max(0, self.types.count(kind) - 1) for kind in (START, RESUME))


def double_delivery(world: World, truth: PumpTruth, *, resumed: bool) -> str:
    """What the pump's own integrator says against it, or nothing."""
    if truth.starts > 1 or truth.resumes > int(resumed):
        return f"{truth.starts} starts, {truth.resumes} resumes"
    if truth.delivered_ul * 1000 > VTBI_UL * (1000 + ACCURACY_PERMILLE):
        return f"{truth.delivered_ul:.1f} uL of {VTBI_UL}"
    possible_ul = RATE_UL_H * (1000 + ACCURACY_PERMILLE) / 1000 * world.now_ns / NS_PER_H
    if truth.delivered_ul > possible_ul + 1:
        return f"{truth.delivered_ul:.1f} uL, {possible_ul:.1f} at the ordered rate since the beginning"
    if booked_ug(world) < truth.delivered_ul * MG_PER_ML:
        return f"{booked_ug(world)} ug in the ledger, {truth.delivered_ul * MG_PER_ML:.0f} given"
    return ""
