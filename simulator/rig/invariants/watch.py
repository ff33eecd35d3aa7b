"""One watch over one world: every event goes past every checker, in the order in which things happened.

Refuses to judge by itself: each checker decides about its own invariants and writes into the same findings.
"""

from __future__ import annotations

from pumpctl.effects import WritePump
from simulator.rig.invariants import naive
from simulator.rig.invariants.audit import Audit
from simulator.rig.invariants.contact import Contact
from simulator.rig.invariants.doses import Doses
from simulator.rig.invariants.dosing import Dosing
from simulator.rig.invariants.liveness import revive
from simulator.rig.invariants.prescription import Prescriptions
from simulator.rig.invariants.stops import Stops
from simulator.rig.invariants.talk import Talk
from simulator.rig.invariants.violation import Findings, Violation
from simulator.rig.world import World
from simulator.rig.world.seen import Delivered, Happening, LifeBegan, PortClosed, PortOpened

IN_THE_LIFE_OF_A_FRAME = naive.DOSING | {naive.STOP}


class Watch:
    """Made by `watch`. `finish` is for the end of a run."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._findings = Findings()
        self._talks = {each.name: Talk(each.name, each.serial) for each in world.configuration.channels}
        self._prescriptions = Prescriptions()
        self._dosing = Dosing(self._findings, self._prescriptions)
        self._contact = Contact(self._findings)
        self._stops = Stops(self._findings, self._talks)
        self._audit = Audit(self._findings, list(self._talks))
        self._doses = Doses(world, self._findings, self._talks, self._dosing)
        self._note(LifeBegan(world.journal()), world.now_ns)

    @property
    def violations(self) -> list[Violation]:
        """What was found up to now."""
        return self._findings.violations

    @property
    def undetected_excess_ul(self) -> dict[str, int]:
        """The most that flowed beyond a program while a fault lasted that no sensor of the pump can tell."""
        return self._doses.undetected_excess_ul

    def finish(self, *, and_after: bool = True) -> bool | None:
        """The last look, then (I12) whether a fresh order can be started once everything is healed.

        None: that was not tried.
        """
        self._doses.tick(last=True)
        if not and_after:
            return None
        trouble = revive(self._world, self._prescriptions)
        if trouble is None:
            return None
        if trouble:
            self._findings.add("I12", self._world.now_ns, trouble)
        self._doses.tick(last=True)
        return not trouble

    def look(self, world: World) -> None:
        """After every event."""
        now_ns = world.now_ns
        for happening in world.fresh:
            match happening:
                case WritePump(channel, frame):
                    self._audit.note(happening, now_ns)
                    self._wrote(self._talks[channel], frame)
                case Delivered(channel, received):
                    talk = self._talks[channel]
                    for said in talk.heard(received):
                        self._stops.heard(said, talk, now_ns)
                        talk.learned(said, now_ns)
                case PortOpened(channel) | PortClosed(channel):
                    self._talks[channel].opened()
                    self._stops.closed(channel)
                case _:
                    self._note(happening, now_ns)
        if not world.host.asleep:  # a host that stands still is not slow
            self._stops.tick(now_ns)
        if world.fresh:
            self._audit.tick(now_ns)
        self._doses.tick()

    def _note(self, happening: Happening, now_ns: int) -> None:
        self._prescriptions.note(happening, self._world.utc_ms)
        self._dosing.note(happening)
        self._contact.note(happening)
        self._stops.note(happening, now_ns)
        self._audit.note(happening, now_ns)
        self._doses.note(happening)

    def _wrote(self, talk: Talk, frame: bytes) -> None:
        world = self._world
        for said in talk.wrote(frame):
            self._contact.look(said, talk, world.now_ns)
            if said.kind in naive.DOSING:
                self._dosing.look(said, talk, world)
            if said.kind in IN_THE_LIFE_OF_A_FRAME:
                self._stops.wrote(said, talk, world.now_ns)
            talk.sent(said, world.now_ns)
            if said.kind in IN_THE_LIFE_OF_A_FRAME:
                self._doses.sent(said, talk)


def watch(world: World) -> Watch:
    """Watch this world from now on: best before its first port opens, so that nothing said is missed."""
    made = Watch(world)
    world.observers.append(made.look)
    return made
