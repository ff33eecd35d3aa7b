"""Overrides as a second person gives them, and as they must not count.

Refuses to know which findings there are: it binds what the verdict shows, and spoils some of it on purpose.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from pumpctl.core.order import Order, Override
from pumpctl.core.rules.finding import Severity
from pumpctl.core.validation import Verdict, bind
from tests.fuzz.case import DAY_US
from tests.fuzz.situation import instant_text

SECOND_PERSON = "pharmacist on call"
FORGED_SHARE = 0.25

Forger = Callable[[Random, dict[str, Any], Order, int], dict[str, Any]]


def overrides(rng: Random, verdict: Verdict, order: Order, at_us: int) -> list[dict[str, Any]]:
    """One for each SOFT finding that stands; in a quarter of the orders one of them is forged."""
    rules = sorted({one.rule for one in verdict.findings if one.severity is Severity.SOFT and not one.overridden})
    given = [
        override.model_dump(exclude_none=True)
        for rule in rules
        for override in bind(verdict, rule, SECOND_PERSON, "agreed for this patient")
    ]
    if given and rng.random() < FORGED_SHARE:
        at = rng.randrange(len(given))
        given[at] = rng.choice(FORGERS)(rng, given[at], order, at_us)
    return given


def models(given: list[dict[str, Any]]) -> tuple[Override, ...]:
    return tuple(Override.model_validate(override) for override in given)


def _other_version(rng: Random, override: dict[str, Any], order: Order, at_us: int) -> dict[str, Any]:
    digest = override["order_digest"]
    return override | {"order_digest": rng.choice((digest[::-1], digest.upper(), digest[:16], "0" * 64))}


def _other_value(rng: Random, override: dict[str, Any], order: Order, at_us: int) -> dict[str, Any]:
    number, space, unit = override["value"].partition(" ")
    return override | {"value": rng.choice((f"{number}0{space}{unit}", f"1{number}{space}{unit}", "any", "", "7"))}


def _same_person(rng: Random, override: dict[str, Any], order: Order, at_us: int) -> dict[str, Any]:
    name = order.prescriber
    return override | {"person": rng.choice((name, name.upper(), name.title(), name.replace(" ", "  ")))}


def _other_rule(rng: Random, override: dict[str, Any], order: Order, at_us: int) -> dict[str, Any]:
    return override | {"rule": rng.choice(("Q01", "Q31", "D24", override["rule"].lower(), "*"))}


def _expiry(rng: Random, override: dict[str, Any], order: Order, at_us: int) -> dict[str, Any]:
    days = rng.choice((-1, 1, 34, 35, 36, 400))
    text = instant_text(at_us + days * DAY_US, rng)
    return override | {"expires_at": rng.choice((text, text, text[:19], "never"))}


FORGERS: tuple[Forger, ...] = (_other_version, _other_value, _same_person, _other_rule, _expiry)
"""Each takes the override it spoils; an expiry in the next 35 days spoils nothing."""
