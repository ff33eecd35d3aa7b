"""What the oracle holds against an order: a rule of clinical.md, how hard, and the value an override would name.

Refuses to know any rule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TypeAlias

from tests.fuzz.case import Case
from tests.fuzz.figure import heptahydrate_mg


def _nothing_seen() -> dict[str, Fraction]:
    return {}


@dataclass(frozen=True, slots=True)
class Objection:
    """`seen`: the same value in each unit it may be shown in; empty where the value is a word."""

    rule: str
    hard: bool
    why: str
    seen: dict[str, Fraction] = field(default_factory=_nothing_seen)
    softened: bool = False  # an emergency made it SOFT (Q10): one override may name them all


Clause: TypeAlias = Callable[[Case], Iterator[Objection]]


def hard(rule: str, why: str) -> Objection:
    return Objection(rule, hard=True, why=why)


def soft(rule: str, why: str, **seen: Fraction) -> Objection:
    """Units are given with _per_ for the slash: mg_per_min=Fraction(3)."""
    return Objection(rule, hard=False, why=why, seen={unit.replace("_per_", "/"): seen[unit] for unit in seen})


def shown_dose(amount_mmol: Fraction) -> dict[str, Fraction]:
    mass_mg = heptahydrate_mg(amount_mmol)
    return {"g": mass_mg / 1000, "mg": mass_mg, "mmol": amount_mmol}


def eased(case: Case, rule: str, why: str) -> Objection:
    """HARD, and SOFT in an emergency (Q10 and section 3)."""
    return Objection(rule, hard=False, why=why, softened=True) if case.is_emergency else hard(rule, why)
