"""`pumpctl observe`: what somebody saw on the patient, told to the running daemon in his or her name.

Refuses to judge it: the daemon does, and a sign of too much magnesium stops the pump before this command has an answer.
"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from pumpctl.cli.asking import AsJson, Channel, Config, Socket, ask, show
from pumpctl.cli.failure import ExitCode, Failure

_SEEN = (
    "KIND=VALUE: patellar_reflex=present, 'breathing_rate=16 /min', 'systolic_pressure=120 mmHg', "
    "'heart_rate=70 /min', 'baseline_systolic_pressure=125 mmHg', 'urine=250 mL' (of 4 h), "
    "'serum_magnesium=1.2 mmol/L' with serum_at=2026-12-01T18:00:00Z. "
    "Or a sign alone, which stops: drowsy, weak, flushed, breathless, faint, ecg_change."
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("observe")(observe)


def observe(
    seen: Annotated[list[str], typer.Argument(help=_SEEN)],
    person: Annotated[str, typer.Option("--person", help="Who saw it, as it is to be recorded.")],
    channel: Channel = None,
    config: Config = None,
    socket: Socket = None,
    as_json: AsJson = False,
) -> None:
    """Report what was seen on the patient; a sign of too much magnesium stops the pump at once."""
    told: dict[str, Any] = {"person": person, "channel": channel}
    signs: list[str] = []
    for each in seen:
        kind, equals, value = each.partition("=")
        if kind in told:
            raise Failure(ExitCode.USAGE, f"{kind} is given twice or is no observation", "see pumpctl observe --help")
        if equals:
            told[kind] = value
        else:
            signs.append(kind)
    show(ask(config, socket, as_json, "observe", told | ({"signs": signs} if signs else {})), as_json)
