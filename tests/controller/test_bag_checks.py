"""Each occurrence with its own bag check: what is asked for, what is remembered, what is judged again at the door."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from protocols.companion import messages as wire
from pumpctl.core.delivery import DeliveryState
from tests.controller.desk import A, B, Desk
from tests.controller.orders import checked, golden, once, two_containers
from tests.controller.scenes import infusing, two_channels

D = DeliveryState
HOUR_MS, DAY_MS = 3_600_000, 24 * 3_600_000


def ready() -> Desk:
    desk = Desk()
    desk.plug_in()
    desk.run_for(1_000)
    return desk


def check(desk: Desk, order: dict[str, Any], **changes: object) -> str:
    """The right check with some of its first bag's, its site's or its answers' fields changed."""
    right = json.loads(checked(order, desk.now.utc_ms))
    for name, value in changes.items():
        place = next((part for part in (right["site"], right["answers"]) if name in part), right["bags"][0])
        (place["label"] if name in place.get("label", {}) else place)[name] = value
    return json.dumps(right)


def not_prepared(desk: Desk, number: int) -> list[str]:
    desk.run_for(100)
    told = desk.given(number)
    assert told["verdict"] == "accepted"
    assert told["prepared"] is None
    return [reason["code"] for reason in told["not_prepared"]]


def test_without_a_check_the_order_stands_and_nothing_is_loaded():
    desk = ready()
    number = desk.submit(once(), check=None)
    assert not_prepared(desk, number) == ["no_bag_check"]
    assert "--check" in desk.given(number)["not_prepared"][0]["message"]
    number = desk.prepare(check=None)
    refused = desk.refused(number)
    assert (refused.exit_code, [reason.code for reason in refused.reasons]) == (4, ["no_bag_check"])
    assert desk.written(wire.Load) == 0
    desk.prepare()
    desk.must_be(D.AWAITING_CONFIRMATION, 5_000)


def test_the_check_is_in_the_journal_before_the_start():
    desk = infusing(once())
    kinds = [record.kind for record in desk.records]
    assert kinds.index("order_accepted") < kinds.index("bag_checked") < kinds.index("dosing_intent")
    body = desk.recorded("bag_checked")[0].body
    assert body["occurrence"] == 1
    assert body["check"]["bags"][0]["label"]["content"] == "200 mg"
    assert body["check"]["checked_by"] == "nurse on duty"


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"patient": "patient-0002"}, "B01"),
        ({"content": "300 mg"}, "B01"),
        ({"beyond_use_at": "2026-12-01T19:00:00Z"}, "B01"),  # ends an hour after the start, a second later
        ({"residual_volume": "0.1 mL"}, "B03"),
        ({"bag_id": ""}, "B02"),
        ({"drowsy": True}, "Q27"),
        ({"reaction": True}, "P11"),
    ],
)
def test_a_check_that_does_not_hold_loads_nothing(changes: dict[str, Any], rule: str):
    desk = ready()
    number = desk.submit(once(), check=check(desk, once(), **changes))
    assert not_prepared(desk, number) == [rule]
    number = desk.prepare(check=check(desk, once(), **changes))
    assert (desk.refused(number).exit_code, desk.refused(number).reasons[0].code) == (4, rule)
    assert desk.written(wire.Load) == 0
    assert desk.recorded("bag_checked") == []


def test_what_is_not_a_check_is_usage_and_the_order_is_not_taken():
    desk = ready()
    for wrong in ("{", "{}", 7):
        number = desk.submit(once(), check=wrong)
        assert desk.refused(number).exit_code == 2
    assert desk.controller.ward.orders == {}


def test_an_unanswered_question_is_overridden_for_this_start_and_no_other():
    desk = ready()
    number = desk.submit(once(), check=check(desk, once(), faint=None))
    assert not_prepared(desk, number) == ["Q27"]
    number = desk.prepare(check=check(desk, once(), faint=None))
    assert desk.refused(number).exit_code == 3
    assert (desk.refused(number).details or {})["verdict"] == "needs_override"
    override = "Q27=physician on call:cannot speak, observed"
    number = desk.prepare(check=check(desk, once(), faint=None), overrides=[override])
    assert desk.given(number)["prepared"]["occurrence"] == 1
    desk.must_be(D.AWAITING_CONFIRMATION, 5_000)
    desk.press()
    desk.must_be(D.INFUSING, 5_000)  # it holds at the door as well
    assert desk.recorded("bag_checked")[0].body["overrides"][0]["person"] == "physician on call"


def test_advice_is_told_and_blocks_nothing():
    desk = ready()
    number = desk.submit(once(), check=check(desk, once(), diarrhoea=True))
    desk.must_be(D.AWAITING_CONFIRMATION, 5_000)
    (advice,) = desk.given(number)["advice"]
    assert advice["rule"] == "Q27"
    assert "within 48 h" in advice["message"]


@pytest.mark.parametrize("checked_bag", [True, False], ids=["loaded", "not loaded yet"])
def test_a_pump_stricter_than_the_profile_is_told_with_the_order_as_pumpctl_plan_tells_it(checked_bag: bool):
    desk = ready()
    assert desk.channel.identity is not None
    stricter = replace(desk.channel.identity.capability, may_stop_alone=True)
    desk.channel.identity = replace(desk.channel.identity, capability=stricter)
    number = desk.submit(once(), **({} if checked_bag else {"check": None}))
    desk.run_for(500)
    assert (desk.given(number)["prepared"] is not None) is checked_bag
    (advice,) = desk.given(number)["advice"]
    assert advice["rule"] == "U04"
    assert "may stop by itself" in advice["message"]


