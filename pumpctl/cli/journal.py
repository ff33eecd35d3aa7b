"""`pumpctl journal verify | export`: is the past whole, and what is in it.

Refuses to write: the daemon may be running on the same files.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from pumpctl.cli import journal_past
from pumpctl.cli.asking import AsJson, Config, Socket
from pumpctl.cli.failure import ExitCode, Failure
from pumpctl.cli.journal_past import StateDir, journal_directory

if TYPE_CHECKING:
    from pumpctl.shell.chain import Row

journal_app = typer.Typer(help="The daemon's journal.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the group."""
    journal_past.register(journal_app)
    app.add_typer(journal_app, name="journal")


@journal_app.command("verify")
def verify(state_dir: StateDir = None, config: Config = None, socket: Socket = None, as_json: AsJson = False) -> None:
    """Walk the hash chain and hold it against the anchor: exit 0 when sound, 6 when not."""
    from pumpctl.configuration import JournalCondition
    from pumpctl.shell.chain import verify_journal

    directory = journal_directory(state_dir, config, socket)
    try:
        report = verify_journal(directory)
    except OSError as error:
        raise unreadable(directory, error) from None
    head = report.head
    told = {
        "condition": report.condition.value,
        "reason": report.reason,
        "records": report.records,
        "head_seq": None if head is None else head.seq,
        "head_hash": None if head is None else head.digest.hex(),
        "anchored_seq": report.anchored_seq,
    }
    if as_json:
        typer.echo(json.dumps(told))
    else:
        words = f": {report.reason}" if report.reason else ""
        typer.echo(
            f"{report.condition.value}{words}; {report.records} records, head {told['head_seq']}, "
            f"anchor {told['anchored_seq']}, hash {told['head_hash']}"
        )
    sound = report.condition is JournalCondition.SOUND
    raise typer.Exit(ExitCode.OK if sound else ExitCode.VERIFICATION_FAILED)


@journal_app.command("export")
def export(state_dir: StateDir = None, config: Config = None, socket: Socket = None, as_json: AsJson = False) -> None:
    """Every record that the hash chain proves, oldest first; exit 6 when that is not the whole journal."""
    from pumpctl.shell.chain import Unproven, proven_rows

    directory = journal_directory(state_dir, config, socket)
    try:
        for row in proven_rows(directory):
            typer.echo(_json_line(row) if as_json else f"{row.seq} {instant(row.utc_ms)} {row.kind} {row.body}")
    except Unproven as damage:
        what = f"{directory}: what is exported ends where the journal stops proving anything: {damage}"
        raise Failure(ExitCode.VERIFICATION_FAILED, what, "keep the files; docs/journal.md says how to go on") from None
    except BrokenPipeError:
        raise  # not the journal's end but the reader's
    except OSError as error:
        raise unreadable(directory, error) from None


def unreadable(directory: Path, error: Exception) -> Failure:
    """There is no journal, or none that this user may read."""
    if isinstance(error, FileNotFoundError):
        return Failure(ExitCode.USAGE, f"{directory}: there is no journal", "name the daemon's state directory")
    return Failure(ExitCode.VERIFICATION_FAILED, f"{directory}: {error}", "keep the files and look at the disk")


def _json_line(row: Row) -> str:
    """`hash` is over `previous`, the header and the canonical text of `body` (docs/journal.md)."""
    told = {"seq": row.seq, "utc_ms": row.utc_ms, "time": instant(row.utc_ms), "boot_id": row.boot_id}
    told |= {"kind": row.kind, "body": json.loads(row.body)}
    return json.dumps(told | {"previous": row.previous.hex(), "hash": row.digest.hex()})


def instant(utc_ms: int) -> str:
    """For people; a damaged figure as it stands."""
    from datetime import UTC, datetime

    try:
        return datetime.fromtimestamp(utc_ms / 1000, UTC).isoformat(timespec="milliseconds")
    except (OverflowError, ValueError, OSError):
        return f"{utc_ms} ms"
