"""What was reported beside the order, as the rules take it: Q25 at a start, and what Q10 softens of it."""

from __future__ import annotations

from typing import Any

import pytest

from pumpctl.core.observation import Reported, broken_signs, merged, worst_signs
from pumpctl.core.order import Override
from pumpctl.core.quantity import PerMinute, Pressure, Quantity
from pumpctl.core.rules.case import Context, Moment
from pumpctl.core.rules.finding import Finding
from pumpctl.core.validation import Decision, Verdict, bind
from tests.core.golden import AT, EMERGENCY, GOLDEN, LIBRARY, LOADING, order, verdict

Seen = dict[str, Quantity | str]
SIGNS = ("patellar_reflex", "breathing_rate", "systolic_pressure", "heart_rate")
MINUTE_MS = 60_000
LIMITS = [limit for limit in LIBRARY.limits if "emergency_iv" in limit.profiles]


def _judged(
    seen: Seen,
    base: dict[str, Any],
    moment: Moment = Moment.START,
    ages_ms: dict[str, int] | None = None,
    overrides: tuple[Override, ...] = (),
) -> Verdict:
    context = Context(AT, overrides=overrides, moment=moment, reported=Reported(seen, ages_ms or {}))
    return verdict(base=base, context=context)


def _q25(found: Verdict) -> list[Finding]:
    return [finding for finding in found.findings if finding.rule == "Q25"]


def _severities(seen: Seen, base: dict[str, Any], moment: Moment = Moment.START) -> list[str]:
    return [finding.severity.value for finding in _q25(_judged(seen, base, moment))]


def _written(**values: str) -> list[dict[str, str]]:
    told = {"patellar_reflex": "present", "breathing_rate": "16 /min", "heart_rate": "70 /min", "urine": "250 mL"}
    told |= {"systolic_pressure": "120 mmHg", "baseline_systolic_pressure": "125 mmHg"} | values
    return [{"kind": kind, "value": value, "at": "2026-12-01T17:50:00Z"} for kind, value in told.items()]


@pytest.mark.parametrize("age_ms", [15 * MINUTE_MS, 15 * MINUTE_MS + 1])
def test_what_was_reported_counts_as_looked_for_until_a_quarter_of_an_hour_has_gone(age_ms: int):
    unseen = LOADING | {"observations": None}
    found = _q25(_judged({}, unseen, ages_ms=dict.fromkeys(SIGNS, age_ms)))
    looked_for = age_ms == 15 * MINUTE_MS
    assert [finding.severity.value for finding in found] == (["advisory"] if looked_for else ["soft", "advisory"])


@pytest.mark.parametrize("missing", SIGNS)
def test_one_sign_that_nobody_looked_for_is_one_too_few(missing: str):
    unseen = LOADING | {"observations": None}
    found = _q25(_judged({}, unseen, ages_ms={sign: 0 for sign in SIGNS if sign != missing}))
    assert found[0].value == f"missing: {missing.replace('_', ' ')}"


def test_a_baseline_that_was_reported_is_known():
    unseen = LOADING | {"observations": None}
    seen: Seen = {"baseline_systolic_pressure": Pressure(120)}
    assert [f.severity.value for f in _q25(_judged(seen, unseen, ages_ms=dict.fromkeys(SIGNS, 0)))] == []


@pytest.mark.parametrize("base", [GOLDEN, LOADING])
@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ({"breathing_rate": PerMinute(12)}, []),
        ({"breathing_rate": PerMinute(11_999, 1000)}, ["hard"]),
        ({"heart_rate": PerMinute(50)}, []),
        ({"heart_rate": PerMinute(49_999, 1000)}, ["hard"]),
        ({"systolic_pressure": Pressure(90), "baseline_systolic_pressure": Pressure(119)}, []),
        ({"systolic_pressure": Pressure(90), "baseline_systolic_pressure": Pressure(120)}, ["hard"]),
        ({"patellar_reflex": "present"}, []),
        ({"patellar_reflex": "absent"}, ["hard"]),
        ({}, []),
    ],
)
def test_a_reported_sign_refuses_a_start_and_a_resume_and_no_check(
    base: dict[str, Any], seen: Seen, expected: list[str]
):
    base = base | {"observations": [each for each in _written() if "pressure" not in each["kind"]]}
    fallen = [severity for severity in _severities(seen, base) if severity == "hard"]
    assert fallen == expected
    assert [s for s in _severities(seen, base, Moment.CONTINUATION) if s == "hard"] == expected
    assert [s for s in _severities(seen, base, Moment.CHECK) if s == "hard"] == []


def test_an_emergency_softens_it_a_lost_reflex_never():
    assert _severities({"breathing_rate": PerMinute(10)}, EMERGENCY) == ["soft"]
    assert _severities({"patellar_reflex": "absent"}, EMERGENCY) == ["hard"]


def test_what_the_order_says_already_is_said_once_and_what_is_worse_again():
    base = EMERGENCY | {"observations": _written(breathing_rate="10 /min")}
    for reported, times in ((PerMinute(16), 1), (PerMinute(11), 1), (PerMinute(10), 1), (PerMinute(99, 10), 2)):
        assert _severities({"breathing_rate": reported}, base) == ["soft"] * times


def test_an_override_of_a_sign_shows_and_is_none_of_a_worse_or_of_another_one():
    base = EMERGENCY | {"observations": _written(systolic_pressure="95 mmHg", baseline_systolic_pressure="135 mmHg")}
    seen: Seen = {"breathing_rate": PerMinute(10)}
    found = _judged(seen, base)
    assert found.decision is Decision.NEEDS_OVERRIDE
    given = bind(found, "Q10", "intensivist", "torsades in progress")
    overridden = _judged(seen, base, overrides=given)
    assert overridden.decision is Decision.ACCEPTED
    assert [finding.overridden for finding in _q25(overridden)] == [True, True]  # the fall of 40 mmHg, and breathing
    worse: Seen = {"breathing_rate": PerMinute(99, 10)}
    assert _judged(worse, base, overrides=given).decision is Decision.NEEDS_OVERRIDE
    low: Seen = {"systolic_pressure": Pressure(40)}
    assert _judged(low, base, overrides=given).decision is Decision.NEEDS_OVERRIDE
    assert order(base=base).digest == found.order_digest


def test_the_worst_of_a_sign_is_the_lowest_and_of_a_fall_the_largest():
    sources: list[Seen] = [
        {"heart_rate": PerMinute(45), "systolic_pressure": Pressure(100), "baseline_systolic_pressure": Pressure(140)},
        {"heart_rate": PerMinute(40), "systolic_pressure": Pressure(100), "baseline_systolic_pressure": Pressure(135)},
        {"heart_rate": PerMinute(60)},
    ]
    for order_of in (sources, sources[::-1]):
        told = {sign.told for sign in worst_signs(order_of, LIMITS).values()}
        assert told == {"heart rate 40 /min", "systolic fall 40 mmHg"}


def test_a_fall_is_one_from_the_higher_baseline():
    for before, now in ((130, 100), (100, 130)):
        seen = merged(
            {"baseline_systolic_pressure": Pressure(before)},
            {"baseline_systolic_pressure": Pressure(now), "systolic_pressure": Pressure(100)},
        )
        assert [sign.told for sign in broken_signs(seen, LIMITS)] == ["systolic fall 30 mmHg"]