@pytest.mark.parametrize("params", [{}, {"check": None}], ids=["loaded", "not loaded yet"])
def test_a_pump_that_does_as_the_profile_asks_needs_no_advice(params: dict[str, Any]):
    desk = ready()
    number = desk.submit(once(), **params)
    desk.run_for(500)
    assert desk.given(number)["advice"] == []


def test_of_a_pump_that_is_not_there_nothing_is_advised():
    desk = Desk()
    number = desk.submit(once())
    assert "identity_unproven" in not_prepared(desk, number)
    assert desk.given(number)["advice"] == []


@pytest.mark.hazard("H30")
def test_the_bag_is_judged_again_at_the_door():
    """Loaded in time, confirmed too late for the bag's beyond-use time."""
    desk = ready()
    desk.submit(once(), check=check(desk, once(), beyond_use_at="2026-12-01T19:00:30Z"))
    desk.must_be(D.AWAITING_CONFIRMATION, 5_000)
    desk.run_for(60_000)
    desk.press()
    desk.run_for(3_000)
    assert desk.written(wire.Start) == 0
    assert "B01" in desk.alarms("start_refused")[-1].message


def next_day(desk: Desk) -> None:
    desk.must_be(D.COMPLETED, 2 * HOUR_MS)
    desk.run_for(DAY_MS)


def daily() -> dict[str, Any]:
    """Golden, an hour long, from 18:00 UTC on."""
    order = golden(phases=once()["phases"])
    order["schedule"] |= {"local_time": "19:00"}
    return order


OVERRIDE = "Q31=pharmacist on call:daily regimen of the case report"


def first_day() -> Desk:
    desk = ready()
    desk.submit(daily(), overrides=[OVERRIDE], check=check(desk, daily(), bag_id="BAG-7"))
    desk.must_be(D.AWAITING_CONFIRMATION, 5_000)
    desk.press()
    desk.must_be(D.INFUSING, 5_000)
    return desk


@pytest.mark.parametrize("restarted", [False, True])
def test_the_same_bag_is_refused_the_next_day_over_restarts_too(restarted: bool):
    desk = first_day()
    next_day(desk)
    if restarted:
        desk = desk.restarted()
        desk.plug_in()
        desk.run_for(3_000)
    number = desk.prepare(check=check(desk, daily(), bag_id="bag-7"))
    assert [reason.code for reason in desk.refused(number).reasons] == ["B02"]
    number = desk.prepare(check=check(desk, daily(), bag_id="BAG-8"))
    assert desk.given(number)["prepared"]["occurrence"] == 2


def test_a_bag_that_was_loaded_and_never_started_may_hang_again():
    desk = ready()
    same = check(desk, once())
    desk.submit(once(), check=same)
    desk.must_be(D.AWAITING_CONFIRMATION, 5_000)
    desk.ask("stop")
    desk.must_be(D.STOPPED, 5_000)
    desk.ask("clear")
    desk.must_be(D.IDLE, 5_000)
    number = desk.prepare(check=same)
    assert desk.given(number)["prepared"]["occurrence"] == 1


def test_a_named_occurrence_outside_its_window_needs_an_override():
    desk = first_day()
    desk.must_be(D.COMPLETED, 2 * HOUR_MS)
    desk.run_for(DAY_MS + 7 * HOUR_MS)  # the second was missed by seven hours
    number = desk.prepare(occurrence=2)
    assert (desk.refused(number).exit_code, [r.code for r in desk.refused(number).reasons]) == (3, ["S02"])
    number = desk.prepare(occurrence=2, overrides=["S02=physician on call:delivery was late"])
    desk.must_be(D.AWAITING_CONFIRMATION, 5_000)
    desk.run_for(20 * 60_000)
    desk.press()
    desk.must_be(D.INFUSING, 5_000)
    number = desk.prepare(occurrence=15)
    assert desk.refused(number).reasons[0].code == "no_such_occurrence"


def test_an_agreed_late_start_is_not_open_for_ever():
    desk = first_day()
    desk.must_be(D.COMPLETED, 2 * HOUR_MS)
    desk.run_for(DAY_MS + 7 * HOUR_MS)
    desk.prepare(occurrence=2, overrides=["S02=physician on call:delivery was late"])
    desk.must_be(D.AWAITING_CONFIRMATION, 5_000)
    desk.run_for(31 * 60_000)
    assert desk.state is D.IDLE
    assert "start_window_over" in desk.active_alarms()


def test_each_container_hangs_from_its_own_checked_bag():
    desk = ready()
    desk.submit(two_containers(), check=check(desk, two_containers()))
    desk.must_be(D.AWAITING_CONFIRMATION, 5_000)
    desk.press()
    desk.must_be(D.INFUSING, 5_000)
    bags = [bag["bag_id"].casefold() for bag in desk.recorded("bag_checked")[0].body["check"]["bags"]]
    assert list(desk.controller.ward.used_bags) == bags[:1]
    desk.must(lambda: desk.state is D.AWAITING_CONFIRMATION, 10 * HOUR_MS)
    desk.press(token=8)
    desk.must_be(D.INFUSING, 5_000)
    assert list(desk.controller.ward.used_bags) == bags


@pytest.mark.hazard("H33")
def test_a_stop_in_doubt_on_one_pump_refuses_new_magnesium_on_the_other():
    desk = Desk(channels=two_channels())
    desk.plug_in(A)
    desk.plug_in(B)
    desk.run_for(1_000)
    desk.submit(once("one"), A)
    desk.must_be(D.AWAITING_CONFIRMATION, 5_000)
    desk.press()
    desk.must_be(D.INFUSING, 5_000)
    desk.pump.commanded_ul_h = 20_000  # somebody at its keys: nobody knows the dose
    desk.must_be(D.STOPPED, 30_000)
    number = desk.submit(once("two"), B)
    assert "S06" in [reason.code for reason in desk.refused(number).reasons]
