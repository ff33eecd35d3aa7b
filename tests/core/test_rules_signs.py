"""Rules on what was drawn, seen and measured, against the time and the doses around it."""

from __future__ import annotations

from typing import Any

import pytest

from pumpctl.core.exposure import Certainty, Ledger, Segment
from pumpctl.core.rules.case import Context, Moment
from tests.core.golden import (
    AT,
    EMERGENCY,
    GOLDEN,
    HOUR_MS,
    LOADING,
    instant,
    observations,
    order,
    severities,
    verdict,
)

Changes = dict[str, Any]


def seen(kind: str, value: str, at: str = "2026-12-01T17:50:00Z") -> Changes:
    return {"observations": [*observations(at), {"kind": kind, "value": value, "at": "2026-12-01T17:55:00Z"}]}


def infused(route: str, start: str, end: str, **more: Any) -> Ledger:  # noqa: ANN401
    fields: Changes = {"key": "a", "patient_id": "patient-0001", "order_digest": "another", "occurrence": 1}
    fields |= {"most_ug": 1000, "certainty": Certainty.COMMITTED}
    return Ledger((Segment(**(fields | more), route=route, start_utc_ms=instant(start), end_utc_ms=instant(end)),))


@pytest.mark.parametrize(
    ("base", "route", "end", "expected"),
    [
        (LOADING, "iv", "2026-11-30T01:00:00Z", []),  # the sample was drawn at 07:00Z
        (LOADING, "iv", "2026-11-30T01:00:01Z", ["soft"]),
        (LOADING, "iv", "2026-11-30T09:00:00Z", ["soft"]),
        (LOADING, "sc", "2026-11-30T01:00:01Z", ["soft"]),
        (GOLDEN, "sc", "2026-11-30T01:00:00Z", []),
        (GOLDEN, "sc", "2026-11-30T01:00:01Z", ["advisory"]),
        (GOLDEN, "iv", "2026-11-30T09:00:00Z", ["advisory"]),
        (EMERGENCY, "iv", "2026-11-30T09:00:00Z", []),
    ],
)
def test_a_sample_drawn_too_soon_after_a_dose(base: Changes, route: str, end: str, expected: list[str]):
    """Q14."""
    context = Context(AT, infused(route, "2026-11-29T20:00:00Z", end))
    assert severities(verdict(base=base, context=context), "Q14") == expected


def test_a_later_dose_under_the_skin_says_nothing_of_an_earlier_sample():
    later = infused("sc", "2026-11-30T20:00:00Z", "2026-12-01T06:00:00Z")
    assert severities(verdict(context=Context(AT, later)), "Q14") == []
    planned = infused("iv", "2026-11-30T20:00:00Z", "2026-12-01T06:00:00Z", certainty=Certainty.PLANNED)
    assert severities(verdict(base=LOADING, context=Context(AT, planned)), "Q14") == []


def test_an_earlier_occurrence_of_this_order_counts_once_it_has_ended():
    """Q14: running it is its own start; ended, and be it uncertain, it lies between the sample and the next start."""
    digest = order(base=LOADING).digest
    for end, expected in (("2026-12-01T17:59:00Z", ["soft"]), ("2026-12-01T18:10:00Z", [])):
        own = infused("iv", "2026-12-01T17:00:00Z", end, order_digest=digest, certainty=Certainty.UNCERTAIN)
        assert severities(verdict(base=LOADING, context=Context(AT, own)), "Q14") == expected
        assert severities(verdict(base=LOADING, context=Context(AT, own, moment=Moment.CONTINUATION)), "Q14") == []


def test_the_infusion_arm():
    """Q14, and it still counts for Q13."""
    arm: Changes = {"results.2": GOLDEN["results"][2] | {"infusion_arm": True, "value": "1.05 mmol/L"}}
    for base, expected in ((LOADING, ["soft"]), (GOLDEN, ["advisory"]), (EMERGENCY, [])):
        assert severities(verdict(arm, base), "Q14") == expected
    assert severities(verdict(arm), "Q13") == ["hard"]


