"""Phases, pauses and the order's end: S04 and S05 at their edges."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pumpctl.core.exposure import Certainty
from pumpctl.core.order import Order
from pumpctl.core.rules.start_case import Start
from tests.core.golden import CONTINUOUS, FIRST_DUE, HOUR_MS, LOADING, ONCE, instant, order, severities, verdict
from tests.core.starts import MINUTE_MS, given, judged, ledger, start


def two_phases() -> Order:
    loading, continuous = LOADING["phases"][0], CONTINUOUS["phases"][0]
    return order({"phases": [loading, continuous], "valid_until": "2026-12-03T00:00:00Z"}, LOADING)


def test_a_loading_dose_comes_first_and_once():
    loading, continuous = LOADING["phases"][0], CONTINUOUS["phases"][0]
    for phases, expected in (
        ([loading, continuous], []),
        ([continuous, loading], ["hard"]),
        ([loading, loading], ["hard"]),
        ([loading], []),
        ([continuous], []),
    ):
        assert severities(verdict({"phases": phases}, LOADING), "S04") == expected


def at_second_phase() -> tuple[Order, Start]:
    own = two_phases()
    both = start(own)
    return own, replace(both, programs=both.programs[1:])


@pytest.mark.parametrize(
    ("certainty", "expected"),
    [(Certainty.COMMITTED, []), (Certainty.RUNNING, ["hard"]), (Certainty.UNCERTAIN, ["hard"])],
)
def test_the_next_phase_waits_for_the_end_of_the_one_before(certainty: Certainty, expected: list[str]):
    own, second = at_second_phase()
    first = given(FIRST_DUE, hours=1, digest=own.digest, route="iv", certainty=certainty, key="first phase")
    found = judged(second, own, FIRST_DUE + 2 * HOUR_MS, ledger(first))
    assert severities(found, "S04") == expected
    assert severities(found, "S01") == []


def test_a_loading_dose_is_not_repeated():
    own = two_phases()
    first = given(FIRST_DUE, hours=1, digest=own.digest, route="iv", key="first attempt")
    found = judged(start(own, attempt=2), own, FIRST_DUE + HOUR_MS, ledger(first))
    assert severities(found, "S04") == ["hard"]
    assert severities(found, "S01") == ["hard"]


@pytest.mark.parametrize(("pause_ms", "expected"), [(60 * MINUTE_MS, []), (60 * MINUTE_MS + 1, ["hard"])])
def test_sixty_minutes_of_pause_under_the_skin(pause_ms: int, expected: list[str]):
    assert severities(judged(replace(start(), paused_ms=pause_ms)), "S05") == expected


@pytest.mark.parametrize(("pause_ms", "expected"), [(15 * MINUTE_MS, []), (15 * MINUTE_MS + 1, ["hard"])])
@pytest.mark.parametrize("base", [LOADING, CONTINUOUS])
def test_fifteen_minutes_of_pause_into_a_vein(base: dict[str, Any], pause_ms: int, expected: list[str]):
    own = order({}, base)
    due = instant(ONCE["at"])
    assert severities(judged(replace(start(own), paused_ms=pause_ms), own, due), "S05") == expected


@pytest.mark.parametrize(("until", "expected"), [("2026-12-02T05:00:00Z", []), ("2026-12-02T04:59:59Z", ["hard"])])
def test_nothing_flows_past_the_end_of_the_order(until: str, expected: list[str]):
    own = order({"valid_until": until})
    assert severities(judged(start(own), own), "S05") == expected


@pytest.mark.parametrize(("until", "rule"), [(None, "U07"), ("in two weeks", "T02")])
def test_an_order_whose_end_nobody_knows_is_refused_for_that(until: str | None, rule: str):
    found = judged(start(), order({"valid_until": until}))
    assert severities(found, rule) == ["hard"]
    assert severities(found, "S05") == []


def test_what_is_left_after_a_pause_must_end_within_the_order():
    own = order({"valid_until": "2026-12-02T05:00:00Z"})
    at = FIRST_DUE + 5 * HOUR_MS
    held = replace(start(own), paused_ms=MINUTE_MS)
    assert severities(judged(replace(held, left_ul=50_000), own, at), "S05") == []
    assert severities(judged(replace(held, left_ul=50_001), own, at), "S05") == ["hard"]
