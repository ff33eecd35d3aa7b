"""The patient before a start: Q27 answer by answer, and the site (P11)."""

from __future__ import annotations

from typing import Any

import pytest

from pumpctl.core.order_text import OrderUnreadable
from pumpctl.core.rules.start_person import EARLY_CHECKS, SIGNS
from pumpctl.core.starting import parse_check
from pumpctl.core.validation import Decision
from tests.core.golden import FIRST_DUE, LOADING, ONCE, instant, order, severities
from tests.core.starts import HOUR_MS, check, judged, start


def said(rule: str, changes: dict[str, Any]) -> list[str]:
    return severities(judged(start(checked=changes)), rule)


@pytest.mark.parametrize("name", SIGNS)
def test_a_sign_of_too_much_magnesium_refuses(name: str):
    found = judged(start(checked={f"answers.{name}": True}))
    assert severities(found, "Q27") == ["hard"]
    assert found.decision is Decision.REFUSED


@pytest.mark.parametrize("name", EARLY_CHECKS)
def test_a_reason_for_an_early_blood_check_is_shown(name: str):
    found = judged(start(checked={f"answers.{name}": True}))
    assert severities(found, "Q27") == ["advisory"]
    assert found.decision is Decision.ACCEPTED


@pytest.mark.parametrize("name", [*SIGNS, *EARLY_CHECKS])
def test_an_unanswered_question_needs_an_override(name: str):
    found = judged(start(checked={f"answers.{name}": None}))
    assert severities(found, "Q27") == ["soft"]
    assert found.decision is Decision.NEEDS_OVERRIDE


def test_no_answers_at_all_are_named_one_by_one():
    found = judged(start(checked={"answers": None}))
    (finding,) = [finding for finding in found.findings if finding.rule == "Q27"]
    assert all(name in finding.value for name in (*SIGNS, *EARLY_CHECKS))


def test_the_questions_are_for_home():
    iv = order({}, LOADING)
    found = judged(start(iv, {"answers": None, "site": None}), iv, instant(ONCE["at"]))
    assert severities(found, "Q27") == severities(found, "P11") == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"site.site": None}, ["soft"]),
        ({"site.site": " "}, ["soft"]),
        ({"site.reaction": True}, ["hard"]),
        ({"site.reaction": None}, ["soft"]),
        ({"site.needle_placed_at": None}, ["advisory"]),
        ({"site.needle_placed_at": "2026-11-28T19:00:00Z"}, []),  # 72 h before the start
        ({"site.needle_placed_at": "2026-11-28T18:59:59.999Z"}, ["soft"]),
        ({"site.needle_placed_at": "2026-12-01T19:05:00Z"}, []),
        ({"site.needle_placed_at": "2026-12-01T19:05:00.001Z"}, ["hard"]),
        ({"site.needle_placed_at": "2026-12-01T18:30:00"}, ["hard"]),
        ({"site": None}, ["soft", "soft", "advisory"]),
    ],
)
def test_the_site(changes: dict[str, Any], expected: list[str]):
    assert said("P11", changes) == expected


def test_the_needle_ages_until_the_start():
    this = start(checked={"site.needle_placed_at": "2026-11-28T19:00:00Z"})
    assert severities(judged(this, at_utc_ms=FIRST_DUE), "P11") == []
    assert severities(judged(this, at_utc_ms=FIRST_DUE + 1), "P11") == ["soft"]
    later = judged(this, at_utc_ms=FIRST_DUE + HOUR_MS)
    assert {f.value for f in later.findings if f.rule == "P11"} == {"2026-11-28T19:00:00Z"}  # for an override to hold


def test_two_infusions_on_one_site():
    assert severities(judged(start(sites_in_use=frozenset({"left abdomen"}))), "P11") == ["hard"]
    assert severities(judged(start(sites_in_use=frozenset({"right abdomen"}))), "P11") == []
    again = start(checked={"site.site": " Left  Abdomen"}, sites_in_use=frozenset({"left abdomen"}))
    assert severities(judged(again), "P11") == ["hard"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"checked_by": ""}',
        '{"checked_by": "nurse", "bag": {}}',
        '{"checked_by": "nurse", "bags": [{"priming_volume": 0}]}',
        '{"checked_by": "nurse", "answers": {"drowsy": "no"}}',
        '{"checked_by": "nurse", "site": {"reaction": "none"}}',
        '{"checked_by": "nurse", "checked_by": "doctor"}',
    ],
)
def test_what_is_not_a_check_is_refused(text: str):
    with pytest.raises(OrderUnreadable):
        parse_check(text, "check.json")


def test_json_and_toml_are_the_same_check():
    toml = 'checked_by = "nurse"\n[[bags]]\nbag_id = "B"\n[site]\nsite = "left"'
    assert parse_check(toml, "t") == parse_check(
        '{"checked_by": "nurse", "bags": [{"bag_id": "B"}], "site": {"site": "left"}}', "j"
    )
    assert check().checked_by == "community nurse"
