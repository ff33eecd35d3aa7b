"""`pumpctl prime`: fill a line that is connected to nobody.

Refuses to say so for the person who types it: without --not-connected the daemon refuses.
"""

from __future__ import annotations

from typing import Annotated

import typer

from pumpctl.cli.asking import AsJson, Channel, Config, Person, Socket, ask, show


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("prime")(prime)


def prime(
    volume: Annotated[str, typer.Argument(help="How much, at most 5 mL: '2 mL'.")],
    flow: Annotated[str, typer.Option(help="How fast.")] = "100 mL/h",
    not_connected: Annotated[
        bool, typer.Option("--not-connected", help="I have looked: the line is connected to nobody.")
    ] = False,
    channel: Channel = None,
    person: Person = None,
    config: Config = None,
    socket: Socket = None,
    as_json: AsJson = False,
) -> None:
    """Fill the line of an idle pump before anybody is connected to it."""
    told = {"volume": volume, "flow": flow, "not_connected": not_connected, "channel": channel, "person": person}
    show(ask(config, socket, as_json, "prime", told), as_json)
