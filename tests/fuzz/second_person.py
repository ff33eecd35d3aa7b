"""Which overrides count: one rule, one version of the order, the value seen, a second person, a reason, an expiry.

Refuses to know how pumpctl binds one (clinical.md, head of section 1): every way in which one can be forged is one
comparison here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fractions import Fraction
from typing import Any

from tests.fuzz.case import Case
from tests.fuzz.figure import read_instant_us
from tests.fuzz.objection import Objection

SHOWN_TO = Fraction(1, 100)  # three significant digits are shown
_VALUE = re.compile(r"(\d+(?:\.\d+)?) (\S+)")


def is_taken(objection: Objection, every: Iterable[Objection], case: Case, overrides: list[dict[str, Any]]) -> bool:
    """One Q02 override covers all SOFT findings of Q02; in an emergency one may name all that it softened (Q10)."""
    valid = [override for override in overrides if _is_valid(override, case)]
    if objection.softened and any(override["rule"] == "Q10" for override in valid):
        return True
    of_rule = [override for override in valid if override["rule"] == objection.rule]
    seen = [one for one in every if one.rule == "Q02" and not one.hard] if objection.rule == "Q02" else [objection]
    return any(_names(override["value"], one) for override in of_rule for one in seen)


def _is_valid(override: dict[str, Any], case: Case) -> bool:
    return (
        override["order_digest"] == case.digest
        and _person(override["person"]) != _person(case.order["prescriber"])
        and bool(override["reason"].strip())
        and _is_in_time(override.get("expires_at"), case)
    )


def _person(name: str) -> str:
    """The prescriber in other capitals is still the prescriber."""
    return " ".join(name.split()).casefold()


def _is_in_time(expires_at: str | None, case: Case) -> bool:
    """The 35 days at most are kept by U03: the version that an override binds is no older than that when it is used."""
    if expires_at is None:
        return True
    expires_us = read_instant_us(expires_at)
    return isinstance(expires_us, int) and case.at_us <= expires_us


def _names(value: str, objection: Objection) -> bool:
    """Whether the text is the objection's value, as it is shown. A value without a figure cannot be compared here."""
    if not objection.seen:
        return True
    found = _VALUE.match(value)
    if found is None:
        return False
    number, unit = Fraction(found[1]), found[2]
    if unit not in objection.seen:
        return False
    return abs(number - objection.seen[unit]) <= SHOWN_TO * objection.seen[unit]
