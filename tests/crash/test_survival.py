"""What a case is judged by, and a few real deaths: the rest of the points is `make crash-test`."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from tests.crash.persons import PLANS, Course
from tests.crash.points import Life, Point, Side
from tests.crash.survival import Case, against_truth, out_of_order, survive

PLAN = PLANS[Course.HOME]
FIRST = Life(("write Identify", "write GetStatus", "write Load", "write ReadProgram", "write Start"), "here", 0)
SECOND = Life(("write Identify", "write GetStatus", "write ReadProgram"), None, 52_500)
TRUTH: dict[str, Any] = {"starts": 1, "resumes": 0, "delivered_ul": 2_499.9}
TOLD: dict[str, Any] = {"state": "completed", "delivered_most_ml": 2.625, "latched": []}
INTENT = ("record dosing_intent", "commit intent", "anchor write intent", "anchor sync intent", "durable intent told")
AROUND_START = ("event recorded intent", "write Start", "event reply Started", "effect publish state", "event start")
AT_A_STOP = ("write Stop", "record stop_requested", "commit stop", "event reply Stopped", "record stop_proven")


def _judged(told: dict[str, Any] = TOLD, truth: dict[str, Any] = TRUTH, *lives: Life) -> list[str]:
    return list(against_truth(told, truth, lives or (FIRST, SECOND), PLAN))


def test_an_infusion_that_survived_its_daemon():
    assert _judged() == []


@pytest.mark.parametrize(
    ("told", "truth", "complaint"),
    [
        ({}, {"starts": 2}, "2 starts"),
        ({}, {"resumes": 2}, "2 resumes"),
        ({}, {"delivered_ul": 2_626.0}, "of 2500 were given"),
        ({"delivered_most_ml": 2.4}, {}, "are said to be given"),
        ({"state": "stopped"}, {}, "without a reason"),
    ],
    ids=str,
)
def test_the_pump_says_otherwise(told: dict[str, Any], truth: dict[str, Any], complaint: str):
    assert any(complaint in found for found in _judged(TOLD | told, TRUTH | truth))


def test_five_percent_more_is_the_pumps_own_accuracy():
    assert _judged(TOLD, TRUTH | {"delivered_ul": 2_625.0}) == []


@pytest.mark.parametrize(("ledger_ug", "complaints"), [(49_998, 0), (49_997, 1)])
def test_a_later_ledger_covers_what_was_given(ledger_ug: int, complaints: int):
    assert len(_judged(TOLD, TRUTH, FIRST, replace(SECOND, ledger_ug=ledger_ug))) == complaints


def test_a_start_written_twice_or_by_a_later_life():
    again = replace(SECOND, steps=(*SECOND.steps, "write Load", "write ReadProgram", "write Start"))
    assert _judged(TOLD, TRUTH, FIRST, again) == ["Start was written twice", "life 2 wrote Start"]


@pytest.mark.parametrize(
    ("written", "faults"),
    [
        (("Identify", "GetStatus", "Load", "ReadProgram", "Start"), 0),
        (("Stop", "Identify"), 0),
        (("GetStatus",), 1),
        (("Identify", "GetStatus", "Load", "Start"), 1),
        (("Identify", "Resume"), 1),
        ((), 0),
    ],
)
def test_who_it_is_first_and_nothing_that_doses_before_the_state_was_read(written: tuple[str, ...], faults: int):
    assert len(list(out_of_order(written))) == faults


@pytest.mark.hazard("H44")
def test_some_real_deaths(seed: int):
    chance = random.Random(seed)
    cases = [
        Case(Course.HOME, Point(chance.choice(INTENT), 1, Side.AFTER)),
        Case(Course.HOME, Point(chance.choice(AROUND_START), 1, chance.choice([Side.BEFORE, Side.AFTER]))),
        Case(Course.LEASE, Point(chance.choice(AT_A_STOP), 1, chance.choice([Side.BEFORE, Side.AFTER]))),
    ]
    again = Point("event reply Program", 1, Side.AFTER)
    cases.append(Case(Course.HOME, Point("write Start", 1, Side.AFTER), (again, again)))
    with ThreadPoolExecutor(2) as pool:
        for outcome in pool.map(survive, cases):
            assert outcome.complaints == (), str(outcome.case)
            assert outcome.deaths == 1 + len(outcome.case.recoveries), str(outcome.case)
