"""How findings come to a verdict: nothing that fails, lacks or was meant for something else accepts an order."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from pumpctl.core.limit import Measure
from pumpctl.core.order import Override
from pumpctl.core.rules import patient
from pumpctl.core.rules.case import Case, Context
from pumpctl.core.rules.finding import Finding, Severity
from pumpctl.core.rules.table import REQUIRED_IDS, RULES, Rule
from pumpctl.core.validation import Decision, Verdict, bind, judge
from tests.core.golden import (
    AT,
    CONTINUOUS,
    EMERGENCY,
    GOLDEN,
    INTERMITTENT,
    LIBRARY,
    LOADING,
    order,
    verdict,
)

ONLY_SOFT = {"rule": "Q31", "value": "7 starts", "person": "pharmacist on call", "reason": "agreed"}


def with_override(changes: dict[str, Any] | None = None, **other: str) -> Decision:
    """The golden order with an override in it, bound to its own digest unless told otherwise."""
    given = ONLY_SOFT | {"order_digest": order(changes).digest} | other
    return verdict((changes or {}) | {"overrides": [given]}).decision


def test_an_override_that_fits_accepts():
    assert with_override() is Decision.ACCEPTED


@pytest.mark.parametrize(
    "other",
    [
        {"rule": "P10"},
        {"value": "8 starts"},
        {"value": ""},
        {"order_digest": "0" * 64},
        {"person": "nephrologist on duty"},  # the prescriber
    ],
)
def test_an_override_that_does_not_fit_changes_nothing(other: dict[str, str]):
    assert with_override(**other) is Decision.NEEDS_OVERRIDE
    found = verdict({"overrides": [ONLY_SOFT | {"order_digest": order().digest} | other]})
    assert other.get("rule") or "does not apply" in found.findings[0].message


def test_an_override_is_void_once_the_order_changes():
    changed = {"site": "right thigh"}
    given = ONLY_SOFT | {"order_digest": order().digest}
    assert verdict(changed | {"overrides": [given]}).decision is Decision.NEEDS_OVERRIDE


def test_no_hard_finding_can_be_overridden():
    changes: dict[str, Any] = {"results.0.value": "20 mL/min"}
    digest = order(changes).digest
    found = verdict(changes)
    everything = [
        {"rule": f.rule, "order_digest": digest, "value": f.value, "person": "anyone", "reason": "because"}
        for f in found.findings
    ]
    still = verdict(changes | {"overrides": everything})
    assert still.decision is Decision.REFUSED
    assert not any(f.overridden for f in still.findings if f.severity is Severity.HARD)
    assert bind(found, "Q01", "anyone", "because") == ()


def test_one_override_of_the_halved_limits_covers_all_of_them():
    changes: dict[str, Any] = {
        "results.0.value": "25 mL/min",
        "schedule": {"repeat": "once", "at": "2026-12-01T20:00:00Z"},
        "phases.0.dose": "1.2 g",
        "phases.0.volume": "60 mL",
        "phases.0.duration": "6 h",
        "phases.0.bag.content": "1.2 g",
        "phases.0.bag.final_volume": "60 mL",
    }
    found = verdict(changes)
    soft = [f for f in found.findings if f.severity is Severity.SOFT]
    assert [f.rule for f in soft] == ["Q02", "Q02"]
    one = Override(rule="Q02", order_digest=found.order_digest, value="25 mL/min", person="pharmacist", reason="seen")
    assert verdict(changes, context=Context(AT, overrides=(one,))).decision is Decision.ACCEPTED
    for value in ("26 mL/min", "1.2 g"):  # another clearance; one of the findings that it brings about
        other = one.model_copy(update={"value": value})
        assert verdict(changes, context=Context(AT, overrides=(other,))).decision is Decision.NEEDS_OVERRIDE


def test_binding_sees_the_value():
    found = verdict()
    overrides = bind(found, "Q31", "pharmacist on call", "agreed")
    assert [override.value for override in overrides] == ["7 starts"]
    again = verdict(context=Context(AT, overrides=overrides))
    assert again.decision is Decision.ACCEPTED
    assert [f.rule for f in again.findings if f.overridden] == ["Q31"]
    assert bind(again, "Q31", "pharmacist on call", "agreed") == ()


def _raise(*_: object) -> Iterator[Finding]:
    raise ZeroDivisionError("a bug")


def _raise_late(case: Case) -> Iterator[Finding]:
    yield Finding("Q31", Severity.ADVISORY, "fine so far", "", "", "")
    yield from _raise(case)


@pytest.mark.parametrize("rule", sorted(REQUIRED_IDS))
@pytest.mark.parametrize("broken", [_raise, _raise_late])
def test_a_rule_that_raises_denies(rule: str, broken: Any):  # noqa: ANN401
    rules = tuple(Rule(r.id, (broken,)) if r.id == rule else r for r in RULES)
    found = judge(order(), LIBRARY, Context(AT), rules)
    assert found.decision is Decision.REFUSED
    assert [(f.rule, f.value) for f in found.findings if f.severity is Severity.HARD] == [(rule, "failed")]


@pytest.mark.parametrize("rule", sorted(REQUIRED_IDS))
def test_a_rule_that_is_missing_denies(rule: str):
    rules = tuple(r for r in RULES if r.id != rule)
    found = judge(order(), LIBRARY, Context(AT), rules)
    assert found.decision is Decision.REFUSED
    assert [f.rule for f in found.findings if f.severity is Severity.HARD] == [rule]


def test_no_rules_at_all_denies():
    found = judge(order(), LIBRARY, Context(AT), ())
    assert {f.rule for f in found.findings} == REQUIRED_IDS


def test_a_limit_of_the_library_that_nobody_judges_denies():
    library = replace(LIBRARY, rule_ids=LIBRARY.rule_ids | {"L99"})
    found = judge(order(), library, Context(AT))
    assert [f.rule for f in found.findings if f.severity is Severity.HARD] == ["L99"]


def test_the_table_has_each_id_once_and_misses_none():
    ids = [rule.id for rule in RULES]
    assert len(ids) == len(set(ids))
    assert set(ids) >= REQUIRED_IDS | LIBRARY.rule_ids


def test_order_of_the_rules_decides_nothing(seed: int):
    changes: dict[str, Any] = {
        "results": [],
        "product.basis": None,
        "phases.0.flow": "100 mL/h",
        "pump_bolus_off": False,
    }
    expected = verdict(changes)
    for turn in range(20):
        shuffled = list(RULES)
        random.Random(f"{seed}/{turn}").shuffle(shuffled)
        assert judge(order(changes), LIBRARY, Context(AT), tuple(shuffled)) == expected


def test_the_verdict_names_order_and_library():
    found = verdict()
    assert (found.order_digest, found.library_hash) == (order().digest, LIBRARY.content_hash)


def test_every_rule_speaks_only_for_itself():
    """A finding under another rule's id would survive the loss of the rule that owns the id."""
    changes: dict[str, Any] = {"results": [], "product.basis": None, "route": None, "assessment": {}, "phases": [{}]}
    for rule in RULES:
        for base in (changes, {}, {"results.0.value": "20 mL/min"}, {"phases.0.flow": "200 mL/h"}):
            found = judge(order(base), LIBRARY, Context(AT), (rule,))
            assert {f.rule for f in found.findings if f.value != "absent"} <= {rule.id}


