"""What people ask: strict parameters, and no refusal without a code and a line for people."""

from __future__ import annotations

import json

import pytest

from protocols.companion.vocabulary import Alarm
from pumpctl.core.delivery import DeliveryState
from pumpctl.effects import Annunciate
from pumpctl.events import OperatorRequest, RecordFailed
from pumpctl.supervision.latches import ONE_PERSON
from pumpctl.supervision.operating import METHODS
from tests.controller.desk import A, B, Desk
from tests.controller.orders import golden, once
from tests.controller.scenes import infusing, loaded, two_channels

D = DeliveryState


def _refusal(desk: Desk, method: str, **params: object) -> tuple[int, list[str]]:
    number = desk.ask(method, **params)
    desk.run_for(2_100)
    refused = desk.refused(number)
    return refused.exit_code, [reason.code for reason in refused.reasons]


def test_an_unknown_method_is_answered_with_the_known_ones():
    desk = Desk()
    number = desk.ask("fly")
    assert desk.refused(number).exit_code == 2
    assert all(method in desk.refused(number).reasons[0].message for method in METHODS)


@pytest.mark.parametrize("method", METHODS)
def test_an_unknown_parameter_is_refused_everywhere(method: str):
    desk = Desk()
    assert _refusal(desk, method, colour="red") == (2, ["unknown_parameter"])


TAKE_A_CHANNEL = ["stop", "pause", "resume", "confirm", "clear", "ack", "away"]


@pytest.mark.parametrize("method", TAKE_A_CHANNEL)
def test_an_unknown_channel_is_refused_with_the_known_ones(method: str):
    desk = Desk(channels=two_channels())
    number = desk.ask(method, channel="c")
    (reason,) = desk.refused(number).reasons
    assert (desk.refused(number).exit_code, reason.code) == (2, "unknown_channel")
    assert "a, b" in reason.message


@pytest.mark.parametrize("method", ["pause", "resume", "confirm", "clear", "ack", "away"])
def test_with_two_channels_one_must_be_named(method: str):
    assert _refusal(Desk(channels=two_channels()), method) == (2, ["unknown_channel"])


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("stop", {"channel": 7}),
        ("stop", {"channel": ""}),
        ("pause", {"channel": "x" * 201}),
        ("ack", {}),
        ("ack", {"code": 5}),
        ("away", {}),
        ("away", {"until_ms": "soon"}),
        ("away", {"until_ms": True}),
        ("away", {"until_ms": 1.5}),
        ("order.submit", {}),
        ("order.submit", {"text": 3}),
        ("order.submit", {"text": "{}", "source_name": 3}),
        ("order.prepare", {}),
        ("order.cancel", {"order": 1}),
    ],
)
def test_a_parameter_of_the_wrong_kind_is_usage(method: str, params: dict[str, object]):
    exit_code, codes = _refusal(Desk(), method, **params)
    assert exit_code == 2
    assert codes[0] in {"bad_parameter", "unknown_channel"}


def test_an_unreadable_order_says_where_and_what_next():
    desk = Desk()
    number = desk.ask("order.submit", text="{", source_name="o.json")
    (reason,) = desk.refused(number).reasons
    assert (desk.refused(number).exit_code, reason.code) == (2, "order_unreadable")
    assert "o.json" in reason.message


@pytest.mark.parametrize("override", ["Q31", "Q31=x", "=p:r", 7, "q31=p:r"])
def test_an_override_must_name_rule_person_and_reason(override: object):
    desk = Desk()
    number = desk.ask("order.submit", text=json.dumps(golden()), overrides=[override])
    assert desk.refused(number).exit_code == 2


def test_an_order_that_needs_an_override_is_exit_3_with_the_whole_verdict():
    desk = Desk()
    number = desk.submit(golden())
    refused = desk.refused(number)
    assert (refused.exit_code, [reason.code for reason in refused.reasons]) == (3, ["Q31"])
    assert refused.details is not None
    assert refused.details["verdict"] == "needs_override"


def test_the_golden_order_with_its_override_is_prepared():
    desk = Desk()
    desk.plug_in()
    desk.run_for(1_000)
    number = desk.submit(golden(), overrides=["Q31=pharmacist on call:daily regimen of the case report"])
    desk.must_be(D.AWAITING_CONFIRMATION, 3_000)
    assert desk.given(number)["prepared"]["programs"] == 1


@pytest.mark.hazard("H24")
def test_an_order_of_another_patient_is_refused():
    assert _refusal(Desk(), "order.submit", text=json.dumps(once(patient="somebody else"))) == (4, ["wrong_patient"])


def test_a_refused_order_is_exit_4_with_its_rules():
    desk = Desk()
    number = desk.submit(once(flow="100 mL/h", duration="6 min"))
    assert desk.refused(number).exit_code == 4
    assert "P03" in {reason.code for reason in desk.refused(number).reasons}


def test_an_accepted_order_is_told_when_it_is_durable_and_not_before():
    desk = Desk()
    desk.holds_records = True
    number = desk.submit(once())
    desk.run_for(1_000)
    assert number not in desk.answers
    desk.release_records()
    assert desk.given(number)["verdict"] == "accepted"


