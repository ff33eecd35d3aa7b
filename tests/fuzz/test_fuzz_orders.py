"""A bounded slice of `make fuzz-orders`, and proof that it is red when a limit or a rule is spoilt.

Refuses to know any rule: the spoilt library is the packaged text with one rule's bounds moved ten-fold.
"""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from pumpctl.core.library import Library, parse_library
from pumpctl.core.order_text import parse_order
from pumpctl.core.rules.table import RULES
from pumpctl.core.validation import Decision, judge
from pumpctl.shell.library_file import read_library
from tests.fuzz import oracle
from tests.fuzz.fuzzing import PRESENT, Fuzz, Tally, context_of, mutated, run
from tests.fuzz.situation import number_text

SEED = 7
SLICE = 3000
CHUNK = 100
MOST_UNTIL_FOUND = 3000
LIBRARY_TEXT = Path(__file__).resolve().parents[2] / "protocols/therapy/magnesium_sulfate.toml"


def test_no_mutated_order_is_wrongly_accepted():
    print(f"seed {SEED}: make fuzz-orders FUZZ_ARGS='--orders {SLICE} --seed {SEED}'")
    tally = run(Fuzz(read_library(), SEED, ids=oracle.RULES & PRESENT), range(SLICE))
    assert [(wrong.index, wrong.rules) for wrong in tally.wrong] == []
    assert tally.orders == SLICE
    assert tally.decisions["accepted"] > SLICE // 10, "hardly anything was accepted: the slice shows nothing"
    assert tally.overridden > SLICE // 50
    assert min(tally.accepted_of[profile] for profile in PROFILES) > 0


PROFILES = (
    "golden",
    "home_sc",
    "monitored_iv_loading",
    "monitored_iv_continuous",
    "loading + continuous",
    "monitored_iv_intermittent",
    "emergency_iv",
)


def test_pumpctl_has_every_rule_that_the_oracle_has():
    assert set() == oracle.RULES - PRESENT


@pytest.mark.parametrize("rule", ["P03", "Q24", "D24", "Q22"])
def test_a_limit_ten_times_too_wide_is_found(rule: str):
    assert rule in _found(Fuzz(_widened(rule), SEED))


@pytest.mark.parametrize("rule", ["U02", "L08", "T02", "Q16", "L05"])
def test_a_rule_that_says_nothing_is_found(rule: str):
    silent = tuple(replace(one, judges=()) if one.id == rule else one for one in RULES)
    assert rule in _found(Fuzz(read_library(), SEED, rules=silent))


def test_an_override_that_binds_nothing_is_found(monkeypatch: pytest.MonkeyPatch):
    """Every override taken as given: the forged ones are seen."""

    def no_reason_against_it(*_: object) -> None:
        return None

    monkeypatch.setattr("pumpctl.core.validation._why_not", no_reason_against_it)
    assert _found(Fuzz(read_library(), SEED))


def test_a_table_without_a_rule_refuses_every_order():
    table = tuple(rule for rule in RULES if rule.id != "P03")
    situation, _ = mutated(SEED, 0)
    order = parse_order(situation.text, "test")
    assert judge(order, read_library(), context_of(situation), table).decision is Decision.REFUSED


def test_the_same_seed_and_index_give_the_same_order():
    first, again = mutated(SEED, 5)[0], mutated(SEED, 5)[0]
    assert (first.text, first.at_us, first.given) == (again.text, again.at_us, again.given)
    assert first.text != mutated(SEED + 1, 5)[0].text


def _found(fuzz: Fuzz) -> set[str]:
    """The rules that the first wrong acceptances break."""
    for start in range(0, MOST_UNTIL_FOUND, CHUNK):
        tally: Tally = run(fuzz, range(start, start + CHUNK))
        if tally.wrong:
            return {rule for wrong in tally.wrong for rule in wrong.rules}
    return set()


def _widened(rule: str) -> Library:
    """Upper bounds of a rule ten times higher."""
    blocks = re.split(r"(?m)^(?=\[)", LIBRARY_TEXT.read_text(encoding="utf-8"))
    moved = [_moved(block) if re.search(rf'(?m)^rule = "{rule}"$', block) else block for block in blocks]
    assert moved != blocks
    return parse_library("".join(moved).encode())


def _moved(block: str) -> str:
    bound = r'(?m)^((?:at_or_)?above = ")([0-9.]+)'
    return re.sub(bound, lambda found: f"{found[1]}{number_text(10 * Fraction(found[2]))}", block)
