"""How a command asks the running daemon: which socket, which words, what a refusal looks like on a terminal.

Refuses to know any method.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, NoReturn, cast

import typer

from pumpctl.cli.failure import ExitCode, Failure

CONTROL_NAME = "control.sock"

Config = Annotated[Path | None, typer.Option("--config", help="The daemon's settings file.")]
Socket = Annotated[Path | None, typer.Option("--socket", help="The daemon's control.sock.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")]
Person = Annotated[str | None, typer.Option("--person", help="Who asks, as it is to be recorded; default: the user.")]
Channel = Annotated[str | None, typer.Option("--channel", help="Which pump; may be left out when there is one.")]


def control_socket(config: Path | None, given: Path | None) -> Path:
    """The socket that a person means by --config or --socket."""
    if given is not None:
        return given
    if config is None:
        raise Failure(
            ExitCode.USAGE, "which daemon", "name its settings with --config F or its control.sock with --socket S"
        )
    if from_environment := os.environ.get("PUMPCTL_STATE_DIR"):
        return Path(from_environment) / CONTROL_NAME
    return _state_dir(config) / CONTROL_NAME


def _state_dir(config: Path) -> Path:
    """As the file says it. The rest of the file is the daemon's to judge."""
    import tomllib

    try:
        state_dir = tomllib.loads(config.read_text(encoding="utf-8")).get("state_dir")
    except OSError as error:
        raise Failure(
            ExitCode.USAGE, f"settings {config}: {error.strerror}", "name a readable settings file with --config"
        ) from None
    except UnicodeDecodeError:
        raise Failure(
            ExitCode.USAGE, f"settings {config}: not UTF-8 text", "name a settings file with --config"
        ) from None
    except (ValueError, RecursionError) as error:
        raise Failure(ExitCode.USAGE, f"settings {config}: not TOML: {error}", "correct the file") from None
    if not isinstance(state_dir, str):
        raise Failure(ExitCode.USAGE, f"settings {config}: it names no state_dir", "name the daemon's settings file")
    return Path(state_dir)


def ask(
    config: Path | None, given: Path | None, as_json: bool, method: str, params: Mapping[str, Any]
) -> Mapping[str, Any]:
    """The result. A refusal or a silent daemon ends the command as the contract says."""
    from pumpctl.shell.control_client import ControlClient, NoDaemon, Refused

    try:
        with ControlClient(control_socket(config, given)) as client:
            return client.call(method, {key: value for key, value in params.items() if value is not None})
    except NoDaemon as error:
        raise Failure(ExitCode.NOT_CONNECTED, str(error), "start it with `pumpctl run --config F`") from None
    except Refused as refusal:
        _show_refusal(refusal.exit_code, refusal.message, refusal.reasons, refusal.details, as_json)


def show(result: Mapping[str, Any], as_json: bool) -> None:
    """The result as one JSON object, or as `key: value` lines."""
    if as_json:
        typer.echo(json.dumps(result))
        return
    for key, value in result.items():
        typer.echo(f"{key}: {_words(value)}")


def _words(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(_words(each) for each in cast("list[object]", value)) or "none"
    if isinstance(value, Mapping):
        return " ".join(f"{key}={_words(each)}" for key, each in cast("Mapping[str, object]", value).items())
    return "unknown" if value is None else str(value)


def _show_refusal(
    exit_code: int, message: str, reasons: tuple[tuple[str, str], ...], details: Mapping[str, Any] | None, as_json: bool
) -> NoReturn:
    if as_json:
        told = [{"code": code, "message": text} for code, text in reasons]
        typer.echo(json.dumps({"refused": message, "exit_code": exit_code, "reasons": told, "details": details}))
    for code, text in reasons or (("refused", message),):
        typer.echo(f"pumpctl: {code}: {text}", err=True)
    raise typer.Exit(exit_code)