@pytest.mark.hazard("H68")
@pytest.mark.parametrize("method", ["order.submit", "clear", "away", "order.cancel"])
def test_what_cannot_be_made_durable_is_refused_and_never_left_open(method: str):
    desk = Desk() if method == "order.submit" else infusing(once())
    order = next(iter(desk.controller.ward.orders), "")
    if method == "clear":
        desk.ask("stop")
        desk.must_be(D.STOPPED)
    desk.holds_records = True
    params: dict[str, dict[str, object]] = {
        "order.submit": {"text": json.dumps(once("another"))},
        "clear": {},
        "away": {"until_ms": desk.now.utc_ms + 1_000},
        "order.cancel": {"order": order},
    }
    before = desk.ask(method, **params[method])
    desk.tell(RecordFailed("disk full"))
    assert desk.refused(before).exit_code == 1
    after = desk.ask(method, **params[method])
    assert desk.refused(after).exit_code in {1, 4}


def test_confirm_points_to_the_pumps_own_button():
    assert _refusal(Desk(), "confirm") == (5, ["identity_unproven"])
    assert _refusal(loaded(once()), "confirm") == (4, ["confirm_at_the_pump"])


def test_pause_and_resume_say_what_the_channel_is_doing():
    desk = loaded(once())
    assert _refusal(desk, "pause") == (4, ["not_infusing"])
    assert _refusal(desk, "resume") == (4, ["not_paused"])


def test_a_fault_of_matter_clears_by_one_person():
    desk = infusing(once())
    desk.say(desk.pump.raise_alarm(Alarm.OCCLUSION_DOWNSTREAM, desk.link_ns))
    desk.must_be(D.STOPPED)
    desk.pump.alarms = Alarm(0)
    assert desk.given(desk.ask_and_wait("clear"))["cleared"] == ["occlusion_downstream"]
    assert desk.state is D.IDLE
    assert desk.active_alarms() == set()


@pytest.mark.parametrize(("persons", "clears"), [
    (["nurse"], False), (["nurse", "nurse"], False), (["nurse", " Nurse "], False), (["nurse", ""], False),
    (["nurse", "doctor"], True),
])  # fmt: skip
def test_a_doubt_about_the_dose_needs_two_persons(persons: list[str], clears: bool):
    desk = infusing(once())
    desk.pump.commanded_ul_h = 12_100
    desk.must_be(D.STOPPED, 5_000)
    assert "dose_rate_above_hard_limit" in desk.latched
    number = desk.ask_and_wait("clear", persons=persons)
    assert (desk.state is D.IDLE) is clears
    if not clears:
        assert desk.refused(number).exit_code in {2, 4}


def test_what_one_person_may_clear_is_listed_here_once_more():
    assert {
        "occlusion_downstream", "occlusion_upstream", "air_in_line", "door_open", "reservoir_empty", "battery_empty",
        "motor_stall", "over_temperature", "lease_ended", "self_test", "no_progress", "pump_reset", "stopped_at_pump",
        "program_gone", "operator_stop", "guard_stopped", "pause_too_long", "order_cancelled",
        "battery_critical",
    } == ONE_PERSON  # fmt: skip


def test_clear_without_a_latch_is_refused():
    assert _refusal(Desk(), "clear") == (4, ["not_latched"])


def test_an_acknowledged_alarm_is_silent_here_and_active_everywhere():
    desk = infusing(once())
    desk.ask("stop")
    desk.must_be(D.STOPPED)
    desk.ask("ack", code="operator_stop")
    rings = [e.active for e in desk.effects if isinstance(e, Annunciate) and e.code == "operator_stop"]
    assert rings == [True, False]
    assert desk.active_alarms() == {"operator_stop"}
    assert _refusal(desk, "ack", code="door_open") == (4, ["no_such_alarm"])


def test_stop_without_a_channel_stops_all():
    desk = Desk(channels=two_channels(same_patient=False))
    for channel in (A, B):
        desk.plug_in(channel)
    desk.run_for(1_000)
    number = desk.ask("stop")
    desk.run_for(1_000)
    assert desk.given(number) == {"stopped": [A, B], "proven": True}


def test_orders_are_listed_with_their_occurrences():
    desk = infusing(once())
    (order,) = desk.given(desk.ask("order.list"))["orders"]
    assert order["occurrences"] == [{"number": 1, "due_ms": order["occurrences"][0]["due_ms"], "begun": True}]


@pytest.mark.parametrize("digest", ["", "short", "0" * 64])
def test_an_order_is_named_by_at_least_eight_characters_of_its_digest(digest: str):
    desk = loaded(once())
    number = desk.ask("order.cancel", order=digest)
    assert desk.refused(number).reasons[0].code in {"unknown_order", "bad_parameter"}


def test_the_recorded_person_is_the_one_named():
    desk = loaded(once())
    desk.tell(OperatorRequest(900, "stop", {"person": "night nurse"}, "uid 1000"))
    assert "night nurse" in str(desk.recorded("stop_requested")[-1].body)