def softened(verdict_found: Verdict) -> set[str]:
    return {f.rule for f in verdict_found.findings if f.severity is Severity.SOFT}


def test_one_override_may_name_all_that_an_emergency_softens():
    """Q10; each of them still binds its own rule and value."""
    changes: dict[str, Any] = {
        "results.0": None,
        "assessment.volume_status": None,
        "assessment.heart_block": True,
        "assessment.myasthenia": None,
        "observations.1.value": "11 /min",
    }
    found = verdict(changes, EMERGENCY)
    assert softened(found) == {"Q03", "Q04", "L05", "L05b", "Q25"}
    overrides = bind(found, "Q10", "intensivist", "torsades")
    assert {override.rule for override in overrides} == softened(found)
    assert verdict(changes, EMERGENCY, Context(AT, overrides=overrides)).decision is Decision.ACCEPTED
    worse = changes | {"observations.1.value": "10 /min"}
    assert verdict(worse, EMERGENCY, Context(AT, overrides=overrides)).decision is Decision.NEEDS_OVERRIDE
    elective = verdict({"assessment.calcium_at_bedside": None}, LOADING)
    assert bind(elective, "Q10", "intensivist", "torsades") == ()


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"results.0.value": "20 mL/min"}, "Q01"),
        ({"results.0.value": "25 mL/min"}, "Q02"),
        ({"assessment.dialysis": True}, "Q16"),
        ({"assessment.co_infusions": ["calcium chloride"]}, "L07"),
        ({"observations.0.value": "absent"}, "Q25"),
        ({"assessment.pregnant": True}, "L08"),
        ({"phases.0.bag.final_volume": "9 mL"}, "L02"),
        ({"phases.0.flow": "700 mL/h"}, "L01"),
        ({"authored_at": None}, "T02"),
        ({"product.basis": None}, "U01"),
    ],
)
def test_an_emergency_lifts_nothing_else(changes: dict[str, Any], rule: str):
    found = verdict(changes, EMERGENCY)
    assert rule in {f.rule for f in found.findings if f.severity is Severity.HARD}
    assert bind(found, rule, "intensivist", "torsades") == () or rule == "Q02"


