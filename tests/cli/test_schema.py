"""`pumpctl schema order` is what is published, and what is published is the order as it is."""

from __future__ import annotations

import json
from pathlib import Path

from pumpctl.core.order import Order
from tests.cli.test_check import pumpctl

PUBLISHED = Path(__file__).resolve().parents[2] / "deploy/schema/order.schema.json"


def test_the_published_schema_is_current():
    """After a change of the order: `pumpctl schema order > deploy/schema/order.schema.json`."""
    done = pumpctl("schema", "order", "--json")
    assert done.returncode == 0, done.stderr
    assert done.stdout == PUBLISHED.read_text()


def test_the_schema_knows_every_field_and_no_other():
    schema = json.loads(PUBLISHED.read_text())
    assert set(schema["properties"]) == set(Order.model_fields)
    assert schema["additionalProperties"] is False
    assert all(part["additionalProperties"] is False for part in schema["$defs"].values())
