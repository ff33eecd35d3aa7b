"""`pumpctl probe` over real pseudo-terminals with the simulated pumps behind them."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import tty
from pathlib import Path

import pytest

from simulator.firmware.registry import DIALECTS
from tests.simulator.served import serving

KILL_AFTER_S = 60.0


def probe(*words: str) -> tuple[int, str, str]:
    command = [sys.executable, "-c", "from pumpctl.cli.app import main; main()", "probe", *words]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=KILL_AFTER_S, check=False)
    return ended.returncode, ended.stdout, ended.stderr


@pytest.mark.parametrize("dialect", DIALECTS)
def test_it_says_which_dialect_answers_and_leaves_the_pump_as_it_was(dialect: str, tmp_path: Path) -> None:
    with serving(tmp_path, "--dialect", dialect) as served:
        before = served.state()
        code, told, complaints = probe(str(served.link), "--json")
        after = served.state()
    assert (code, complaints) == (0, "")
    answer = json.loads(told)
    assert answer["found"]["dialect"] == dialect
    assert answer["asked"] == ["new_era", "alaris", "companion", "miva"]
    still = ("state", "boot_count", "starts", "stops_received", "commanded_flow_ul_h", "program_id", "motor_ul")
    assert [after[name] for name in still] == [before[name] for name in still]


def test_for_people_it_is_one_line(tmp_path: Path) -> None:
    with serving(tmp_path, "--dialect", "miva") as served:
        assert probe(str(served.link), "--dialect", "miva") == (
            0, f"{served.link}: miva, serial SIM00001, simulated, sim-1.0\n", "",
        )  # fmt: skip


def test_nobody_who_answers_and_no_port_are_told_apart(tmp_path: Path) -> None:
    master, slave = pty.openpty()
    tty.setraw(slave)
    try:
        code, told, complaints = probe(os.ttyname(slave), "--json")
        assert code == 5
        assert json.loads(told)["found"] is None
        assert "nobody answered to new_era, alaris, companion, miva" in complaints
    finally:
        os.close(master)
        os.close(slave)
    code, _, complaints = probe(str(tmp_path / "none"))
    assert code == 5
    assert "no such device; plug it in, or correct PORT" in complaints


@pytest.mark.parametrize("path", ["/dev/null", "/dev"])
def test_what_is_no_serial_port_is_said_so(path: str) -> None:
    assert probe(path) == (5, "", f"pumpctl: port {path}: it is no serial port; correct PORT\n")


def test_a_dialect_that_nobody_speaks_is_a_usage_error(tmp_path: Path) -> None:
    code, _, complaints = probe(str(tmp_path / "none"), "--dialect", "latin")
    assert code == 2
    assert "known: new_era, alaris, companion, miva" in complaints
