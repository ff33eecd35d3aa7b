"""The shared fixtures do what they promise: a leaked task fails its test, the broker answers, the pty carries bytes."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Broker, PtyPair
from tests.pty_bytes import read_when

ROOT = Path(__file__).resolve().parents[2]

LEAKS = """
import asyncio

async def test_leaves_a_task():
    asyncio.get_running_loop().create_task(asyncio.sleep(3600), name="forgotten")
"""
TIDIES = """
import asyncio

async def test_ends_its_task():
    asyncio.get_running_loop().create_task(asyncio.sleep(3600)).cancel()

def test_without_a_loop():
    assert asyncio is not None
"""


def run_in_a_house_of_its_own(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    shutil.copy(ROOT / "tests" / "conftest.py", folder / "conftest.py")
    shutil.copy(ROOT / "pyproject.toml", folder / "pyproject.toml")
    (folder / "test_subject.py").write_text(text)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "test_subject.py"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


def test_a_test_that_leaves_a_task_alive_fails_and_names_it(tmp_path: Path) -> None:
    outcome = run_in_a_house_of_its_own(tmp_path, LEAKS)
    assert outcome.returncode == 1
    assert "left alive" in outcome.stdout
    assert "forgotten" in outcome.stdout


def test_a_test_that_ends_its_tasks_passes(tmp_path: Path) -> None:
    outcome = run_in_a_house_of_its_own(tmp_path, TIDIES)
    assert outcome.returncode == 0, outcome.stdout
    assert "seed: " in outcome.stdout


def test_the_seed_is_a_number_that_can_be_given_again(seed: int, request: pytest.FixtureRequest) -> None:
    assert str(seed) == request.config.getoption("--hypothesis-seed")


def test_the_broker_listens_and_can_be_restarted_on_its_port(mosquitto: Broker) -> None:
    port = mosquitto.port
    socket.create_connection((mosquitto.host, port), timeout=5).close()
    mosquitto.stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((mosquitto.host, port), timeout=5)
    mosquitto.start()
    assert mosquitto.port == port


def test_the_pty_carries_every_byte_unchanged_both_ways(pty_pair: PtyPair) -> None:
    every_byte = bytes(range(256))
    os.write(pty_pair.master_fd, every_byte)
    assert read_when(pty_pair.slave_fd, lambda came: len(came) >= 256) == every_byte
    os.write(pty_pair.slave_fd, every_byte)
    assert read_when(pty_pair.master_fd, lambda came: len(came) >= 256) == every_byte
