"""`pumpctl schema order | mqtt`: what pumpctl reads, and what it says by MQTT, as JSON Schemas.

Refuses to describe what the rules judge: a text with a wrong unit has the right shape.
"""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

schema_app = typer.Typer(help="Schemas of what pumpctl reads and says.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(schema_app, name="schema")


@schema_app.command("order", help="The JSON Schema of a native order.")
def order(
    _as_json: Annotated[bool, typer.Option("--json", help="Changes nothing: a schema is JSON.")] = True,
) -> None:
    typer.echo(order_schema_text(), nl=False)


@schema_app.command("mqtt", help="The JSON Schema of every MQTT payload.")
def mqtt(
    _as_json: Annotated[bool, typer.Option("--json", help="Changes nothing: a schema is JSON.")] = True,
) -> None:
    typer.echo(mqtt_schema_text(), nl=False)


def order_schema_text() -> str:
    """As published in deploy/schema/order.schema.json."""
    from pumpctl.core.order import Order

    return _text(Order.model_json_schema())


def mqtt_schema_text() -> str:
    """As published in deploy/schema/mqtt.schema.json."""
    from protocols.mqtt.contract import schema_document

    return _text(schema_document())


def _text(schema: dict[str, Any]) -> str:
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return json.dumps(head | schema, indent=2, ensure_ascii=False) + "\n"
