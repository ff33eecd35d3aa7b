"""What the fuzzer mutates: an order's JSON, the time of judgement, the ledger, the stops, and how texts are written.

Refuses to know what is right or wrong with any of it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction
from random import Random
from typing import Any

from tests.fuzz.case import Given

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_OFFSETS_H = (0, 0, 1, 2, -5)
WRITTEN_DIGITS = 7  # enough that rounding stays far inside the 1 % of U02


@dataclass(slots=True)
class Situation:
    """`profile` is the base order's, for the counts; `accepted_us`: None while the order is not accepted."""

    profile: str
    order: dict[str, Any]
    at_us: int
    given: list[Given] = field(default_factory=list[Given])
    stops: tuple[str, ...] = ()
    accepted_us: int | None = None

    @property
    def text(self) -> str:
        return json.dumps(self.order, ensure_ascii=False)


def instant_text(at_us: int, rng: Random) -> str:
    """The same instant in one of several offsets."""
    hours = rng.choice(_OFFSETS_H)
    local = (_EPOCH + timedelta(microseconds=at_us)).astimezone(timezone(timedelta(hours=hours)))
    text = local.isoformat(timespec="seconds")
    return text.replace("+00:00", "Z") if hours == 0 else text


def number_text(value: Fraction) -> str:
    """A plain decimal number of at most WRITTEN_DIGITS significant digits, rounded half up."""
    if value <= 0:
        return "0"
    places = WRITTEN_DIGITS - len(str(int(value))) if value >= 1 else WRITTEN_DIGITS + 2
    scaled = int(value * 10 ** max(places, 0) + Fraction(1, 2))
    if places <= 0:
        return str(scaled)
    whole, decimals = divmod(scaled, 10**places)
    return f"{whole}.{decimals:0{places}d}".rstrip("0").rstrip(".")
