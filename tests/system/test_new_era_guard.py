"""The guard at a simulated New Era pump over a pty: it knows no dialect, only the bytes it was armed with."""

from __future__ import annotations

import os
import select
import time
from dataclasses import replace
from pathlib import Path

import pytest

from pumpctl.configuration import NewEraSetup
from pumpctl.core.instant import NS_PER_S, Now
from pumpctl.drivers import pump
from pumpctl.drivers.new_era import NewEraDriver
from pumpctl.guard.port import Port
from pumpctl.shell.port import open_port
from tests.drivers.new_era_bench import BASIC, HOME, SAFE, SERIAL
from tests.simulator.served import WITHIN_S, serving


def now() -> Now:
    at_ns = time.monotonic_ns()
    return Now(at_ns, at_ns, 0)


def do(driver: NewEraDriver, fd: int, command: pump.Command) -> list[pump.Fact]:
    """As the shell would serve it."""
    facts: list[pump.Fact] = []
    os.write(fd, driver.command(command, now()))
    while driver.busy:
        wake_ns = driver.next_wake_ns()
        wait_s = WITHIN_S if wake_ns is None else max(0.0, (wake_ns - now().link_ns) / NS_PER_S)
        ready = select.select([fd], [], [], wait_s)[0]
        facts += driver.receive(os.read(fd, 4_096)) if ready else driver.wake(now())
        if further := driver.outgoing(now()):
            os.write(fd, further)
    return facts


@pytest.mark.timeout(60)
@pytest.mark.parametrize("setup", [SAFE, BASIC, replace(SAFE, safe_s=200)], ids=["safe", "basic", "long"])
@pytest.mark.parametrize("cut", [0, 1, 3, 8])
@pytest.mark.hazard("H56")
def test_its_two_stops_end_the_program_behind_any_half_packet_of_the_dead_daemon(
    setup: NewEraSetup, cut: int, tmp_path: Path
) -> None:
    with serving(tmp_path, "--dialect", "new_era") as served:
        fd = open_port(str(served.link), 19_200).fd
        driver = NewEraDriver(setup, SERIAL)
        driver.open(1)
        start = pump.Start(HOME.program_id, 1)
        for command in (pump.Identify(), pump.ReadStatus(), pump.LoadProgram(HOME), pump.ReadProgram(HOME), start):
            facts = do(driver, fd, command)
        assert facts == [pump.Done(start)]
        assert served.state()["commanded_flow_ul_h"] == 10_000
        os.write(fd, driver.command(pump.ReadProgram(HOME), now())[:cut])
        guard = Port(os.dup(fd))
        guard.arm(driver.stop_frame, driver.stopped_frame)
        assert guard.write_stop(first=True) == ""
        assert _proven(guard)
        truth = served.state()
        assert (truth["state"], truth["commanded_flow_ul_h"]) == ("stopped", 0)
        assert truth["stops_received"] == 2
        guard.close()
        os.close(fd)


def _proven(guard: Port) -> bool:
    while select.select([guard.descriptor], [], [], WITHIN_S)[0]:
        if guard.read_stopped():
            return True
    return False
