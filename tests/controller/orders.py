"""Orders for tests of the controller: the golden one and its small relatives, dated 2026-12-01.

Refuses to be a second library of orders: each is the golden order with the fields named here changed.
"""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

from pumpctl.core.observation import SIGNS
from simulator.rig.bag_check import bag_check

GOLDEN = Path(__file__).parents[2] / "deploy" / "examples" / "orders" / "golden-home-sc.json"
START_UTC_MS = 1_796_148_000_000  # 2026-12-01T18:00:00Z
PATIENT = "patient-0001"
SALINE = "sodium_chloride_0.9_percent"

OBSERVED_AT = "2026-12-01T17:50:00Z"  # ten minutes before START_UTC_MS; Q25 asks for fifteen
OBSERVED = {
    "patellar_reflex": "present",
    "breathing_rate": "16 /min",
    "systolic_pressure": "120 mmHg",
    "baseline_systolic_pressure": "125 mmHg",
    "heart_rate": "70 /min",
    "urine": "250 mL",
}
SOUND = {kind: OBSERVED[kind] for kind in SIGNS}
Order = dict[str, Any]


def golden(**changes: object) -> Order:
    """P01 with these top-level fields replaced."""
    order: Order = copy.deepcopy(json.loads(GOLDEN.read_text()))
    return order | changes


def once(order_id: str = "once", *, at: str = "2026-12-01T18:00:00Z", patient: str = PATIENT, **phase: str) -> Order:
    """One infusion, no override needed. `phase` as of infusion()."""
    order = golden(order_id=order_id, schedule={"repeat": "once", "at": at})
    order["patient"]["id"] = patient
    order["phases"] = [infusion(**phase)]
    return order


def infusion(
    kind: str = "infusion",
    dose: str = "200 mg",
    volume: str = "10 mL",
    duration: str = "1 h",
    flow: str = "10 mL/h",
    concentration: str = "20 mg/mL",
) -> Order:
    bag = {"content": dose, "final_volume": volume, "concentration": concentration, "diluent": SALINE}
    return {"kind": kind, "dose": dose, "volume": volume, "duration": duration, "flow": flow, "bag": bag}


def two_containers() -> Order:
    """260 mL out of a 250 mL reservoir: two programs, the first of 3 h 20 min; due 5 h 30 min before START_UTC_MS."""
    large = {"dose": "600 mg", "volume": "260 mL", "duration": "208 min", "flow": "75 mL/h"}
    return once("two-containers", at="2026-12-01T12:30:00Z", concentration="2.3077 mg/mL", **large)


def monitored_iv() -> Order:
    """A loading phase of 20 min with a lease of 30 s, then 2 h with a lease of 120 s."""
    order = once("monitored-iv")
    order |= {"route": "iv", "care_area": "monitored", "authored_at": "2026-12-01T15:00:00+01:00"}
    order["assessment"] |= {"calcium_at_bedside": True, "co_infusions": []}
    order["observations"] = [{"kind": kind, "value": value, "at": OBSERVED_AT} for kind, value in OBSERVED.items()]
    del order["site"]
    order["phases"] = [
        infusion("loading", "2 g", "50 mL", "20 min", "150 mL/h", "40 mg/mL"),
        infusion("continuous", "240 mg", "12 mL", "2 h", "6 mL/h"),
    ]
    return order


def monitored_iv_continuous() -> Order:
    """The second phase alone."""
    order = monitored_iv()
    order["order_id"] = "monitored-iv-continuous"
    order["phases"] = order["phases"][1:]
    return order


def checked(order: Order, utc_ms: int) -> str:
    """The check that fits this order, of a bag that no other test or start has seen."""
    at = datetime.fromtimestamp(utc_ms / 1000, UTC)
    return json.dumps(bag_check(order, at=at, bag=f"BAG-{next(_BAGS)}"))


_BAGS = count(1)
