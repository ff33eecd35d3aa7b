"""A daemon as a process of its own, on a pty that the test holds."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pumpctl.shell.control_client import ControlClient, NoDaemon
from tests.conftest import PtyPair
from tests.pty_bytes import read_when

WAIT_S = 20.0
SCRIPTED = Path(__file__).with_name("scripted_daemon.py")
SETTINGS = """
instance = "rig"
state_dir = "{state_dir}"
mode = "rig"
{more}
[[channel]]
name = "a"
dialect = "companion"
port = "{port}"
serial = "SIM-0001"
patient_id = "p1"
{tables}
"""


class DaemonProcess:
    """Starts, asks, signals and ends one daemon; `state_dir` and settings outlive it."""

    def __init__(self, folder: Path, port: str, *, more: str = "", tables: str = "") -> None:
        self.state_dir = folder / "state"
        self.state_dir.mkdir(exist_ok=True)
        self.settings = folder / "rig.toml"
        self.settings.write_text(SETTINGS.format(state_dir=self.state_dir, port=port, more=more, tables=tables))
        self.log = folder / "log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *, environment: Mapping[str, str] | None = None) -> None:
        """Run it and return when it answers."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, SCRIPTED, self.settings], stderr=log, env={**os.environ, **(environment or {})}
            )
        deadline_s = time.monotonic() + WAIT_S
        while time.monotonic() < deadline_s and self.process.poll() is None:
            with contextlib.suppress(NoDaemon):
                self.ask("seen")
                return
            time.sleep(0.02)
        pytest.fail(f"the daemon did not come up:\n{self.log.read_text()}")

    def ask(self, method: str, **params: object) -> Mapping[str, Any]:
        """One request over the control socket."""
        with ControlClient(self.state_dir / "control.sock", wait_s=5) as client:
            return client.call(method, params)

    def ask_until(self, wanted: str) -> list[str]:
        """Until the controller has seen something."""
        deadline_s = time.monotonic() + WAIT_S
        while time.monotonic() < deadline_s:
            seen: list[str] = list(self.ask("seen")["seen"])
            if wanted in seen:
                return seen
            time.sleep(0.02)
        pytest.fail(f"not seen: {wanted}; {self.ask('seen')}\n{self.log.read_text()}")

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Signal it and wait; its exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.ended()

    def ended(self) -> int:
        """Wait for its end; its exit code."""
        assert self.process is not None
        return self.process.wait(WAIT_S)

    def clean_up(self) -> None:
        """Leave neither daemon nor guard behind."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(WAIT_S)
        for entry in Path("/proc").iterdir():
            if entry.name.isdecimal() and self._is_our_guard(entry):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(entry.name), signal.SIGKILL)

    def _is_our_guard(self, entry: Path) -> bool:
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            return False
        return b"pumpctl.guard" in words and str(self.state_dir).encode() in words


def read_until(line: PtyPair, wanted: bytes, within_s: float = WAIT_S) -> bytes:
    """What the pump's end has read when `wanted` is in it."""
    return read_when(line.master_fd, lambda came: wanted in came, within_s)


def read_now(line: PtyPair) -> bytes:
    """What has come so far."""
    try:
        return os.read(line.master_fd, 65_536)
    except BlockingIOError:
        return b""
