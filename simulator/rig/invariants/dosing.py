"""I4 and I5: each dosing frame has an order, an intent on the disk and a press of its own, and is the only one open.

Refuses to believe that a frame is right because it was sent: the order is what people wrote, the intent is what
the disk has, the token is what the pump told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from pumpctl.effects import Record
from pumpctl.events import Recorded
from simulator.pump import Button
from simulator.rig.invariants import naive
from simulator.rig.invariants.naive import ProgramSaid, Said
from simulator.rig.invariants.prescription import PhaseOrdered, Prescriptions
from simulator.rig.invariants.talk import Talk
from simulator.rig.invariants.violation import Findings
from simulator.rig.world import World
from simulator.rig.world.seen import Happening, LifeBegan, LifeEnded, Pressed

CONFIRMS_START, CONFIRMS_RESUME = 1, 2  # SPEC.md 85: purpose
MAX_PENDING = 4_096  # records between two syncs


class Dosing:
    """Looks at every START and RESUME before it is taken into account."""

    def __init__(self, findings: Findings, prescriptions: Prescriptions) -> None:
        self.intents: dict[str, Mapping[str, Any]] = {}  # durable, by program id in hex: the newest
        self._findings = findings
        self._prescriptions = prescriptions
        self._pending: list[Record] = []
        self._durable: Counter[tuple[str, bool]] = Counter()
        self._sent: Counter[tuple[str, bool]] = Counter()
        self._used: set[bytes] = set()
        self._presses: Counter[str] = Counter()
        self._dosed: Counter[str] = Counter()

    def note(self, happening: Happening) -> None:
        """What becomes durable, and who presses."""
        match happening:
            case Record(kind="dosing_intent") if len(self._pending) < MAX_PENDING:
                self._pending.append(happening)
            case Recorded(seq):
                for record in [each for each in self._pending if each.seq <= seq]:
                    self._pending.remove(record)
                    program_id = str(record.body["program"]["program_id"])
                    self.intents[program_id] = record.body
                    self._durable[program_id, bool(record.body["resume"])] += 1
            case LifeEnded():
                self._pending.clear()
            case LifeBegan(past):
                # What a dead daemon wrote and never heard of is durable all the same.
                for record in past.records:
                    if record.kind == "dosing_intent":
                        body: dict[str, Any] = record.body
                        self.intents.setdefault(str(body["program"]["program_id"]), body)
            case Pressed(channel, Button.CONFIRM):
                self._presses[channel] += 1
            case _:
                return

    def look(self, said: Said, talk: Talk, world: World) -> None:
        """A dosing frame leaves."""
        program_id, token, resume = said.body[:8], said.body[8:16], said.kind == naive.RESUME
        key = (program_id.hex(), resume)
        self._sent[key] += 1
        self._dosed[talk.channel] += 1
        for fault in self._faults(key, talk, world):
            self._findings.add("I4", world.now_ns, f"{talk.channel}: {fault}")
        self._look_at_confirmation(program_id, token, resume, talk, world)
        if talk.unresolved is not None:
            told = f"{talk.channel}: a second dosing command while the first has no known outcome"
            self._findings.add("I5", world.now_ns, told)
        if token in self._used:
            self._findings.add("I5", world.now_ns, f"{talk.channel}: a dosing command was sent twice")
        self._used.add(token)

    def _look_at_confirmation(self, program_id: bytes, token: bytes, resume: bool, talk: Talk, world: World) -> None:
        purpose = CONFIRMS_RESUME if resume else CONFIRMS_START
        if talk.tokens.get(token) != (purpose, program_id):
            told = f"{talk.channel}: its token was never told for this program and purpose"
            self._findings.add("I4", world.now_ns, told)
        if not talk.auto_confirm and self._dosed[talk.channel] > self._presses[talk.channel]:
            self._findings.add("I4", world.now_ns, f"{talk.channel}: more dosing commands than presses")

    def _faults(self, key: tuple[str, bool], talk: Talk, world: World) -> list[str]:
        """Against the disk, the order and the loaded program."""
        if self._sent[key] > self._durable[key]:
            return ["no intent of its own is durable"]
        intent = self.intents[key[0]]["program"]
        digest = str(intent["order_digest"])
        if digest not in self._prescriptions.accepted:
            return ["no order was accepted for it"]
        faults = ["its order was cancelled"] if digest in self._prescriptions.cancelled else []
        order = self._prescriptions.accepted[digest]
        if order is None:
            return faults
        wall_ms = world.host_now.utc_ms
        if not order.valid_from_ms <= wall_ms < order.valid_until_ms:
            faults.append("its order is not valid at this instant")
        loaded = talk.loaded.get(bytes.fromhex(key[0]))
        if loaded is None:
            faults.append("its program was never loaded")
        elif _exceeds(loaded, order.phases[int(intent["phase_index"])]):
            faults.append("the loaded program gives more than its order")
        return faults


def _exceeds(loaded: ProgramSaid, ordered: PhaseOrdered) -> bool:
    return (
        loaded.vtbi_ul > ordered.volume_ul
        or (ordered.flow_ul_h is not None and loaded.flow_ul_h > ordered.flow_ul_h)
        or loaded.kvo_ul_h != 0
        or loaded.dose_ug > loaded.vtbi_ul * ordered.ug_per_ul
    )
