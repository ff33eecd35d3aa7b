"""A daemon's settings, journal, status and files with a canary in every place that can hold a secret.

Refuses to know what a bundle leaves out: a canary is `canary-` and a word, and whoever finds one has found a leak.
"""

from __future__ import annotations

import re
from pathlib import Path

from pumpctl.effects import Record
from pumpctl.shell.journal import Journal

NEWEST_MS = 1_796_148_000_000
DIGEST, PROGRAM_ID = "deadbeef" * 8, "0badc0de0badc0de"
SETTINGS = """
instance = "canary-instance"
state_dir = "{folder}/state"
mode = "rig"
on_alarm = ["ring-for-canary-ringer"]
library = "canary-library.toml"
[[channel]]
name = "canary-bed"
dialect = "companion"
port = "/dev/serial/by-id/usb-canary-port"
serial = "CANARY-SERIAL"
patient_id = "canary-patient"
firmware = ["canary-firmware 1.0"]
[[channel]]
name = "b"
dialect = "companion"
port = "socket://canary-gateway.example:4001"
serial = "CANARY-SECOND"
patient_id = "canary-other"
[[channel]]
name = "c"
dialect = "companion"
port = "/dev/ttyUSB3"
serial = "CANARY-THIRD"
patient_id = "canary-other"
[mqtt]
host = "canary-broker.example"
ca = "canary-home/ca.pem"
certificate = "canary-home/daemon.pem"
key = "canary-home/daemon.key"
[status_line]
port = "/dev/serial/by-id/usb-canary-display"
"""
IN_SETTINGS = 15  # words above
_BED: dict[str, object] = {"channel": "canary-bed"}
_PROGRAM = {"program_id": PROGRAM_ID, "order_digest": DIGEST, "occurrence": 1, "patient_id": "canary-patient"}
BODIES: dict[str, dict[str, object]] = {
    "daemon_started": {"channels": ["canary-bed", "b", "c"], "mode": "rig", "therapy_ns": 5, "undated": []},
    "order_accepted": {
        **_BED,
        "order": DIGEST,
        "text": '{"patient": {"id": "canary-patient", "name": "canary-name"}}',
        "overrides": [{"rule": "Q31", "person": "canary-overrider", "reason": "says canary-reason"}],
        "library_hash": "ab" * 32,
        "person": "nurse canary-submitter",
    },
    "bag_checked": {**_BED, "check": {"bag": "CANARY-BAG", "second_person": "canary-checker"}},
    "observed": {
        **_BED,
        "person": "canary-observer",
        "told": {"breathing_rate": "14 /min, says canary-teller"},
        "signs": ["flushed like canary-sign"],
        "serum_at": "2026-12-01T18:00:00Z",
    },
    "settled": {**_BED, "program": _PROGRAM, "least_ul": 99_000, "started_ms": NEWEST_MS - 600_000},
    "alarm_raised": {**_BED, "code": "air_in_line", "priority": "high", "message": "ask canary-message"},
    "stop_requested": {**_BED, "reasons": [{"code": "operator_stop", "message": "stopped by canary-stopper"}]},
    "dosing_outcome": {**_BED, "outcome": "denied", "reasons": ["canary-word said so"]},
    "cleared": {**_BED, "codes": ["air_in_line"], "persons": ["canary-observer", "canary-clearer"]},
    "port_refused": {**_BED, "code": "wrong_serial", "serial": "CANARY-STRANGER"},
    "journal_retired": {
        "by": ["canary-retirer"],
        "reason": "canary-why",
        "damage": "canary-what",
        "moved_to": "canary-to",
    },
    "of_tomorrow": {**_BED, "visitor": "canary-visitor", "by_visitor": {"canary-key": 1}, "moved_ul": 7},
}
IN_JOURNAL = 20  # words above that are not in the settings
STATUS = {
    "daemon": {"mode": "rig, unsigned", "journal": "what canary-disk says", "guard": "alive", "new": "canary-new"},
    "channels": {
        "canary-bed": {
            "schema": "pumpctl/state/1",
            "channel": "canary-bed",
            "at_ms": NEWEST_MS + 1000,
            "state": "infusing",
            "link": "up",
            "link_reason": "canary-link",
            "flow_ml_h": 10.0,
            "serial": "CANARY-SERIAL",
            "latched": [],
            "alarms": [{"code": "air_in_line", "priority": "high", "message": "ask canary-status"}],
        }
    },
}
KEY = "canary-keybytes"


def canaries(text: str) -> set[str]:
    """Those that are in it."""
    return {word.lower() for word in re.findall(r"canary[-_][a-z]+", text, re.IGNORECASE)}


def seed(folder: Path) -> Path:
    """Everything written below the folder; the path of the settings."""
    state_dir = folder / "state"
    state_dir.mkdir()
    (folder / "canary-home").mkdir()
    for name in ("ca.pem", "daemon.pem", "daemon.key"):
        (folder / "canary-home" / name).write_text(KEY)
    (state_dir / "canary-file.txt").write_text(KEY)
    journal, _ = Journal.open(state_dir)
    journal.start(lambda _event: None)
    for number, (kind, body) in enumerate(BODIES.items(), 1):
        journal.append(Record(number, kind, body, NEWEST_MS - 1000 * (len(BODIES) - number)))
    journal.close()
    path = folder / "canary-settings.toml"
    path.write_text(SETTINGS.format(folder=folder))
    return path
