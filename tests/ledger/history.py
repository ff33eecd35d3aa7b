"""One random history of a patient with two pumps: orders, lost answers, stops, crashes, clock steps, days that pass.

Refuses to wait: between events the host sleeps, so a day costs a few polls. All of the daemon is real, the pumps are
doubles that count what they move; what they moved is the truth, taken at every step.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any

from protocols.companion import messages as wire
from protocols.companion.vocabulary import Alarm, PumpState, RefusalReason
from pumpctl.configuration import JournalCondition, JournalContent, PastRecord
from pumpctl.core.delivery import DeliveryState
from pumpctl.core.exposure import Ledger
from pumpctl.core.instant import NS_PER_MS
from tests.controller.desk import A, B, Desk, S
from tests.controller.orders import PATIENT, once
from tests.controller.scenes import two_channels
from tests.ledger.oracle import CAP_7D_UG, CAP_24H_UG, DAY_NS, HOUR_NS, WEEK_NS, Given, fullest_ug

STEPS = 12
UG_PER_UL = 20  # every bag here holds 20 mg/mL
NS_PER_H = HOUR_NS
OVERRIDES = ["Q31=pharmacist:daily infusions", "P10=pharmacist:more than the report"]
# dose, volume, minutes: at 10 mL/h, 3.33 mg/min. Two of the largest, whenever they came, are within the cap of a day
DOSES = (("2 g", "100 mL", 600), ("2.5 g", "125 mL", 750), ("2.8 g", "140 mL", 840))
SPANS_H = (1, 4, 6, 14, 15, 20, 21)
# A share of all: the largest dose as often as it may be given, so that the cap is what ends it.
EAGER = 0.4
EAGER_SPAN_H = 20
SMALL_STEPS_MS = (-100_000, -30_000, -3_000, 3_000, 30_000, 100_000)


@dataclass(slots=True)
class History:
    """Raises AssertionError at the first thing that may never be."""

    seed: int
    desk: Desk = field(default_factory=lambda: Desk(two_channels()))
    given: list[Given] = field(default_factory=list[Given])
    done: Counter[str] = field(default_factory=Counter[str])
    trail: list[str] = field(default_factory=list[str])
    fullest_24h_ug: int = 0
    fullest_7d_ug: int = 0
    _moved: dict[str, int] = field(default_factory=lambda: {A: 0, B: 0})
    _seen_ns: int = 0
    _token: int = 1_000

    def run(self) -> None:
        chance = Random(self.seed)
        self._seen_ns = self.desk.link_ns
        self._plug_in()
        eager = chance.random() < EAGER
        for number in range(STEPS):
            channel = chance.choice((A, A, B))
            self._mend(channel)
            self._offer(channel, number, chance, eager=eager)
            if not eager:
                self._mishap(channel, chance)
            self._let_pass((EAGER_SPAN_H if eager else chance.choice(SPANS_H)) * HOUR_NS + chance.randrange(600) * S)
            self._check()
        self._crash()
        self.fullest_24h_ug, self.fullest_7d_ug = (fullest_ug(self.given, span) for span in (DAY_NS, WEEK_NS))
        assert self.fullest_24h_ug <= CAP_24H_UG, f"{self.fullest_24h_ug} ug within 24 h"
        assert self.fullest_7d_ug <= CAP_7D_UG, f"{self.fullest_7d_ug} ug within 7 days"

    # What people do.

    def _offer(self, channel: str, number: int, chance: Random, *, eager: bool) -> None:
        """A new order that is due now, and a person at the button."""
        dose, volume, minutes = DOSES[-1] if eager else chance.choice(DOSES)
        at = datetime.fromtimestamp(self.desk.now.utc_ms // 1000, UTC).isoformat().replace("+00:00", "Z")
        order = once(
            f"{self.seed}-{number}", at=at, dose=dose, volume=volume, duration=f"{minutes} min", flow="10 mL/h"
        )
        self.desk.submit(order, channel, overrides=OVERRIDES)
        self._pass(3 * S)
        if self._state(channel) is not DeliveryState.AWAITING_CONFIRMATION:
            self.done["not loaded"] += 1
            return
        fate = "started" if eager else chance.choices(list(FATES), [weight for weight, _ in FATES.values()])[0]
        self.trail.append(f"{channel} {dose} {fate}")
        FATES[fate][1](self, channel)
        self._token += 1
        if channel in self.desk.linked:
            self.desk.press(channel, self._token)
        self._pass(chance.choice((1, 5, 100, 3_000)) * NS_PER_MS)
        if chance.random() < 0.2:
            self._crash()
        self._pass(4 * S)
        self.done[fate] += 1

    def _mishap(self, channel: str, chance: Random) -> None:
        name = chance.choices(list(MISHAPS), [weight for weight, _ in MISHAPS.values()])[0]
        self.trail.append(name)
        self.done[name] += name != "nothing"
        self._let_pass(chance.choice((0, 1, 3)) * HOUR_NS)
        MISHAPS[name][1](self, channel, chance)
        self._pass(3 * S)

    def _mend(self, channel: str) -> None:
        """Line and pump are whole again, and two persons have looked."""
        pump = self.desk.doubles[channel]
        pump.mute, pump.deaf, pump.deny, pump.alarms = set(), set(), {}, Alarm(0)
        self._plug_in()
        if self._state(channel) is DeliveryState.STOPPED:
            self.desk.ask("clear", channel=channel, persons=["nurse", "doctor"])
        self.desk.ask("clock.confirm", person="nurse")
        self._pass(3 * S)

    def _plug_in(self) -> None:
        for name in (A, B):
            if name not in self.desk.linked:
                self.desk.plug_in(name)
        self._pass(2 * S)

    # What happens.

    def _crash(self) -> None:
        """Another daemon with the journal of this one: what it makes of the ledger must be what the ledger was."""
        self._count()
        before, old = self.desk.controller.ward.ledger, self.desk
        kept = [PastRecord(r.seq, r.kind, json.loads(json.dumps(r.body)), r.utc_ms) for r in old.records]
        past = JournalContent(JournalCondition.SOUND, "", (*old.past.records, *kept))
        self.desk = Desk(
            old.channels, past=past, begin_ns=old.link_ns, doubles=old.doubles, wall_off_ms=old.wall_off_ms
        )
        self.desk._sessions, self.desk.requests = old._sessions, old.requests
        after = self.desk.controller.ward.ledger
        assert _exposure(after) == _exposure(before), f"replayed {_exposure(after)}, was {_exposure(before)}"
        self.done["restarts"] += 1
        self._plug_in()

    def restart_pump(self, channel: str) -> None:
        self._count()
        self.desk.doubles[channel].restart(self.desk.link_ns)
        self._moved[channel] = 0

    def _state(self, channel: str) -> DeliveryState:
        return self.desk.controller.ward.channels[channel].state

    # Time, and the truth.

    def _pass(self, span_ns: int) -> None:
        self.desk.run_for(max(1, span_ns // NS_PER_MS))
        self._count()

    def _let_pass(self, span_ns: int) -> None:
        """The host sleeps; a pump that finishes meanwhile is counted to that very instant."""
        end_ns = self.desk.link_ns + span_ns
        for pump in self.desk.doubles.values():
            if pump.state is PumpState.INFUSING and pump.flow_ul_h and pump.program is not None:
                left_ul = pump.program.vtbi_ul - pump.program_ul
                done_ns = self.desk.link_ns + -(-left_ul * NS_PER_H // pump.flow_ul_h)
                if self.desk.link_ns < done_ns < end_ns:
                    self.desk.link_ns = done_ns
                    self._count()
        self.desk.link_ns = end_ns
        self._count()
        self._pass(3 * S)

    def _count(self) -> None:
        for name, pump in self.desk.doubles.items():
            pump.run_to(self.desk.link_ns)
            moved_ul, self._moved[name] = pump.moved_ul - self._moved[name], pump.moved_ul
            if moved_ul:
                self.given.append(Given(self._seen_ns, max(self.desk.link_ns, self._seen_ns + 1), moved_ul * UG_PER_UL))
        self._seen_ns = self.desk.link_ns

    def _check(self) -> None:
        """I3: what is booked is at least what was given."""
        booked_ug = sum(s.most_ug for s in self.desk.controller.ward.ledger.segments if s.patient_id == PATIENT)
        given_ug = sum(one.ug for one in self.given)
        assert booked_ug >= given_ug, f"booked {booked_ug} ug, given {given_ug} ug"


def _exposure(ledger: Ledger) -> list[tuple[Any, ...]]:
    return sorted((s.key, s.start_utc_ms, s.end_utc_ms, s.most_ug, s.certainty.value) for s in ledger.segments)


Fate = Callable[[History, str], object]
Mishap = Callable[[History, str, Random], object]


def _deaf(history: History, channel: str) -> None:
    history.desk.doubles[channel].deaf.add(wire.Start)


def _mute(history: History, channel: str) -> None:
    history.desk.doubles[channel].mute.update({wire.Start, wire.GetStatus})


def _deny(history: History, channel: str) -> None:
    history.desk.doubles[channel].deny[wire.Start] = RefusalReason.WRONG_TOKEN


def _stop(history: History, channel: str, _: Random) -> None:
    history.desk.ask("stop", channel=channel)


def _unplug(history: History, channel: str, _: Random) -> None:
    if channel in history.desk.linked:
        history.desk.unplug(channel)


# How a start goes, and how often.
FATES: dict[str, tuple[int, Fate]] = {
    "started": (8, lambda *_: None),
    "start lost": (1, _deaf),
    "answer lost": (2, _mute),
    "denied": (1, _deny),
}
MISHAPS: dict[str, tuple[int, Mishap]] = {
    "nothing": (6, lambda *_: None),
    "crash": (3, lambda history, *_: history._crash()),
    "stopped": (2, _stop),
    "unplugged": (2, _unplug),
    "pump restarted": (1, lambda history, channel, _: history.restart_pump(channel)),
    "clock step": (2, lambda history, _, chance: history.desk.move_wall_clock(chance.choice(SMALL_STEPS_MS))),
}
