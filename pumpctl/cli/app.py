"""The `pumpctl` command: registers each group and turns a Failure into one line.

Refuses to know what any command does. Heavy imports stay inside the commands, so that
`pumpctl --version` starts fast.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from pumpctl import __version__
from pumpctl.cli import check, journal, operator, plan, run, stop, watch
from pumpctl.cli.failure import Failure

app = typer.Typer(
    name="pumpctl",
    help="Companion of an infusion pump: orders in, supervised pump programs out. Not a medical device.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"pumpctl {__version__}")
        raise typer.Exit


@app.callback()
def _root(  # pyright: ignore[reportUnusedFunction]
    version: Annotated[bool, typer.Option("--version", callback=_show_version, is_eager=True)] = False,
) -> None:
    """Companion of an infusion pump: orders in, supervised pump programs out. Not a medical device."""


check.register(app)
plan.register(app)
stop.register(app)
run.register(app)
operator.register(app)
watch.register(app)
journal.register(app)


def main() -> None:
    """Run the command line; exit codes are those of ExitCode."""
    try:
        app()
    except Failure as failure:
        typer.echo(f"pumpctl: {failure}", err=True)
        sys.exit(failure.exit_code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # whoever read has seen enough
