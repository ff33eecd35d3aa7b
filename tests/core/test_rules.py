"""Each rule on both sides of each of its edges, and the slips that it is there to catch."""

from __future__ import annotations

from typing import Any

import pytest

from pumpctl.core.rules.case import Context
from pumpctl.core.validation import Decision
from tests.core.golden import (
    AT,
    GOLDEN,
    ONCE,
    blocking,
    infusion,
    order,
    severities,
    verdict,
)

Changes = dict[str, Any]


def clearance(value: str, **more: Any) -> Changes:  # noqa: ANN401
    return {"results.0.value": value} | more


def since(instant: str) -> Changes:
    """Stable maintenance, with nothing changed since then."""
    return {"course": "stable_maintenance", "therapy": {"started_at": instant}}


STABLE = since("2026-06-01T08:00:00Z")


def test_golden_order():
    """P01: Q31 is its only SOFT finding and there is no HARD one."""
    found = verdict()
    assert blocking(found) == {("Q31", "soft")}
    assert found.decision is Decision.NEEDS_OVERRIDE


# (order, changes, rule, what it says)
HALF_GRAM = infusion("0.9 g", "90 mL", "9 h", "10 mL/h")

EDGES: list[tuple[Changes, Changes, str, list[str]]] = [
    # Q01, Q02: 20 / 20.1 / 30 / 30.1
    (GOLDEN, clearance("20 mL/min"), "Q01", ["hard"]),
    (GOLDEN, clearance("20.1 mL/min"), "Q01", []),
    (GOLDEN, clearance("20 mL/min"), "Q02", []),
    (GOLDEN, clearance("20.000001 mL/min", **HALF_GRAM, schedule=ONCE), "Q02", ["soft", "schedule"]),
    (GOLDEN, clearance("30 mL/min", **HALF_GRAM, schedule=ONCE), "Q02", ["soft", "schedule"]),
    (GOLDEN, clearance("30.1 mL/min", **HALF_GRAM, schedule=ONCE), "Q02", []),
    # Q02 halved limits, and no lower limits
    (
        GOLDEN,
        clearance("25 mL/min", **infusion("1 g", "50 mL", "5 h", "10 mL/h"), schedule=ONCE),
        "Q02",
        ["soft", "schedule"],
    ),
    (
        GOLDEN,
        clearance("25 mL/min", **infusion("1.01 g", "50.5 mL", "5.05 h", "10 mL/h"), schedule=ONCE),
        "Q02",
        ["soft", "soft", "schedule"],
    ),
    (
        GOLDEN,
        clearance("25 mL/min", **infusion("6.01 mmol", "75 mL", "7.5 h", "10 mL/h"), schedule=ONCE),
        "Q02",
        ["hard", "soft", "soft", "schedule"],
    ),
    (
        GOLDEN,
        clearance("25 mL/min", **infusion("6 mmol", "75 mL", "7.5 h", "10 mL/h"), schedule=ONCE),
        "Q02",
        ["soft", "soft", "schedule"],
    ),
    (GOLDEN, clearance("25 mL/min", **infusion("0.5 g", "50 mL", "10 h", "5 mL/h"), schedule=ONCE), "P03", []),
    (GOLDEN, clearance("25 mL/min", **infusion("0.5 g", "50 mL", "10 h", "5 mL/h"), schedule=ONCE), "Q30", []),
    # Q03: age of the clearance, home 35 d and 100 d at acceptance, IV 72 h at the start (due 2 h after AT)
    (GOLDEN, {"results.0.at": "2026-10-27T18:00:00Z"}, "Q03", []),
    (GOLDEN, {"results.0.at": "2026-10-27T17:59:59Z"}, "Q03", ["hard"]),
    (GOLDEN, {"results.0.at": "2026-08-23T18:00:00Z"} | STABLE, "Q03", []),
    (GOLDEN, {"results.0.at": "2026-08-23T17:59:59Z"} | STABLE, "Q03", ["hard"]),
    (GOLDEN, {"results.0.at": "2026-10-27T17:59:59Z", "course": "stable_maintenance"}, "Q03", ["hard"]),
    (GOLDEN, {"results.0.at": "2026-10-27T17:59:59Z"} | since("2026-08-31T18:00:00Z"), "Q03", []),
    (GOLDEN, {"results.0.at": "2026-10-27T17:59:59Z"} | since("2026-08-31T18:00:01Z"), "Q03", ["hard"]),
    (GOLDEN, {"results.0.at": "2026-10-27T17:59:59Z", "course": None}, "Q03", ["hard"]),
    (GOLDEN, {"results.0": None}, "Q03", ["hard"]),
    # Q04
    (GOLDEN, {"assessment.volume_status": "euvolaemic"}, "Q04", []),
    (GOLDEN, {"assessment.volume_status": "depleted"}, "Q04", ["hard"]),
    (GOLDEN, {"assessment.volume_status": "Corrected"}, "Q04", ["hard"]),
    (GOLDEN, {"assessment.volume_status": None}, "Q04", ["hard"]),
    # Q12, Q13
    (GOLDEN, {"results.2": None}, "Q12", ["soft"]),
    (GOLDEN, {"results.2.at": "2026-10-27T17:59:59Z"}, "Q12", ["soft"]),
    (GOLDEN, {"results.2.at": "2026-10-27T18:00:00Z"}, "Q12", []),
    (GOLDEN, {"results.2.value": "1.05 mmol/L"}, "Q13", ["hard"]),
    (GOLDEN, {"results.2.value": "1.04999 mmol/L"}, "Q13", []),
    (GOLDEN, {"results.2.value": "2.6 mg/dL"}, "Q13", ["hard"]),
    (GOLDEN, {"results.2.value": "2.1 mEq/L"}, "Q13", ["hard"]),
    # Q30, P10: 4 and 12 mmol, 2 g; 2.958 g is over 12 mmol
    (GOLDEN, infusion("4 mmol", "50 mL", "5 h", "10 mL/h"), "Q30", []),
    (GOLDEN, infusion("3.999 mmol", "50 mL", "5 h", "10 mL/h"), "Q30", ["advisory"]),
    (GOLDEN, infusion("12 mmol", "150 mL", "15 h", "10 mL/h"), "Q30", []),
    (GOLDEN, infusion("24 mEq", "150 mL", "15 h", "10 mL/h"), "Q30", []),
    (GOLDEN, infusion("2.958 g", "150 mL", "15 h", "10 mL/h"), "Q30", ["hard"]),
    (GOLDEN, infusion("12.0001 mmol", "150 mL", "15 h", "10 mL/h"), "Q30", ["hard"]),
    (GOLDEN, {}, "P10", []),
    (GOLDEN, infusion("2.0001 g", "100 mL", "10 h", "10 mL/h"), "P10", ["soft"]),
    # P02
    (GOLDEN, {"phases.0.bag.diluent": None}, "P02", ["hard"]),
    (GOLDEN, {"phases.0.bag.diluent": "glucose_5_percent"}, "P02", ["soft"]),
    (GOLDEN, {"phases.0.bag.diluent": "normal saline"}, "P02", ["soft"]),
    (GOLDEN, {"phases.0.bag.diluent": "water_for_injection"}, "P02", ["hard"]),
    (GOLDEN, {"phases.0.bag.diluent": "undiluted_stock"}, "P02", ["hard"]),
    (GOLDEN, {"phases.0.bag.diluent": "iv_premix"}, "P02", ["hard"]),
    (GOLDEN, {"phases.0.bag.diluent": "Sterile Water"}, "P02", ["hard"]),
    (GOLDEN, {"phases.0.bag.diluent": "undiluted"}, "P02", ["hard"]),
    (GOLDEN, {"phases.0.bag.diluent": "premixed bag"}, "P02", ["hard"]),
    (GOLDEN, {"phases.0.bag.diluent": "none"}, "P02", ["hard"]),
    # P03: 1 / 3.4 / 4 mg/min
    (GOLDEN, {"phases.0.flow": "3 mL/h"}, "P03", []),
    (GOLDEN, {"phases.0.flow": "2.999 mL/h"}, "P03", ["soft"]),
    (GOLDEN, {"phases.0.flow": "10.2 mL/h"}, "P03", []),
    (GOLDEN, {"phases.0.flow": "10.201 mL/h"}, "P03", ["soft"]),
    (GOLDEN, {"phases.0.flow": "12 mL/h"}, "P03", ["soft"]),
    (GOLDEN, {"phases.0.flow": "12.001 mL/h"}, "P03", ["hard", "soft"]),
    # D25
    (GOLDEN, {"other_magnesium.parenteral": None}, "D25", ["soft"]),
    (GOLDEN, {}, "D25", []),
    # L02, L03: concentration in the smaller of final and labelled volume
    (GOLDEN, {}, "L03", []),
    (GOLDEN, {"phases.0.bag.base_volume": "99.9 mL"}, "L03", ["soft"]),
    (GOLDEN, infusion("2 g", "50 mL", "10 h", "5 mL/h"), "L03", ["soft", "soft"]),
    (GOLDEN, infusion("2 g", "49.9 mL", "10 h", "4.99 mL/h"), "L03", ["hard", "soft", "soft"]),
    (GOLDEN, {"phases.0.bag.final_volume": "104 mL", "phases.0.bag.base_volume": "100 mL"}, "L03", []),
    # L04: 75 / 120 mL/h, 1.5 / 3 L in 24 h
    (GOLDEN, infusion("1 g", "600 mL", "8 h", "75 mL/h"), "L04", []),
    (GOLDEN, infusion("1 g", "600 mL", "8 h", "75.1 mL/h"), "L04", ["soft"]),
    (GOLDEN, infusion("1 g", "600 mL", "5 h", "120 mL/h"), "L04", ["soft"]),
    (GOLDEN, infusion("1 g", "600 mL", "5 h", "120.1 mL/h"), "L04", ["hard", "soft"]),
    (GOLDEN, infusion("2 g", "1.5 L", "20 h", "75 mL/h"), "L04", []),
    (GOLDEN, infusion("2 g", "1.501 L", "20.1 h", "74.7 mL/h"), "L04", ["soft"]),
    (GOLDEN, infusion("2 g", "3 L", "40 h", "75 mL/h") | {"schedule": ONCE}, "L04", ["soft"]),
    # T02
    (GOLDEN, {"authored_at": "2026-11-30T15:00:00"}, "T02", ["hard"]),
    (GOLDEN, {"authored_at": None}, "T02", ["hard"]),
    (GOLDEN, {"results.0.at": "2026-12-01T18:05:00Z"}, "T02", []),
    (GOLDEN, {"results.0.at": "2026-12-01T18:05:01Z"}, "T02", ["hard"]),
    (GOLDEN, {"results.0.at": "2026-11-30"}, "T02", ["hard"]),
    (GOLDEN, {"schedule.local_time": "8 pm"}, "T02", ["hard"]),
    # U01, U06
    (GOLDEN, {"product.basis": None}, "U01", ["hard", "hard", "hard"]),
    (GOLDEN, {"product.basis": "salt"}, "U01", ["hard", "hard", "hard", "hard"]),
    (GOLDEN, {"phases.0.bag.final_volume": None}, "U01", ["hard"]),
    (GOLDEN, {"phases.0.bag.content": None}, "U01", ["hard"]),
    (GOLDEN, {"results.0.value": "85"}, "U01", ["hard"]),
    (GOLDEN, {"results.0.value": "0 mL/min"}, "U01", ["hard"]),
    (GOLDEN, {"phases.0.dose": "2,0 g"}, "U01", ["hard"]),
    (GOLDEN, {"phases.0.dose": None}, "U06", ["hard"]),
    (GOLDEN, {"phases.0.volume": None}, "U06", ["hard"]),
    (GOLDEN, {"phases.0.duration": None}, "U06", ["hard"]),
    (GOLDEN, {"phases.0.flow": None}, "U06", ["hard"]),
    (GOLDEN, {"pump_bolus_off": None}, "U06", ["hard"]),
    (GOLDEN, {"pump_bolus_off": False}, "U06", ["hard"]),
    # U02: 1 %
    (GOLDEN, {"phases.0.flow": "10.1 mL/h"}, "U02", []),
    (GOLDEN, {"phases.0.flow": "10.11 mL/h"}, "U02", ["hard"]),
    (GOLDEN, {"phases.0.flow": "9.9 mL/h"}, "U02", []),
    (GOLDEN, {"phases.0.flow": "9.89 mL/h"}, "U02", ["hard"]),
    (GOLDEN, {"phases.0.bag.concentration": "20.2 mg/mL"}, "U02", []),
    (GOLDEN, {"phases.0.bag.concentration": "20.21 mg/mL"}, "U02", ["hard", "hard"]),
    (GOLDEN, {"phases.0.dose": "2.02 g"}, "U02", []),
    (GOLDEN, {"phases.0.dose": "2.03 g"}, "U02", ["hard"]),
    # the bag is the one for this dose: neither a larger nor a smaller one
    (GOLDEN, {"phases.0.bag.content": "20 g", "phases.0.bag.final_volume": "1 L"}, "U02", ["hard"]),
    (GOLDEN, {"phases.0.bag.content": "0.2 g", "phases.0.bag.final_volume": "10 mL"}, "U02", ["hard"]),
    (GOLDEN, {"phases.0.bag.content": "2.02 g", "phases.0.bag.final_volume": "101 mL"}, "U02", []),
    (GOLDEN, {"phases.0.bag.content": "2.03 g", "phases.0.bag.final_volume": "101.5 mL"}, "U02", ["hard"]),
    # 1 % and 1 % are 2 %: concentration against the dose, not only each against the content
    (GOLDEN, {"phases.0.dose": "1.999 g", "phases.0.bag.concentration": "20.2 mg/mL"}, "U02", ["hard"]),
    # U05
    (GOLDEN, {"route": None}, "U05", ["hard"]),
    (GOLDEN, {"route": "SC"}, "U05", ["hard"]),
    (GOLDEN, {"route": "iv"}, "U05", ["hard"]),
    (GOLDEN, {"care_area": None}, "U05", ["hard"]),
    (GOLDEN, {"phases.0.kind": None}, "U05", ["hard"]),
    (GOLDEN, {"phases.0.kind": "loading"}, "U05", ["hard"]),
    (GOLDEN, {"product.drug": "magnesium sulfate"}, "U05", ["hard"]),
    # U07
    (GOLDEN, {"schedule.last_date": None}, "U07", ["hard"]),
    (GOLDEN, {"schedule.last_date": "2027-01-04"}, "U07", []),
    (GOLDEN, {"schedule.last_date": "2027-01-05"}, "U07", ["hard"]),
]


