"""Starts for the tests: the golden order's first infusion from its bag, with what a test changes.

Refuses to be a second set of orders: those are golden.py's.
"""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from typing import Any

from pumpctl.core.capability import COMPANION_REFERENCE, Capability
from pumpctl.core.exposure import EMPTY_LEDGER, Certainty, Ledger, Segment
from pumpctl.core.order import Order
from pumpctl.core.program import Plan, compile_programs
from pumpctl.core.rules.case import Context
from pumpctl.core.rules.start_case import Start
from pumpctl.core.schedule import expand
from pumpctl.core.start_verdict import judge_start
from pumpctl.core.starting import StartCheck, parse_check
from pumpctl.core.validation import Verdict, bind, judge
from tests.core.golden import FIRST_DUE, HOUR_MS, LIBRARY, order, table

PATIENT = "patient-0001"
MINUTE_MS = 60_000
CHECK: dict[str, Any] = {
    "checked_by": "community nurse",
    "bags": [
        {
            "bag_id": "BAG-0001",
            "label": {
                "patient": PATIENT,
                "drug": "magnesium_sulfate",
                "content": "2 g",
                "basis": "heptahydrate",
                "final_volume": "100 mL",
                "diluent": "sodium_chloride_0.9_percent",
            },
            "beyond_use_at": "2026-12-08T12:00:00Z",
            "priming_volume": "0 mL",
            "residual_volume": "0 mL",
        }
    ],
    "site": {"site": "left abdomen", "needle_placed_at": "2026-12-01T18:30:00Z", "reaction": False},
    "answers": {
        "drowsy": False,
        "weak": False,
        "flushed": False,
        "breathless": False,
        "faint": False,
        "diarrhoea": False,
        "missed_antiepileptic": False,
    },
}


def check(changes: dict[str, Any] | None = None) -> StartCheck:
    """The check of the golden bag with some paths changed, as golden.order() changes an order."""
    return parse_check(json.dumps(table(changes, copy.deepcopy(CHECK))), "test")


def start(
    of: Order | None = None,
    checked: dict[str, Any] | None = None,
    *,
    number: int = 1,
    attempt: int = 1,
    pump: Capability = COMPANION_REFERENCE,
    **more: object,
) -> Start:
    """The start of one occurrence, all its programs still to run."""
    ordered = of or order()
    plan = compile_programs(ordered, LIBRARY, pump, number, attempt)
    assert isinstance(plan, Plan), plan
    occurrence = next(each for each in expand(ordered.schedule).occurrences if each.number == number)
    return replace(Start(occurrence, plan.programs, check(checked)), **more)  # pyright: ignore[reportArgumentType]


def judged(
    this: Start | None = None, of: Order | None = None, at_utc_ms: int = FIRST_DUE, ledger: Ledger = EMPTY_LEDGER
) -> Verdict:
    """The verdict on a start, Q31 overridden as the golden order needs it."""
    ordered = of or order()
    first = judge(ordered, LIBRARY, Context(at_utc_ms))
    overrides = bind(first, "Q31", "pharmacist on call", "as in the case report")
    return judge_start(ordered, LIBRARY, Context(at_utc_ms, ledger, overrides), this or start(ordered))


def given(
    start_utc_ms: int,
    *,
    hours: int = 10,
    digest: str = "another order",
    number: int = 1,
    certainty: Certainty = Certainty.COMMITTED,
    patient: str = PATIENT,
    route: str = "sc",
    grams: int = 2,
    key: str | None = None,
) -> Segment:
    """A dose in the ledger."""
    return Segment(
        key=key or f"{digest}/{number}",
        patient_id=patient,
        order_digest=digest,
        occurrence=number,
        route=route,
        start_utc_ms=start_utc_ms,
        end_utc_ms=start_utc_ms + hours * HOUR_MS,
        most_ug=grams * 1_000_000,
        certainty=certainty,
    )


def ledger(*segments: Segment) -> Ledger:
    return Ledger(segments)
