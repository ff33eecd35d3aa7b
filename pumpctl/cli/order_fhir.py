"""`pumpctl order import` and `order export`: an order file from FHIR and to FHIR.

Refuses to judge: `check` and `plan` do, and read FHIR by themselves.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pumpctl.cli import findings
from pumpctl.cli.failure import ExitCode, Failure
from pumpctl.intake.fhir.codes import Release

AsJson = Annotated[bool, typer.Option("--json", help="Changes nothing: what is written is JSON.")]


def register(order_app: typer.Typer) -> None:
    """Add the commands to `pumpctl order`."""
    order_app.command("import", help="Write a FHIR order as a native order.")(import_order)
    order_app.command("export", help="Write an order as a FHIR Bundle that reads back the same.")(export_order)


def import_order(
    order: Annotated[Path, typer.Argument(help="A FHIR Bundle or MedicationRequest, R4 or R5, JSON.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write to this file.")] = None,
    _as_json: AsJson = True,
) -> None:
    parsed = findings.read_order(order)
    _write(parsed.model_dump_json(indent=2, exclude_defaults=True) + "\n", output)


def export_order(
    order: findings.OrderFile,
    release: Annotated[Release, typer.Option(help="The FHIR release to write.")] = Release.R4,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write to this file.")] = None,
    _as_json: AsJson = True,
) -> None:
    from pumpctl.intake.fhir.sheet import NoFhir
    from pumpctl.intake.fhir.writing import write_fhir

    parsed = findings.read_order(order)
    try:
        text = write_fhir(parsed, release)
    except NoFhir as error:
        raise Failure(ExitCode.USAGE, f"{order}: {error}", "send the native order") from error
    _write(text, output)


def _write(text: str, output: Path | None) -> None:
    if output is None:
        typer.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Failure(ExitCode.USAGE, f"{output}: {error.strerror}", "name a file that can be written") from error
