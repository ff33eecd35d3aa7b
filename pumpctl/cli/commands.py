"""The commands of `pumpctl`, each group in its own file.

Refuses to know what any of them does. Heavy imports stay inside the commands.
"""

from __future__ import annotations

from typing import Annotated

import typer

from pumpctl import __version__
from pumpctl.cli import (
    calendar,
    certs,
    check,
    diag,
    doctor,
    journal,
    library,
    operator,
    order_fhir,
    plan,
    probe,
    run,
    schema,
    stop,
    watch,
)

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
probe.register(app)
doctor.register(app)
diag.register(app)
journal.register(app)
order_fhir.register(operator.order_app)
calendar.register(operator.order_app)
schema.register(app)
library.register(app)
certs.register(app)
