"""A daemon that is told to use plaintext on a network says so in its log, and one on its own host does not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.system.daemon_process import DaemonProcess


@pytest.mark.parametrize(("host", "warned"), [("broker.invalid", True), ("localhost", False)])
def test_the_log_warns_of_plaintext_to_another_host_alone(tmp_path: Path, host: str, warned: bool) -> None:
    daemon = DaemonProcess(
        tmp_path, str(tmp_path / "no-pump"), tables=f'[mqtt]\nhost = "{host}"\nport = 1\nplaintext = true\n'
    )
    try:
        daemon.start()
        assert daemon.end() == 0
    finally:
        daemon.clean_up()
    told = [json.loads(line) for line in daemon.log.read_text().splitlines() if line.startswith("{")]
    warnings = [line for line in told if line["event"].startswith("mqtt: in the clear")]
    assert [(line["level"], line["host"]) for line in warnings] == ([("warning", host)] if warned else [])
