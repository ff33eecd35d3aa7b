"""docs/rules.md is what the rules, the library and the examples say; every example says what its name says."""

from __future__ import annotations

from pathlib import Path

import pytest

from pumpctl.core.order_text import parse_order
from pumpctl.core.rules.case import Context
from pumpctl.core.rules.finding import Severity
from pumpctl.core.rules.table import REQUIRED_IDS, RULES
from pumpctl.core.validation import Decision, Verdict, judge
from tests.core.golden import AT, EXAMPLES, LIBRARY
from tests.core.rules_document import PATH, example_orders, text

REFUSED = sorted((EXAMPLES / "refused").glob("*.json"))
ACCEPTED = sorted((EXAMPLES / "accepted").glob("*.json"))
# Judged where there is a pump, a bag or an earlier infusion: no order alone is refused by them.
NOT_BY_AN_ORDER = {"Q27", "P11", "S01", "S02", "S05", "S06", "B01", "B02", "B03", "U04"}


def judged(path: Path) -> Verdict:
    return judge(parse_order(path.read_bytes(), path.name), LIBRARY, Context(AT))


def test_the_document_is_up_to_date():
    assert PATH.read_text(encoding="utf-8") == text(), "run python -m tests.core.rules_document"


def test_the_document_has_every_rule():
    lines = text().splitlines()
    for rule in REQUIRED_IDS:
        assert any(line.startswith(f"| {rule} |") for line in lines), rule


@pytest.mark.parametrize("path", REFUSED, ids=lambda path: path.stem)
def test_a_refused_example_is_refused_by_its_rule_alone(path: Path):
    found = judged(path)
    assert found.decision is Decision.REFUSED
    assert {f.rule for f in found.findings if f.severity is Severity.HARD} == {path.stem}


def test_every_rule_that_can_refuse_an_order_has_its_example():
    may_refuse = {limit.rule for limit in LIBRARY.limits if limit.severity is Severity.HARD}
    may_refuse |= {rule.id for rule in RULES if Severity.HARD in rule.verdicts}
    assert {path.stem for path in REFUSED} == may_refuse - NOT_BY_AN_ORDER


@pytest.mark.parametrize("path", ACCEPTED, ids=lambda path: path.stem)
def test_an_accepted_example_is_accepted_without_an_override(path: Path):
    assert judged(path).decision is Decision.ACCEPTED


def test_every_profile_has_its_accepted_example():
    assert {path.stem for path in ACCEPTED} >= {profile.name for profile in LIBRARY.profiles}


def test_every_example_is_in_the_document():
    for path in example_orders():
        assert f"`{path.relative_to(EXAMPLES)}`" in text()


def test_a_rule_says_only_what_its_row_declares():
    """Severities of every finding on every example, and on slips of each, are among those of the row or the library."""
    declared = {
        rule.id: {*rule.verdicts, *(limit.severity for limit in LIBRARY.limits if limit.rule == rule.id)}
        for rule in RULES
    }
    for path in example_orders():
        for finding in judged(path).findings:
            assert finding.severity in declared[finding.rule], finding


def test_every_row_says_what_it_is_about():
    for rule in RULES:
        assert rule.about, rule.id
        rows = [limit for limit in LIBRARY.limits if limit.rule == rule.id]
        assert rule.judges == () or rule.inputs, rule.id
        assert bool(rule.verdicts) == bool(rule.basis), rule.id
        assert rule.verdicts or rows or rule.stage.name == "DEFINITION", rule.id
