"""Rules about the patient, the blood and the heart, on both sides of each of their edges."""

from __future__ import annotations

from typing import Any

import pytest

from tests.core.golden import (
    EMERGENCY,
    GOLDEN,
    LOADING,
    observations,
    severities,
    verdict,
)

Changes = dict[str, Any]
DRAWN = "2026-11-30T08:00:00+01:00"


def results(*more: tuple[str, str, str], without: str = "") -> Changes:
    """The golden results, one kind of them left out, and more of (kind, value, when)."""
    kept = [result for result in GOLDEN["results"] if result["kind"] != without]
    return {"results": [*kept, *({"kind": kind, "value": value, "at": at} for kind, value, at in more)]}


def creatinine(*values: tuple[str, str]) -> Changes:
    return results(*(("creatinine", value, at) for value, at in values), without="creatinine")


def magnesium(*values: tuple[str, str]) -> Changes:
    return results(*(("magnesium", value, at) for value, at in values), without="magnesium")


def told(**answers: object) -> Changes:
    return {f"assessment.{name}": answer for name, answer in answers.items()}


def saline(**fields: object) -> Changes:
    return {"saline": fields}


def vitamin(dose: str) -> Changes:
    return {"medicines": [{"name": "alfacalcidol", "kind": "alfacalcidol", "dose_per_day": dose}]}


def medicine(kind: str | None) -> Changes:
    entry: Changes = {"name": "something"}
    return {"medicines": [entry if kind is None else entry | {"kind": kind}]}


def seen(kind: str, value: str, at: str = "2026-12-01T17:50:00Z") -> Changes:
    return {"observations": [*observations(at), {"kind": kind, "value": value, "at": "2026-12-01T17:55:00Z"}]}


RISK = told(heart_failure=True)

