"""Twenty New Era pumps on one line as real processes: one daemon, one simulator, one pty (docs/adr/0022).

Refuses to sleep for luck: every wait names what it waits for. Bounds are for a machine with a load of ten.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pumpctl.shell.control_client import ControlClient, NoDaemon
from simulator.control import request
from simulator.failure import Failure
from simulator.rig.bag_check import bag_check
from simulator.rig.demo.dated_order import due_now
from tests.controller.orders import golden, infusion
from tests.guard.rig import ask as ask_guard
from tests.system.real_pair import OVERRIDE_Q31, SCRIPTS

COUNT = 20
WITHIN_S = 60.0
IDLE_POLL_S = 5.0  # supervision/polling.py
OLDEST_S = IDLE_POLL_S + 6.0  # a poll, a round, two time-outs of a dead pump; the rest is a busy machine
HEAD = 'instance = "chain"\nstate_dir = "{state_dir}"\nmode = "rig"\n'
CHANNEL = """
[[channel]]
name = "p{number:02}"
dialect = "new_era"
port = "{port}"
baud = 19200
serial = "SIM-{number:04}"
patient_id = "patient-{number:02}"
[channel.new_era]
address = {number}
syringe_diameter_um = 26590
syringe_ml = 60
safe_mode_s = 60
simulated = true
"""


class ChainOfPumps:
    """Sockets and the pty's link live in a short folder of their own; the daemon's log is kept."""

    def __init__(self, folder: Path) -> None:
        self._short = tempfile.TemporaryDirectory(prefix="chain-")
        short = Path(self._short.name)
        self.state_dir, self.port, self._pumps_socket = short / "state", short / "pump", short / "pump.sock"
        self.state_dir.mkdir()
        self.log, self.settings = folder / "daemon.log", folder / "chain.toml"
        self.names = [f"p{number:02}" for number in range(COUNT)]
        channels = (CHANNEL.format(number=number, port=self.port) for number in range(COUNT))
        self.settings.write_text(HEAD.format(state_dir=self.state_dir) + "".join(channels))
        head = ["--pump", f"serial=SIM-0000,pty={self.port},address=0"]
        behind = (["--pump", f"serial=SIM-{n:04},behind=SIM-0000,address={n}"] for n in range(1, COUNT))
        options = ["--dialect", "new_era", *head, *(word for words in behind for word in words)]
        options += ["--control", str(self._pumps_socket)]
        self.simulator = subprocess.Popen([SCRIPTS / "pumpsim", "serve", *options], stdout=subprocess.PIPE)
        assert self.simulator.stdout is not None
        assert json.loads(self.simulator.stdout.readline())["ready"]
        with self.log.open("ab") as log:
            self.daemon = subprocess.Popen([SCRIPTS / "pumpctl", "run", "--config", self.settings], stderr=log)

    def pump(self, name: str, command: str, **more: object) -> Mapping[str, Any]:
        """One command to this pump's own truth, not over its line."""
        serial = f"SIM-{self.names.index(name):04}"
        return request(self._pumps_socket, {"command": command, "serial": serial, **more})

    def ask(self, method: str, **params: object) -> Mapping[str, Any]:
        with ControlClient(self.state_dir / "control.sock", wait_s=10) as client:
            return client.call(method, params)

    def states(self) -> Mapping[str, Mapping[str, Any]]:
        told: Mapping[str, Mapping[str, Any]] = self.ask("status")["channels"]
        return told

    def wait(self, wanted: str, reached: Callable[[], bool]) -> None:
        begun_s = time.monotonic()
        while time.monotonic() - begun_s < WITHIN_S:
            assert self.daemon.poll() is None, self.log.read_text()[-3_000:]
            with contextlib.suppress(NoDaemon, Failure):
                if reached():
                    return
            time.sleep(0.1)
        pytest.fail(f"not within {WITHIN_S} s: {wanted}; {self.log.read_text()[-2_000:]}")

    def infuse(self, *names: str) -> None:
        due = datetime.now(UTC).replace(second=0, microsecond=0)
        phases = [infusion(dose="1.2 g", volume="60 mL", duration="6 h")]
        for name in names:
            order = due_now(golden(order_id=f"order-{name}", phases=phases), due=due, patient_id=f"patient-{name[1:]}")
            check = json.dumps(bag_check(order, at=due, bag=f"BAG-{name}"))
            text = json.dumps(order)
            self.ask("order.submit", text=text, channel=name, check=check, overrides=[OVERRIDE_Q31])
        self.wait("all loaded", lambda: all(self.states()[name]["state"] == "awaiting_confirmation" for name in names))
        for name in names:
            self.ask("confirm", channel=name, flow="10 mL/h")
        self.wait("all infuse", lambda: all(self.states()[name]["state"] == "infusing" for name in names))

    def oldest_s(self, *names: str, for_s: float) -> float:
        """The largest age of a status of these that is told in that time."""
        oldest_ms, until_s = 0, time.monotonic() + for_s
        while time.monotonic() < until_s:
            states = self.states()
            oldest_ms = max(oldest_ms, *(states[name]["status_age_ms"] for name in names))
            time.sleep(0.1)
        return oldest_ms / 1000

    def clean_up(self) -> None:
        """Leave no process behind."""
        for process in (self.daemon, self.simulator):
            process.kill()
            process.wait(WITHIN_S)
        assert self.simulator.stdout is not None
        self.simulator.stdout.close()
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                words = (entry / "cmdline").read_bytes().split(b"\0")
                if b"pumpctl.guard" in words and str(self.state_dir).encode() in words:
                    os.kill(int(entry.name), signal.SIGKILL)
        self._short.cleanup()


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[ChainOfPumps]:
    """All twenty known to the daemon."""
    made = ChainOfPumps(tmp_path)
    try:
        made.wait("all links are up", lambda: all(told["state"] == "idle" for told in made.states().values()))
        yield made
    finally:
        made.clean_up()


