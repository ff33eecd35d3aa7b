"""Mutated orders past both readings of clinical.md: what pumpctl judges, and what the oracle says of it.

Refuses to know processes and the screen. The order with a seed and an index is always the same one.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from pumpctl.core.exposure import Certainty, Ledger, Segment
from pumpctl.core.library import Library
from pumpctl.core.order import Order
from pumpctl.core.order_text import OrderUnreadable, parse_order
from pumpctl.core.rules.case import Context
from pumpctl.core.rules.finding import Severity
from pumpctl.core.rules.table import RULES, Rule
from pumpctl.core.validation import Decision, Verdict, judge
from pumpctl.shell.library_file import read_library
from tests.fuzz import forging, oracle
from tests.fuzz.base_orders import draw
from tests.fuzz.case import Case, Given
from tests.fuzz.mutators_circumstances import CIRCUMSTANCE_MUTATORS, SHAPE_MUTATORS
from tests.fuzz.mutators_figures import FIGURE_MUTATORS
from tests.fuzz.mutators_history import HISTORY_MUTATORS
from tests.fuzz.situation import Situation

MUTATORS = (FIGURE_MUTATORS, FIGURE_MUTATORS, CIRCUMSTANCE_MUTATORS, CIRCUMSTANCE_MUTATORS, HISTORY_MUTATORS)
MAX_TRIES = 5  # a mutator that finds nothing to change in this order is drawn again
MAX_PAIRS = 200  # kept of the refusals that the oracle has no reason for
OVERRIDDEN_SHARE = 0.85
IN_ORDER_SHARE = 0.15  # overrides written into the order, the others come with the context
_NUMBER = re.compile(r"\d+(\.\d+)?")
_UNIT = re.compile(r"the unknown unit '.*'|in \S+, a unit of \w+,")
UNREADABLE = "unreadable"
PRESENT = frozenset(rule.id for rule in RULES)


@dataclass(frozen=True, slots=True)
class Fuzz:
    """What is fuzzed: the packaged library and table, or spoilt ones. `ids`: the rules that the oracle may name."""

    library: Library
    seed: int
    rules: tuple[Rule, ...] = RULES
    ids: frozenset[str] = oracle.RULES


@dataclass(frozen=True, slots=True)
class WrongAcceptance:
    index: int
    rules: tuple[str, ...]
    situation: Situation
    overrides: list[dict[str, Any]]


@dataclass(slots=True)
class Tally:
    """`refused_alone`: (rule, reason) of HARD findings where the oracle has nothing HARD, with one index each."""

    decisions: Counter[str] = field(default_factory=Counter[str])
    accepted_of: Counter[str] = field(default_factory=Counter[str])
    overridden: int = 0
    wrong: list[WrongAcceptance] = field(default_factory=list[WrongAcceptance])
    refused_alone: dict[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])

    @property
    def orders(self) -> int:
        return self.decisions.total()

    def add(self, other: Tally) -> None:
        self.decisions += other.decisions
        self.accepted_of += other.accepted_of
        self.overridden += other.overridden
        self.wrong += other.wrong
        self.refused_alone = dict(list((other.refused_alone | self.refused_alone).items())[:MAX_PAIRS])


def run(fuzz: Fuzz, indices: range) -> Tally:
    tally = Tally()
    for index in indices:
        _one(fuzz, index, tally)
    return tally


def work(seed: int, ids: frozenset[str], indices: range) -> Tally:
    """In a process of its own: the rules are functions and do not travel, so it finds library and table itself."""
    return run(Fuzz(read_library(), seed, ids=ids), indices)


def mutated(seed: int, index: int) -> tuple[Situation, Random]:
    """The situation of an index, and the generator that goes on to draw its overrides."""
    rng = Random(f"{seed}:{index}")
    situation = draw(rng)
    for _ in range(rng.randint(1, 3)):
        mutators = rng.choice(MUTATORS)
        for _ in range(MAX_TRIES):
            if rng.choice(mutators)(rng, situation):
                break
    if rng.random() < 0.08:
        rng.choice(SHAPE_MUTATORS)(rng, situation)
    return situation, rng


def _one(fuzz: Fuzz, index: int, tally: Tally) -> None:
    situation, rng = mutated(fuzz.seed, index)
    try:
        order = parse_order(situation.text, "fuzz")
    except OrderUnreadable:
        tally.decisions[UNREADABLE] += 1
        return
    situation.given = [replace(one, order_digest=one.order_digest or order.digest) for one in situation.given]
    context = context_of(situation)
    verdict = judge(order, fuzz.library, context, fuzz.rules)
    overrides: list[dict[str, Any]] = []
    if verdict.decision is Decision.NEEDS_OVERRIDE and rng.random() < OVERRIDDEN_SHARE:
        overrides = forging.overrides(rng, verdict, order, situation.at_us)
        order, context = _with(rng, situation, order, context, overrides)
        verdict = judge(order, fuzz.library, context, fuzz.rules)
    tally.decisions[verdict.decision.value] += 1
    case = case_of(situation, order)
    if verdict.decision is Decision.ACCEPTED:
        tally.accepted_of[situation.profile] += 1
        tally.overridden += bool(overrides)
        if rules := oracle.wrongly_accepted(case, overrides, fuzz.ids):
            tally.wrong.append(WrongAcceptance(index, tuple(rules), situation, overrides))
    elif verdict.decision is Decision.REFUSED and not any(one.hard for one in oracle.objections(case)):
        _note_refusal(tally, verdict, index)


def _with(
    rng: Random, situation: Situation, order: Order, context: Context, overrides: list[dict[str, Any]]
) -> tuple[Order, Context]:
    if rng.random() < IN_ORDER_SHARE:
        situation.order["overrides"] = overrides
        return parse_order(situation.text, "fuzz"), context
    return order, context_of(situation, overrides)


def context_of(situation: Situation, overrides: list[dict[str, Any]] | None = None) -> Context:
    segments = tuple(_segment(number, one) for number, one in enumerate(situation.given))
    return Context(
        situation.at_us // 1000,
        ledger=Ledger(segments),
        overrides=forging.models(overrides or []),
        accepted_utc_ms=None if situation.accepted_us is None else situation.accepted_us // 1000,
        uncleared_stops=situation.stops,
    )


def case_of(situation: Situation, order: Order) -> Case:
    given = tuple(situation.given)
    return Case(situation.order, order.digest, situation.at_us, given, situation.accepted_us, situation.stops)


def _segment(number: int, one: Given) -> Segment:
    return Segment(
        key=f"segment-{number}",
        patient_id=one.patient_id,
        order_digest=one.order_digest,
        occurrence=one.occurrence,
        route=one.route,
        start_utc_ms=one.start_us // 1000,
        end_utc_ms=one.end_us // 1000,
        most_ug=one.most_ug,
        certainty=Certainty.UNCERTAIN if one.uncertain else Certainty.COMMITTED,
    )


def _note_refusal(tally: Tally, verdict: Verdict, index: int) -> None:
    for finding in verdict.findings:
        if finding.severity is Severity.HARD:
            reason = _UNIT.sub("a unit", _NUMBER.sub("#", finding.message))[:120]
            tally.refused_alone.setdefault((finding.rule, reason), index)
