"""A MIVA pump and the daemon as real processes: an order from its file to its end, and a guard that stops the pump."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.controller.orders import golden, infusion
from tests.system.real_pair import SCRIPTS, SPEED, RealPair

# An hour in 36 s. Not faster: the run key takes three real seconds, and an order's start has to be in time.
SLOWER = 100
HOUR_LONG = golden() | {"phases": [infusion(dose="200 mg", volume="10 mL", duration="1 h")]}


class MivaPair(RealPair):
    """The same pair with another dialect at both ends."""

    ORDER = HOUR_LONG

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        text = self.settings.read_text().replace('dialect = "companion"', 'dialect = "miva"')
        text = text.replace('serial = "SIM-0001"', 'serial = "SIM00001"')
        self.settings.write_text(text.replace(f"speed = {SPEED}", f"speed = {SLOWER}"))

    def start_pump(self) -> None:
        options = ["--dialect", "miva", "--pty", str(self.port), "--control", str(self.pump_socket)]
        options += ["--speed", str(SLOWER), "--epoch-boottime-ns", str(self.epoch_ns)]
        self.simulator = subprocess.Popen([SCRIPTS / "pumpsim", "serve", *options], stdout=subprocess.PIPE)
        assert self.simulator.stdout is not None
        assert json.loads(self.simulator.stdout.readline())["ready"]


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[MivaPair]:
    subject = MivaPair(tmp_path)
    yield subject
    subject.clean_up()


@pytest.mark.timeout(240)
def test_an_order_runs_to_its_end(pair: MivaPair):
    pair.infuse()
    pair.wait_for_state("completed", 180.0)
    truth = pair.truth
    assert 9_900 <= truth["delivered_ul"] <= 10_000
    assert (truth["starts"], truth["resumes"], truth["stops_received"]) == (1, 0, 0)
    assert truth["max_commanded_flow_ul_h"] == 10_000
    assert pair.state["alarms"] == []


@pytest.mark.timeout(240)
def test_a_hung_daemon_does_not_keep_the_pump_from_its_stop(pair: MivaPair):
    pair.infuse()
    assert pair.daemon is not None
    pair.daemon.send_signal(signal.SIGSTOP)
    stopped = pair.pumpctl("stop")
    assert "guard: a: STOP was written by the guard and the pump answered that it has stopped" in stopped.stdout
    truth = pair.truth
    assert (truth["commanded_flow_ul_h"], truth["starts"]) == (0, 1)
    assert truth["stops_received"] >= 2


def test_a_real_pumps_serial_number_is_refused_by_the_simulator(pair: MivaPair):
    """Nothing that we simulate can be taken for a pump of the maker."""
    command = [SCRIPTS / "pumpsim", "serve", "--dialect", "miva", "--serial", "SN800008", "--pty", str(pair.port)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2
    assert "SIM and five letters or digits" in ended.stderr
