"""`pumpctl schema order`: the shape of a native order as a JSON Schema, for editors and senders.

Refuses to describe what the rules judge: a text with a wrong unit has the right shape.
"""

from __future__ import annotations

import json
from typing import Annotated

import typer

schema_app = typer.Typer(help="Schemas of the files that pumpctl reads.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(schema_app, name="schema")


@schema_app.command("order", help="The JSON Schema of a native order.")
def order(
    _as_json: Annotated[bool, typer.Option("--json", help="Changes nothing: a schema is JSON.")] = True,
) -> None:
    typer.echo(order_schema_text(), nl=False)


def order_schema_text() -> str:
    """As published in deploy/schema/order.schema.json."""
    from pumpctl.core.order import Order

    head = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return json.dumps(head | Order.model_json_schema(), indent=2, ensure_ascii=False) + "\n"
