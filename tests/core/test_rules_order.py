"""Rules about what the order says of itself, of other therapy, and of what follows."""

from __future__ import annotations

from typing import Any

import pytest

from pumpctl.core.monitoring import monitoring_plan
from pumpctl.core.rules.case import Context
from tests.core.golden import (
    AT,
    CONTINUOUS,
    EMERGENCY,
    FIRST_DUE,
    GOLDEN,
    INTERMITTENT,
    LOADING,
    ONCE,
    blocking,
    infusion,
    instant,
    order,
    phase,
    severities,
    verdict,
)

Changes = dict[str, Any]


def told(**answers: object) -> Changes:
    return {f"assessment.{name}": answer for name, answer in answers.items()}


def review(**answers: object) -> Changes:
    return {f"reviews.{name}": answer for name, answer in answers.items()}


def elsewhere(end: str) -> Changes:
    """Parenteral magnesium from elsewhere that began at 08:00Z."""
    return {"other_magnesium.parenteral": [{"dose": "8 mmol", "start": "2026-11-29T08:00:00Z", "end": end}]}


EDGES: list[tuple[Changes, Changes, str, list[str]]] = [
    # Q23
    (CONTINUOUS, {}, "Q23", ["advisory"]),
    (CONTINUOUS, {"indication.no_loading_reason": "loaded yesterday"}, "Q23", []),
    (
        CONTINUOUS,
        {
            "phases": [
                phase("loading", "2 g", "100 mL", "15 min", "400 mL/h"),
                phase("continuous", "2.4 g", "60 mL", "10 h", "6 mL/h"),
            ]
        },
        "Q23",
        [],
    ),
    # Q24: 18:00 to 06:00 in the time of the order
    (INTERMITTENT, {"schedule.at": "2026-12-01T18:00:00+01:00", "phases.0.dose": "11.9 mmol"}, "Q24", ["advisory"]),
    (INTERMITTENT, {"schedule.at": "2026-12-01T17:59:00+01:00"}, "Q24", ["advisory", "advisory"]),
    (INTERMITTENT, {"schedule.at": "2026-12-02T06:00:00+01:00"}, "Q24", ["advisory"]),
    (INTERMITTENT, {"schedule.at": "2026-12-02T06:01:00+01:00"}, "Q24", ["advisory", "advisory"]),
    (INTERMITTENT, {"indication.severe_and_symptomatic": False, "schedule.at": "2026-12-02T12:00:00Z"}, "Q24", []),
    # Q26
    (LOADING, told(calcium_at_bedside=False), "Q26", ["soft"]),
    (LOADING, told(calcium_at_bedside=None), "Q26", ["soft"]),
    (EMERGENCY, told(calcium_at_bedside=None), "Q26", ["advisory"]),
    (GOLDEN, {}, "Q26", []),
    # Q32, Q33
    (GOLDEN, review(oral_magnesium_failed=None), "Q32", ["advisory"]),
    (GOLDEN, review(intravenous_magnesium_failed=False), "Q32", ["advisory"]),
    (LOADING, review(intravenous_magnesium_failed=None), "Q32", []),
    (EMERGENCY, review(oral_magnesium_failed=None), "Q32", []),
    (GOLDEN, review(oral_plan=None), "Q33", ["advisory"]),
    (GOLDEN, review(oral_plan="magnesium Oxide 400 mg"), "Q33", ["advisory"]),
    (GOLDEN, {}, "Q33", []),
    # Q35, Q36, Q37, Q38
    (GOLDEN, review(medication_review_at=None), "Q35", ["soft"]),
    (GOLDEN, review(wasting_drugs=["furosemide"]), "Q35", ["advisory"]),
    (GOLDEN, {"medicines": [{"name": "omeprazole", "kind": "proton_pump_inhibitor"}]}, "Q35", ["advisory"]),
    (GOLDEN, told(renal_losses=["gitelman"]), "Q36", ["advisory"]),
    (GOLDEN, told(gastrointestinal_losses=["short_bowel", "diarrhoea"]), "Q36", ["advisory", "advisory"]),
    (GOLDEN, told(diarrhoea=True), "Q36", ["advisory"]),
    (GOLDEN, {}, "Q37", ["advisory"]),
    (GOLDEN, {"other_magnesium.oral": False}, "Q37", []),
    (GOLDEN, {}, "Q38", []),
    (GOLDEN, review(oral_magnesium_failed=False), "Q38", ["advisory"]),
    (GOLDEN, review(oral_magnesium_failed=False) | told(gastrointestinal_losses=["malabsorption"]), "Q38", []),
    # P02: as strong as its stock
    (GOLDEN, {"product.stock_concentration": "500 mg/mL"}, "P02", []),
    (GOLDEN, {"product.stock_concentration": "20.001 mg/mL"}, "P02", []),
    (GOLDEN, {"product.stock_concentration": "20 mg/mL"}, "P02", ["hard"]),
    # P06, P08, P09
    (GOLDEN, told(missed_antiepileptic=True), "P06", ["advisory", "schedule"]),
    (GOLDEN, told(seizures=True), "P06", []),
    (GOLDEN, review(consent=None), "P08", ["soft"]),
    (GOLDEN, review(pharmacist_review=False), "P08", ["soft"]),
    (GOLDEN, {"reviews": {}}, "P08", ["soft", "soft", "soft"]),
    (LOADING, {"reviews": {}}, "P08", []),
    (GOLDEN, review(off_label_acknowledged=None), "P09", ["soft"]),
    (LOADING, review(off_label_acknowledged=None), "P09", []),
    # L07
    (LOADING, told(co_infusions=None), "L07", ["soft"]),
    (EMERGENCY, told(co_infusions=None), "L07", ["soft"]),
    (GOLDEN, {}, "L07", []),
    (LOADING, told(co_infusions=["sodium chloride 0.9 %"]), "L07", []),
    *(
        (base, told(co_infusions=[fluid]), "L07", ["hard"])
        for base in (GOLDEN, LOADING, EMERGENCY)
        for fluid in ("Calcium gluconate", "potassium phosphate", "sodium bicarbonate", "lysine acetylsalicylate")
    ),
    # U02: what is written twice
    (GOLDEN, {"phases.0.dose_again": "8.1 mmol"}, "U02", []),
    (GOLDEN, {"phases.0.dose_again": "16 mEq"}, "U02", ["hard"]),  # 1.4 % less than 2 g
    (GOLDEN, {"phases.0.dose_rate": "3.33 mg/min"}, "U02", []),
    (GOLDEN, {"phases.0.dose_rate": "0.202 g/h"}, "U02", []),
    (GOLDEN, {"phases.0.dose_rate": "0.2021 g/h"}, "U02", ["hard"]),
    (GOLDEN, {"phases.0.dose_rate": "0.81 mmol/h"}, "U02", []),
    # U03, its dates and its age
    (GOLDEN, {"valid_from": "2026-12-01T18:00:00Z"}, "U03", []),
    (GOLDEN, {"valid_from": "2026-12-01T18:00:01Z"}, "U03", ["hard"]),
    (GOLDEN, {"valid_until": "2026-12-01T18:00:00Z"}, "U03", []),
    (GOLDEN, {"valid_until": "2026-12-01T17:59:59Z"}, "U03", ["hard"]),
    (GOLDEN, {"authored_at": "2026-10-27T18:00:00Z"}, "U03", []),
    (GOLDEN, {"authored_at": "2026-10-27T17:59:59Z"}, "U03", ["hard"]),
    (LOADING, {"authored_at": "2026-11-30T18:00:00Z"}, "U03", []),
    (LOADING, {"authored_at": "2026-11-30T17:59:59Z"}, "U03", ["hard"]),
    (GOLDEN, {"status": "active"}, "U03", []),
    (GOLDEN, {"status": "cancelled"}, "U03", ["hard"]),
    (GOLDEN, {"status": "superseded"}, "U03", ["hard"]),
    # U07
    (GOLDEN, {"valid_until": None}, "U07", ["hard"]),
    # T02: times that are told are readable, and an end is not before its start
    (GOLDEN, {"product.beyond_use_at": "2026-12-08T12:00:00Z"}, "T02", []),
    (GOLDEN, {"product.beyond_use_at": "in a week"}, "T02", ["hard"]),
    (LOADING, elsewhere("2026-11-29T08:00:00Z"), "T02", []),
    (LOADING, elsewhere("2026-11-29T07:59:59Z"), "T02", ["hard"]),
    # D7: parenteral magnesium from elsewhere counts for an intravenous order too
    (
        LOADING,
        {
            "other_magnesium.parenteral": [
                {"dose": "84.001 mmol", "start": "2026-11-26T08:00:00Z", "end": "2026-11-29T08:00:00Z"}
            ]
        },
        "D7",
        ["hard", "soft"],
    ),
]