@pytest.mark.parametrize(("base", "changes", "rule", "expected"), EDGES)
def test_edge(base: Changes, changes: Changes, rule: str, expected: list[str]):
    assert severities(verdict(changes, base), rule) == expected


def test_the_worse_of_two_equally_new_results_counts():
    newest = GOLDEN["results"][0]["at"]
    twice = [*GOLDEN["results"], {"kind": "creatinine_clearance", "value": "15 mL/min", "at": newest}]
    assert severities(verdict({"results": twice}), "Q01") == ["hard"]
    older = [*GOLDEN["results"], {"kind": "creatinine_clearance", "value": "15 mL/min", "at": "2026-11-29T08:00:00Z"}]
    assert severities(verdict({"results": older}), "Q01") == []


def test_home_ages_count_from_acceptance():
    day = 24 * 3_600_000
    late = Context(AT + 13 * day, accepted_utc_ms=AT)
    aged: Changes = {"results.0.at": "2026-10-28T18:00:00Z"}
    assert severities(verdict(aged, context=late), "Q03") == []
    assert severities(verdict(aged, context=Context(AT + 13 * day)), "Q03") == ["hard"]


def test_many_findings_at_once():
    """All are reported, never only the first."""
    found = verdict({"results": [], "product.basis": None, "route": None, "pump_bolus_off": False, "assessment": {}})
    assert {"Q03", "Q04", "U01", "U05", "U06"} <= {rule for rule, _ in blocking(found)}


def test_an_empty_order_is_refused_by_what_it_lacks():
    bare = {
        "format": 1,
        "order_id": "bare",
        "version": 1,
        "prescriber": "somebody",
        "patient": {"id": "p"},
        "phases": [{}],
        "schedule": {"repeat": "daily"},
    }
    found = verdict(base=bare)
    assert {"Q03", "Q04", "P02", "T02", "U01", "U05", "U06", "U07"} <= {rule for rule, _ in blocking(found)}
    assert found.decision is Decision.REFUSED
    assert order(base=bare).digest == found.order_digest