@pytest.mark.parametrize(
    ("expires", "accepted"),
    [
        ("2026-12-01T18:00:00Z", True),
        ("2026-12-01T17:59:59Z", False),
        ("2027-01-05T00:00:00+01:00", True),  # 35 days after valid_from
        ("2027-01-05T00:00:01+01:00", False),
        ("2028-01-05T00:00:00+01:00", False),
        ("2026-12-01T20:00:00", False),
        ("soon", False),
    ],
)
def test_an_override_expires(expires: str, accepted: bool):
    assert (with_override(expires_at=expires) is Decision.ACCEPTED) is accepted


@pytest.mark.parametrize("person", ["Nephrologist on duty", "nephrologist  on duty"])
def test_the_prescriber_under_another_spelling_is_no_second_person(person: str):
    assert with_override(person=person) is Decision.NEEDS_OVERRIDE


def test_judging_again_says_the_same():
    one = order({"phases.0.flow": "100 mL/h"})
    first = judge(one, LIBRARY, Context(AT))
    assert judge(one, LIBRARY, Context(AT)) == first
    assert judge(order({"phases.0.flow": "100 mL/h"}), LIBRARY, Context(AT)) == first


@pytest.mark.parametrize("base", [GOLDEN, LOADING, CONTINUOUS, INTERMITTENT, EMERGENCY])
@pytest.mark.parametrize("reduced", [False, True])
def test_raising_a_dose_never_turns_a_refusal_into_anything_else(base: dict[str, Any], reduced: bool):
    """The bag made stronger, everything else as it was: what refuses goes on refusing."""
    refused: set[str] = set()
    amount, unit = base["phases"][0]["dose"].split()
    for percent in (1, 10, 50, 90, 99, 100, 101, 110, 150, 200, 400, 1000, 10_000):
        dose = f"{Decimal(amount) * percent / 100:f}"
        bag = {"phases.0.dose": f"{dose} {unit}", "phases.0.bag.content": f"{dose} {unit}"}
        if "concentration" in base["phases"][0]["bag"]:
            bag["phases.0.bag.concentration"] = None
        changes = bag | ({"results.0.value": "25 mL/min"} if reduced else {})
        hard = {f.rule for f in verdict(changes, base).findings if f.severity is Severity.HARD}
        assert hard >= refused, (percent, refused - hard)
        refused = hard
    assert refused


def test_a_measure_that_raises_denies_for_every_row(monkeypatch: pytest.MonkeyPatch):
    """Not to know whether a limit holds is not to hold it."""
    monkeypatch.setitem(patient.CASE_MEASURES, Measure.AGE, _raise)
    found = verdict()
    assert found.decision is Decision.REFUSED
    assert {f.rule for f in found.findings if f.value == "failed"} == LIBRARY.rule_ids
