"""Our New Era driver at a simulator by others (labmcp-new-era, basic mode), over a real pseudo-terminal.

Refuses to help either: the simulator runs in a process of its own, which is ended when the test is.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest

from pumpctl.core.instant import NS_PER_S, Now
from pumpctl.drivers import pump
from pumpctl.drivers.new_era import NewEraDriver
from pumpctl.drivers.pump import PumpActivity as A
from pumpctl.shell.port import open_port
from tests.drivers.new_era_bench import BASIC, HOME, SERIAL

PEER = Path(__file__).parent / "peers" / "labmcp_simulator.py"
WITHIN_S = 20.0
SPEED = 600  # its clock, not ours
SHORT = replace(HOME, vtbi_ul=1_000)  # six minutes at 10 mL/h
_Fact = TypeVar("_Fact", bound=pump.Fact)


class Line:
    """The driver at a port, as the shell would serve it."""

    def __init__(self, fd: int) -> None:
        self.driver = NewEraDriver(BASIC, SERIAL)
        self.driver.open(1)
        self._fd = fd

    def one(self, command: pump.Command, kind: type[_Fact]) -> _Fact:
        (fact,) = [fact for fact in self.do(command) if not isinstance(fact, pump.LineNoise)]
        assert isinstance(fact, kind), fact
        return fact

    def do(self, command: pump.Command) -> list[pump.Fact]:
        facts: list[pump.Fact] = []
        os.write(self._fd, self.driver.command(command, now()))
        while self.driver.busy:
            facts += self._look()
        return facts

    def stop(self) -> list[pump.Fact]:
        self.driver.stopping(now())
        os.write(self._fd, self.driver.stop_frame)
        facts: list[pump.Fact] = []
        while self.driver.busy:
            facts += self._look()
        return facts

    def _look(self) -> list[pump.Fact]:
        """The next bytes or the next wake-up, whichever comes first; then what is to be asked further."""
        wake_ns = self.driver.next_wake_ns()
        wait_s = WITHIN_S if wake_ns is None else max(0.0, (wake_ns - now().link_ns) / NS_PER_S)
        ready = select.select([self._fd], [], [], wait_s)[0]
        facts = self.driver.receive(os.read(self._fd, 4_096)) if ready else self.driver.wake(now())
        further = self.driver.outgoing(now())
        if further:
            os.write(self._fd, further)
        return facts


def now() -> Now:
    at_ns = time.monotonic_ns()
    return Now(at_ns, at_ns, 0)


@contextlib.contextmanager
def their_pump() -> Generator[Line]:
    process = subprocess.Popen([sys.executable, str(PEER), str(SPEED)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert select.select([process.stdout], [], [], WITHIN_S)[0], "no ready line"
        opened = open_port(json.loads(process.stdout.readline())["port"], 19_200)
        yield Line(opened.fd)
        os.close(opened.fd)
    finally:
        process.kill()
        process.wait(timeout=WITHIN_S)
        if process.stdout is not None:
            process.stdout.close()


@pytest.mark.timeout(120)
def test_our_driver_knows_programs_starts_and_finishes_their_pump():
    with their_pump() as line:
        who = line.one(pump.Identify(), pump.Identified)
        assert (who.firmware, who.capability.model, who.boot_count > 0) == ("V3.923", "NE1000", True)
        assert line.one(pump.ReadStatus(), pump.StatusRead).activity is A.IDLE
        line.one(pump.LoadProgram(SHORT), pump.Done)
        assert line.one(pump.Start(SHORT.program_id, 1), pump.Denied).code == "not_read_back"
        assert line.one(pump.ReadProgram(SHORT), pump.ProgramRead).equals is SHORT
        assert line.one(pump.ReadProgram(replace(SHORT, vtbi_ul=990)), pump.ProgramRead).equals is None
        assert line.one(pump.ReadProgram(SHORT), pump.ProgramRead).equals is SHORT
        line.one(pump.Start(SHORT.program_id, 1), pump.Done)
        status = line.one(pump.ReadStatus(), pump.StatusRead)
        assert (status.activity, status.program_id, status.commanded_flow_ul_h) == (
            A.INFUSING,
            SHORT.program_id,
            10_000,
        )
        until_s = time.monotonic() + WITHIN_S
        while status.activity is A.INFUSING and time.monotonic() < until_s:
            status = line.one(pump.ReadStatus(), pump.StatusRead)
        assert (status.activity, status.program_ul, status.moving) == (A.COMPLETED, 1_000, False)


@pytest.mark.timeout(120)
def test_our_driver_pauses_resumes_and_stops_their_pump():
    with their_pump() as line:
        line.one(pump.Identify(), pump.Identified)
        line.one(pump.ReadStatus(), pump.StatusRead)
        line.one(pump.LoadProgram(HOME), pump.Done)
        line.one(pump.ReadProgram(HOME), pump.ProgramRead)
        line.one(pump.Start(HOME.program_id, 1), pump.Done)
        line.one(pump.ReadStatus(), pump.StatusRead)
        line.one(pump.Pause(HOME.program_id), pump.Done)
        assert line.one(pump.ReadStatus(), pump.StatusRead).activity is A.PAUSED
        line.one(pump.Resume(HOME.program_id, 2), pump.Done)
        assert line.one(pump.ReadStatus(), pump.StatusRead).activity is A.INFUSING
        assert pump.StopTaken() in line.stop()
        status = line.one(pump.ReadStatus(), pump.StatusRead)
        assert (status.activity, status.program_id, status.moving) == (A.IDLE, None, False)


@pytest.mark.timeout(120)
def test_a_rate_beyond_the_syringe_is_their_refusal_and_ours_to_tell():
    with their_pump() as line:
        line.one(pump.Identify(), pump.Identified)
        assert line.one(pump.LoadProgram(replace(HOME, flow_rate_ul_h=20)), pump.Denied).code == "out_of_range"
