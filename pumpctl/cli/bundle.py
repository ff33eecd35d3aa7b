"""The files of a diagnostics bundle: what a maintainer asks for first, redacted (cli/redaction.py).

Refuses to read what it cannot redact: no log, no order, no key or certificate is opened. Each file is made in memory
and is bounded; nothing of the daemon's is written to.
"""

from __future__ import annotations

import json
import platform
import re
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from pumpctl import __version__
from pumpctl.cli.counters import counters_of
from pumpctl.cli.redaction import REMOVED, Redactor, Told
from pumpctl.configuration import JournalCondition
from pumpctl.shell.chain import ANCHOR_FILE, JOURNAL_FILE, Row, Unproven, proven_rows, verify_journal
from pumpctl.shell.clock import wall_ms
from pumpctl.shell.control_client import ControlClient, NoDaemon, Refused
from pumpctl.shell.control_socket import SOCKET_FILE
from pumpctl.shell.crash_record import FILE as CRASHES_FILE
from pumpctl.shell.settings import Settings

STATUS_WAIT_S = 3.0
LIBRARIES = (
    "aiomqtt", "cobs", "cryptography", "icalendar", "paho-mqtt", "prometheus-client", "pydantic", "pydantic-settings",
    "pyserial", "python-dateutil", "rich", "structlog", "typer",
)  # fmt: skip
STATE_FILES = (JOURNAL_FILE, f"{JOURNAL_FILE}-wal", ANCHOR_FILE, CRASHES_FILE)
# Sentences of shell/chain.py and shell/anchor.py; what SQLite says may quote damaged text and is left out.
_VERDICT = re.compile(
    r"the hash chain is broken at record \d+|the body of record \d+ is not a JSON object"
    r"|the anchor is missing although the journal has records|journal and anchor belong to different epochs"
    r"|the journal ends at record \d+, the anchor has seen \d+: records are gone"
    r"|record \d+ is not the one that the anchor has seen|both slots of the anchor are unreadable"
    r"|the journal is missing although the anchor has seen record \d+"
)

README = """pumpctl diagnostics bundle, for a bug report. Look through it before you send it.

versions.json   pumpctl, Python, operating system, libraries
settings.json   the settings as the daemon reads them
journal.json    what `pumpctl journal verify` says, how many records of each kind there are, sizes of the files
records.jsonl   the newest records of the journal, oldest first (at most {last})
status.json     what the running daemon says of its pumps, if one runs
counters.json   what the running daemon has counted, if its settings have a table [metrics]

Names are replaced: patients, persons, pumps' serial numbers, channels, hosts, paths, orders and programs are called
patient-1, person-2 and so on, the same wherever they stand; which is which is written down nowhere. Texts that people
or other programs wrote (orders, overrides, observations, reasons, messages) are replaced by {removed}. Times are
milliseconds against the newest record in here, or against now. Not in here: keys, certificates, orders, the log.

Still in here: what pumps were commanded and delivered, volumes, flows, doses and alarms, and how far apart in time.
"""


@dataclass(slots=True)
class _Past:
    """What the proven rows come to."""

    kinds: Counter[str]
    alarms: Counter[str]
    newest: deque[Row]


def bundle_of(settings: Settings, last: int) -> dict[str, bytes]:
    """Every file by name, README first."""
    past = _past(settings.state_dir, last)
    redactor = Redactor(past.newest[-1].utc_ms if past.newest else wall_ms())
    files: dict[str, object] = {
        "versions.json": _versions(),
        "settings.json": redactor.settings(settings.model_dump(mode="json")),
    }
    records = [json.dumps(_record(redactor, row)) + "\n" for row in past.newest]
    files["status.json"] = _status(settings.state_dir, redactor)
    files["counters.json"] = counters_of(settings.metrics, redactor)
    files["journal.json"] = {**_journal(settings.state_dir, past), "unknown_fields_left_out": redactor.left_out}
    told = {name: (json.dumps(content, indent=2) + "\n").encode() for name, content in files.items()}
    readme = README.format(last=last, removed=REMOVED).encode()
    return {"README.txt": readme, **told, "records.jsonl": "".join(records).encode()}


def _versions() -> dict[str, Any]:
    system = platform.uname()  # without its node: that is the host's name
    return {
        "pumpctl": __version__,
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": f"{system.system} {system.release} {system.machine}",
        "distribution": _distribution(),
        "libraries": {name: _version(name) for name in LIBRARIES},
    }


def _distribution() -> str | None:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME")
    except OSError:
        return None


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _past(state_dir: Path, last: int) -> _Past:
    past = _Past(Counter(), Counter(), deque(maxlen=last))
    try:
        for row in proven_rows(state_dir):
            past.kinds[row.kind] += 1
            past.newest.append(row)
            if row.kind == "alarm_raised":
                past.alarms[str(json.loads(row.body).get("code"))] += 1
    except (Unproven, OSError):
        return past  # as far as it goes; the verdict says why it ends there
    return past


def _journal(state_dir: Path, past: _Past) -> dict[str, Any]:
    try:
        report = verify_journal(state_dir)
    except OSError as error:
        return {"condition": "not readable", "reason": error.strerror or "there is no journal"}
    sound = report.condition is JournalCondition.SOUND
    reason = report.reason if sound or _VERDICT.fullmatch(report.reason) else REMOVED
    return {
        "condition": report.condition.value,
        "reason": reason,
        "records": report.records,
        "head_seq": None if report.head is None else report.head.seq,
        "anchored_seq": report.anchored_seq,
        "proven_by_kind": dict(past.kinds),
        "alarms_raised": dict(past.alarms),
        "file_bytes": {name: _size(state_dir / name) for name in STATE_FILES},
        "late_crashes": _crashes(state_dir / CRASHES_FILE),
    }


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


def _crashes(path: Path) -> int:
    try:
        return len(path.read_text(encoding="ascii").split())
    except (OSError, UnicodeDecodeError):
        return 0


def _record(redactor: Redactor, row: Row) -> dict[str, Told]:
    return {
        "seq": row.seq,
        "at_ms": redactor.instant_ms(row.utc_ms),
        "boot": redactor.name("boot", row.boot_id),
        "kind": row.kind,
        "body": redactor.record(json.loads(row.body)),
    }


def _status(state_dir: Path, redactor: Redactor) -> Mapping[str, Any]:
    try:
        with ControlClient(state_dir / SOCKET_FILE, STATUS_WAIT_S) as client:
            return {"running": True, "answer": redactor.record(client.call("status", {}))}
    except NoDaemon:
        return {"running": False}
    except Refused as refusal:
        return {"running": True, "refused": refusal.exit_code}
