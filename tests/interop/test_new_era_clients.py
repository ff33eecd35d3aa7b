"""Clients by others (nesp-lib, labmcp-new-era) at our simulated New Era pump, over a real pseudo-terminal.

Refuses to help them: each runs in a process of its own with a kill timer and says what it found.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.simulator.served import WITHIN_S, Served, serving

PEERS = Path(__file__).parent / "peers"
KILL_AFTER_S = 90.0
NEW_ERA = ("--dialect", "new_era", "--speed")
OCCLUDED = '[[fault]]\nwhat = "occlusion"\nat_program_volume = "1 mL"\n'


def peer(name: str, served: Served, *parameters: str) -> dict[str, Any]:
    command = [sys.executable, str(PEERS / name), str(served.link.resolve()), *parameters]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=KILL_AFTER_S, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return json.loads(ended.stdout)


def exchange(served: Served, *commands: bytes) -> list[bytes]:
    """By hand, in basic mode: each command and its reply."""
    descriptor = os.open(served.link, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    replies: list[bytes] = []
    try:
        for command in commands:
            os.write(descriptor, command + b"\r")
            reply = b""
            while not reply.endswith(b"\x03"):
                assert select.select([descriptor], [], [], WITHIN_S)[0], f"no reply to {command!r}"
                reply += os.read(descriptor, 100)
            replies.append(reply)
    finally:
        os.close(descriptor)
    return replies


def ends_after_phase_one(served: Served) -> None:
    """nesp-lib knows no phases: without this its pump runs on into the second one, as from the factory."""
    assert exchange(served, b"", b"PHN2", b"FUNSTP", b"PHN1") == [b"\x0200A?R\x03", *[b"\x0200S\x03"] * 3]


@pytest.mark.timeout(150)
@pytest.mark.parametrize("safe_s", [0, 3])
def test_nesp_lib_sets_and_reads_back(safe_s: int, tmp_path: Path) -> None:
    with serving(tmp_path, *NEW_ERA, "1") as served:  # the alarm of the power-on still waits: it takes that one
        found = peer("nesp.py", served, "settings", str(safe_s), "0")
    assert found == {
        "model": 1000,
        "firmware": [3, 928],
        "diameter_mm": 26.59,
        "direction": "INFUSE",
        "volume_ml": 12.5,
        "rate_ml_min": pytest.approx(0.4166),  # it cuts 416.66 uL/min to four digits
        "safe_s": safe_s,
        "status": "STOPPED",
        "too_fast": "refused",
    }


@pytest.mark.timeout(150)
@pytest.mark.parametrize("safe_s", [0, 3])
def test_nesp_lib_runs_a_whole_program_and_stops_another(safe_s: int, tmp_path: Path) -> None:
    with serving(tmp_path, *NEW_ERA, "60") as served:
        ends_after_phase_one(served)
        found = peer("nesp.py", served, "whole_run", str(safe_s), "0")
        truth = served.state()
    assert found == {
        "running": True,
        "diameter_while_running": "refused",
        "ended": "STOPPED",
        "infused_ml": 2.0,
        "withdrawn_ml": 0.0,
        "cleared_ml": 0.0,
        "stopped_once": "PAUSED",
        "stopped_twice": "STOPPED",
    }
    assert (truth["starts"], truth["stops_received"], truth["commanded_flow_ul_h"]) == (2, 2, 0)
    assert truth["max_commanded_flow_ul_h"] == 60_000


@pytest.mark.timeout(150)
def test_nesp_lib_speaks_to_one_of_twenty_on_a_line(tmp_path: Path) -> None:
    pumps = ["--pump", f"serial=SIM-0000,pty={tmp_path / 'pump'},dialect=new_era"]
    for address in range(1, 20):
        pumps += ["--pump", f"serial=SIM-00{address:02},behind=SIM-0000,address={address},dialect=new_era"]
    with serving(tmp_path, *pumps, line=False) as served:
        found = peer("nesp.py", served, "settings", "3", "12")
        told = {serial: served.state(serial=serial)["alarms"] for serial in ("SIM-0000", "SIM-0012", "SIM-0019")}
    assert (found["status"], found["diameter_mm"]) == ("STOPPED", 26.59)
    assert told == {"SIM-0000": ["reset"], "SIM-0012": [], "SIM-0019": ["reset"]}


@pytest.mark.timeout(150)
def test_nesp_lib_sees_a_stall(tmp_path: Path) -> None:
    (tmp_path / "occluded.toml").write_text(OCCLUDED)
    with serving(tmp_path, *NEW_ERA, "20", "--scenario", str(tmp_path / "occluded.toml")) as served:
        ends_after_phase_one(served)
        assert peer("nesp.py", served, "stall", "0", "0") == {"alarm": "STALLED", "then": "STOPPED"}
        assert served.state()["commanded_flow_ul_h"] == 0


@pytest.mark.timeout(150)
def test_the_heartbeat_of_nesp_lib_keeps_safe_mode_content(tmp_path: Path) -> None:
    with serving(tmp_path, *NEW_ERA, "1") as served:
        found = peer("nesp.py", served, "heartbeat", "0", "0")
    assert found == {"status": "STOPPED", "safe_s": 2, "back": 0, "basic_status": "STOPPED"}


@pytest.mark.timeout(150)
def test_the_driver_of_labmcp_runs_a_whole_program_and_stops_another(tmp_path: Path) -> None:
    with serving(tmp_path, *NEW_ERA, "60") as served:
        found = peer("labmcp_driver.py", served)
        truth = served.state()
    assert found == {
        "identity": {
            "manufacturer": "New Era Pump Systems",
            "model": "NE-1000",
            "firmware": "3.928",
            "network_address": "0",
        },
        "reset_seen": True,
        "diameter": "26.59",
        "plan": ["1.000MM", "2.000ML"],
        "running": "infusing",
        "ended": "stopped",
        "dispensed": [2.0, 0.0, "ML"],
        "rate": [1.0, "MM"],
        "volume": [2.0, "ML"],
        "stopped": "stopped",
    }
    assert (truth["starts"], truth["max_commanded_flow_ul_h"], truth["commanded_flow_ul_h"]) == (2, 60_000, 0)
