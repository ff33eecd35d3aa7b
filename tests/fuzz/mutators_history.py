"""What the patient had before and has now: the ledger, magnesium from elsewhere, stops that nobody cleared.

Refuses to know what it does to the order. Each mutator changes a situation in place and says whether it could.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

from tests.fuzz.case import HOUR_US, MIN_US, Given
from tests.fuzz.mutators_figures import Mutator
from tests.fuzz.situation import Situation, instant_text


def dose_elsewhere(rng: Random, situation: Situation) -> bool:
    start_us = situation.at_us + rng.choice((-200, -30, -10, -1, 1, 20)) * HOUR_US
    dose: dict[str, Any] = {
        "dose": rng.choice(("2 g", "4 mmol", "12 mmol", "20 mmol", "60 mmol", "500 mg")),
        "basis": rng.choice(("heptahydrate", "heptahydrate", "anhydrous", "elemental", None)),
        "start": instant_text(start_us, rng),
        "end": instant_text(start_us + rng.choice((0, 1, 10, 24)) * HOUR_US, rng),
    }
    other = situation.order.setdefault("other_magnesium", {})
    other["parenteral"] = rng.choice(([dose], [dose], None, [{**dose, "start": None}]))
    return True


def second_bag(rng: Random, situation: Situation) -> bool:
    """The same patient, the same day, another order id (section 6); or this order, an earlier occurrence."""
    start_us = situation.at_us + rng.choice((-30, -20, -19, -10, -3, 0, 2, 20)) * HOUR_US + rng.randint(0, 59) * MIN_US
    situation.given.append(
        Given(
            patient_id=situation.order["patient"]["id"],
            order_digest="1" * 64,
            occurrence=rng.randint(1, 5),
            route=rng.choice(("sc", "sc", "iv")),
            start_us=start_us,
            end_us=start_us + rng.choice((0, 1, 5, 10, 24)) * HOUR_US,
            most_ug=rng.choice((500_000, 2_000_000, 2_957_000, 6_000_000)),
            uncertain=rng.random() < 0.3,
        )
    )
    return True


def own_begun(rng: Random, situation: Situation) -> bool:
    """Occurrences of this order that the ledger has already; fuzzing.py fills in the digest once it is known."""
    start_us = situation.at_us - rng.choice((0, 1, 5, 12, 24, 40)) * HOUR_US - rng.randint(0, 59) * MIN_US
    situation.given.append(
        Given(
            patient_id=situation.order["patient"]["id"],
            order_digest="",
            occurrence=1 if situation.order["schedule"]["repeat"] == "once" else rng.randint(1, 4),
            route=situation.order.get("route") or "sc",
            start_us=start_us,
            end_us=start_us + rng.choice((1, 5, 10)) * HOUR_US,
            most_ug=rng.choice((500_000, 2_000_000)),
            uncertain=rng.random() < 0.3,
        )
    )
    return True


def week_of_bags(rng: Random, situation: Situation) -> bool:
    patient_id, at_us = situation.order["patient"]["id"], situation.at_us
    first = Given(patient_id, "2" * 64, 1, "sc", 0, 10 * HOUR_US, rng.choice((1_000_000, 2_000_000)), uncertain=False)
    for number in range(1, rng.randint(2, 6)):
        start_us = at_us - number * rng.choice((24, 30, 48)) * HOUR_US
        given = replace(first, occurrence=number, start_us=start_us, end_us=start_us + 10 * HOUR_US)
        situation.given.append(given)
    return True


def stop_uncleared(rng: Random, situation: Situation) -> bool:
    situation.stops = ("patellar reflex lost",)
    return True


HISTORY_MUTATORS: tuple[Mutator, ...] = (
    *(dose_elsewhere, dose_elsewhere, second_bag, second_bag, own_begun, week_of_bags, stop_uncleared),
)
