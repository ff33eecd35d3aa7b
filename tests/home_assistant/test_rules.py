"""The rules take a small sound message and refuse each mistake that Home Assistant refuses, or drops silently."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.home_assistant.rules import read

TOPIC = "homeassistant/device/pump_1/config"
RATE = {"platform": "sensor", "unique_id": "1/rate", "unit_of_measurement": "mL/h", "state_class": "measurement"}
SOUND: dict[str, Any] = {
    "device": {"identifiers": ["1"]},
    "origin": {"name": "x"},
    "availability": [{"topic": "x/1/availability"}],
    "state_topic": "x/1/state",
    "components": {
        "rate": RATE,
        "mode": {"p": "sensor", "unique_id": "1/mode", "device_class": "enum", "options": ["idle", "infusing"]},
        "alarm": {"platform": "binary_sensor", "unique_id": "1/alarm", "device_class": "problem", "expire_after": 90},
        "event": {
            "platform": "event",
            "unique_id": "1/event",
            "state_topic": "x/1/event",
            "event_types": ["started", "stopped"],
            "default_entity_id": "event.pump_1",
        },
    },
}


def test_a_sound_message_is_taken_and_components_inherit() -> None:
    entities = read(TOPIC, SOUND)
    assert set(entities) == {"rate", "mode", "alarm", "event"}
    rate, event = entities["rate"], entities["event"]
    assert rate.availability is not None
    assert (rate.availability[0].payload_available, rate.availability[0].topic) == ("online", "x/1/availability")
    assert rate.platform == "sensor"
    assert rate.state_topic == "x/1/state"
    assert event.platform == "event"
    assert event.state_topic == "x/1/event"


def test_what_a_component_says_itself_wins() -> None:
    payload = copy.deepcopy(SOUND)
    payload["components"]["alarm"]["availability"] = [{"topic": "other"}]
    availability = read(TOPIC, payload)["alarm"].availability
    assert availability is not None
    assert [entry.topic for entry in availability] == ["other"]


def _set(*path: str, to: object) -> Callable[[dict[str, Any]], None]:
    def spoil(payload: dict[str, Any]) -> None:
        for key in path[:-1]:
            payload = payload[key]
        payload[path[-1]] = to

    return spoil


def _without(*path: str) -> Callable[[dict[str, Any]], None]:
    def spoil(payload: dict[str, Any]) -> None:
        for key in path[:-1]:
            payload = payload[key]
        del payload[path[-1]]

    return spoil


BROKEN = {
    "no_origin": _without("origin"),
    "origin_without_a_name": _set("origin", to={"sw_version": "1"}),
    "a_device_known_by_nothing": _set("device", to={"name": "pump"}),
    "no_unique_id": _without("components", "rate", "unique_id"),
    "one_unique_id_twice": _set("components", "mode", "unique_id", to="1/rate"),
    "no_components": _set("components", to={}),
    "no_platform": _without("components", "rate", "platform"),
    "no_state_topic": _without("state_topic"),
    "a_pattern_as_a_topic": _set("state_topic", to="x/+/state"),
    "mL_per_h_as_volume_flow_rate": _set("components", "rate", "device_class", to="volume_flow_rate"),
    "both_forms_of_availability": _set("availability_topic", to="x/1/availability"),
    "both_forms_by_inheritance": _set("components", "rate", "availability_topic", to="x/1/availability"),
    "an_unknown_mode_of_availability": _set("availability_mode", to="every"),
    "an_empty_list_of_availability": _set("availability", to=[]),
    "enum_without_options": _without("components", "mode", "options"),
    "enum_with_empty_options": _set("components", "mode", "options", to=[]),
    "options_without_enum": _set("components", "rate", "options", to=["a"]),
    "enum_with_a_unit": _set("components", "mode", "unit_of_measurement", to="mL"),
    "enum_with_a_state_class": _set("components", "mode", "state_class", to="measurement"),
    "timestamp_with_a_unit": _set("components", "rate", "device_class", to="timestamp"),
    "an_unknown_device_class": _set("components", "rate", "device_class", to="infusion_rate"),
    "volume_as_measurement": _set(
        "components", "rate", to={**RATE, "device_class": "volume", "unit_of_measurement": "mL"}
    ),
    "volume_storage_as_total": _set(
        "components",
        "rate",
        to={**RATE, "device_class": "volume_storage", "unit_of_measurement": "mL", "state_class": "total"},
    ),
    "pressure_without_a_unit": _set(
        "components", "rate", to={"platform": "sensor", "unique_id": "1/rate", "device_class": "pressure"}
    ),
    "battery_in_volts": _set("components", "rate", to={**RATE, "device_class": "battery", "unit_of_measurement": "V"}),
    "an_unknown_state_class": _set("components", "rate", "state_class", to="average"),
    "expire_after_as_a_text": _set("components", "alarm", "expire_after", to="90"),
    "expire_after_as_a_fraction": _set("components", "alarm", "expire_after", to=90.5),
    "expire_after_that_is_true": _set("components", "alarm", "expire_after", to=True),
    "expire_after_zero": _set("components", "alarm", "expire_after", to=0),
    "an_event_that_expires": _set("components", "event", "expire_after", to=90),
    "an_event_without_event_types": _without("components", "event", "event_types"),
    "an_event_with_empty_event_types": _set("components", "event", "event_types", to=[]),
    "an_event_type_twice": _set("components", "event", "event_types", to=["a", "a"]),
    "on_and_off_the_same": _set("components", "alarm", "payload_on", to="OFF"),
    "a_button_without_a_command_topic": _set("components", "b", to={"platform": "button", "unique_id": "1/b"}),
    "the_old_object_id": _set("components", "rate", "object_id", to="rate"),
    "an_entity_id_of_another_platform": _set("components", "event", "default_entity_id", to="sensor.pump_1"),
    "an_entity_id_that_is_no_slug": _set("components", "event", "default_entity_id", to="event.pump-1"),
    "a_misspelt_key": _set("components", "rate", "unit_of_measurment", to="mL/h"),
    "a_misspelt_key_at_the_root": _set("availability_modus", to="all"),
}


@pytest.mark.parametrize("spoil", BROKEN.values(), ids=BROKEN.keys())
def test_a_mistake_is_refused(spoil: Callable[[dict[str, Any]], None]) -> None:
    payload = copy.deepcopy(SOUND)
    spoil(payload)
    with pytest.raises(ValueError):  # noqa: PT011 (which of the rules, its own message says)
        read(TOPIC, payload)


@pytest.mark.parametrize(
    "topic",
    [
        "homeassistant/device/pump 1/config",
        "homeassistant/device/pump.1/config",
        "homeassistant/device/config",
        "homeassistant/sensor/pump_1/config",
        "homeassistant/device/pump_1/state",
    ],
)
def test_a_topic_that_home_assistant_would_not_read_is_refused(topic: str) -> None:
    with pytest.raises(ValueError, match="not a topic"):
        read(topic, SOUND)


def test_a_button_with_its_topic_is_by_the_rules() -> None:
    payload = copy.deepcopy(SOUND)
    payload["components"]["b"] = {"platform": "button", "unique_id": "1/b", "command_topic": "x/1/press"}
    assert read(TOPIC, payload)["b"].platform == "button"
