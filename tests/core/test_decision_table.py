"""Every combination of how a dose may be written, where it may be given, and what is known of the patient."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from pumpctl.core.rules.finding import Severity
from pumpctl.core.validation import Decision
from tests.core.golden import (
    CONTINUOUS,
    EMERGENCY,
    GOLDEN,
    INTERMITTENT,
    LIBRARY,
    LOADING,
    ONCE,
    blocking,
    phase,
    severities,
    table,
    verdict,
)

Changes = dict[str, Any]
PROFILES = {(profile.route, profile.care_area, profile.phase.value): profile.name for profile in LIBRARY.profiles}
BASES = {
    "home_sc": table({"schedule": ONCE}),
    "monitored_iv_loading": LOADING,
    "monitored_iv_continuous": CONTINUOUS,
    "monitored_iv_intermittent": INTERMITTENT,
    "emergency_iv": EMERGENCY,
}
KINDS = [None, "infusion", "loading", "continuous", "intermittent", "emergency", "bolus"]


@pytest.mark.parametrize("way", list(product(["sc", "iv", "im", None], ["home", "monitored", "ward", None], KINDS)))
def test_only_the_five_ways_exist(way: tuple[str | None, str | None, str | None]):
    """route x care area x phase: whatever is not a profile of the library is refused."""
    route, care_area, kind = way
    name = PROFILES.get((route or "", care_area or "", kind or ""))
    base = BASES.get(name or "", LOADING)
    found = verdict({"route": route, "care_area": care_area, "phases.0.kind": kind}, base)
    assert severities(found, "U05") == ([] if name else ["hard"])
    assert name or found.decision is Decision.REFUSED


# 2 g of heptahydrate, rounded down, in every unit and on every basis; None where the basis does not matter
SAME_DOSE = [
    ("2 g", "heptahydrate"),
    ("2000 mg", "heptahydrate"),
    ("2000000 ug", "heptahydrate"),
    ("0.976751734 g", "anhydrous"),
    ("197.2248143 mg", "elemental"),
    ("8.114577839 mmol", None),
    ("16.229155678 mEq", None),
    ("16.229155678 meq", None),
]


@pytest.mark.parametrize(("dose", "basis"), SAME_DOSE)
@pytest.mark.parametrize("name", ["home_sc", "monitored_iv_loading", "emergency_iv"])
def test_the_same_dose_in_another_unit_has_the_same_verdict(name: str, dose: str, basis: str | None):
    base = BASES[name]
    way: Changes = {"product.basis": basis, "phases.0.dose": dose, "phases.0.bag.content": dose}
    if "concentration" in base["phases"][0]["bag"]:
        way["phases.0.bag.concentration"] = None
    found = verdict(way, base)
    assert blocking(found) == blocking(verdict(base=base))


@pytest.mark.parametrize(("dose", "basis"), [row for row in SAME_DOSE if row[1] is not None])
@pytest.mark.parametrize("wrong", [None, "heptahydrate", "anhydrous", "elemental"])
def test_another_basis_is_another_dose(dose: str, basis: str, wrong: str | None):
    """Right basis: accepted. None: U01. Another one: the dose is 2 to 10 times too large or too small, and shows."""
    bag = {"phases.0.dose": dose, "phases.0.bag.content": dose, "phases.0.bag.concentration": None}
    found = verdict({"product.basis": wrong, "schedule": ONCE} | bag)
    if wrong == basis:
        assert found.decision is Decision.ACCEPTED
    elif wrong is None:
        assert severities(found, "U01") == ["hard", "hard"]
    else:
        assert {"Q30", "P03"} & {finding.rule for finding in found.findings}


RENAL: dict[str, Changes] = {
    "none": {"results.0": None},
    "20": {"results.0.value": "20 mL/min"},
    "20.1": {"results.0.value": "20.1 mL/min"},
    "30": {"results.0.value": "30 mL/min"},
    "30.1": {"results.0.value": "30.1 mL/min"},
    "stale": {"results.0.at": "2026-10-20T08:00:00Z"},
}
FLAGS = ["heart_block", "myocardial_damage", "myasthenia", "lambert_eaton", "dialysis", "pregnant"]
ANSWERS = [True, False, None]
SMALL = {
    "home_sc": phase("infusion", "1 g", "50 mL", "5 h", "10 mL/h"),
    "monitored_iv_loading": phase("loading", "1 g", "100 mL", "15 min", "400 mL/h"),
    "monitored_iv_continuous": phase("continuous", "1 g", "60 mL", "10 h", "6 mL/h"),
    "monitored_iv_intermittent": phase("intermittent", "1 g", "100 mL", "4 h", "25 mL/h"),
    "emergency_iv": phase("emergency", "1 g", "25 mL", "5 min", "300 mL/h"),
}


@pytest.mark.parametrize("name", BASES)
@pytest.mark.parametrize("renal", RENAL)
def test_profile_by_kidneys(name: str, renal: str):
    """With a dose that halving allows: 20 refuses everywhere, 20.1 and 30 need an override, 30.1 needs nothing."""
    found = verdict(RENAL[renal] | {"phases": [SMALL[name]]}, BASES[name])
    emergency = name == "emergency_iv"
    expected = {
        "none": Decision.NEEDS_OVERRIDE if emergency else Decision.REFUSED,
        "stale": Decision.NEEDS_OVERRIDE if emergency else Decision.REFUSED,
        "20": Decision.REFUSED,
        "20.1": Decision.NEEDS_OVERRIDE,
        "30": Decision.NEEDS_OVERRIDE,
        "30.1": Decision.ACCEPTED,
    }
    assert found.decision is expected[renal], blocking(found)


@pytest.mark.parametrize("name", BASES)
@pytest.mark.parametrize("flag", FLAGS)
@pytest.mark.parametrize("answer", ANSWERS)
def test_profile_by_flag(name: str, flag: str, answer: bool | None):
    found = verdict({f"assessment.{flag}": answer}, BASES[name])
    if answer is False:
        expected = Decision.ACCEPTED
    elif flag in ("dialysis", "pregnant"):
        softened = flag == "dialysis" and answer is None and name == "home_sc"
        expected = Decision.NEEDS_OVERRIDE if softened else Decision.REFUSED
    elif name == "emergency_iv" or (answer is None and name == "home_sc"):
        expected = Decision.NEEDS_OVERRIDE
    else:
        expected = Decision.REFUSED
    assert found.decision is expected, blocking(found)


@pytest.mark.parametrize("name", BASES)
def test_what_is_missing_never_helps(name: str):
    """Taking any one answer out of an order that is accepted never leaves fewer findings that block."""
    base = BASES[name]
    assert blocking(verdict(base=base)) == set()
    for flag in base["assessment"]:
        told = verdict({f"assessment.{flag}": None}, base)
        assert all(finding.severity is not Severity.HARD or finding.rule in ALLOWED for finding in told.findings)
    refused = verdict({"results": [], "assessment": {}, "patient": {"id": GOLDEN["patient"]["id"]}}, base)
    assert refused.decision is Decision.REFUSED


ALLOWED = {"Q04", "Q16", "L05", "L05b", "L08"}
