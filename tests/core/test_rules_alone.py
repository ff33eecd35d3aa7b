"""Limits and rules that another one of the same rule usually speaks beside: each is named here, on both its sides."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pumpctl.core.exposure import Ledger
from pumpctl.core.history import parse_history
from pumpctl.core.rules.case import Context
from tests.core.golden import AT, CONTINUOUS, GOLDEN, LOADING, ONCE, infusion, phase, table, verdict

Changes = dict[str, Any]
Said = tuple[str, str, str]
PATIENT = "patient-0001"
HALF_GRAM = infusion("0.5 g", "25 mL", "5 h", "5 mL/h")
REDUCED = {"results.0.value": "25 mL/min"}


def past(dose: str, route: str) -> Ledger:
    """So much in the hour before the order is judged."""
    given = {"route": route, "start": "2026-12-01T17:00:00Z", "end": "2026-12-01T18:00:00Z", "dose": dose}
    infusions = [given | ({} if dose.endswith("mmol") else {"basis": "heptahydrate"})]
    return parse_history(json.dumps({"format": 1, "patient": PATIENT, "infusions": infusions}), "past", PATIENT)


def said(changes: Changes, base: Changes, ledger: Ledger | None = None) -> set[Said]:
    """Rule, severity and what would be allowed."""
    context = Context(AT) if ledger is None else Context(AT, ledger=ledger)
    return {(f.rule, f.severity.value, f.limit) for f in verdict(changes, base, context).findings}


# What a day has seen before, on either side of what is left: 0.5 g to come are 2.0286 mmol, 2 g are 8.1146 mmol.
DAYS: list[tuple[Changes, Changes, str, str, Said]] = [
    (GOLDEN, REDUCED | HALF_GRAM | {"schedule": ONCE}, "9.97 mmol", "9.98 mmol", ("Q02", "hard", "at most 12 mmol")),
    (LOADING, REDUCED, "3.88 mmol", "3.89 mmol", ("Q02", "soft", "at most 12 mmol")),
    (LOADING, REDUCED, "2 g", "2.001 g", ("Q02", "hard", "at most 4 g")),
    (LOADING, {}, "15.88 mmol", "15.89 mmol", ("D24", "soft", "at most 24 mmol")),
    (LOADING, {}, "6 g", "6.001 g", ("D24", "hard", "at most 8 g")),
]


@pytest.mark.hazard("H34")
@pytest.mark.parametrize(("base", "changes", "before", "too_much", "expected"), DAYS)
def test_each_limit_of_a_day_speaks_for_itself(
    base: Changes, changes: Changes, before: str, too_much: str, expected: Said
):
    route = base["route"]
    assert expected not in said(changes, base, past(before, route))
    assert expected in said(changes, base, past(too_much, route))


# The check that is due on 24 August was made the day before; the next is overdue from 2 December on.
STABLE = {"course": "stable_maintenance", "therapy": {"started_at": "2026-05-24T08:00:00Z"}}
AT_RISK = {"assessment.heart_failure": True, "results.2.value": "0.9 mmol/L"}
ALONE: list[tuple[Changes, Changes, Changes, Said]] = [
    # Q12: a level for a home course that goes on, and before an intravenous infusion
    (
        GOLDEN,
        STABLE | {"results.2.at": "2026-08-23T18:00:00Z"},
        STABLE | {"results.2.at": "2026-08-23T17:59:59Z"},
        ("Q12", "soft", "at most 100 d"),
    ),
    (
        LOADING,
        {"results.2.at": "2026-11-28T20:00:00Z"},
        {"results.2.at": "2026-11-28T19:59:59Z"},
        ("Q12", "soft", "at most 72 h"),
    ),
    # Q09: the target of a patient whose heart is at risk
    (
        GOLDEN,
        AT_RISK | {"indication.target_magnesium": "2.01 mg/dL"},
        AT_RISK | {"indication.target_magnesium": "2 mg/dL"},
        ("Q09", "advisory", "above 2 mg/dL"),
    ),
    # L04: more than 3 L a day cannot run below the limit on the flow either; both say so
    (
        GOLDEN,
        infusion("2 g", "3 L", "24 h", "125 mL/h") | {"schedule": ONCE},
        infusion("2 g", "3.001 L", "24 h", "125.1 mL/h") | {"schedule": ONCE},
        ("L04", "hard", "at most 3 L"),
    ),
]


@pytest.mark.parametrize(("base", "good", "bad", "expected"), ALONE)
def test_each_limit_speaks_for_itself(base: Changes, good: Changes, bad: Changes, expected: Said):
    assert expected not in said(good, base)
    assert expected in said(bad, base)


def test_a_fluid_that_burns_the_tissue_is_refused_for_its_osmolarity_too():
    """L03: 900 mOsm/L lie at 78.9 mg/mL in saline, where the concentration is refused already: both say so."""
    expected = ("L03", "hard", "at most 900 mOsm/L")
    assert expected not in said(infusion("2 g", "25.4 mL", "10 h", "2.54 mL/h"), GOLDEN)
    assert expected in said(infusion("2 g", "25.3 mL", "10 h", "2.53 mL/h"), GOLDEN)


FOLLOW_UPS: list[Said] = [
    ("Q40", "schedule", "before 2026-12-23"),
    ("Q41", "schedule", "before 2027-03-09"),
    ("P04", "schedule", "before 2026-12-02"),
    ("P04", "advisory", "logged"),
    ("P07", "schedule", "before 2026-12-02"),
]


@pytest.mark.parametrize("expected", FOLLOW_UPS, ids=" ".join)
def test_a_course_that_begins_at_home_is_told_what_follows(expected: Said):
    assert expected in said({}, GOLDEN)


def test_the_symptoms_and_the_site_are_not_those_of_a_hospital():
    assert {rule for rule, _, _ in said({}, CONTINUOUS)} & {"P04", "P07"} == set()


def test_a_course_whose_symptoms_were_logged_is_not_asked_for_them():
    assert ("P04", "advisory", "logged") not in said({"assessment.symptoms": "cramps at night"}, GOLDEN)


def test_two_phases_are_judged_as_one_day():
    """D24 again, and nothing before: what the phases of one order bring together."""
    load, tail = (
        phase("loading", "4 g", "100 mL", "20 min", "300 mL/h"),
        phase("continuous", "4.1 g", "99 mL", "24 h", "4.125 mL/h"),
    )
    assert ("D24", "hard", "at most 8 g") in said({}, table({"phases": [load, tail]}, LOADING))
