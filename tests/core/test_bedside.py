"""Which of several things that people saw counts: the newest, and of two of the same instant the worse."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from pumpctl.core.rules.bedside import Bedside
from pumpctl.core.rules.reading import figures_of
from tests.core.golden import LOADING, instant, observations, order, severities, verdict

BEFORE, SEEN, LATER = "2026-12-01T17:54:59Z", "2026-12-01T17:55:00Z", "2026-12-01T17:55:01Z"


def seen(*told: tuple[str, str, str]) -> dict[str, Any]:
    """Observations alone, each of (kind, value, when)."""
    return {"observations": [{"kind": kind, "value": value, "at": at} for kind, value, at in told]}


def bedside(*told: tuple[str, str, str]) -> Bedside:
    return figures_of(order(seen(*told))).bedside


@pytest.mark.parametrize(
    ("kind", "worse", "better"),
    [
        ("breathing_rate", "11 /min", "12 /min"),
        ("systolic_pressure", "89 mmHg", "90 mmHg"),
        ("heart_rate", "49 /min", "50 /min"),
        ("urine", "99 mL", "100 mL"),
        ("baseline_systolic_pressure", "130 mmHg", "129 mmHg"),  # the fall from it is the larger
        ("qtc", "501 ms", "500 ms"),
    ],
)
def test_the_newest_counts_and_of_two_at_once_the_worse(kind: str, worse: str, better: str):
    """In whichever order they are written down."""
    for (first, first_at), (last, last_at), counts in (
        ((worse, SEEN), (better, SEEN), worse),
        ((worse, SEEN), (better, LATER), better),
        ((better, SEEN), (worse, LATER), worse),
    ):
        for told in permutations([(kind, first, first_at), (kind, last, last_at)]):
            found = bedside(*told)
            assert found.figures[kind].text == counts, told
            assert found.seen_utc_ms[kind] == instant(max(first_at, last_at))


def test_a_breathing_rate_counted_twice_at_once_refuses_on_the_lower():
    """Q25, L04: 12 /min passes, and 11 /min of the same instant does not."""
    usual = observations(BEFORE)
    for rates, expected in ((("12 /min", "12 /min"), []), (("12 /min", "11 /min"), ["hard"])):
        for both in permutations(rates):
            told = [{"kind": "breathing_rate", "value": rate, "at": SEEN} for rate in both]
            assert severities(verdict({"observations": [*usual, *told]}, LOADING), "Q25") == expected


def test_a_reflex_lost_and_present_at_once_is_lost():
    for told in permutations([("patellar_reflex", "present", SEEN), ("patellar_reflex", "absent", SEEN)]):
        assert bedside(*told).reflex == "absent"
    for told in permutations([("patellar_reflex", "present", LATER), ("patellar_reflex", "absent", SEEN)]):
        assert bedside(*told).reflex == "present"


@pytest.mark.parametrize(("kind", "value"), [("patellar_reflex", "present"), ("heart_rate", "70 /min")])
def test_what_was_seen_at_an_unknown_time_was_not_seen(kind: str, value: str):
    """T02 refuses it, and nothing rests on it."""
    assert list(bedside((kind, value, SEEN)).seen_utc_ms) == [kind]
    found = bedside((kind, value, "just now"))
    assert (found.reflex, found.figures, found.seen_utc_ms) == (None, {}, {})
    assert severities(verdict(seen((kind, value, "just now"))), "T02") == ["hard"]


@pytest.mark.parametrize(("kind", "value"), [("patellar_reflex", "weak"), ("heart_rate", "70")])
def test_what_cannot_be_read_was_not_seen(kind: str, value: str):
    found = bedside((kind, value, SEEN))
    assert (found.reflex, found.figures, found.seen_utc_ms) == (None, {}, {})
    assert severities(verdict(seen((kind, value, SEEN))), "U01") == ["hard"]
