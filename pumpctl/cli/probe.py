"""`pumpctl probe PORT`: which dialect answers on a port, and as whom. Read-only.

Refuses to be a test of a pump in use: end the daemon first (its port is its own), and see what even a question may do.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from pumpctl.cli.failure import ExitCode, Failure

Port = Annotated[str, typer.Argument(help="Path of a tty, or socket://HOST:PORT.")]
Dialect = Annotated[str | None, typer.Option(help="Ask for this dialect only; without it all are tried.")]
Baud = Annotated[int | None, typer.Option(min=300, max=4_000_000, help="Default: what each dialect's pumps come with.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("probe", help="Say which dialect answers on a port: identity questions only.")(probe)


def probe(port: Port, dialect: Dialect = None, baud: Baud = None, as_json: AsJson = False) -> None:
    """Ask one dialect after the other who is there; the first that answers is told."""
    from pumpctl.drivers.probes import probes
    from pumpctl.shell.chance import fresh_session
    from pumpctl.shell.port import PortUnusable
    from pumpctl.shell.probing import probe_port

    known = probes(fresh_session())
    names = list(dict.fromkeys(each.dialect for each in known))
    if dialect is not None and dialect not in names:
        raise Failure(ExitCode.USAGE, f"--dialect {dialect}: unknown", f"known: {', '.join(names)}")
    wanted = [each for each in known if dialect in (None, each.dialect)]
    try:
        found = probe_port(port, wanted, baud)
    except PortUnusable as unusable:
        raise Failure(ExitCode.NOT_CONNECTED, str(unusable), "") from None
    asked = list(dict.fromkeys(each.dialect for each in wanted))
    if as_json:
        typer.echo(json.dumps({"port": port, "asked": asked, "found": found and asdict(found)}))
    elif found is not None:
        told = ", ".join(word for word in (found.model, found.firmware, found.note) if word)
        simulated = {True: "simulated", False: "not simulated", None: "simulated or not: it cannot say"}[
            found.simulated
        ]
        typer.echo(f"{port}: {found.dialect}, serial {found.serial or 'unknown'}, {simulated}{told and f', {told}'}")
    if found is None:
        reason = f"port {port}: nobody answered to {', '.join(asked)}"
        raise Failure(ExitCode.NOT_CONNECTED, reason, "is the pump on, is it the right cable, and the right --baud?")
