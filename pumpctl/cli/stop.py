"""`pumpctl stop`: asks the daemon and the guard at once, and says what each of them answered.

Refuses to call a pump stopped that has not proven it; then it says what a person must do. It reads one key of the
settings and no more, so that no other mistake in them can hold up a stop.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from pumpctl.cli.asking import AsJson, Config, Socket, control_socket
from pumpctl.cli.failure import ExitCode, Failure

if TYPE_CHECKING:
    from pumpctl.shell.stop_request import Voice

ADVICE = "press stop on the pump itself and clamp the line"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("stop")(stop)


def stop(
    channel: Annotated[str | None, typer.Argument(help="The channel to stop; all without it.")] = None,
    config: Config = None,
    given: Socket = None,
    as_json: AsJson = False,
) -> None:
    """Stop one pump or all, through the daemon and through the guard at once."""
    from pumpctl.shell.stop_request import ask_both

    try:
        control = control_socket(config, given)
    except Failure:
        typer.echo(f"nothing was stopped: {ADVICE}", err=True)
        raise
    daemon, guard = ask_both(control, channel, lambda: typer.echo(f"not proven stopped yet: {ADVICE}", err=True))
    proven = _proven(channel, daemon, guard)
    code = ExitCode.OK if proven else ExitCode(daemon.exit_code or ExitCode.NOT_CONNECTED)
    if as_json:
        told = {"stopped": proven, "daemon": _as_json(daemon), "guard": _as_json(guard)}
        typer.echo(json.dumps(told | ({} if proven else {"advice": ADVICE})))
        raise typer.Exit(code)
    for name, voice in (("daemon", daemon), ("guard", guard)):
        for about, line in (voice.lines or {"": voice.silence}).items():
            typer.echo(f"{name}: {about + ': ' if about else ''}{line}")
    if not proven:
        raise Failure(code, f"NOT PROVEN STOPPED: {channel or 'at least one pump'}", ADVICE)
    typer.echo(f"stopped: {', '.join(sorted(daemon.stopped | guard.stopped)) or 'no pump is configured'}")


def _proven(channel: str | None, daemon: Voice, guard: Voice) -> bool:
    """Without the daemon only the channels with an open port are known; none at all proves nothing."""
    if channel is not None:
        return channel in daemon.stopped | guard.stopped
    if not daemon.silence:
        return daemon.exit_code == ExitCode.OK
    return bool(guard.lines) and guard.stopped >= set(guard.lines)


def _as_json(voice: Voice) -> dict[str, object]:
    return {"stopped": sorted(voice.stopped), "answer": voice.lines, "silence": voice.silence}
