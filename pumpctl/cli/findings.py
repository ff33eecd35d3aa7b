"""Findings and files as the order commands share them: read, override, show.

Refuses to know limits: what is shown is what the verdict says.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pumpctl.cli.failure import ExitCode, Failure

if TYPE_CHECKING:
    from pumpctl.core.exposure import Ledger
    from pumpctl.core.library import Library
    from pumpctl.core.order import Order, Override
    from pumpctl.core.rules.finding import Finding
    from pumpctl.core.validation import Verdict

MAX_FILE_BYTES = 1 << 20

OrderFile = Annotated[Path, typer.Argument(help="An order, JSON, TOML or FHIR.")]


def read_order(path: Path) -> Order:
    """The order in this file, or a Failure that says what is wrong with it."""
    from pumpctl.core.order_text import OrderUnreadable
    from pumpctl.intake.order_file import parse_any_order

    try:
        return parse_any_order(_content(path, "order"), str(path))
    except OrderUnreadable as error:
        raise Failure(ExitCode.USAGE, str(error), error.next_step) from error


def read_history(path: Path, order: Order) -> Ledger:
    """What the order's patient had before, by this file; a Failure when it cannot be read or is another's."""
    from pumpctl.core.history import parse_history
    from pumpctl.core.order_text import OrderUnreadable

    try:
        return parse_history(_content(path, "history"), str(path), order.patient.id)
    except OrderUnreadable as error:
        raise Failure(ExitCode.USAGE, str(error), error.next_step) from error


def _content(path: Path, what: str) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise Failure(ExitCode.USAGE, f"{path}: {error.strerror}", f"give a readable {what} file") from error


def load_library(path: Path | None) -> Library:
    from pumpctl.core.limit import LibraryUnreadable
    from pumpctl.shell.library_file import read_library

    name = path or "the packaged drug library"
    try:
        return read_library(path)
    except OSError as error:
        raise Failure(ExitCode.USAGE, f"{name}: {error.strerror}", "give a readable library file") from error
    except LibraryUnreadable as error:
        raise Failure(ExitCode.USAGE, f"{name}: {error}", "correct the library; nothing was judged") from error


def instant_of(text: str | None) -> int:
    """--at, or now."""
    if text is None:
        return int(datetime.now(UTC).timestamp() * 1000)  # noqa: TID251 - the composition root reads the clock
    return typed_instant("--at", text)


def typed_instant(name: str, text: str) -> int:
    """The time that a person typed as `name`, or a Failure that says what is wrong with it."""
    from pumpctl.core.schedule import read_instant
    from pumpctl.core.units import Misread

    instant = read_instant(text)
    if isinstance(instant, Misread):
        raise Failure(ExitCode.USAGE, f"{name} {text!r} {instant.reason}", "write it like 2026-12-01T18:00:00Z")
    return instant


def bind_overrides(verdict: Verdict, options: list[str]) -> tuple[Override, ...]:
    """RULE=PERSON:reason for each --override, bound to this order and to the values in this verdict."""
    from pydantic import ValidationError

    from pumpctl.core.validation import bind

    bound: list[Override] = []
    for option in options:
        rule, _, rest = option.partition("=")
        person, _, reason = rest.partition(":")
        if not rule.strip() or not person.strip() or not reason.strip():
            raise Failure(
                ExitCode.USAGE, f"--override {option!r} lacks a rule, a person or a reason", "write RULE=PERSON:reason"
            )
        try:
            overrides = bind(verdict, rule.strip(), person.strip(), reason.strip())
        except ValidationError as error:
            message = f"--override {option!r}: {error.errors()[0]['msg']}"
            raise Failure(ExitCode.USAGE, message, "write RULE=PERSON:reason") from error
        if not overrides:
            typer.echo(f"pumpctl: --override {rule.strip()}: nothing that can be overridden has this rule", err=True)
        bound.extend(overrides)
    return tuple(bound)


def exit_code(verdict: Verdict) -> ExitCode:
    from pumpctl.core.validation import Decision

    match verdict.decision:
        case Decision.ACCEPTED:
            return ExitCode.OK
        case Decision.NEEDS_OVERRIDE:
            return ExitCode.NEEDS_OVERRIDE
        case Decision.REFUSED:
            return ExitCode.REFUSED


def finding_json(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "severity": finding.severity.value,
        "message": finding.message,
        "value": finding.value,
        "limit": finding.limit,
        "basis": finding.basis,
        "overridden": finding.overridden,
    }


def verdict_json(verdict: Verdict) -> dict[str, Any]:
    return {
        "verdict": verdict.decision.value,
        "order_digest": verdict.order_digest,
        "library_hash": verdict.library_hash,
        "findings": [finding_json(finding) for finding in verdict.findings],
    }


def print_json(content: dict[str, Any]) -> None:
    typer.echo(json.dumps(content, ensure_ascii=False, indent=2))


_DECISIONS = {
    "accepted": "ACCEPTED",
    "needs_override": "NEEDS OVERRIDE: a named second person must override each soft finding, with a reason",
    "refused": "REFUSED: a hard finding cannot be overridden; correct the order",
}


def print_verdict(verdict: Verdict, order: Path) -> None:
    """The verdict first, then the findings by severity; a finding on a field says where in the file that stands."""
    typer.echo(_DECISIONS[verdict.decision.value])
    typer.echo(f"order {verdict.order_digest[:16]}  library {verdict.library_hash[:16]}")
    text = order.read_text(encoding="utf-8")
    for finding in verdict.findings:
        state = "overridden" if finding.overridden else finding.severity.value
        typer.echo(f"  {state:<10} {finding.rule:<4} {finding.message}")
        basis = f"basis {finding.basis}{_place(finding, order, text)}"
        typer.echo(f"  {'':<15} value {finding.value}, limit {finding.limit}, {basis}")


# A path into the order, as messages name it: "phases[0].dose", "assessment.dialysis", "results[2]".
_FIELD = re.compile(r"[a-z_]+(?:\[[0-9]+\])?(?:\.[a-z_0-9]+(?:\[[0-9]+\])?)*")


def _place(finding: Finding, order: Path, text: str) -> str:
    """Of the first field of the order that the message names; nothing when it names none."""
    from pumpctl.core.order import Order
    from pumpctl.core.order_place import line_of, path_of

    for match in _FIELD.finditer(finding.message):
        field = match.group()
        is_path = "." in field or "[" in field or match.start() == 0
        if is_path and path_of(field)[0] in Order.model_fields:
            line = line_of(text, field)
            return "" if line is None else f", see {order}:{line}"
    return ""
