"""One daemon and one simulated pump as real processes on a real pty, three thousand times faster than life.

Refuses to sleep for luck: every wait names what it waits for and how long at most.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pumpctl.shell.control_client import ControlClient, NoDaemon
from simulator.control import request
from simulator.failure import Failure
from simulator.rig.bag_check import bag_check
from simulator.rig.demo.dated_order import due_now
from tests.controller.orders import golden

SPEED = 3_000  # ten hours in twelve seconds
WITHIN_S = 20.0
PATIENT = "patient-0001"
OVERRIDE_Q31 = "Q31=pharmacist on call:daily regimen of the case report"
SCRIPTS = Path(sys.executable).parent
SETTINGS = """
instance = "pair"
state_dir = "{state_dir}"
mode = "rig"
speed = {speed}
epoch_boottime_ns = {epoch_ns}
{top}
[[channel]]
name = "a"
dialect = "companion"
port = "{port}"
serial = "SIM-0001"
patient_id = "patient-0001"
{tables}
"""


class RealPair:
    """`folder` keeps settings and logs; sockets and the pty's link live in a short one of their own."""

    ORDER = golden()

    def __init__(self, folder: Path, *, top: str = "", tables: str = "", speed: int = SPEED) -> None:
        self.speed = speed
        self._short = tempfile.TemporaryDirectory(prefix="pair-")
        short = Path(self._short.name)
        self.state_dir = short / "state"
        self.state_dir.mkdir()
        self.port, self.pump_socket = short / "pump", short / "pump.sock"
        self.log, self.settings = folder / "daemon.log", folder / "pair.toml"
        self.epoch_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        self.settings.write_text(
            SETTINGS.format(
                state_dir=self.state_dir, speed=speed, epoch_ns=self.epoch_ns, port=self.port, top=top, tables=tables
            )
        )
        self.order, self.check = folder / "order.json", folder / "check.json"
        self.write_order(datetime.now(UTC))
        self.daemon: subprocess.Popen[bytes] | None = None
        self.simulator: subprocess.Popen[bytes] | None = None

    def write_order(self, now: datetime) -> None:
        """The order, due now, and its bag check. It is too late after six hours of the pair's clock."""
        due = now.replace(second=0, microsecond=0)
        order = due_now(self.ORDER, due=due, patient_id=PATIENT)
        self.order.write_text(json.dumps(order))
        self.check.write_text(json.dumps(bag_check(order, at=due, bag="BAG-1")))

    # The pump.

    def start_pump(self) -> None:
        options = ["--dialect", "companion", "--pty", str(self.port), "--control", str(self.pump_socket)]
        options += ["--speed", str(self.speed), "--epoch-boottime-ns", str(self.epoch_ns)]
        self.simulator = subprocess.Popen([SCRIPTS / "pumpsim", "serve", *options], stdout=subprocess.PIPE)
        assert self.simulator.stdout is not None
        assert json.loads(self.simulator.stdout.readline())["ready"]

    def pump(self, command: str, **more: object) -> Mapping[str, Any]:
        """One command of the simulator's own control socket."""
        return request(self.pump_socket, {"command": command, **more})

    @property
    def truth(self) -> Mapping[str, Any]:
        return self.pump("state")

    # The daemon.

    def start_daemon(self) -> None:
        """Run it and return when it answers."""
        with self.log.open("ab") as log:
            self.daemon = subprocess.Popen([SCRIPTS / "pumpctl", "run", "--config", self.settings], stderr=log)
        self.wait("the daemon answers", self._answers)

    def kill_daemon(self) -> None:
        """As the out-of-memory killer does."""
        assert self.daemon is not None
        self.daemon.send_signal(signal.SIGKILL)
        self.daemon.wait(WITHIN_S)

    def ask(self, method: str, **params: object) -> Mapping[str, Any]:
        with ControlClient(self.state_dir / "control.sock", wait_s=5) as client:
            return client.call(method, params)

    @property
    def state(self) -> Mapping[str, Any]:
        """The state payload of channel a."""
        told: Mapping[str, Any] = self.ask("status")["channels"]["a"]
        return told

    def wait_for_state(self, state: str, within_s: float = WITHIN_S) -> None:
        self.wait(state, lambda: self.state["state"] == state, within_s)

    def infuse(self) -> None:
        """The order submitted, confirmed at the pump, and running."""
        self.start_pump()
        self.start_daemon()
        self.wait("the link is up", lambda: self.state["link"] == "up" and self.state["state"] == "idle")
        self.write_order(datetime.fromtimestamp(self.state["at_ms"] / 1000, UTC))  # starting up took hours
        done = self.pumpctl("order", "submit", str(self.order), "--override", OVERRIDE_Q31, "--check", str(self.check))
        assert done.returncode == 0, done.stderr
        self.wait_for_state("awaiting_confirmation")
        self.pump("press", button="confirm")
        self.wait_for_state("infusing")

    def pumpctl(self, *words: str) -> subprocess.CompletedProcess[str]:
        """A command on this daemon."""
        return pumpctl(*words, "--config", str(self.settings))

    def wait(self, wanted: str, reached: Callable[[], bool], within_s: float = WITHIN_S) -> float:
        """Until it is so; how long it took, s."""
        begun_s = time.monotonic()
        while time.monotonic() - begun_s < within_s:
            with contextlib.suppress(NoDaemon, Failure):
                if reached():
                    return time.monotonic() - begun_s
            time.sleep(0.02)
        pytest.fail(f"not within {within_s} s: {wanted}\n{self.log.read_text()[-3_000:]}")

    def clean_up(self) -> None:
        """Leave no process behind."""
        for process in (self.daemon, self.simulator):
            if process is not None:
                process.kill()
                process.wait(WITHIN_S)
                if process.stdout is not None:
                    process.stdout.close()
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                words = (entry / "cmdline").read_bytes().split(b"\0")
                if b"pumpctl.guard" in words and str(self.state_dir).encode() in words:
                    os.kill(int(entry.name), signal.SIGKILL)
        self._short.cleanup()

    def _answers(self) -> bool:
        assert self.daemon is not None
        assert self.daemon.poll() is None, self.log.read_text()
        self.ask("status")
        return True


def pumpctl(*words: str, within_s: float = WITHIN_S) -> subprocess.CompletedProcess[str]:
    """Any command, to its end."""
    return subprocess.run([SCRIPTS / "pumpctl", *words], capture_output=True, text=True, timeout=within_s, check=False)
