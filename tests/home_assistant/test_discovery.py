"""What we announce: by Home Assistant's rules, readable from the state that we really tell, and never commanding."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from protocols.companion import messages as wire
from protocols.mqtt.contract import PERIOD_S, STATE_EXPIRY_S
from protocols.mqtt.events import EVENT_TYPES
from protocols.mqtt.home_assistant import EXPIRE_AFTER_S, Pump, announcements
from protocols.mqtt.payloads import State
from protocols.mqtt.topics import Topics
from pumpctl.core.delivery import DeliveryState
from tests.controller.desk import Desk
from tests.controller.orders import once
from tests.controller.scenes import infusing
from tests.home_assistant.rules import AnyEntity, BinarySensor, Event, Sensor, read
from tests.home_assistant.templates import key_of, render

GOLDEN = Path(__file__).with_name("golden_pump_a.json")
TOPICS = Topics("pumpctl", "rig")
PUMP_A = Pump("a", "companion", "SIM-0001", simulated=True)
EVERYTHING = {wire.GetStatus, wire.ReadProgram, wire.GetEvent, wire.Renew, wire.Identify}
DAEMON, LINK = "pumpctl/rig/availability", "pumpctl/a/link"
# What must be seen also while the pump is out of reach: there is an alarm about just that.
DAEMON_ALONE = {"last_status", "alarm", "alarm_text", "link", "link_reason", "event"}


def entities(topics: Topics = TOPICS, pump: Pump = PUMP_A) -> dict[str, AnyEntity]:
    (announcement,) = announcements(topics, [pump], "0.1.0")
    return read(announcement.topic, announcement.payload)


def test_the_announcement_of_one_channel_is_the_golden_one() -> None:
    """A change here changes what people have built upon it: entity ids, names, units."""
    (announcement,) = announcements(TOPICS, [PUMP_A], "0.1.0")
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    assert {"topic": announcement.topic, "payload": announcement.payload} == golden


def test_one_announcement_a_channel_under_the_prefix() -> None:
    pumps = [Pump(name, "miva", "1", simulated=False) for name in ("a", "left-arm", "b_2")]
    told = announcements(TOPICS, pumps, "0.1.0", prefix="ha/discovery")
    assert [each.topic for each in told] == [
        "ha/discovery/device/pumpctl_a/config",
        "ha/discovery/device/pumpctl_left-arm/config",
        "ha/discovery/device/pumpctl_b_2/config",
    ]
    for each in told:
        read(each.topic, each.payload)


@pytest.mark.parametrize("base", ["pumpctl", "ward/3/pumps", "P-1"])
@pytest.mark.parametrize("channel", ["a", "0", "a-b_c", "x" * 32, "a-"])
def test_every_base_and_channel_that_can_be_set_gives_names_that_home_assistant_takes(base: str, channel: str) -> None:
    entities(Topics(base, "i"), Pump(channel, "new_era", "none", simulated=True))


def test_names_are_the_same_in_every_life_and_different_for_every_entity() -> None:
    assert announcements(TOPICS, [PUMP_A], "1") == announcements(TOPICS, [PUMP_A], "1")
    others = [Topics("pumpctl", "rig"), Topics("other", "rig")]
    names = [
        (entity.platform, entity.unique_id)
        for topics in others
        for channel in ("a", "a_programmed", "a_link", "b")
        for entity in entities(topics, Pump(channel, "companion", "S", simulated=True)).values()
    ]
    assert len(set(names)) == len(names)


def test_nothing_in_it_commands() -> None:
    text = GOLDEN.read_text(encoding="utf-8")
    assert {entity.platform for entity in entities().values()} == {"sensor", "binary_sensor", "event"}
    assert not re.search(r"command|payload_press|/set|_set\b", text)


def test_the_options_are_the_states_and_the_events_those_that_are_told() -> None:
    found = entities()
    state, event = found["state"], found["event"]
    assert isinstance(state, Sensor)
    assert isinstance(event, Event)
    assert state.options == [each.value for each in DeliveryState]
    assert event.event_types == list(EVENT_TYPES)


def test_units_are_those_of_the_state_and_a_rate_has_no_device_class() -> None:
    of_suffix = {"ml": "mL", "ml_h": "mL/h", "mg_min": "mg/min", "mmhg": "mmHg", "percent": "%"}
    for name, entity in entities().items():
        if not isinstance(entity, Sensor) or entity.unit_of_measurement is None:
            continue
        key = key_of(str(entity.value_template))
        (unit,) = [unit for suffix, unit in of_suffix.items() if key.endswith("_" + suffix)]
        assert entity.unit_of_measurement == unit, name
        assert ("/" in unit) <= (entity.device_class is None), name


@pytest.mark.hazard("H66")
def test_what_is_old_is_not_shown_as_live() -> None:
    assert STATE_EXPIRY_S < EXPIRE_AFTER_S < 3 * PERIOD_S
    for name, entity in entities().items():
        assert entity.availability is not None
        topics = [entry.topic for entry in entity.availability]
        assert topics == ([DAEMON] if name in DAEMON_ALONE else [DAEMON, LINK]), name
        assert entity.availability_mode == "all"
        if isinstance(entity, Sensor | BinarySensor):
            assert entity.expire_after == EXPIRE_AFTER_S, name


def rendered(state: dict[str, Any]) -> dict[str, str]:
    return {
        name: render(str(entity.value_template), state)
        for name, entity in entities().items()
        if isinstance(entity, Sensor | BinarySensor)
    }


def test_every_key_is_one_of_the_contract_and_of_the_state_that_the_controller_tells() -> None:
    keys = {key_of(str(e.value_template)) for e in entities().values() if isinstance(e, Sensor | BinarySensor)}
    assert keys <= set(State.model_fields)
    assert keys <= set(Desk().told)


def test_a_fresh_daemon_knows_nothing_and_says_so() -> None:
    shown = rendered(Desk().told)
    assert shown["state"] == "unknown"
    assert {shown[key] for key in ("flow", "delivered_least", "delivered_most", "battery", "last_status")} == {"None"}
    assert (shown["alarm"], shown["alarm_text"], shown["link"]) == ("OFF", "no alarm", "OFF")


def test_a_running_infusion_is_shown_with_its_interval() -> None:
    desk = infusing(once())
    desk.run_for(600_000)
    shown = rendered(desk.told)
    assert (shown["state"], shown["alarm"], shown["link"], shown["link_reason"]) == (
        "infusing",
        "OFF",
        "ON",
        "connected",
    )
    assert float(shown["delivered_least"]) <= float(shown["delivered_most"]) <= float(shown["programmed_volume"]) * 1.06
    assert float(shown["flow"]) == float(shown["programmed_flow"])
    assert 0 < float(shown["progress"]) < 100
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", shown["last_status"])


def test_an_alarm_is_told_in_words_and_when_the_pump_was_heard_last() -> None:
    desk = infusing(once())
    desk.run_for(10_000)
    desk.pump.deaf = EVERYTHING
    desk.run_for(70_000)
    shown = rendered(desk.told)
    assert (shown["alarm"], shown["alarm_text"]) == ("ON", "LOW: no contact with the pump")
    assert (shown["link"], shown["link_reason"]) == ("OFF", "nothing heard for 3 s")
    age = timedelta(milliseconds=desk.told["status_age_ms"])
    told_at = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=desk.told["at_ms"])
    assert timedelta(seconds=60) < age < timedelta(seconds=75)
    assert datetime.fromisoformat(shown["last_status"]) == told_at - age


@pytest.mark.parametrize(
    "template",
    [
        "{{ value_json.flow_ml_h | float }}",
        "{{value_json.state}}",
        "{{ value_json['state'] }}",
        "x",
        "{{ states('x') }}",
    ],
)
def test_a_form_of_template_that_is_not_rendered_here_is_refused(template: str) -> None:
    with pytest.raises(ValueError, match="not one of the forms"):
        render(template, {"state": "idle"})


def test_a_key_that_is_not_told_is_an_error() -> None:
    with pytest.raises(KeyError):
        render("{{ value_json.rate }}", {"flow_ml_h": 1.0})
