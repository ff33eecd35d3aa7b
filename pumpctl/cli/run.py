"""`pumpctl run`: the daemon in the foreground, as systemd wants it.

Refuses to know what the daemon does.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pumpctl.cli.failure import ExitCode, Failure


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("run")(run)


def run(config: Annotated[Path, typer.Option("--config", help="The settings file.")]) -> None:
    """Supervise the pumps of a settings file until told to end (SIGTERM, Ctrl-C)."""
    from pumpctl import daemon
    from pumpctl.shell.unusable import Unusable

    try:
        code = daemon.run(config)
    except Unusable as error:
        raise Failure(ExitCode(error.exit_code), error.what, error.next_step) from None
    raise typer.Exit(code)
