"""`pumpctl check`: the verdict on an order, every finding with its value, limit and basis.

Refuses to know any rule, and any pump.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from pumpctl.cli import findings

_HELP = "Judge an order: accepted (exit 0), needs an override (3) or refused (4)."


def register(app: typer.Typer) -> None:
    app.command("check", help=_HELP)(check)


def check(
    order: findings.OrderFile,
    library: Annotated[Path | None, typer.Option(help="Another drug library than the packaged one.")] = None,
    history: Annotated[
        Path | None, typer.Option(help="What the patient had before, JSON or TOML: deploy/examples/history.")
    ] = None,
    at: Annotated[str | None, typer.Option(help="Time of judgement, with UTC offset; default now.")] = None,
    override: Annotated[list[str] | None, typer.Option(help="RULE=PERSON:reason; may be repeated.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on standard output.")] = False,
) -> None:
    """Judge, then judge again with the overrides bound to what was seen."""
    from pumpctl.core.exposure import EMPTY_LEDGER
    from pumpctl.core.rules.case import Context
    from pumpctl.core.validation import judge

    at_utc_ms = findings.instant_of(at)
    drug_library = findings.load_library(library)
    parsed = findings.read_order(order)
    context = Context(at_utc_ms, ledger=EMPTY_LEDGER if history is None else findings.read_history(history, parsed))
    verdict = judge(parsed, drug_library, context)
    if override:
        overrides = findings.bind_overrides(verdict, override)
        verdict = judge(parsed, drug_library, replace(context, overrides=overrides))
    if as_json:
        findings.print_json(findings.verdict_json(verdict))
    else:
        findings.print_verdict(verdict, order)
    raise typer.Exit(findings.exit_code(verdict))