EDGES: list[tuple[Changes, Changes, str, list[str]]] = [
    # Q05, Q05b: 2-4 L a day, days 1-3, heart failure
    (GOLDEN, saline(per_day="2 L/d"), "Q05", []),
    (GOLDEN, saline(per_day="1.999 L/d"), "Q05", ["advisory"]),
    (GOLDEN, saline(per_day="4 L/d"), "Q05", []),
    (GOLDEN, saline(per_day="4.001 L/d"), "Q05", ["advisory"]),
    (GOLDEN, saline(per_day="3 L/d", started_at="2026-11-28T18:00:00Z"), "Q05", []),
    (GOLDEN, saline(per_day="3 L/d", started_at="2026-11-28T17:59:59Z"), "Q05", ["advisory"]),
    (GOLDEN, saline(per_day="3 L/d", started_at="2026-11-28T17:59:59Z", reassessed=True), "Q05", []),
    (
        GOLDEN,
        saline(per_day="3 L/d", started_at="2026-11-20T18:00:00Z", stopped_at="2026-11-23T18:00:00Z"),
        "Q05",
        [],
    ),
    (GOLDEN, RISK | saline(per_day="1.999 L/d"), "Q05b", []),
    (GOLDEN, RISK | saline(per_day="2 L/d"), "Q05b", ["soft"]),
    (GOLDEN, RISK | saline(per_day="2 L/d", stopped_at="2026-12-01T17:00:00Z"), "Q05b", []),
    (GOLDEN, RISK | saline(started_at="2026-12-01T17:00:00Z"), "Q05b", ["soft"]),
    (GOLDEN, RISK | saline(stopped_at="2026-12-01T18:00:00Z"), "Q05b", []),
    (GOLDEN, RISK | saline(stopped_at="2026-12-01T18:00:00.001Z"), "Q05b", ["soft"]),
    (GOLDEN, saline(per_day="2 L/d"), "Q05b", []),
    # Q06: potassium and calcium within 24 h of the magnesium
    (GOLDEN, results(without="potassium"), "Q06", ["soft"]),
    (GOLDEN, results(without="calcium"), "Q06", ["soft"]),
    (GOLDEN, results(("calcium", "2.1 mmol/L", "2026-11-29T08:00:00+01:00"), without="calcium"), "Q06", []),
    (GOLDEN, results(("calcium", "2.1 mmol/L", "2026-11-29T07:59:59+01:00"), without="calcium"), "Q06", ["soft"]),
    (GOLDEN, results(("potassium", "3.6 mmol/L", "2026-12-01T08:00:00+01:00"), without="potassium"), "Q06", []),
    (GOLDEN, results(("potassium", "3.6 mmol/L", "2026-12-01T08:00:01+01:00"), without="potassium"), "Q06", ["soft"]),
    (EMERGENCY, {"results": GOLDEN["results"][:3]}, "Q06", ["advisory", "advisory"]),
    # Q07, Q08: while magnesium is low
    (GOLDEN, told(potassium_replacement=True), "Q07", ["advisory"]),
    (GOLDEN, told(calcium_replacement=True), "Q07", ["advisory"]),
    (GOLDEN, told(calcium_replacement=True) | {"results.2.value": "0.7 mmol/L"}, "Q07", []),
    (GOLDEN, told(potassium_bolus=True), "Q08", ["advisory"]),
    (GOLDEN, told(potassium_bolus=False), "Q08", []),
    # Q09: risk, ECG, target; flags not stated
    (GOLDEN, {}, "Q09", []),
    (GOLDEN, told(arrhythmia=None), "Q09", ["advisory"]),
    (LOADING, told(arrhythmia=None), "Q09", ["soft"]),
    (EMERGENCY, told(arrhythmia=None), "Q09", ["advisory"]),
    (GOLDEN, told(digoxin=True), "Q09", ["advisory", "schedule"]),
    (GOLDEN, told(digoxin=True) | {"results.2.value": "2.001 mg/dL"}, "Q09", ["schedule"]),
    (GOLDEN, told(digoxin=True) | {"results.2.value": "2 mg/dL"}, "Q09", ["advisory", "schedule"]),
    (GOLDEN, medicine("digoxin"), "Q09", ["advisory", "schedule"]),
    (LOADING, RISK, "Q09", ["soft", "advisory", "schedule"]),
    (LOADING, RISK | told(ecg_at="2026-11-30T20:00:00Z"), "Q09", ["advisory", "schedule"]),
    (LOADING, RISK | told(ecg_at="2026-11-30T19:59:59Z"), "Q09", ["soft", "advisory", "schedule"]),
    (LOADING, seen("qtc", "500 ms"), "Q09", []),
    (LOADING, seen("qtc", "501 ms"), "Q09", ["soft", "advisory", "schedule", "schedule"]),
    # Q11, Q13, Q15: normal, not low, implausible
    (GOLDEN, {"results.2.value": "0.7 mmol/L"}, "Q11", ["advisory"]),
    (GOLDEN, {"results.2.value": "0.6999 mmol/L"}, "Q11", []),
    (GOLDEN, {"results.2.value": "1.05 mmol/L"}, "Q11", ["advisory"]),
    (GOLDEN, {"results.2.value": "1.0501 mmol/L"}, "Q11", []),
    (GOLDEN, {"results.2.value": "0.1 mmol/L"}, "Q15", []),
    (GOLDEN, {"results.2.value": "0.0999 mmol/L"}, "Q15", ["hard"]),
    (GOLDEN, {"results.2.value": "6 mmol/L"}, "Q15", []),
    (GOLDEN, {"results.2.value": "6.001 mmol/L"}, "Q15", ["hard"]),
    # Q15: doubled or halved within 14 d with no change of therapy
    (GOLDEN, magnesium(("0.3 mmol/L", "2026-11-16T08:00:00+01:00"), ("0.6 mmol/L", DRAWN)), "Q15", ["soft"]),
    (GOLDEN, magnesium(("0.3 mmol/L", "2026-11-16T07:59:59+01:00"), ("0.6 mmol/L", DRAWN)), "Q15", []),
    (GOLDEN, magnesium(("0.3 mmol/L", "2026-11-16T08:00:00+01:00"), ("0.599 mmol/L", DRAWN)), "Q15", []),
    (GOLDEN, magnesium(("0.6 mmol/L", "2026-11-16T08:00:00+01:00"), ("0.3 mmol/L", DRAWN)), "Q15", ["soft"]),
    (
        GOLDEN,
        magnesium(("0.3 mmol/L", "2026-11-16T08:00:00+01:00"), ("0.6 mmol/L", DRAWN))
        | {"therapy": {"changed_at": "2026-11-20T08:00:00+01:00"}},
        "Q15",
        [],
    ),
    # Q16: dialysis; creatinine rising
    (GOLDEN, told(dialysis=True), "Q16", ["hard"]),
    (GOLDEN, told(dialysis=None), "Q16", ["soft"]),
    (LOADING, told(dialysis=None), "Q16", ["hard"]),
    (EMERGENCY, told(dialysis=None), "Q16", ["hard"]),
    (GOLDEN, told(acute_kidney_injury=True), "Q16", ["hard"]),
    (GOLDEN, creatinine(("90 umol/L", "2026-11-28T08:00:00+01:00"), ("116.4 umol/L", DRAWN)), "Q16", []),
    (GOLDEN, creatinine(("90 umol/L", "2026-11-28T08:00:00+01:00"), ("116.5 umol/L", DRAWN)), "Q16", ["hard"]),
    (GOLDEN, creatinine(("90 umol/L", "2026-11-28T07:59:59+01:00"), ("116.5 umol/L", DRAWN)), "Q16", []),
    (GOLDEN, creatinine(("90 umol/L", "2026-11-23T08:00:00+01:00"), ("135 umol/L", DRAWN)), "Q16", ["hard"]),
    (GOLDEN, creatinine(("90 umol/L", "2026-11-23T08:00:00+01:00"), ("134.9 umol/L", DRAWN)), "Q16", []),
    (GOLDEN, creatinine(("90 umol/L", "2026-11-23T07:59:59+01:00"), ("135 umol/L", DRAWN)), "Q16", []),
    (GOLDEN, creatinine(("135 umol/L", "2026-11-28T08:00:00+01:00"), ("90 umol/L", DRAWN)), "Q16", []),
    # drawn at once: nobody knows which of the two is right, whichever was written first
    (GOLDEN, creatinine(("90 umol/L", DRAWN), ("116.4 umol/L", DRAWN)), "Q16", []),
    (GOLDEN, creatinine(("90 umol/L", DRAWN), ("116.5 umol/L", DRAWN)), "Q16", ["hard"]),
    (GOLDEN, creatinine(("116.4 umol/L", DRAWN), ("90 umol/L", DRAWN)), "Q16", []),
    (GOLDEN, creatinine(("116.5 umol/L", DRAWN), ("90 umol/L", DRAWN)), "Q16", ["hard"]),
    # Q34: 0.25-9.00 ug a day
    (GOLDEN, vitamin("0.25 ug/d"), "Q34", ["schedule"]),
    (GOLDEN, vitamin("0.249 ug/d"), "Q34", ["advisory", "schedule"]),
    (GOLDEN, vitamin("9 ug/d"), "Q34", ["schedule"]),
    (GOLDEN, vitamin("9.001 ug/d"), "Q34", ["advisory", "schedule"]),
    (GOLDEN, vitamin("0.5 mg/d"), "Q34", ["advisory", "schedule"]),
    (GOLDEN, {}, "Q34", []),
    # L05, L05b
    (GOLDEN, told(heart_block=True), "L05", ["hard"]),
    (GOLDEN, told(myocardial_damage=True), "L05", ["hard"]),
    (GOLDEN, told(heart_block=None), "L05", ["soft"]),
    (LOADING, told(heart_block=None), "L05", ["hard"]),
    (LOADING, told(myocardial_damage=None), "L05", ["hard"]),
    (EMERGENCY, told(heart_block=True), "L05", ["soft"]),
    (EMERGENCY, told(heart_block=None), "L05", ["soft"]),
    (GOLDEN, told(myasthenia=True), "L05b", ["hard"]),
    (GOLDEN, told(lambert_eaton=True), "L05b", ["hard"]),
    (GOLDEN, told(myasthenia=None), "L05b", ["soft"]),
    (LOADING, told(lambert_eaton=None), "L05b", ["hard"]),
    (EMERGENCY, told(myasthenia=True), "L05b", ["soft"]),
    # L06
    (GOLDEN, medicine("calcium_channel_blocker"), "L06", ["advisory"]),
    (GOLDEN, medicine("antiepileptic"), "L06", []),
    (GOLDEN, medicine("new_kind"), "L06", ["advisory"]),
    (GOLDEN, medicine(None), "L06", ["advisory"]),
    (GOLDEN, told(digoxin=True), "L06", ["advisory"]),
    # L08, L08b
    (GOLDEN, {"patient.age": "18 y"}, "L08", []),
    (GOLDEN, {"patient.age": "17.99 y"}, "L08", ["hard"]),
    (GOLDEN, {"patient.age": "215 mo"}, "L08", ["hard"]),
    (GOLDEN, {"patient.age": None}, "L08", ["hard"]),
    (GOLDEN, told(pregnant=True), "L08", ["hard"]),
    (GOLDEN, told(pregnant=None), "L08", ["hard"]),
    (GOLDEN, told(pregnant=None) | {"patient.sex": "male"}, "L08", []),
    (GOLDEN, told(pregnant=None) | {"patient.sex": None}, "L08", ["hard"]),
    (GOLDEN, told(pregnant=None) | {"patient.age": "55.9 y"}, "L08", ["hard"]),
    (GOLDEN, told(pregnant=None) | {"patient.age": "56 y"}, "L08", []),
    (GOLDEN, {"patient.weight": "40 kg"}, "L08b", []),
    (GOLDEN, {"patient.weight": "39.9 kg"}, "L08b", ["soft"]),
    (GOLDEN, {"patient.weight": None}, "L08b", ["advisory"]),
    (LOADING, {"patient.weight": None}, "L08b", ["soft"]),
    (LOADING, {"patient.weight": "40 kg"}, "L08b", []),
    (LOADING, {"patient.weight": "39.999 kg"}, "L08b", ["soft", "soft"]),
]


@pytest.mark.parametrize(("base", "changes", "rule", "expected"), EDGES)
def test_edge(base: Changes, changes: Changes, rule: str, expected: list[str]):
    assert severities(verdict(changes, base), rule) == expected
