"""What people ask of a running daemon: orders, status, pause, resume, confirm, clear, acknowledge, away.

Refuses to judge anything: the daemon checks every parameter and gives every reason. `stop` is not here, because it
must also reach the guard (cli/stop.py).
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from pumpctl.cli import findings, observe, prime
from pumpctl.cli.asking import AsJson, Channel, Config, Person, Socket, ask, show
from pumpctl.cli.failure import ExitCode, Failure

# JSON-escaped they must fit into one message of 64 KiB.
ORDER_LIMIT_BYTES, CHECK_LIMIT_BYTES = 40_960, 8_192
FHIR_LIMIT_BYTES = findings.MAX_FILE_BYTES  # the Bundle; what leaves is the native order

Check = Annotated[
    Path | None, typer.Option("--check", help="The bag check of this start, JSON or TOML: deploy/examples/checks.")
]
Overrides = Annotated[list[str] | None, typer.Option("--override", help="RULE=PERSON:reason; may be repeated.")]

order_app = typer.Typer(help="Orders in force.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(order_app, name="order")
    for command in (status, confirm, pause, resume, clear, ack, away, confirm_clock):
        app.command(command.__name__.replace("_", "-"))(command)
    observe.register(app)
    prime.register(app)


@order_app.command("submit")
def submit(
    order: findings.OrderFile,
    check: Check = None,
    channel: Channel = None,
    override: Overrides = None,
    person: Person = None,
    config: Config = None,
    socket: Socket = None,
    as_json: AsJson = False,
) -> None:
    """Have an order judged and taken; with a bag check, its due occurrence is prepared in the pump."""
    params = {
        "text": _order_text(order),
        "channel": channel,
        "overrides": override or [],
        "source_name": order.name,
        "person": person,
        **_check_params(check),
    }
    show(ask(config, socket, as_json, "order.submit", params), as_json)


@order_app.command("list")
def list_orders(config: Config = None, socket: Socket = None, as_json: AsJson = False) -> None:
    """The orders in force with their occurrences."""
    result = ask(config, socket, as_json, "order.list", {})
    if as_json:
        show(result, as_json)
        return
    for order in result["orders"]:
        begun = sum(1 for occurrence in order["occurrences"] if occurrence["begun"])
        cancelled = ", cancelled" if order["cancelled"] else ""
        typer.echo(
            f"{order['order']} {order['order_id']} on {order['channel']}: "
            f"{begun} of {len(order['occurrences'])} begun{cancelled}"
        )
    if not result["orders"]:
        typer.echo("no order")


@order_app.command("prepare")
def prepare(
    order: Annotated[str, typer.Argument(help="The order's digest.")],
    check: Check = None,
    occurrence: Annotated[int | None, typer.Option(help="Its number; default: the one nearest in time.")] = None,
    override: Overrides = None,
    person: Person = None,
    config: Config = None,
    socket: Socket = None,
    as_json: AsJson = False,
) -> None:
    """Load an occurrence into the pump, once its bag and the patient have been checked."""
    params = {
        "order": order,
        "occurrence": occurrence,
        "overrides": override,
        "person": person,
        **_check_params(check),
    }
    show(ask(config, socket, as_json, "order.prepare", params), as_json)


@order_app.command("cancel")
def cancel(
    order: Annotated[str, typer.Argument(help="The order's digest.")],
    channel: Channel = None,
    person: Person = None,
    config: Config = None,
    socket: Socket = None,
    as_json: AsJson = False,
) -> None:
    """Cancel an order; what runs by it is stopped."""
    params = {"order": order, "channel": channel, "person": person}
    show(ask(config, socket, as_json, "order.cancel", params), as_json)


def status(config: Config = None, socket: Socket = None, as_json: AsJson = False) -> None:
    """What each pump does, as far as it is known."""
    from pumpctl.cli.watch import channel_line

    result = ask(config, socket, as_json, "status", {})
    if as_json:
        show(result, as_json)
        return
    for state in result["channels"].values():
        typer.echo(channel_line(state))
    typer.echo(", ".join(f"{key} {value}" for key, value in result["daemon"].items() if key != "library_hash"))


def confirm(
    channel: Channel = None,
    flow: Annotated[str | None, typer.Option(help="The flow that the pump shows; asked for when left out.")] = None,
    person: Person = None,
    config: Config = None,
    socket: Socket = None,
    as_json: AsJson = False,
) -> None:
    """Start or resume at a pump without a button of its own, by typing the flow that is to run."""
    if flow is None:
        if not sys.stdin.isatty():
            raise Failure(ExitCode.USAGE, "the flow is not given", "type it at a terminal, or give --flow '10 mL/h'")
        flow = typer.prompt("flow that the pump shows (for instance 10 mL/h)")
    params = {"channel": channel, "flow": flow, "person": person}
    show(ask(config, socket, as_json, "confirm", params), as_json)


def pause(
    channel: Channel = None,
    person: Person = None,
    config: Config = None,
    socket: Socket = None,
    as_json: AsJson = False,
) -> None:
    """Hold a running infusion."""
    show(ask(config, socket, as_json, "pause", {"channel": channel, "person": person}), as_json)


def resume(
    channel: Channel = None,
    person: Person = None,
    config: Config = None,
    socket: Socket = None,
    as_json: AsJson = False,
) -> None:
    """Go on after a pause; a person confirms at the pump."""
    show(ask(config, socket, as_json, "resume", {"channel": channel, "person": person}), as_json)


def clear(
    channel: Channel = None,
    by: Annotated[list[str] | None, typer.Option(help="Who clears; two for doubts about the dose.")] = None,
    config: Config = None,
    socket: Socket = None,
    as_json: AsJson = False,
) -> None:
    """Lift the latch of a stop once its cause is gone."""
    show(ask(config, socket, as_json, "clear", {"channel": channel, "persons": by}), as_json)


def ack(
    code: Annotated[str, typer.Argument(help="The alarm's code, as `status` shows it.")],
    channel: Channel = None,
    person: Person = None,
    config: Config = None,
    socket: Socket = None,
    as_json: AsJson = False,
) -> None:
    """Quiet an alarm for a while; it stays active."""
    show(ask(config, socket, as_json, "ack", {"channel": channel, "code": code, "person": person}), as_json)


def away(
    until: Annotated[str, typer.Argument(help="When the pump is back, with UTC offset: 2026-12-01T18:00:00+01:00.")],
    channel: Channel = None,
    person: Person = None,
    config: Config = None,
    socket: Socket = None,
    as_json: AsJson = False,
) -> None:
    """Say that the pump leaves the companion's reach for a while, so that its silence is expected."""
    params: dict[str, Any] = {"channel": channel, "until_ms": findings.typed_instant("UNTIL", until), "person": person}
    show(ask(config, socket, as_json, "away", params), as_json)


