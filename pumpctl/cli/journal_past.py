"""`pumpctl journal replay | history | retire`: what the past says, to whom, and how one goes on without it.

Refuses to guess: a history out of a damaged journal would make room for another dose, so none is written.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pumpctl.cli.asking import AsJson, Config, control_socket
from pumpctl.cli.failure import ExitCode, Failure

if TYPE_CHECKING:
    from pumpctl.configuration import ControllerConfiguration, JournalContent
    from pumpctl.core.instant import Now
    from pumpctl.core.library import Library
    from pumpctl.shell.settings import Settings

StateDir = Annotated[Path | None, typer.Option("--state-dir", help="The directory of the journal.")]
At = Annotated[str | None, typer.Option("--at", help="As of this time, with UTC offset; default now.")]
KEEP = "keep the files; docs/journal.md says how to go on"
PERSONS = 2
REASON_LIMIT = 500


def register(group: typer.Typer) -> None:
    """Add the commands to `pumpctl journal`."""
    group.command("replay")(show_replay)
    group.command("history")(write_history)
    group.command("retire")(retire)


def show_replay(state_dir: StateDir = None, config: Config = None, at: At = None, as_json: AsJson = False) -> None:
    """What the daemon's state became with each record; with --json the state at the end alone. Exit 6 when damaged."""
    from pumpctl.cli.retrospect import beliefs, end_state

    configuration, library, content, now = _past(state_dir, config, at)
    if as_json:
        typer.echo(json.dumps(end_state(configuration, library, content, now)))
    else:
        for record, state in beliefs(configuration, library, content.records, now):
            typer.echo(f"{record.seq} {_time(record.utc_ms)} {record.kind}: {state}")
    if content.reason:
        raise Failure(ExitCode.VERIFICATION_FAILED, f"the journal is damaged: {content.reason}", KEEP)


def write_history(
    patient: Annotated[str, typer.Argument(help="The patient's id, as in the orders.")],
    state_dir: StateDir = None,
    config: Config = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The file to write; default: shown.")] = None,
    at: At = None,
) -> None:
    """What this patient had by the journal, as `pumpctl check --history` reads it."""
    from pumpctl.cli.retrospect import history_of, ledger_of

    configuration, library, content, now = _past(state_dir, config, at)
    if content.reason:
        what = f"the journal is damaged: {content.reason}: no history is written from it"
        raise Failure(ExitCode.VERIFICATION_FAILED, what, KEEP)
    text = json.dumps(history_of(ledger_of(configuration, library, content, now), patient), indent=2) + "\n"
    if output is None:
        typer.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Failure(ExitCode.USAGE, f"{output}: {error.strerror}", "name a file that can be written") from None


def retire(
    by: Annotated[list[str], typer.Option(help="Who decides it; two persons, so twice.")],
    reason: Annotated[str, typer.Option(help="Why, as it is to be recorded.")],
    state_dir: StateDir = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Put a damaged journal aside and begin a new one; every cap counts as used for 7 days from now.

    Nothing is deleted. Only while no daemon runs.
    """
    from pumpctl.core.schedule import instant_text
    from pumpctl.shell.retirement import retire_journal
    from pumpctl.shell.unusable import Unusable

    persons = tuple(dict.fromkeys(" ".join(person.split()) for person in by))
    if len({person.casefold() for person in persons if person}) != PERSONS:
        raise Failure(ExitCode.REFUSED, "a journal is retired by two persons", "name both: --by A --by B")
    if not reason.strip() or len(reason) > REASON_LIMIT:
        raise Failure(ExitCode.USAGE, f"the reason must have 1 to {REASON_LIMIT} characters", "say why, with --reason")
    directory = journal_directory(state_dir, config)
    utc_ms = _daemon_utc_ms(config)
    stamp = instant_text(utc_ms // 1000 * 1000).replace("-", "").replace(":", "")
    try:
        retired = retire_journal(directory, persons, reason.strip(), utc_ms, stamp)
    except Unusable as refusal:
        raise Failure(ExitCode(refusal.exit_code), refusal.what, refusal.next_step) from None
    except FileNotFoundError:
        raise Failure(
            ExitCode.USAGE, f"{directory}: there is no journal", "name the daemon's state directory"
        ) from None
    except OSError as error:
        raise Failure(ExitCode.INTERNAL, f"{directory}: {error}", "mend that and run this again") from None
    told = {"moved_to": str(retired.moved_to), "damage": retired.damage, "by": list(persons)}
    if as_json:
        typer.echo(json.dumps(told))
    else:
        typer.echo(f"the damaged journal is in {retired.moved_to}: {retired.damage}")
        typer.echo("a new one has begun; the caps count as used for 7 days from now")


def journal_directory(state_dir: Path | None, config: Path | None, socket: Path | None = None) -> Path:
    """Where the journal is that a person means: as named, or the state directory of the daemon that is named."""
    if state_dir is not None:
        return state_dir
    if config is None and socket is None:
        next_step = "name the state directory with --state-dir D, or the settings with --config F"
        raise Failure(ExitCode.USAGE, "which journal", next_step)
    return control_socket(config, socket).parent


def _past(
    state_dir: Path | None, config: Path | None, at: str | None
) -> tuple[ControllerConfiguration, Library, JournalContent, Now]:
    """With --config as that daemon would see it, else with the channels that the records name."""
    from pumpctl.cli.findings import instant_of, load_library
    from pumpctl.cli.journal import unreadable
    from pumpctl.cli.retrospect import configuration_of
    from pumpctl.core.instant import NS_PER_MS, Now
    from pumpctl.shell.chain import read_past

    directory = journal_directory(state_dir, config)
    utc_ms = instant_of(at)
    try:
        content = read_past(directory).content
    except OSError as error:
        raise unreadable(directory, error) from None
    # No clock of the past is at hand: link and therapy time begin far enough from zero for any pause that counts.
    now = Now(link_ns=utc_ms * NS_PER_MS, therapy_ns=utc_ms * NS_PER_MS, utc_ms=utc_ms)
    settings = _settings(config)
    if settings is None:
        return configuration_of(content.records), load_library(None), content, now
    return settings.for_controller(), load_library(settings.library), content, now


def _settings(config: Path | None) -> Settings | None:
    from pumpctl.shell.settings import load_settings
    from pumpctl.shell.unusable import Unusable

    try:
        return None if config is None else load_settings(config)
    except Unusable as refusal:
        raise Failure(ExitCode.USAGE, refusal.what, refusal.next_step) from None


def _daemon_utc_ms(config: Path | None) -> int:
    """The calendar of that daemon, which scaled therapy time moves on faster; without --config the host's."""
    from pumpctl.shell.clock import Clock, wall_ms

    settings = _settings(config)
    return wall_ms() if settings is None else Clock(settings.speed, settings.epoch_boottime_ns or 0).now().utc_ms


def _time(utc_ms: int) -> str:
    from pumpctl.cli.journal import instant

    return instant(utc_ms)
