"""A row of the drug library is read strictly, and rows that others rest on have to be there."""

from __future__ import annotations

import re

import pytest

from pumpctl.core.library import Library, parse_library
from pumpctl.core.limit import KIND_OF, LibraryUnreadable, LimitText, Measure, parse_limit
from pumpctl.core.quantity import FlowRate
from pumpctl.core.rules.finding import Severity
from tests.core.golden import LIBRARY
from tests.core.test_library import TEXT


def row(**bounds: str) -> LimitText:
    told = {"rule": "Q99", "severity": "hard", "profiles": ["home_sc"], "measure": "flow", "basis": "b", "note": "n"}
    return LimitText.model_validate(told | bounds)


LOW, HIGH = "10 mL/h", "20 mL/h"


@pytest.mark.parametrize(
    ("bounds", "text", "breaks"),
    [
        ({"above": HIGH}, "at most 20 mL/h", [21]),
        ({"at_or_above": HIGH}, "below 20 mL/h", [20, 21]),
        ({"below": LOW}, "at least 10 mL/h", [9]),
        ({"at_or_below": LOW}, "above 10 mL/h", [9, 10]),
        ({"above": LOW, "below": HIGH}, "outside 10 to 20 mL/h", [11, 19]),
        ({"at_or_above": LOW, "at_or_below": HIGH}, "outside 10 to 20 mL/h", [10, 11, 19, 20]),
        ({"at_or_above": LOW, "below": HIGH}, "outside 10 to 20 mL/h", [10, 11, 19]),
        ({"above": LOW, "at_or_below": HIGH}, "outside 10 to 20 mL/h", [11, 19, 20]),
    ],
)
def test_one_bound_on_a_side_or_one_on_each(bounds: dict[str, str], text: str, breaks: list[int]):
    limit = parse_limit(0, row(**bounds), frozenset({"home_sc"}))
    flows = {ml_h: FlowRate(ml_h * 1000) for ml_h in (9, 10, 11, 19, 20, 21)}
    assert limit.text == text
    assert [ml_h for ml_h, flow in flows.items() if limit.is_broken(flow, flow)] == breaks


@pytest.mark.parametrize(
    ("bounds", "hint"),
    [
        ({}, "no bound"),
        ({"above": HIGH, "at_or_above": HIGH}, "more than one bound on one side"),
        ({"below": LOW, "at_or_below": LOW}, "more than one bound on one side"),
        ({"above": HIGH, "below": LOW, "at_or_below": LOW}, "more than one bound on one side"),
        ({"above": HIGH, "at_or_above": HIGH, "below": LOW}, "more than one bound on one side"),
        (dict.fromkeys(("above", "at_or_above", "below", "at_or_below"), LOW), "more than one bound on one side"),
        ({"above": HIGH, "below": LOW}, "a band upside down"),
        ({"at_or_above": LOW, "at_or_below": LOW}, "a band upside down"),
    ],
)
def test_two_bounds_on_one_side_are_no_limit(bounds: dict[str, str], hint: str):
    """Which of the two was meant is anybody's guess."""
    with pytest.raises(LibraryUnreadable, match=re.escape(f"limits[7] (Q99): {hint}")):
        parse_limit(7, row(**bounds), frozenset({"home_sc"}))


def test_every_measure_has_a_kind():
    assert set(KIND_OF) == set(Measure)


def library(*without: str) -> Library:
    """The library without the rows in which each of these lines stands."""
    head, *rows = TEXT.split("[[limits]]")
    kept = [text for text in rows if not all(line in text for line in without)]
    assert len(kept) < len(rows)
    return parse_library("[[limits]]".join([head, *kept]).encode())


@pytest.mark.parametrize(("rule", "measure"), [("Q02", "creatinine_clearance"), ("Q09", "qtc")])
def test_a_condition_that_no_row_defines_never_holds_so_it_is_refused(rule: str, measure: str):
    """Without them no clearance would be a reduced one and no QTc a long one."""
    with pytest.raises(LibraryUnreadable, match=f"none of rule {rule} on {measure}"):
        library(f'rule = "{rule}"\n', f'measure = "{measure}"')


@pytest.mark.parametrize("name", [profile.name for profile in LIBRARY.profiles])
def test_a_lower_bound_is_no_maximum(name: str):
    """With its hard dose rates turned into lower bounds a profile would have a limit, and no maximum."""
    head, *rows = TEXT.split("[[limits]]")
    turned = [
        text.replace("\nabove", "\nbelow")
        if all(line in text for line in (f'"{name}"', 'severity = "hard"', 'measure = "dose_rate"'))
        and "when" not in text
        else text
        for text in rows
    ]
    own = [limit for limit in LIBRARY.limits if name in limit.profiles and limit.measure is Measure.DOSE_RATE]
    assert any(limit.severity is Severity.HARD for limit in own)
    with pytest.raises(LibraryUnreadable, match="no hard maximum of the dose rate"):
        parse_library("[[limits]]".join([head, *turned]).encode())
