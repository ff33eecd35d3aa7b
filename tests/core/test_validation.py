"""How findings come to a verdict: nothing that fails, lacks or was meant for something else accepts an order."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from pumpctl.core.order import Override
from pumpctl.core.rules.case import Case, Context
from pumpctl.core.rules.finding import Finding, Severity
from pumpctl.core.rules.table import REQUIRED_IDS, RULES, Rule
from pumpctl.core.validation import Decision, bind, judge
from tests.core.golden import AT, LIBRARY, order, verdict

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
    other = one.model_copy(update={"value": "26 mL/min"})
    assert verdict(changes, context=Context(AT, overrides=(other,))).decision is Decision.NEEDS_OVERRIDE


def test_binding_sees_the_value():
    found = verdict()
    overrides = bind(found, "Q31", "pharmacist on call", "agreed")
    assert [override.value for override in overrides] == ["7 starts"]
    again = verdict(context=Context(AT, overrides=overrides))
    assert again.decision is Decision.ACCEPTED
    assert [f.rule for f in again.findings if f.overridden] == ["Q31"]
    assert bind(again, "Q31", "pharmacist on call", "agreed") == ()


def _raise(_: Case) -> Iterator[Finding]:
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