@pytest.mark.parametrize(("base", "changes", "rule", "expected"), EDGES)
def test_edge(base: Changes, changes: Changes, rule: str, expected: list[str]):
    assert severities(verdict(changes, base), rule) == expected


def test_only_the_phase_that_is_unknown_is_named():
    """U05."""
    loading = LOADING["phases"][0]
    found = verdict({"phases": [loading, loading | {"kind": "bolus"}]}, LOADING)
    told = [finding.message for finding in found.findings if finding.rule == "U05"]
    assert len(told) == 1
    assert told[0].startswith("phases[1]: no profile for magnesium_sulfate, iv, monitored, bolus; ")


def test_splitting_a_dose_into_phases_changes_nothing():
    half = phase("infusion", "1.5 g", "75 mL", "7.5 h", "10 mL/h")
    for doses, expected in (([half], []), ([half, half], ["hard"])):
        assert severities(verdict({"phases": doses, "schedule": ONCE}), "Q30") == expected
    loading = phase("loading", "1.1 g", "100 mL", "15 min", "400 mL/h")
    assert severities(verdict({"phases": [loading, loading]}, LOADING), "Q20") == ["soft"]


def test_reduced_clearance_halves_the_seven_days():
    for days, expected in (("2026-12-04", []), ("2026-12-05", ["soft"]), ("2026-12-06", ["hard", "soft"])):
        changes = infusion("2 g", "100 mL", "10 h", "10 mL/h") | {
            "results.0.value": "25 mL/min",
            "schedule.last_date": days,
        }
        found = [f for f in verdict(changes).findings if f.rule == "Q02" and "7 days" in f.message]
        assert [f.severity.value for f in found] == expected, days


