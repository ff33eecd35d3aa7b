"""The dashboard names entities that exist, shows that nothing is known, and cannot command anything."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from protocols.mqtt.home_assistant import Pump, announcements
from protocols.mqtt.topics import Topics
from tests.home_assistant.plain_yaml import Value, read_yaml
from tests.home_assistant.rules import read

TEXT = (Path(__file__).parents[2] / "deploy" / "home-assistant" / "dashboard.yaml").read_text(encoding="utf-8")
STANDARD_CARDS = {"conditional", "entities", "gauge", "markdown"}
COMMANDS = {"tap_action", "hold_action", "double_tap_action", "perform-action", "call-service", "service", "button"}
ENTITY = re.compile(r"\b(?:sensor|binary_sensor|event|switch|number|button|input_[a-z]+)\.[a-z0-9_]+")
STATE = "sensor.pumpctl_a_state"
NOT_LIVE = ["unavailable", "unknown"]


def maps(value: Value) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from maps(inner)


@pytest.fixture(scope="module")
def dashboard() -> Value:
    return read_yaml(TEXT)


def cards(dashboard: Value) -> list[dict[str, Any]]:
    return [each for each in maps(dashboard) if "type" in each]


def discovered() -> set[str]:
    pump = Pump("a", "companion", "SIM-0001", simulated=True)
    (announcement,) = announcements(Topics("pumpctl", "rig"), [pump], "0")
    return {str(entity.default_entity_id) for entity in read(announcement.topic, announcement.payload).values()}


def test_every_entity_that_it_names_is_discovered(dashboard: Value) -> None:
    named = set(ENTITY.findall(TEXT))
    assert named - discovered() == set()
    assert {each["entity"] for each in maps(dashboard) if "entity" in each} <= named
    wanted = ("state", "flow", "delivered_least", "delivered_most", "progress", "alarm_text", "last_status")
    assert {f"sensor.pumpctl_a_{key}" for key in wanted} <= named


def test_standard_cards_only_and_nothing_that_commands(dashboard: Value) -> None:
    assert {card["type"] for card in cards(dashboard)} <= STANDARD_CARDS
    assert not {key for each in maps(dashboard) for key in each} & COMMANDS
    assert not any(word in TEXT for word in ("switch.", "number.", "button.", "script.", "custom:", "script:"))


def conditional(dashboard: Value, key: str) -> list[dict[str, Any]]:
    """The cards that hang on the state being one of those, or none of them."""
    return [
        card
        for card in cards(dashboard)
        if card["type"] == "conditional"
        and any(each.get("entity") == STATE and each.get(key) == NOT_LIVE for each in card["conditions"])
    ]


def test_without_a_word_from_the_pump_it_says_so_in_big_letters_and_shows_no_state(dashboard: Value) -> None:
    (no_data,) = conditional(dashboard, "state")
    assert no_data["card"]["content"].startswith("# ⚠ NO DATA\n# Look at the pump.")
    (live,) = conditional(dashboard, "state_not")
    assert STATE in live["card"]["content"]
    bare = [card for card in cards(dashboard) if card["type"] == "markdown" and STATE in card.get("content", "")]
    assert bare == [live["card"]]


def test_it_says_that_it_is_no_medical_device(dashboard: Value) -> None:
    first = cards(dashboard)[0]
    assert first["content"] == "**Not a medical device. Look at the pump and at the patient.**"


def test_an_alarm_is_shown_whether_or_not_the_pump_is_in_reach(dashboard: Value) -> None:
    (alarm,) = [card for card in cards(dashboard) if "ALARM" in str(card.get("card"))]
    assert alarm["conditions"] == [{"condition": "state", "entity": "binary_sensor.pumpctl_a_alarm", "state": "on"}]


@pytest.mark.parametrize(
    "text",
    [
        "a: 1\na: 2\n",
        "a:\n   b: 1\n",
        "a: b: c\n",
        "a: [1]\n",
        "\ta: 1\n",
        "a: 'x'\n",
        "a: 1\n    b: 2\n",
        "- a: 1\nb: 2\n",
    ],
)
def test_what_another_reader_of_yaml_might_read_differently_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (any of them)
        read_yaml(text)
