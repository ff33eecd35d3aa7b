"""What is published about the contract is the contract: the schema file, the page, and the topics' names."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from protocols.mqtt.contract import ROWS, schema_document
from protocols.mqtt.topics import BASE, Topics
from tests.cli.test_check import pumpctl
from tests.mqtt.mqtt_document import DOCUMENT, renewed

PUBLISHED = Path(__file__).resolve().parents[2] / "deploy/schema/mqtt.schema.json"


def test_the_published_schema_is_current():
    """After a change: `pumpctl schema mqtt > deploy/schema/mqtt.schema.json`."""
    done = pumpctl("schema", "mqtt", "--json")
    assert done.returncode == 0, done.stderr
    assert done.stdout == PUBLISHED.read_text()


def test_the_page_is_current():
    """After a change: `python -m tests.mqtt.mqtt_document`."""
    text = DOCUMENT.read_text()
    assert renewed(text) == text
    assert all(f"`{row.topic}`" in text for row in ROWS)


def test_every_object_of_the_schema_is_closed():
    definitions = schema_document()["$defs"]
    assert {row.model.__name__ for row in ROWS} <= set(definitions)
    objects = [each for each in definitions.values() if each["type"] == "object"]
    assert len(objects) == 6
    assert all(each["additionalProperties"] is False for each in objects)
    assert json.loads(json.dumps(definitions)) == definitions


@pytest.mark.parametrize("base", ["", "a/", "/a", "a//b", "a/#", "+", "a/b/c/d/e", "ä", "a b", "$SYS"])
def test_a_base_that_is_more_or_less_than_whole_levels_is_refused(base: str):
    with pytest.raises(ValueError, match="MQTT base"):
        Topics(base, "rig")


@pytest.mark.parametrize("name", ["", "a/b", "#", "+", "a" * 65, "ä", "a\0"])
def test_a_name_that_is_not_one_level_is_refused(name: str):
    ours = Topics("ward/pumps", "rig")
    assert ours.alarm("a", "air_in_line") == "ward/pumps/a/alarm/air_in_line"
    for make in (ours.state, ours.link, ours.event, lambda code: ours.alarm("a", code)):
        with pytest.raises(ValueError, match="one level"):
            make(name)
    with pytest.raises(ValueError, match="one level"):
        Topics(BASE, name)