def confirm_clock(person: Person = None, config: Config = None, socket: Socket = None, as_json: AsJson = False) -> None:
    """Say that the host's date and time are right, after they were moved: starts are refused until then."""
    show(ask(config, socket, as_json, "clock.confirm", {"person": person}), as_json)


def _check_params(path: Path | None) -> dict[str, str]:
    return {} if path is None else {"check": _text_of(path, "check", CHECK_LIMIT_BYTES), "check_name": path.name}


def _order_text(path: Path) -> str:
    """Native as it stands; FHIR as the native order that it says. The daemon knows one format only."""
    from pumpctl.intake.order_file import is_fhir

    if not is_fhir(_text_of(path, "order", FHIR_LIMIT_BYTES)):
        return _text_of(path, "order", ORDER_LIMIT_BYTES)
    native: str = findings.read_order(path).model_dump_json(exclude_defaults=True)
    if len(native) > ORDER_LIMIT_BYTES:
        raise Failure(ExitCode.USAGE, f"order {path}: longer than {ORDER_LIMIT_BYTES} bytes", "name the order file")
    return native


def _text_of(path: Path, what: str, limit_bytes: int) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(limit_bytes + 1)
        text = content.decode()
    except OSError as error:
        raise Failure(ExitCode.USAGE, f"{what} {path}: {error.strerror}", f"name a readable {what} file") from None
    except UnicodeDecodeError:
        raise Failure(ExitCode.USAGE, f"{what} {path}: not UTF-8 text", f"name the {what} in JSON or TOML") from None
    if len(content) > limit_bytes:
        raise Failure(ExitCode.USAGE, f"{what} {path}: longer than {limit_bytes} bytes", f"name the {what} file")
    return text