@pytest.mark.timeout(300)
@pytest.mark.hazard("H56")
def test_one_daemon_supervises_twenty_and_a_failing_one_a_dose_and_a_stop_disturb_no_other(
    chain: ChainOfPumps, capsys: pytest.CaptureFixture[str]
) -> None:
    chain.infuse("p00", "p01")
    chain.pump("p07", "inject", fault="drop_reply:1000")  # to the daemon it is dead
    chain.pump("p01", "inject", fault="stall")
    chain.wait("the stall is alarmed", lambda: chain.states()["p01"]["state"] == "stopped")
    chain.wait("the dead pump is missed", lambda: chain.states()["p07"]["link"] != "up")
    others = [name for name in chain.names if name != "p07"]
    oldest_s = chain.oldest_s(*others, for_s=8.0)
    dose_s = chain.oldest_s("p00", for_s=3.0)
    states = chain.states()
    assert {name: states[name]["link"] for name in others} == dict.fromkeys(others, "up")
    assert states["p00"]["state"] == "infusing"
    assert oldest_s <= OLDEST_S
    asked_s = time.monotonic()
    assert chain.ask("stop", channel="p00") == {"proven": True, "stopped": ["p00"]}
    proven_s = time.monotonic() - asked_s
    assert chain.pump("p00", "state")["commanded_flow_ul_h"] == 0
    idle = [name for name in others if name not in {"p00", "p01"}]
    assert [chain.pump(name, "state")["stops_received"] for name in idle] == [0] * len(idle)
    with capsys.disabled():
        told = f"oldest status {oldest_s:.1f} s (idle, a poll each 5 s), {dose_s:.1f} s where a dose runs"
        print(f"\n20 pumps, one dead, one stalled: {told}; STOP proven {proven_s:.2f} s after it was asked for")


@pytest.mark.timeout(300)
@pytest.mark.hazard("H46", "H56")
def test_the_guard_stops_those_that_are_asked_for_when_the_daemon_hangs_and_the_rest_runs_on(
    chain: ChainOfPumps,
) -> None:
    chain.infuse("p00", "p01", "p02")
    chain.pump("p02", "inject", fault="drop_reply:1000")
    chain.daemon.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, chain.daemon.pid, os.WSTOPPED | os.WNOWAIT)
    assert ask_guard(chain.state_dir, stop="p00") == {"outcomes": {"p00": "stopped"}}
    flows = {name: chain.pump(name, "state")["commanded_flow_ul_h"] for name in ("p00", "p01", "p02")}
    assert flows == {"p00": 0, "p01": 10_000, "p02": 10_000}
    outcomes = ask_guard(chain.state_dir, stop=None)["outcomes"]
    assert outcomes == {name: "not_proven" if name == "p02" else "stopped" for name in chain.names}
    flows = {name: chain.pump(name, "state")["commanded_flow_ul_h"] for name in chain.names}
    assert flows == dict.fromkeys(chain.names, 0)