@pytest.mark.parametrize("course", ["start", "dose_change"])
def test_first_dates_are_those_of_the_calendar(course: str):
    for changes in ({}, told(diarrhoea=True)):
        content: Changes = {"course": course} | changes
        plan = monitoring_plan(order(content), FIRST_DUE)
        first = {task.rule: (task.due, task.overdue) for task in reversed(plan)}
        seen = {f.rule: (f.value, f.limit) for f in verdict(content).findings if f.value.startswith("due ")}
        assert seen == {rule: (f"due {due}", f"before {overdue}") for rule, (due, overdue) in first.items()}


def test_a_step_down_is_offered_after_three_normal_results():
    """P05."""
    normal = [
        {"kind": "magnesium", "value": value, "at": f"2026-11-{day}T08:00:00Z"}
        for day, value in ((10, "0.70 mmol/L"), (20, "1 mmol/L"), (28, "1.04 mmol/L"))
    ]
    results = [*(result for result in GOLDEN["results"] if result["kind"] != "magnesium"), *normal]
    assert severities(verdict({"results": results}), "P05") == ["schedule"]
    results[-1] = normal[2] | {"value": "0.69 mmol/L"}
    assert severities(verdict({"results": results}), "P05") == []


RENEWAL: Changes = {"course": "renewal", "therapy": {"started_at": "2026-11-09T08:00:00+01:00"}}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"course": "start"}, []),
        ({"course": "renewal"}, ["soft"]),  # nothing is known of the course so far
        (RENEWAL, []),  # checked on day 21
        (RENEWAL | {"results.2.at": "2026-11-09T07:00:00+01:00"}, ["soft"]),  # day 22, and nothing since the start
    ],
)
def test_overdue_checks_at_a_home_renewal(changes: Changes, expected: list[str]):
    """Q43."""
    assert severities(verdict(changes), "Q43") == expected


