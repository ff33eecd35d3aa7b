"""The `pumpsim` command: a simulated pump on a line, and a hand at it.

Refuses to know pumps and ports. Imports stay inside the commands, so that each starts fast.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from simulator.failure import USAGE, Failure
from simulator.fault_kinds import KINDS
from simulator.firmware.registry import DIALECTS
from simulator.profile import PROFILES
from simulator.rig.virtual_patient.command import patient

MAX_SPEED = 100_000
MAX_SEED = (1 << 63) - 1

app = typer.Typer(
    name="pumpsim",
    help="Simulated infusion pumps. Nothing here is connected to anybody.",
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
)

# Of its exceptions for an unusable command line Typer exports one; its base stands for all of them.
_UnusableLine = cast("type[typer.BadParameter]", typer.BadParameter.__bases__[0])

Control = Annotated[Path | None, typer.Option(help="The simulator's control socket.")]
Which = Annotated[str | None, typer.Option("--serial", help="Which pump, where several are served.")]
FAULTS = "\n".join(f"  {kind.value:20}{traits.what}" for kind, traits in KINDS.items())
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]


@app.command()
def serve(  # noqa: PLR0913, PLR0917 - Typer's options are parameters
    dialect: Annotated[str, typer.Option(help=f"What the pump speaks: {', '.join(DIALECTS)}.")],
    pty: Annotated[str | None, typer.Option(help="Where the link to the pseudo-terminal is made.")] = None,
    tcp: Annotated[str | None, typer.Option(help="HOST:PORT to listen on; port 0 takes a free one.")] = None,
    rfc2217: Annotated[str | None, typer.Option(help="HOST:PORT of a serial port on the net (RFC 2217).")] = None,
    speed: Annotated[int, typer.Option(help="Therapy seconds in a real second.")] = 1,
    epoch_boottime_ns: Annotated[int | None, typer.Option(help="When therapy time is 0; default: now.")] = None,
    scenario: Annotated[Path | None, typer.Option(help="TOML file of faults.")] = None,
    seed: Annotated[int, typer.Option(help="Of all randomness.")] = 1,
    serial: Annotated[str | None, typer.Option(help="The pump's serial number.")] = None,
    profile: Annotated[str | None, typer.Option(help=f"{', '.join(PROFILES)}; default: the dialect's own.")] = None,
    pump: Annotated[
        list[str] | None,
        typer.Option(help="serial=…,pty=… (tcp=, rfc2217=, behind=)[,profile=,dialect=,address=…]; for several."),
    ] = None,
    auto_confirm: Annotated[bool, typer.Option("--auto-confirm", help="The pump presses its own button.")] = False,
    control: Control = None,
) -> None:
    """Serve simulated pumps in the foreground, in real or scaled time, until interrupted."""
    import asyncio

    from simulator.control import default_socket
    from simulator.scenario import read_scenario
    from simulator.serve import ServeOptions
    from simulator.serve import serve as serve_pumps
    from simulator.served_pump import all_different, parse_pump, served_pump

    if pump and (pty or tcp or rfc2217):
        raise Failure(USAGE, "give the line of each pump in its --pump, or one line and no --pump")
    one = () if pump else (served_pump(dialect, serial, profile, pty=pty, tcp=tcp, rfc2217=rfc2217),)
    options = ServeOptions(
        pumps=all_different(one or tuple(parse_pump(text, dialect) for text in pump or ())),
        control=control or default_socket(),
        seed=_in_range("--seed", seed, 0, MAX_SEED),
        speed=_in_range("--speed", speed, 1, MAX_SPEED),
        auto_confirm=auto_confirm,
        epoch_ns=epoch_boottime_ns,
        scenario=read_scenario(scenario) if scenario else (),
    )
    asyncio.run(serve_pumps(options))


@app.command(epilog=f"\b\nFaults:\n{FAULTS}")
def inject(
    fault: Annotated[str, typer.Argument(help="For instance occlusion or ignore_stop:3; all are listed below.")],
    by: Annotated[str | None, typer.Option(help="How much, as '50 mL/h', or which; default: the fault's own.")] = None,
    after: Annotated[str, typer.Option(help="Therapy time from now, as 5m or 90s.")] = "0s",
    for_: Annotated[str | None, typer.Option("--for", help="Therapy time it lasts; default: until healed.")] = None,
    serial: Which = None,
    control: Control = None,
    as_json: AsJson = False,
) -> None:
    """Let something go wrong with the running simulator."""
    command = _to(serial, {"command": "inject", "fault": _fault(fault, by), "after_ns": _span_ns("--after", after)})
    if by is not None:
        command["by"] = by
    if for_ is not None:
        command["for_ns"] = _span_ns("--for", for_)
    _ask(control, command, f"injected {fault}", as_json=as_json)


@app.command()
def heal(
    fault: Annotated[str, typer.Argument(help="As injected; empty fits a full bag.")],
    serial: Which = None,
    control: Control = None,
    as_json: AsJson = False,
) -> None:
    """Let it be right again."""
    _ask(control, _to(serial, {"command": "heal", "fault": _fault(fault)}), f"healed {fault}", as_json=as_json)


@app.command()
def press(
    button: Annotated[str, typer.Argument(help="confirm, stop or pause.")],
    serial: Which = None,
    control: Control = None,
    as_json: AsJson = False,
) -> None:
    """Press a button of the running simulator."""
    if button not in ("confirm", "stop", "pause"):
        raise Failure(USAGE, f"no button {button!r}; there are confirm, stop, pause")
    _ask(control, _to(serial, {"command": "press", "button": button}), f"pressed {button}", as_json=as_json)


@app.command()
def state(
    serial: Which = None,
    control: Control = None,
    as_json: AsJson = False,
    trace: Annotated[bool, typer.Option("--trace", help="With --json: delivered volume over time.")] = False,
) -> None:
    """What is really so, by the simulator's own truth."""
    import json

    from simulator.control import default_socket, request

    answer = request(control or default_socket(), _to(serial, {"command": "state", "trace": trace}))
    if as_json:
        typer.echo(json.dumps(answer))
        return
    alarms, faults = ", ".join(answer["alarms"]) or "none", ", ".join(answer["faults"]) or "none"
    typer.echo(f"{answer['serial']}: {answer['state']}, alarms: {alarms}, faults: {faults}")
    typer.echo(f"delivered {answer['delivered_ul'] / 1000:.3f} mL, flow now {answer['flow_ul_h'] / 1000:.3f} mL/h")
    typer.echo(f"starts {answer['starts']}, stops {answer['stops_received']}, boot {answer['boot_count']}")


