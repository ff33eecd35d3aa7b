"""The bag check that fits an order: what a careful person would enter with the right bag in the hand.

Refuses to know whether the order may be given. For the demo, the worlds and the tests: nobody reads a label here.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from pumpctl.core.units import Volume, read_quantity

RESERVOIR_UL = 250_000  # of the simulated pump: a larger phase comes in several containers
BAG_LASTS = timedelta(days=7)
NEEDLE_BEFORE = timedelta(minutes=30)
ANSWERS = ("drowsy", "weak", "flushed", "breathless", "faint", "diarrhoea", "missed_antiepileptic")


def bag_check(order: Mapping[str, Any], *, at: datetime, bag: str) -> dict[str, Any]:
    """Right labels, no sign of harm. `bag` begins the numbers of its bags."""
    bags = [
        each for place, phase in enumerate(order["phases"]) for each in _bags(order, phase, f"{bag}-{place + 1}", at)
    ]
    check: dict[str, Any] = {"checked_by": "nurse on duty", "bags": bags}
    if order["route"] == "sc":
        placed = (at - NEEDLE_BEFORE).isoformat(timespec="seconds")
        check["site"] = {"site": order.get("site", "left abdomen"), "needle_placed_at": placed, "reaction": False}
        check["answers"] = dict.fromkeys(ANSWERS, False)
    return check


def _bags(order: Mapping[str, Any], phase: Mapping[str, Any], bag: str, at: datetime) -> list[dict[str, Any]]:
    volume = read_quantity(phase["volume"], Volume)
    if not isinstance(volume, Volume) or volume.floor() <= RESERVOIR_UL:
        return [_bag(order, phase, bag, at, phase["bag"]["content"], phase["bag"]["final_volume"])]
    shares: list[dict[str, Any]] = []
    number, unit = phase["bag"]["content"].split(" ")
    left_ul = volume.floor()
    while left_ul > 0:  # a full reservoir less each time
        part_ul = min(left_ul, RESERVOIR_UL)
        content = f"{float(number) * part_ul / volume.floor():.6g} {unit}"
        shares.append(_bag(order, phase, f"{bag}-{len(shares) + 1}", at, content, f"{part_ul / 1000:g} mL"))
        left_ul -= part_ul
    return shares


def _bag(
    order: Mapping[str, Any], phase: Mapping[str, Any], bag: str, at: datetime, content: str, final_volume: str
) -> dict[str, Any]:
    label = {
        "patient": order["patient"]["id"],
        "drug": order["product"]["drug"],
        "content": content,
        "basis": order["product"]["basis"],
        "final_volume": final_volume,
        "diluent": phase["bag"]["diluent"],
    }
    return {
        "bag_id": bag,
        "label": label,
        "beyond_use_at": (at + BAG_LASTS).isoformat(timespec="seconds"),
        "priming_volume": "0 mL",
        "residual_volume": "0 mL",
    }
