"""Each intravenous profile on both sides of each of its edges."""

from __future__ import annotations

from typing import Any

import pytest

from tests.core.golden import (
    CONTINUOUS,
    EMERGENCY,
    INTERMITTENT,
    LOADING,
    blocking,
    phase,
    severities,
    table,
    verdict,
)

Changes = dict[str, Any]


def clearance(value: str, **more: Any) -> Changes:  # noqa: ANN401
    return {"results.0.value": value} | more


EDGES: list[tuple[Changes, Changes, str, list[str]]] = [
    # Q01, Q02: 20 / 20.1 / 30 / 30.1
    (EMERGENCY, clearance("20 mL/min"), "Q01", ["hard"]),
    # Q02 halved limits, and no lower limits
    (LOADING, clearance("25 mL/min"), "Q02", ["soft", "soft", "schedule"]),
    (
        LOADING,
        clearance("25 mL/min") | {"phases": [phase("loading", "2.01 g", "100.5 mL", "15.1 min", "400 mL/h")]},
        "Q02",
        ["hard", "soft", "soft", "schedule"],
    ),
    (EMERGENCY, clearance("25 mL/min"), "Q02", ["hard", "soft", "schedule"]),
    (
        EMERGENCY,
        clearance("25 mL/min") | {"phases": [phase("emergency", "1 g", "25 mL", "5 min", "300 mL/h")]},
        "Q02",
        ["soft", "schedule"],
    ),
    # Q03: age of the clearance, home 35 d and 100 d at acceptance, IV 72 h at the start (due 2 h after AT)
    (LOADING, {"results.0.at": "2026-11-28T20:00:00Z"}, "Q03", []),
    (LOADING, {"results.0.at": "2026-11-28T19:59:59Z"}, "Q03", ["hard"]),
    (EMERGENCY, {"results.0.at": "2026-11-28T19:59:59Z"}, "Q03", ["soft"]),
    (EMERGENCY, {"results.0": None}, "Q03", ["soft"]),
    # Q04
    (EMERGENCY, {"assessment.volume_status": None}, "Q04", ["soft"]),
    # Q10
    (EMERGENCY, {}, "Q10", ["advisory"]),
    (EMERGENCY, {"indication.emergency_in_progress": False}, "Q10", ["hard"]),
    (EMERGENCY, {"indication.emergency_in_progress": None}, "Q10", ["hard"]),
    (EMERGENCY, {"indication.emergency_event": "history of seizures"}, "Q10", ["hard"]),
    (EMERGENCY, {"care_area": "home"}, "Q10", ["hard"]),
    (EMERGENCY, {"route": "sc"}, "Q10", ["hard"]),
    (EMERGENCY, {"phases.0.duration": "299 s", "phases.0.flow": "602 mL/h"}, "Q10", ["hard", "advisory"]),
    (
        EMERGENCY,
        {"phases": [phase("emergency", "2.01 g", "50.25 mL", "5.1 min", "592 mL/h")]},
        "Q10",
        ["hard", "advisory"],
    ),
    # Q12, Q13
    (EMERGENCY, {"results.2": None}, "Q12", ["advisory"]),
    (EMERGENCY, {"results.2.value": "1.05 mmol/L"}, "Q13", ["advisory"]),
    # Q20, Q21, L01: loading
    (LOADING, {}, "Q20", []),
    (LOADING, {"phases": [phase("loading", "0.99 g", "99 mL", "15 min", "396 mL/h")]}, "Q20", ["advisory"]),
    (LOADING, {"phases": [phase("loading", "1 g", "100 mL", "15 min", "400 mL/h")]}, "Q20", []),
    (LOADING, {"phases": [phase("loading", "2.01 g", "100.5 mL", "16 min", "376.9 mL/h")]}, "Q20", ["soft"]),
    (LOADING, {"phases": [phase("loading", "4 g", "100 mL", "30 min", "200 mL/h")]}, "Q20", ["soft"]),
    (LOADING, {"phases": [phase("loading", "4.01 g", "100.25 mL", "30 min", "200.5 mL/h")]}, "Q20", ["hard", "soft"]),
    (LOADING, {}, "Q21", []),
    (LOADING, {"phases.0.duration": "899 s"}, "Q21", ["hard"]),
    (LOADING, {"phases.0.flow": "400.1 mL/h"}, "Q21", ["hard"]),
    (LOADING, {}, "L01", []),
    (LOADING, {"phases.0.flow": "400.1 mL/h"}, "L01", ["soft"]),
    (LOADING, {"phases": [phase("loading", "2.25 g", "100 mL", "15 min", "400 mL/h")]}, "L01", ["soft"]),
    (LOADING, {"phases": [phase("loading", "2.26 g", "100 mL", "15 min", "400 mL/h")]}, "L01", ["hard", "soft"]),
    (EMERGENCY, {}, "L01", []),
    (EMERGENCY, {"phases.0.flow": "600.1 mL/h"}, "L01", ["hard"]),
    # Q22: 1 and 4 mg/min
    (CONTINUOUS, {}, "Q22", []),
    (CONTINUOUS, {"phases.0.flow": "6.001 mL/h"}, "Q22", ["hard"]),
    (CONTINUOUS, {"phases": [phase("continuous", "2.4 g", "60 mL", "40 h", "1.5 mL/h")]}, "Q22", []),
    (CONTINUOUS, {"phases": [phase("continuous", "2.4 g", "60 mL", "40 h", "1.499 mL/h")]}, "Q22", ["soft"]),
    # Q24: 12 mmol, 3 h
    (INTERMITTENT, {}, "Q24", ["advisory"]),  # severe, and 11.82 mmol in 24 h
    (INTERMITTENT, {"phases": [phase("intermittent", "12 mmol", "100 mL", "3 h", "33.333333 mL/h")]}, "Q24", []),
    (INTERMITTENT, {"phases": [phase("intermittent", "12.01 mmol", "100 mL", "4 h", "25 mL/h")]}, "Q24", ["hard"]),
    (
        INTERMITTENT,
        {"phases": [phase("intermittent", "6 mmol", "100 mL", "179 min", "33.4 mL/h")]},
        "Q24",
        ["hard", "advisory"],
    ),
    (INTERMITTENT, {"phases.0.flow": "33.334 mL/h"}, "Q24", ["hard", "hard", "advisory"]),
    # P02
    (LOADING, {"phases.0.bag.diluent": None}, "P02", ["hard"]),
    (LOADING, {"phases.0.bag.diluent": "glucose_5_percent"}, "P02", []),
    # L02, L03: concentration in the smaller of final and labelled volume
    (CONTINUOUS, {"phases": [phase("continuous", "2 g", "10 mL", "10 h", "1 mL/h")]}, "L02", []),
    (CONTINUOUS, {"phases": [phase("continuous", "2.001 g", "10 mL", "10 h", "1 mL/h")]}, "L02", ["hard"]),
    # U05
    (LOADING, {"care_area": "home"}, "U05", ["hard"]),
]


@pytest.mark.parametrize(("base", "changes", "rule", "expected"), EDGES)
def test_edge(base: Changes, changes: Changes, rule: str, expected: list[str]):
    assert severities(verdict(changes, base), rule) == expected


@pytest.mark.parametrize("base", [LOADING, CONTINUOUS, INTERMITTENT, EMERGENCY])
def test_each_intravenous_profile_has_an_order_that_passes(base: Changes):
    assert blocking(verdict(base=base)) == set()


def test_loading_then_continuous_counts_in_one_day():
    """2 g then 4 mg/min for 24 h is 31.5 mmol; the tail may run at most 2.747 mg/min for 23.75 h."""
    load = phase("loading", "2 g", "100 mL", "15 min", "400 mL/h")
    full = phase("continuous", "5.76 g", "144 mL", "24 h", "6 mL/h")
    base = table({"phases": [load, full]}, LOADING)
    assert severities(verdict(base=base), "D24") == ["soft"]
    for dose, expected in (("3.914 g", []), ("3.916 g", ["soft"])):
        tail = phase("continuous", dose, "95 mL", "23.75 h", "4 mL/h")
        assert severities(verdict(base=table({"phases": [load, tail]}, LOADING)), "D24") == expected
