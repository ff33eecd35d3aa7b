"""When an occurrence may start: S01 to S05 at their edges, and the order judged anew with the ledger of then."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pumpctl.core.exposure import Certainty
from pumpctl.core.library import Library
from pumpctl.core.limit import Measure
from pumpctl.core.rules.case import Context
from pumpctl.core.rules.start_case import tightest_ms
from pumpctl.core.rules.windows import START_WINDOW_MS
from pumpctl.core.schedule import expand
from pumpctl.core.start_verdict import judge_start
from pumpctl.core.validation import Decision, bind, judge
from tests.core.golden import (
    AT,
    DAY_MS,
    FIRST_DUE,
    HOUR_MS,
    LIBRARY,
    blocking,
    instant,
    order,
    severities,
    verdict,
)
from tests.core.starts import MINUTE_MS, given, judged, ledger, start


def test_the_golden_start_is_accepted():
    found = judged()
    assert found.decision is Decision.ACCEPTED
    assert blocking(found) == {("Q31", "soft")}


def test_a_start_is_judged_with_every_rule_on_the_order():
    """What was found at acceptance holds no more: the clearance has fallen since."""
    sick = order({"results.0.value": "20 mL/min"})
    assert severities(judged(start(sick), sick), "Q01") == ["hard"]
    assert severities(judge_start(order(), LIBRARY, Context(FIRST_DUE), start()), "Q31") == ["soft"]


# S01


@pytest.mark.hazard("H29")
@pytest.mark.parametrize("certainty", [Certainty.COMMITTED, Certainty.RUNNING, Certainty.UNCERTAIN])
def test_a_repeat_after_power_loss_is_refused(certainty: Certainty):
    """Clinical.md section 6: the same occurrence once more, from another attempt."""
    own = order()
    before = given(FIRST_DUE, digest=own.digest, certainty=certainty, hours=1)
    found = judged(start(own, attempt=2), own, FIRST_DUE + HOUR_MS, ledger(before))
    assert severities(found, "S01") == ["hard"]


def test_what_was_only_planned_or_is_another_occurrence_does_not_count():
    own = order()
    planned = given(FIRST_DUE, digest=own.digest, certainty=Certainty.PLANNED)
    assert severities(judged(start(own), own, FIRST_DUE, ledger(planned)), "S01") == []
    first = given(FIRST_DUE, digest=own.digest)
    assert severities(judged(start(own, number=2), own, FIRST_DUE + DAY_MS, ledger(first)), "S01") == []


def test_its_own_intent_in_the_ledger_is_not_a_repeat():
    own = order()
    this = start(own)
    intent = given(FIRST_DUE, digest=own.digest, key=this.program.program_id.hex(), certainty=Certainty.RUNNING)
    assert judged(this, own, FIRST_DUE, ledger(intent)).decision is Decision.ACCEPTED


def test_a_resume_is_not_a_start():
    own = order()
    this = replace(start(own), paused_ms=MINUTE_MS)
    running = given(FIRST_DUE, digest=own.digest, key=this.program.program_id.hex(), certainty=Certainty.RUNNING)
    found = judged(this, own, FIRST_DUE + 9 * HOUR_MS, ledger(running))  # S02 and S03 are about starts, too
    assert found.decision is Decision.ACCEPTED


# S02


@pytest.mark.parametrize(
    ("offset_ms", "expected"),
    [
        (-2 * HOUR_MS, []),
        (-2 * HOUR_MS - 1, ["soft"]),
        (0, []),
        (6 * HOUR_MS, []),
        (6 * HOUR_MS + 1, ["soft"]),
    ],
)
def test_two_hours_before_and_six_after(offset_ms: int, expected: list[str]):
    assert severities(judged(at_utc_ms=FIRST_DUE + offset_ms), "S02") == expected


def test_an_override_of_the_window_holds_while_time_goes_on():
    late = FIRST_DUE + 7 * HOUR_MS
    seen = judged(at_utc_ms=late)
    overrides = tuple(o for rule in ("S02", "Q31") for o in bind(seen, rule, "pharmacist on call", "delivery was late"))
    seen_q31 = judge(order(), LIBRARY, Context(late))
    overrides += bind(seen_q31, "Q31", "pharmacist on call", "as in the case report")
    later = judge_start(order(), LIBRARY, Context(late + 10 * MINUTE_MS, overrides=overrides), start())
    assert later.decision is Decision.ACCEPTED
    other = judge_start(order(), LIBRARY, Context(late + DAY_MS, overrides=overrides), start(number=2))
    assert other.decision is Decision.NEEDS_OVERRIDE  # it was given for another occurrence


@pytest.mark.hazard("H33")
@pytest.mark.parametrize("certainty", [Certainty.RUNNING, Certainty.UNCERTAIN])
def test_other_magnesium_running_or_unresolved(certainty: Certainty):
    other = given(FIRST_DUE - 3 * DAY_MS, certainty=certainty, route="iv")
    found = judged(ledger=ledger(other))
    assert severities(found, "S02") == ["hard"]
    resumed = replace(start(), paused_ms=MINUTE_MS)
    assert severities(judged(resumed, ledger=ledger(other)), "S02") == ["hard"]


def test_other_magnesium_that_has_ended_or_is_another_patients():
    ended = given(FIRST_DUE - 3 * DAY_MS)
    anothers = given(FIRST_DUE, patient="patient-0002", certainty=Certainty.RUNNING)
    assert severities(judged(ledger=ledger(ended, anothers)), "S02") == []


# S03


@pytest.mark.parametrize(("gap_ms", "expected"), [(20 * HOUR_MS, []), (20 * HOUR_MS - 1, ["hard"])])
def test_twenty_hours_between_starts_of_any_order(gap_ms: int, expected: list[str]):
    found = judged(ledger=ledger(given(FIRST_DUE - gap_ms, hours=1)))
    assert sorted(set(severities(found, "S03"))) == expected
    own = order()
    second = start(own, number=2)
    first = given(second.occurrence.due_utc_ms - gap_ms, digest=own.digest, hours=1)
    found = judged(second, own, second.occurrence.due_utc_ms, ledger(first))
    assert severities(found, "S03") == expected


def test_a_second_bag_on_the_same_day_under_a_new_order_id():
    """Clinical.md section 6. Refused at the check of the new order already, and at its start."""
    again = {"order_id": "golden-again", "schedule": {"repeat": "once", "at": "2026-12-02T06:00:00Z"}}
    first = ledger(given(FIRST_DUE))
    due = instant("2026-12-02T06:00:00Z")
    assert "hard" in severities(verdict(again, context=Context(due, first)), "S03")
    second = order(again)
    assert "hard" in severities(judged(start(second), second, due, first), "S03")


def test_the_gap_is_between_subcutaneous_starts():
    found = judged(ledger=ledger(given(FIRST_DUE - 5 * HOUR_MS, hours=1, route="iv", grams=1)))
    assert severities(found, "S03") == []


def test_late_today_does_not_refuse_today_for_tomorrows_sake():
    """Five hours late: tomorrow's due instant is 19 h away, and tomorrow is tomorrow's check."""
    own = order()
    late = FIRST_DUE + 5 * HOUR_MS
    this = start(own)
    running = given(late, digest=own.digest, key=this.program.program_id.hex(), certainty=Certainty.RUNNING)
    assert severities(judged(this, own, late, ledger(running)), "S03") == []
    tomorrow = start(own, number=2)
    done = ledger(given(late, digest=own.digest))
    assert severities(judged(tomorrow, own, late + 20 * HOUR_MS - 1, done), "S03") == ["hard"]
    assert severities(judged(tomorrow, own, late + 20 * HOUR_MS, done), "S03") == []


@pytest.mark.parametrize(
    ("hours", "first", "last", "expected"),
    [
        ("22 h", "2026-12-01", "2026-12-14", []),
        ("22.001 h", "2026-12-01", "2026-12-14", ["hard"]),
        ("22 h", "2026-12-01", "2026-12-01", []),
        ("23 h", "2026-12-01", "2026-12-01", []),
    ],
)
def test_an_infusion_ends_two_hours_before_the_next(hours: str, first: str, last: str, expected: list[str]):
    schedule = {"schedule.first_date": first, "schedule.last_date": last, "phases.0.duration": hours}
    assert severities(verdict(schedule), "S03") == expected


def test_the_short_day_of_spring_counts():
    def spring(hours: str) -> list[str]:
        changes = {"schedule.first_date": "2026-03-20", "schedule.last_date": "2026-04-02", "phases.0.duration": hours}
        return severities(verdict(changes, context=Context(instant("2026-03-20T08:00:00Z"))), "S03")

    assert spring("21 h") == []
    assert spring("21.001 h") == ["hard"]  # 23 h from one 20:00 to the next


def test_starts_over_both_clock_changes_keep_their_gap():
    """20:00 in Berlin: 23 h apart in spring and 25 h in autumn, both more than 20 h."""
    for first, last in (("2026-03-27", "2026-03-31"), ("2026-10-23", "2026-10-27")):
        dated = order({"schedule.first_date": first, "schedule.last_date": last, "valid_until": "2026-11-30T00:00:00Z"})
        occurrences = expand(dated.schedule).occurrences
        before = ledger(*(given(o.due_utc_ms, digest=dated.digest, number=o.number) for o in occurrences[:-1]))
        last_one = start(dated, number=len(occurrences))
        assert severities(judged(last_one, dated, occurrences[-1].due_utc_ms, before), "S03") == []


# Q31, D24 at the start


def test_the_fourth_start_in_seven_days():
    three_a_week = {"schedule.repeat": "weekly", "schedule.weekdays": ["tuesday", "thursday", "saturday"]}
    own = order(three_a_week)
    assert severities(judged(of=own, this=start(own)), "Q31") == []
    for before_ms, expected in ((3 * DAY_MS - 1, ["soft"]), (3 * DAY_MS, [])):  # the third is due four days from now
        another = ledger(given(FIRST_DUE - before_ms))
        found = judge_start(own, LIBRARY, Context(FIRST_DUE, another), start(own))
        assert severities(found, "Q31") == expected


@pytest.mark.hazard("H34")
def test_the_ledger_of_that_instant_decides():
    """24 mmol in 24 h: 2 g are 8.1 mmol, 3 g more from elsewhere are let through, 4 g are not."""
    for grams, expected in ((3, []), (4, ["hard"])):
        other = given(FIRST_DUE - HOUR_MS, hours=1, grams=grams, route="iv")
        assert severities(judged(ledger=ledger(other)), "D24") == expected


# The table


def test_a_library_without_these_limits_denies_a_start():
    bare = replace(
        LIBRARY,
        profiles=tuple(replace(p, limits={r: v for r, v in p.limits.items() if r != "S02"}) for p in LIBRARY.profiles),
    )
    assert isinstance(bare, Library)
    found = judge_start(order(), bare, Context(FIRST_DUE), start())
    assert severities(found, "S02") == ["hard"]


def test_one_start_window_for_the_ledger_and_for_the_rule():
    """What is planned may still start as late as S02 allows without asking anybody."""
    profiles = {profile.name for profile in LIBRARY.profiles}
    assert {tightest_ms(LIBRARY, name, "S02", Measure.START_LATE) for name in profiles} == {START_WINDOW_MS}
    assert tightest_ms(LIBRARY, "unknown", "S02", Measure.START_LATE) == 0


def test_start_rules_say_nothing_at_a_plain_check():
    found = verdict(context=Context(AT))
    assert {finding.rule for finding in found.findings} & {
        "Q27",
        "P11",
        "S01",
        "S02",
        "S05",
        "B01",
        "B02",
        "B03",
    } == set()


def test_a_stop_that_is_not_cleared_refuses_every_order():
    context = Context(AT, uncleared_stops=("breathing rate 8/min on channel a",))
    assert severities(verdict(context=context), "S06") == ["hard"]
    assert severities(judge_start(order(), LIBRARY, replace(context, at_utc_ms=FIRST_DUE), start()), "S06") == ["hard"]
    assert severities(verdict(), "S06") == []
