"""`pumpctl watch`: the state of every pump, asked for four times a second, shown live.

Refuses to remember anything: what is shown is what the daemon has just said, with its age. With `--serial` the status
line says it instead of the daemon (cli/watch_serial.py).
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any

import typer

from pumpctl.cli.asking import AsJson, Config, Socket, control_socket
from pumpctl.cli.failure import ExitCode, Failure

PERIOD_S = 0.25
BAUD = 115_200

Serial = Annotated[str | None, typer.Option("--serial", help="Read the status line on this tty; no daemon is asked.")]
Baud = Annotated[int | None, typer.Option("--baud", help=f"The status line's baud; default {BAUD}.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("watch")(watch)


def watch(
    config: Config = None, socket: Socket = None, serial: Serial = None, baud: Baud = None, as_json: AsJson = False
) -> None:
    """Show every pump live until Ctrl-C: a table on a terminal, lines elsewhere."""
    from pumpctl.shell.control_client import NoDaemon, Refused

    if serial is not None and (config or socket):
        raise Failure(ExitCode.USAGE, "--serial asks no daemon", "leave --config and --socket out")
    if serial is None and baud is not None:
        raise Failure(ExitCode.USAGE, "--baud is the rate of a serial port", "name the port with --serial")
    if serial is not None:
        from pumpctl.cli.watch_serial import watch_serial

        watch_serial(serial, BAUD if baud is None else baud, as_json)
    try:
        states = _states(control_socket(config, socket))
        if as_json:
            for state in states:
                typer.echo(json.dumps(state))
        elif sys.stdout.isatty():
            _show_table(states)
        else:
            _show_lines(states)
    except (NoDaemon, Refused) as error:
        raise Failure(ExitCode.NOT_CONNECTED, str(error), "start it with `pumpctl run --config F`") from None


def channel_line(state: Mapping[str, Any]) -> str:
    """One pump in one line; what is not known is called unknown."""
    given = f"{_number(state.get('delivered_least_ml'), 'mL')} of {_number(state.get('vtbi_ml'), 'mL')}"
    parts = [
        f"{state['channel']}: {state['state']}",
        f"link {state['link']}",
        f"flow {_number(state.get('flow_ml_h'), 'mL/h')}",
        f"{_number(state.get('dose_rate_mg_min'), 'mg/min')}",
        f"given {given}",
    ]
    alarms = ", ".join(f"{alarm['code']} ({alarm['priority']})" for alarm in state.get("alarms", ()))
    return ", ".join(parts) + (f"; ALARM {alarms}" if alarms else "")


def _states(path: Any) -> Iterator[Mapping[str, Any]]:  # noqa: ANN401
    from pumpctl.shell.control_client import ControlClient

    pace = threading.Event()  # never set: its wait is the pace
    with ControlClient(path) as client:
        while True:
            yield client.call("status", {})
            pace.wait(PERIOD_S)


def _show_lines(states: Iterator[Mapping[str, Any]]) -> None:
    """A line when it says something new: ages and sequence numbers alone are no news."""
    shown: dict[str, str] = {}
    for state in states:
        for name, channel in state["channels"].items():
            line = channel_line(channel)
            if shown.get(name) != line:
                shown[name] = line
                typer.echo(line)


def _show_table(states: Iterator[Mapping[str, Any]]) -> None:
    from rich.live import Live

    with Live(auto_refresh=False) as live:
        for state in states:
            title = ", ".join(f"{key} {state['daemon'][key]}" for key in ("mode", "journal", "guard"))
            live.update(state_table(title, state["channels"].values()), refresh=True)


def state_table(title: str, channels: Iterable[Mapping[str, Any]]) -> Any:  # noqa: ANN401
    """Each pump in one row. `age_ms`, where a state has one, is what its reader counted on."""
    from rich.table import Table
    from rich.text import Text

    columns = ("pump", "state", "link", "flow", "dose rate", "given", "of", "pressure", "battery", "age", "alarms")
    table = Table(*columns, title=Text(title))
    for channel in channels:
        alarms = "\n".join(f"{alarm['code']} ({alarm['priority']})" for alarm in channel.get("alarms", ()))
        cells = (
            channel["channel"],
            channel["state"],
            channel["link"],
            _number(channel.get("flow_ml_h"), "mL/h"),
            _number(channel.get("dose_rate_mg_min"), "mg/min"),
            _number(channel.get("delivered_least_ml"), "mL"),
            _number(channel.get("vtbi_ml"), "mL"),
            _number(channel.get("pressure_mmhg"), "mmHg"),
            _number(channel.get("battery_percent"), "%"),
            age_text(channel.get("age_ms", channel.get("status_age_ms"))),
            alarms,
        )
        table.add_row(*map(Text, cells))  # text and no markup, whatever is in it
    return table


def age_text(age_ms: int | None) -> str:
    """How long ago the pump was asked for what is shown."""
    return "unknown" if age_ms is None else f"{age_ms / 1000:.1f} s"


def _number(value: float | None, unit: str) -> str:
    """Leading zero, no trailing zero."""
    return "unknown" if value is None else f"{value:.6g} {unit}"