def test_every_missing_input_has_its_verdict():
    """clinical.md section 3, one input at a time, for the three ways of giving the drug."""
    table: list[tuple[str, str, str | None, str | None, str | None]] = [
        # path, rule, home SC, elective IV, emergency
        ("results.0", "Q03", "hard", "hard", "soft"),
        ("assessment.volume_status", "Q04", "hard", "hard", "soft"),
        ("patient.age", "L08", "hard", "hard", "hard"),
        ("assessment.pregnant", "L08", "hard", "hard", "hard"),
        ("route", "U05", "hard", "hard", "hard"),
        ("care_area", "U05", "hard", "hard", "hard"),
        ("product.basis", "U01", "hard", "hard", "hard"),
        ("phases.0.bag.final_volume", "U01", "hard", "hard", "hard"),
        ("phases.0.bag.diluent", "P02", "hard", "hard", "hard"),
        ("phases.0.duration", "U06", "hard", "hard", "hard"),
        ("phases.0.flow", "U06", "hard", "hard", "hard"),
        ("authored_at", "T02", "hard", "hard", "hard"),
        ("valid_from", "T02", "hard", "hard", "hard"),
        ("valid_until", "U07", "hard", "hard", "hard"),
        ("pump_bolus_off", "U06", "hard", "hard", "hard"),
        ("assessment.heart_block", "L05", "soft", "hard", "soft"),
        ("assessment.myocardial_damage", "L05", "soft", "hard", "soft"),
        ("assessment.myasthenia", "L05b", "soft", "hard", "soft"),
        ("assessment.lambert_eaton", "L05b", "soft", "hard", "soft"),
        ("assessment.dialysis", "Q16", "soft", "hard", "hard"),
        ("results.2", "Q12", "soft", "soft", "advisory"),
        ("results.3", "Q06", "soft", "soft", "advisory"),
        ("results.4", "Q06", "soft", "soft", "advisory"),
        ("reviews.medication_review_at", "Q35", "soft", "soft", "soft"),
        ("other_magnesium.parenteral", "D25", "soft", "soft", "soft"),
        ("assessment.co_infusions", "L07", None, "soft", "soft"),
        ("assessment.arrhythmia", "Q09", "advisory", "soft", "advisory"),
        ("assessment.heart_failure", "Q09", "advisory", "soft", "advisory"),
        ("assessment.digoxin", "Q09", "advisory", "soft", "advisory"),
        ("assessment.qtc_above_500_ms", "Q09", "advisory", "soft", "advisory"),
        ("patient.weight", "L08b", "advisory", "soft", "soft"),
        ("observations", "Q17", None, "soft", "advisory"),
    ]
    for path, rule, *expected in table:
        for base, severity in zip((GOLDEN, LOADING, EMERGENCY), expected, strict=True):
            if severity is not None:
                unknown_way = path in ("route", "care_area")
                found = severities(verdict({path: None}, base), rule)
                assert found[0] == severity or (unknown_way and found == ["hard"]), (path, rule, found)


def test_an_order_about_to_start_is_judged_at_its_time():
    """A verdict on the day before says nothing of an order that has expired since."""
    late = Context(instant("2026-12-15T11:00:01Z"))
    assert ("U03", "hard") in blocking(verdict(context=late))
    assert ("U03", "hard") not in blocking(verdict(context=Context(AT)))
