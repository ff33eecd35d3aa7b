"""Orders for campaigns: those of deploy/examples, short enough that many fit into an hour, dated when they are given.

Refuses to invent a regimen: route, flow, concentration and course are the examples'; only how long it takes, and with
it volume and dose, is drawn, inside the limits of the rules.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

EXAMPLES = Path(__file__).parents[3] / "deploy/examples/orders"
ZONE = "Europe/Berlin"  # has two clock changes a year
OVERRIDES = (
    "Q31=pharmacist on call:daily infusions as in the case report",
    "Q14=physician on duty:the second infusion of this day",
    "D24=physician on duty:monitored, after a loading dose",
)
WRITTEN_BEFORE = timedelta(hours=2)
DRAWN_BEFORE = timedelta(hours=20)  # blood; Q03 takes 72 h before an IV start
OBSERVED_BEFORE = timedelta(minutes=1)  # Q25 takes 15 min before an IV start
VALID_FOR = timedelta(hours=36)
COURSE_DAYS = 14

Order = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Drawn:
    """An order, and how long it takes when nothing comes in between."""

    order: Order
    minutes: int


def drawn_order(chance: Random, *, name: str, patient_id: str, intravenous: bool) -> Drawn:
    """An order with the dates of its example. `intravenous`: it may follow another within 20 h (S03)."""
    recipes = {recipe: weight for recipe, weight in RECIPES.items() if recipe in INTRAVENOUS or not intravenous}
    (recipe,) = chance.choices(list(recipes), list(recipes.values()))
    drawn = recipe(chance)
    drawn.order["order_id"] = name
    drawn.order["patient"]["id"] = patient_id
    return drawn


def dated(example: Order, at: datetime) -> Order:
    """The order as it is written when its first infusion is due at `at`, a whole second of UTC."""
    order, written = copy.deepcopy(example), _instant(at - WRITTEN_BEFORE)
    order |= {"authored_at": written, "valid_from": written, "schedule": _schedule(order["schedule"], at)}
    order["valid_until"] = _instant(at + (VALID_FOR if order["route"] == "iv" else timedelta(days=COURSE_DAYS)))
    order["reviews"]["medication_review_at"] = _instant(at - DRAWN_BEFORE)
    for result in order["results"]:
        result["at"] = _instant(at - DRAWN_BEFORE)
    for seen in order.get("observations", ()):
        seen["at"] = _instant(at - OBSERVED_BEFORE)
    return order


def _home(chance: Random) -> Drawn:
    """20 mg/mL: 3 to 10 mL/h are 1 to 3.33 mg/min (P03)."""
    order, minutes, flow_ml_h = _example("golden-home-sc"), 15 * chance.randint(1, 6), chance.randint(3, 10)
    _shorten(order["phases"][0], minutes, flow_ml_h, mg_per_ml=20)
    return Drawn(order, minutes)


def _golden(_: Random) -> Drawn:
    return Drawn(_example("golden-home-sc"), 600)


def _loading(_: Random) -> Drawn:
    order = _example("accepted/monitored_iv_loading")
    order["phases"][0]["bag"]["concentration"] = "20 mg/mL"
    return Drawn(order, 15)


def _emergency(_: Random) -> Drawn:
    order = _example("accepted/emergency_iv")
    order["phases"][0]["bag"]["concentration"] = "40 mg/mL"
    return Drawn(order, 10)


def _continuous(chance: Random) -> Drawn:
    """40 mg/mL: 2 to 6 mL/h are 1.33 to 4 mg/min (Q22)."""
    order, minutes = _example("accepted/monitored_iv_continuous"), 15 * chance.randint(1, 6)
    _shorten(order["phases"][0], minutes, chance.randint(2, 6), mg_per_ml=40)
    return Drawn(order, minutes)


def _intermittent(chance: Random) -> Drawn:
    """Q24: 12 mmol at most (2957 mg), no faster than 12 mmol in 3 h, and 3 h at least."""
    order, hours = _example("accepted/monitored_iv_intermittent"), chance.choice((3, 4))
    _shorten(order["phases"][0], 60 * hours, 25, mg_per_ml=29)
    return Drawn(order, 60 * hours)


def _loading_then_continuous(chance: Random) -> Drawn:
    """D24: after a loading dose the rest runs at 2 mg/min."""
    order, minutes = _example("accepted/loading_then_continuous"), 15 * chance.randint(1, 5)
    order["phases"][0]["bag"]["concentration"] = "20 mg/mL"
    _shorten(order["phases"][1], minutes, 3, mg_per_ml=40)
    return Drawn(order, 15 + minutes)


RECIPES: dict[Callable[[Random], Drawn], int] = {
    _home: 32,
    _golden: 1,
    _loading: 14,
    _emergency: 10,
    _continuous: 18,
    _intermittent: 3,
    _loading_then_continuous: 20,
}
INTRAVENOUS = frozenset({_loading, _emergency, _continuous, _intermittent, _loading_then_continuous})


def _shorten(phase: Order, minutes: int, flow_ml_h: int, *, mg_per_ml: int) -> None:
    """Quarter hours at whole mL/h: every figure is exact in print."""
    quarters_ml = flow_ml_h * (minutes // 15)
    volume, dose = f"{quarters_ml / 4:g} mL", f"{quarters_ml * mg_per_ml / 4:g} mg"
    phase |= {"dose": dose, "volume": volume, "duration": f"{minutes} min", "flow": f"{flow_ml_h} mL/h"}
    phase["bag"] |= {"content": dose, "final_volume": volume, "concentration": f"{mg_per_ml} mg/mL"}


@cache
def _text(name: str) -> str:
    return (EXAMPLES / f"{name}.json").read_text(encoding="utf-8")


def _example(name: str) -> Order:
    order: Order = json.loads(_text(name))
    return order


def _schedule(schedule: Order, at: datetime) -> Order:
    if schedule["repeat"] == "once":
        return {"repeat": "once", "at": _instant(at)}
    local = at.astimezone(ZoneInfo(ZONE))
    return schedule | {
        "local_time": f"{local:%H:%M}",
        "time_zone": ZONE,
        "first_date": local.date().isoformat(),
        "last_date": (local.date() + timedelta(days=COURSE_DAYS - 1)).isoformat(),
    }


def _instant(at: datetime) -> str:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")
