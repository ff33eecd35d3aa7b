"""The past: does the journal hold, is the anchor the newer one's, does the library judge.

Refuses to write: a running daemon goes on with the same files.
"""

from __future__ import annotations

from collections.abc import Iterator

from pumpctl.configuration import JournalCondition
from pumpctl.core.library import LibraryUnreadable
from pumpctl.doctor.finding import Finding, doubt, fault, fine
from pumpctl.doctor.host import Host
from pumpctl.doctor.running import Running
from pumpctl.shell.chain import ANCHOR_FILE, verify_journal
from pumpctl.shell.library_file import read_library
from pumpctl.shell.settings import Settings

MS_PER_S = 1000
AHEAD_S = 120  # ADR 0006: a wall step that blocks starts


def journal(settings: Settings, host: Host) -> Iterator[Finding]:
    """The hash chain, held against the anchor; how long ago the anchor was written."""
    try:
        report = verify_journal(settings.state_dir)
    except FileNotFoundError:
        yield fine("journal", "none yet; the first start of the daemon begins it")
        return
    except OSError as error:
        yield fault("journal", f"{settings.state_dir}: {error.strerror}", "look as the daemon's user")
        return
    if report.condition is not JournalCondition.SOUND:
        yield fault("journal", f"damaged: {report.reason}", "keep the files; docs/journal.md says how to go on")
        return
    age_s = _anchor_age_s(settings, host)
    told = f"sound, {report.records} records"
    if age_s is not None and age_s < -AHEAD_S:
        told = f"{told}, but its anchor was written {-age_s} s in the future by this clock"
        yield doubt("journal", told, "set the clock right before the daemon starts")
    else:
        yield fine("journal", told if age_s is None else f"{told}, anchored {_ago(age_s)} ago")


def library(settings: Settings, running: Running) -> Iterator[Finding]:
    """Can it be read, and is it the one that the running daemon judges by?"""
    where = str(settings.library or "the packaged one")
    try:
        read = read_library(settings.library)
    except (OSError, LibraryUnreadable) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        yield fault("library", f"{where}: {reason}", "correct the file, or leave `library` out of the settings")
        return
    if running.answers and running.library_hash != read.content_hash:
        told = f"{where}: version {read.version}, which is not what the running daemon judges by"
        yield doubt("library", told, "restart the daemon when no infusion runs")
    else:
        yield fine("library", f"{where}: version {read.version}, {read.content_hash[:12]}")


def _anchor_age_s(settings: Settings, host: Host) -> int | None:
    try:
        written_s = int((settings.state_dir / ANCHOR_FILE).stat().st_mtime)
    except OSError:
        return None
    return host.utc_ms() // MS_PER_S - written_s


def _ago(age_s: int) -> str:
    for span_s, word in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if age_s >= 2 * span_s:
            return f"{age_s // span_s} {word}"
    return f"{max(0, age_s)} s"
