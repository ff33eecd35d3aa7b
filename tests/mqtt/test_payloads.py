"""What the controller publishes is what the contract holds, and the contract refuses what is not."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from protocols.mqtt.events import EVENT_TYPES, OTHER, TOLD, UNREADABLE, Event, event_of
from protocols.mqtt.payloads import Alarm, State
from protocols.mqtt.topics import Topics
from pumpctl.core.delivery import DeliveryState
from pumpctl.drivers.pump import PumpActivity
from pumpctl.effects import Publish, Record
from pumpctl.shell.retirement import KIND
from pumpctl.supervision.channel import Link
from pumpctl.supervision.wall_clock import CONFIRMED, STARTED, STEPPED
from tests.controller.desk import A, Desk
from tests.controller.orders import once
from tests.controller.scenes import infusing, loaded

ROOT = Path(__file__).resolve().parents[2]
OURS = Topics("pumpctl", "rig")


def judged(desk: Desk) -> dict[str, int]:
    """Every publication and every record held against its model; how many there were of each kind."""
    seen: dict[str, int] = {}
    for effect in desk.effects:
        match effect:
            case Publish(_, "state", payload):
                State.model_validate(payload)
                kind = "state"
            case Publish(channel, leaf, payload) if leaf.startswith("alarm/"):
                code = leaf.removeprefix("alarm/")
                assert OURS.alarm(channel, code).endswith(leaf)
                if payload is not None:
                    told = Alarm.model_validate(payload)
                    assert (told.channel, told.code) == (channel, code)
                kind = "alarm" if payload is not None else "alarm over"
            case Publish(_, "link", payload):
                assert payload in ({"link": "up"}, {"link": "down"})
                kind = "link"
            case Record(seq, kind, body, utc_ms):
                told = event_of(seq, utc_ms, kind, json.loads(json.dumps(body)))
                assert told.event_type == kind, f"{kind} is told as {told.event_type}: {body}"
                assert told == Event.model_validate(told.told())
                assert "tester" not in {str(value) for value in told.told().values()}
                assert desk.channels[0].patient_id not in json.dumps(told.told())
            case _:
                continue
        seen[kind] = seen.get(kind, 0) + 1
    return seen


def test_a_whole_infusion_with_alarms_and_a_stop_says_what_the_contract_holds():
    desk = infusing(once())
    desk.run_for(61_000)
    desk.ask("observe", breathing_rate="14 /min", person="tester")
    desk.ask("pause")
    desk.must_be(DeliveryState.PAUSED, 3_000)
    desk.ask("resume")
    desk.run_for(1_100)
    desk.press(token=9)
    desk.must_be(DeliveryState.INFUSING, 5_000)
    desk.unplug()
    desk.run_for(70_000)
    desk.plug_in()
    desk.must_be(DeliveryState.INFUSING, 5_000)
    desk.ask("stop")
    desk.must_be(DeliveryState.STOPPED, 3_000)
    desk.ask("clear", persons=["tester", "second"])
    desk.run_for(3_000)
    seen = judged(desk)
    assert {"state", "alarm", "alarm over", "link", "daemon_started", "order_accepted", "bag_checked"} <= set(seen)
    assert {"dosing_intent", "progress", "observed", "supervision_resumed", "settled", "stop_requested"} <= set(seen)


def test_a_daemon_without_a_pump_says_what_the_contract_holds():
    desk = Desk()
    desk.run_for(70_000)
    assert judged(desk)["alarm"] >= 1
    assert desk.told["flow_ml_h"] is None
    assert desk.told["life"] >= 1


def test_a_restarted_daemon_is_another_life():
    desk = loaded(once())
    again = desk.restarted()
    again.run_for(1_500)
    assert again.told["life"] > desk.told["life"]
    assert again.told["seq"] < desk.told["seq"]
    judged(again)


def test_the_words_of_the_contract_are_the_words_of_the_daemon():
    properties = State.model_json_schema()["properties"]
    assert properties["state"]["enum"] == [state.value for state in DeliveryState]
    assert properties["link"]["enum"] == [link.value for link in Link]
    for activity in PumpActivity:
        told = event_of(1, 0, "supervision_resumed", {"channel": A, "found": activity.value})
        assert told.found == activity.value


@pytest.fixture(scope="module")
def state() -> dict[str, Any]:
    return infusing(once()).told


@pytest.mark.hazard("H66")
@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"schema": "pumpctl/state/2"}, "schema"),
        ({"flow": 10.0}, "Extra inputs"),
        ({"flow_ml_h": "10"}, "flow_ml_h"),
        ({"flow_ml_h": float("nan")}, "flow_ml_h"),
        ({"flow_ml_h": -0.1}, "flow_ml_h"),
        ({"seq": 0}, "seq"),
        ({"seq": True}, "seq"),
        ({"life": 0}, "life"),
        ({"state": "running"}, "state"),
        ({"link": "silent"}, "does not answer"),
        ({"status_age_ms": None}, "without a status"),
        ({"delivered_least_ml": 2.0, "delivered_most_ml": 1.0}, "above delivered_most_ml"),
        ({"program_id": "12"}, "program_id"),
        ({"alarms": [{"code": "air", "priority": "loud", "message": ""}]}, "priority"),
    ],
)
def test_the_model_of_a_state_refuses_what_is_wrong(state: dict[str, Any], wrong: dict[str, Any], complaint: str):
    State.model_validate(state)
    with pytest.raises(ValidationError, match=complaint):
        State.model_validate({**state, **wrong})


def test_a_state_that_lacks_a_key_is_refused(state: dict[str, Any]):
    for key in state:
        with pytest.raises(ValidationError, match=key):
            State.model_validate({name: value for name, value in state.items() if name != key})


def test_an_event_says_only_what_its_kind_says():
    told = event_of(7, 5, "alarm_ended", {"channel": A, "code": "air", "person": "tester", "outcome": "denied"})
    assert told.told() == {
        "schema": "pumpctl/event/1",
        "seq": 7,
        "at_ms": 5,
        "channel": A,
        "event_type": "alarm_ended",
        "code": "air",
    }
    with pytest.raises(ValidationError, match="alarm_ended does not say outcome"):
        Event.model_validate({**told.told(), "outcome": "denied"})
    with pytest.raises(ValidationError, match="no such event"):
        Event.model_validate({**told.told(), "event_type": "started_by_mqtt"})


def test_what_is_not_known_or_not_readable_is_told_as_no_more_than_that():
    assert event_of(7, 5, "of_a_later_version", {"channel": A, "person": "x"}).told()["event_type"] == OTHER
    bodies: list[object] = [None, [], "text", {"channel": 5}, {"channel": A, "code": "no/level"}, {"code": {}}]
    for body in bodies:
        assert event_of(7, 5, "alarm_ended", body).event_type == UNREADABLE
    assert set(EVENT_TYPES) == {*TOLD, OTHER, UNREADABLE}


def test_every_kind_of_record_has_its_row():
    written = "\n".join(path.read_text() for path in (ROOT / "pumpctl/supervision").glob("*.py"))
    kinds = set(re.findall(r"\.record\(\s*\"(\w+)\"", written)) | {STARTED, STEPPED, CONFIRMED, KIND}
    assert kinds == set(TOLD)
