"""Random walks of an honest pump, its line, its persons and its daemon: what may never be false on any of them.

Refuses to know how the controller works: it looks at the frames written, at what the pump double really moved, and at
the ledger. A walk is its seed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import get_args

from protocols.companion import messages as wire
from protocols.companion.vocabulary import Alarm, RefusalReason
from pumpctl.effects import WritePump
from pumpctl.events import GuardChanged
from tests.controller.desk import A, Desk
from tests.controller.orders import PATIENT, monitored_iv, monitored_iv_continuous, once
from tests.controller.pump_double import messages_in

STEPS = 25
PAUSES_MS = (1, 3, 40, 300, 1_100, 4_000, 20_000, 70_000, 400_000)
KINDS: tuple[type[wire.Request], ...] = get_args(wire.Request)


@dataclass(slots=True)
class Walk:
    """One walk. `given_ug` is what the pump really gave, reckoned with the bag of the program in it."""

    seed: int
    trail: list[str] = field(default_factory=list[str])
    desk: Desk = field(default_factory=Desk)
    token: int = 100
    given_ug: int = 0
    seen: int = 0
    _held: bool = False
    _tokens: set[int] = field(default_factory=set[int])
    _moved: int = 0
    _boot: int = 1

    def run(self) -> None:
        """Take STEPS steps; raises AssertionError at the first thing that may never be."""
        chance = Random(self.seed)
        order = chance.choice([once, monitored_iv_continuous, monitored_iv])()
        self.desk.plug_in()
        self.desk.run_for(1_000)
        self.desk.submit(order)
        steps = list(STEP.items())
        weights = [weight for _, (weight, _) in steps]
        for _ in range(STEPS):
            ((name, (_, step)),) = chance.choices(steps, weights)
            self.trail.append(name)
            step(self, chance)
            self.pass_time(chance.choice(PAUSES_MS))

    def pass_time(self, span_ms: int) -> None:
        """In pieces, so that what is wrong only for a while is seen as well."""
        for _ in range(4):
            self.desk.run_for(max(1, span_ms // 4))
            self.check()

    def check(self) -> None:
        self._count_truth()
        self._check_frames()
        self._check_account()

    def _count_truth(self) -> None:
        pump = self.desk.pump
        pump.run_to(self.desk.link_ns)
        self._moved = 0 if pump.boot_count != self._boot else self._moved
        self._boot = pump.boot_count
        moved_ul, self._moved = pump.moved_ul - self._moved, pump.moved_ul
        channel = self.desk.channel
        program = channel.infusion.program if channel.infusion else None
        if moved_ul and program is None and channel.last_account is not None:
            program = channel.last_account[0]
        if moved_ul:
            assert program is not None, "volume without a program"
            self.given_ug += program.dose_after_ul(moved_ul).floor()

    def _check_frames(self) -> None:
        """A START or RESUME never follows a STOP without a LOAD between them; no program starts twice."""
        effects = self.desk.effects
        for effect in effects[self.seen :]:
            for message in messages_in(effect.frame) if isinstance(effect, WritePump) else ():
                match message:
                    case wire.Load():
                        self._held = True
                    case wire.Stop():
                        self._held = False
                    case wire.Start(_, token) | wire.Resume(_, token):
                        assert self._held, f"{type(message).__name__} after STOP"
                        assert token not in self._tokens, f"{type(message).__name__} with a press that was used"
                        self._tokens.add(token)
                    case _:
                        continue
        self.seen = len(effects)
        begun = self.desk.pump.begun
        assert len(begun) == len(set(begun)), "a program was started twice"

    def _check_account(self) -> None:
        """I3: the ledger holds at least what was given. The interval holds the truth."""
        booked_ug = sum(s.most_ug for s in self.desk.controller.ward.ledger.segments if s.patient_id == PATIENT)
        assert booked_ug >= self.given_ug, f"booked {booked_ug} ug, given {self.given_ug} ug"
        infusion = self.desk.channel.infusion
        if infusion is None or infusion.delivered is None:
            return
        delivered = infusion.delivered
        if delivered.base.boot_count != self.desk.pump.boot_count:
            return
        true_ul = self.desk.pump.moved_ul - delivered.base.motor_ul
        assert delivered.least_ul <= true_ul <= delivered.most_ul(self.desk.now.therapy_ns), "the truth is outside"


def _press(walk: Walk, chance: Random) -> None:
    walk.token += 1
    walk.desk.press(token=walk.token)


def _break(walk: Walk, chance: Random) -> None:
    kind = chance.choice(KINDS)
    if chance.random() < 0.5:
        walk.desk.pump.mute.add(kind)
    else:
        walk.desk.pump.deaf.add(kind)
    walk.trail.append(kind.__name__)


def _mend(walk: Walk, chance: Random) -> None:
    pump = walk.desk.pump
    pump.mute, pump.deaf, pump.deny, pump.alarms = set(), set(), {}, Alarm(0)


def _deny(walk: Walk, chance: Random) -> None:
    kind = chance.choice([wire.Load, wire.Start, wire.Pause, wire.Resume, wire.Renew, wire.GetEvent])
    walk.desk.pump.deny[kind] = chance.choice([RefusalReason.BAD_STATE, RefusalReason.WRONG_TOKEN])


def _plug(walk: Walk, chance: Random) -> None:
    if A not in walk.desk.linked:
        walk.desk.plug_in()


def _unplug(walk: Walk, chance: Random) -> None:
    if A in walk.desk.linked:
        walk.desk.unplug()


def _alarm(walk: Walk, chance: Random) -> None:
    alarm = chance.choice([Alarm.OCCLUSION_DOWNSTREAM, Alarm.DOOR_OPEN, Alarm.AIR_IN_LINE])
    notice = walk.desk.pump.raise_alarm(alarm, walk.desk.link_ns)
    if A in walk.desk.linked and chance.random() < 0.5:
        walk.desk.say(notice)


def _power(walk: Walk, chance: Random) -> None:
    walk.check()
    walk.desk.pump.restart(walk.desk.link_ns)


def _restart(walk: Walk, chance: Random) -> None:
    walk.check()
    durable = None
    if walk.desk.held:
        durable = min(walk.desk.held) - 1
    walk.seen = 0
    walk.desk = walk.desk.restarted(durable=durable)
    walk.desk.plug_in()


def _ask(method: str, **params: object) -> Callable[[Walk, Random], object]:
    return lambda walk, _: walk.desk.ask(method, **params)


def _prepare(walk: Walk, _: Random) -> None:
    for digest in walk.desk.controller.ward.orders:
        walk.desk.ask("order.prepare", order=digest, check=walk.desk.check_for(digest))


def _cancel(walk: Walk, _: Random) -> None:
    for digest in walk.desk.controller.ward.orders:
        walk.desk.ask("order.cancel", order=digest)


def _disk(walk: Walk, chance: Random) -> None:
    walk.desk.holds_records = not walk.desk.holds_records
    walk.desk.release_records()


STEP: dict[str, tuple[int, Callable[[Walk, Random], object]]] = {
    "press": (8, _press),
    "break": (4, _break),
    "mend": (5, _mend),
    "deny": (1, _deny),
    "plug": (4, _plug),
    "unplug": (2, _unplug),
    "alarm": (1, _alarm),
    "power": (1, _power),
    "restart": (2, _restart),
    "stop": (1, _ask("stop")),
    "pause": (2, _ask("pause")),
    "resume": (2, _ask("resume")),
    "clear": (3, _ask("clear", persons=["nurse", "doctor"])),
    "prepare": (4, _prepare),
    "cancel": (1, _cancel),
    "disk": (2, _disk),
    "ignore": (1, lambda walk, chance: setattr(walk.desk.pump, "ignores_stops", chance.randrange(1, 12))),
    "guard": (1, lambda walk, chance: walk.desk.tell(GuardChanged(alive=chance.random() < 0.7))),
}
