"""An Alaris pump and the daemon as real processes: a program is set, read back and started; where the daemon hangs the
guard stops it, with bytes that hold the security code of this pump.
"""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.controller.orders import golden, infusion
from tests.system.real_pair import OVERRIDE_Q31, SCRIPTS, SPEED, RealPair

# Half of the golden order: what one syringe holds.
HALF = golden() | {"phases": [infusion(dose="1 g", volume="50 mL", duration="5 h")]}


class AlarisPair(RealPair):
    """The same pair with another dialect at both ends."""

    ORDER = HALF

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        text = self.settings.read_text().replace('dialect = "companion"', 'dialect = "alaris"')
        # In real time: at the pair's speed the start window is over in a second, faster than a person types.
        self.settings.write_text(text.replace(f"speed = {SPEED}", "speed = 1"))

    def start_pump(self) -> None:
        options = ["--dialect", "alaris", "--pty", str(self.port), "--control", str(self.pump_socket)]
        options += ["--speed", "1", "--epoch-boottime-ns", str(self.epoch_ns)]
        self.simulator = subprocess.Popen([SCRIPTS / "pumpsim", "serve", *options], stdout=subprocess.PIPE)
        assert self.simulator.stdout is not None
        assert json.loads(self.simulator.stdout.readline())["ready"]


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[AlarisPair]:
    subject = AlarisPair(tmp_path)
    yield subject
    subject.clean_up()


def test_a_hung_daemon_does_not_keep_an_infusing_pump_from_its_stop(pair: AlarisPair):
    pair.start_pump()
    pair.start_daemon()
    pair.wait("the link is up", lambda: pair.state["link"] == "up" and pair.state["state"] == "idle")
    done = pair.pumpctl("order", "submit", str(pair.order), "--override", OVERRIDE_Q31, "--check", str(pair.check))
    assert done.returncode == 0, done.stderr
    pair.wait_for_state("awaiting_confirmation")
    assert (pair.truth["starts"], pair.truth["stops_received"]) == (0, 0)
    done = pair.pumpctl("confirm", "--channel", "a", "--flow", "10 mL/h")
    assert done.returncode == 0, done.stderr
    pair.wait_for_state("infusing")
    assert (pair.truth["starts"], pair.truth["commanded_flow_ul_h"]) == (1, 10_000)
    assert pair.daemon is not None
    pair.daemon.send_signal(signal.SIGSTOP)
    stopped = pair.pumpctl("stop")
    assert "guard: a: STOP was written by the guard and the pump answered that it has stopped" in stopped.stdout
    assert (pair.truth["starts"], pair.truth["commanded_flow_ul_h"]) == (1, 0)