@app.command()
def campaign(
    runs: Annotated[int, typer.Option(help="How many worlds.")] = 500,
    seed: Annotated[str, typer.Option(help="Of everything; SEED/RUN begins with that run.")] = "1",
    faults: Annotated[str, typer.Option(help="all, none, or names with commas between.")] = "all",
    workers: Annotated[int, typer.Option(help="Processes; the results are the same with any number.")] = 1,
    resume: Annotated[Path | None, typer.Option(help="File of results: added to as they come, gone on with.")] = None,
    output: Annotated[Path | None, typer.Option("-o", help="The rows to write, a .parquet, one row a run.")] = None,
    replay: Annotated[Path | None, typer.Option(help="Only the scenario of this file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Random faults in many virtual worlds; exit code 6 when an invariant is broken."""
    from simulator.rig.campaign import command

    if replay is not None:
        sys.exit(command.replay(replay, as_json=as_json))
    options = command.Options(runs, seed, faults, workers, as_json, resume, output)
    sys.exit(command.campaign(options))


app.command()(patient)


def main() -> None:
    """Run the command line. Whatever goes wrong with the input is one line on standard error."""
    try:
        sys.exit(app(standalone_mode=False))
    except Failure as failure:
        _fail(str(failure), failure.exit_code)
    except _UnusableLine as error:
        _fail(f"{error.format_message().rstrip('.')}; see pumpsim --help", USAGE)


def _fail(line: str, exit_code: int) -> None:
    typer.echo(f"pumpsim: {line}", err=True)
    sys.exit(exit_code)


def _ask(control: Path | None, command: dict[str, Any], said: str, *, as_json: bool) -> None:
    import json

    from simulator.control import default_socket, request

    answer = request(control or default_socket(), command)
    typer.echo(json.dumps(answer) if as_json else said)


def _to(serial: str | None, command: dict[str, Any]) -> dict[str, Any]:
    return command if serial is None else command | {"serial": serial}


def _in_range(option: str, value: int, least: int, most: int) -> int:
    if not least <= value <= most:
        raise Failure(USAGE, f"{option} {value}: not from {least} to {most}")
    return value


def _fault(text: str, by: str | None = None) -> str:
    from simulator.faults import parse_fault

    try:
        return str(parse_fault(text, by))
    except ValueError as error:
        raise Failure(USAGE, str(error)) from None


def _span_ns(option: str, text: str) -> int:
    from simulator.scenario import parse_span_ns

    try:
        return parse_span_ns(text)
    except ValueError as error:
        raise Failure(USAGE, f"{option}: {error}") from None