@pytest.mark.parametrize(
    ("kind", "right", "wrong"),
    [
        ("breathing_rate", "12 /min", "11.9 /min"),
        ("systolic_pressure", "90 mmHg", "89 mmHg"),
        ("heart_rate", "50 /min", "49 /min"),
    ],
)
def test_signs_of_too_much(kind: str, right: str, wrong: str):
    """Q25: a recorded sign refuses at every check; an emergency softens it."""
    low_baseline = [seen | {"value": "100 mmHg"} if "baseline" in seen["kind"] else seen for seen in OBSERVED]
    for value, elective, emergency in ((right, [], []), (wrong, ["hard"], ["soft"])):
        changes: Changes = {"observations": [*low_baseline, {"kind": kind, "value": value, "at": NOW_SEEN}]}
        assert severities(verdict(changes, LOADING), "Q25") == elective
        assert severities(verdict(changes, EMERGENCY), "Q25") == emergency


OBSERVED = observations("2026-12-01T17:50:00Z")
NOW_SEEN = "2026-12-01T17:55:00Z"


def test_a_fallen_pressure():
    for baseline, expected in (("129 mmHg", []), ("130 mmHg", ["hard"])):
        changes = seen("baseline_systolic_pressure", baseline) | {}
        changes["observations"].append({"kind": "systolic_pressure", "value": "100 mmHg", "at": NOW_SEEN})
        assert severities(verdict(changes, LOADING), "Q25") == expected


def test_a_lost_reflex_is_never_softened():
    changes = seen("patellar_reflex", "absent")
    for base in (LOADING, EMERGENCY, GOLDEN):
        assert severities(verdict(changes, base), "Q25") == ["hard"]
    came_back = {
        "observations": [*changes["observations"], {"kind": "patellar_reflex", "value": "present", "at": AT_18}]
    }
    assert severities(verdict(came_back, LOADING), "Q25") == []
    assert severities(verdict(seen("patellar_reflex", "weak"), LOADING), "U01") == ["hard"]


AT_18 = "2026-12-01T18:00:00Z"


@pytest.mark.parametrize(("minutes", "expected"), [(15, []), (16, ["soft"])])
def test_signs_are_looked_for_before_an_intravenous_start(minutes: int, expected: list[str]):
    start = Context(instant("2026-12-01T17:50:00Z") + minutes * 60_000, moment=Moment.START)
    assert severities(verdict(base=LOADING, context=start), "Q25") == expected
    assert severities(verdict(context=start), "Q25") == []
    unseen: Changes = {"observations": None}
    assert severities(verdict(unseen, LOADING, start), "Q25") == ["soft", "advisory"]
    assert severities(verdict(unseen, LOADING), "Q25") == []  # a check may be made the day before


@pytest.mark.parametrize(
    ("urine", "at", "elective", "emergency"),
    [
        ("100 mL", "2026-12-01T16:00:00Z", [], []),  # due at 20:00Z
        ("99.9 mL", "2026-12-01T16:00:00Z", ["soft"], ["soft"]),
        ("100 mL", "2026-12-01T15:59:59Z", ["soft"], ["advisory"]),
    ],
)
def test_urine(urine: str, at: str, elective: list[str], emergency: list[str]):
    """Q17."""
    changes: Changes = {"observations": [{"kind": "urine", "value": urine, "at": at}]}
    assert severities(verdict(changes, LOADING), "Q17") == elective
    assert severities(verdict(changes, EMERGENCY), "Q17") == emergency
    assert severities(verdict(changes), "Q17") == []


def test_home_ages_count_from_acceptance_and_intravenous_ones_from_the_start():
    aged: Changes = {"results.0.at": "2026-11-28T19:00:00Z"}
    assert severities(verdict(aged, LOADING), "Q03") == ["hard"]  # 73 h at 20:00Z
    assert severities(verdict(aged, LOADING | {"schedule": {"repeat": "once", "at": AT_18}}), "Q03") == []
    late = Context(AT + 40 * 24 * HOUR_MS, accepted_utc_ms=AT)
    assert severities(verdict(context=late), "Q03") == []


def test_at_a_start_the_next_occurrence_is_this_one():
    """Its own intent stands in the ledger already; ages still count to now and not to tomorrow."""
    daily = LOADING | {
        "schedule": GOLDEN["schedule"] | {"last_date": "2026-12-02", "local_time": "19:00"},
        "results": [result | {"at": "2026-11-28T19:00:00Z"} for result in GOLDEN["results"]],
    }
    digest = order(base=daily).digest
    own = infused("iv", AT_18, "2026-12-01T18:15:00Z", order_digest=digest, certainty=Certainty.RUNNING)
    for moment, expected in ((Moment.CHECK, ["hard"]), (Moment.START, []), (Moment.CONTINUATION, [])):
        found = verdict(base=daily, context=Context(AT, own, moment=moment))
        assert severities(found, "Q03") == expected, moment
