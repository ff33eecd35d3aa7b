"""`pumpctl doctor`: what the daemon needs, looked at one by one; cause and next step for whatever is not right.

Refuses to know any check, and to repair.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pumpctl.cli.asking import AsJson

if TYPE_CHECKING:
    from pumpctl.doctor.finding import Finding

VERDICT_WIDTH = len("warning")

ConfigFile = Annotated[Path, typer.Option("--config", help="The daemon's settings file.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("doctor")(doctor)


def doctor(config: ConfigFile, as_json: AsJson = False) -> None:
    """Look at all that the daemon needs and say what is wrong, why, and what to do. It changes nothing.

    Exit code 6 when there is a fault; warnings alone are 0.
    """
    from pumpctl.doctor.examination import examine, exit_code
    from pumpctl.doctor.host import Host

    seen: list[Finding] = []
    for finding in examine(config, Host()):
        seen.append(finding)
        if not as_json:
            typer.echo(line_of(finding))
    if as_json:
        typer.echo(json.dumps({"settings": str(config), **_counts(seen), "findings": list(_rows(seen))}))
    else:
        counts = _counts(seen)
        faults, warnings = _plural(counts["faults"], "fault"), _plural(counts["warnings"], "warning")
        typer.echo(f"{faults}, {warnings}, {counts['ok']} ok")
    raise typer.Exit(exit_code(seen))


def line_of(finding: Finding) -> str:
    """verdict, check, cause; and what to do."""
    step = f"; next: {finding.next_step}" if finding.next_step else ""
    return f"{finding.verdict.value:<{VERDICT_WIDTH}}  {finding.check}: {finding.cause}{step}"


def _plural(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _rows(findings: Sequence[Finding]) -> Iterator[dict[str, str]]:
    for finding in findings:
        yield {**asdict(finding), "verdict": finding.verdict.value}


def _counts(findings: Sequence[Finding]) -> dict[str, int]:
    verdicts = [finding.verdict.value for finding in findings]
    return {f"{word}s": verdicts.count(word) for word in ("fault", "warning")} | {"ok": verdicts.count("ok")}
