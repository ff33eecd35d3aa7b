"""What every test of the house shares: a broker, a pty, a seed, and the rule that no task outlives its test.

Refuses to know the product: nothing here imports pumpctl, protocols or simulator.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import os
import pty
import random
import shutil
import socket
import subprocess
import termios
import time
import tty
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import settings

BROKER_START_S = 10.0
BROKER_PORT_TRIES = 5  # another process may take the free port between our look and the broker's


# Never a timed test: how long an example takes says more about the machine than about the code.
settings.register_profile("house", deadline=None)
settings.load_profile("house")


def pytest_configure(config: pytest.Config) -> None:
    """Draw one seed for the run unless one was given; xdist hands the option on to its workers."""
    if config.getoption("--hypothesis-seed") is None:
        config.option.hypothesis_seed = str(random.SystemRandom().getrandbits(32))


def pytest_report_header(config: pytest.Config) -> str:
    """Say how to run the same cases again."""
    seed = config.getoption("--hypothesis-seed")
    return f"seed: {seed} (the same cases again: --hypothesis-seed={seed})"


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """The seed of the run, for tests that draw their own cases."""
    return int(str(request.config.getoption("--hypothesis-seed")))


@pytest.fixture(autouse=True)
def no_task_left_alive(request: pytest.FixtureRequest) -> None:
    """Fail a coroutine test that ends while a task of its own still runs."""
    if inspect.iscoroutinefunction(getattr(request.node, "obj", None)):
        request.getfixturevalue("_tasks_ended")


@pytest_asyncio.fixture
async def _tasks_ended() -> AsyncIterator[None]:
    before = asyncio.all_tasks()
    yield
    await asyncio.sleep(0)  # a task cancelled by the last line of the test gets its turn to end
    left = asyncio.all_tasks() - before - {asyncio.current_task()}
    names = sorted(f"{task.get_name()}: {task.get_coro()}" for task in left)
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
    assert not names, f"the test ended and left alive: {names}"


@dataclass(slots=True)
class PtyPair:
    """A raw pseudo-terminal: the test holds the master, the subject opens `slave_path`."""

    master_fd: int
    slave_fd: int
    slave_path: str

    def hang_up(self) -> None:
        """Close both ends held here: whoever has the slave open sees the line die."""
        for name in ("slave_fd", "master_fd"):
            fd = getattr(self, name)
            if fd >= 0:
                os.close(fd)
                setattr(self, name, -1)


@pytest.fixture
def pty_pair() -> Iterator[PtyPair]:
    """One raw pty. `slave_fd` stays open here, so that the line lives while nobody has opened it."""
    master_fd, slave_fd = pty.openpty()
    tty.setraw(master_fd, termios.TCSANOW)
    tty.setraw(slave_fd, termios.TCSANOW)
    os.set_blocking(master_fd, False)
    pair = PtyPair(master_fd, slave_fd, os.ttyname(slave_fd))
    yield pair
    pair.hang_up()


class Broker:
    """A real mosquitto on a loopback port; `stop` and `start` again keep the port."""

    def __init__(self, folder: Path, executable: str) -> None:
        self.host = "127.0.0.1"
        self.port = 0
        self._folder = folder
        self._executable = executable
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Run the broker and return when it takes connections."""
        for _ in range(BROKER_PORT_TRIES):
            port = self.port or _free_port()
            if self._started_on(port):
                self.port = port
                return
        pytest.fail(f"mosquitto did not start:\n{(self._folder / 'mosquitto.log').read_text()}")

    def stop(self) -> None:
        """End the broker; harmless when it does not run."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=BROKER_START_S)
            self._process = None

    def kill(self) -> None:
        """As a power cut or the out-of-memory killer does: nothing is said, nothing is saved."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(timeout=BROKER_START_S)
            self._process = None

    def _started_on(self, port: int) -> bool:
        configuration = self._folder / "mosquitto.conf"
        # Without the last line its second message to a client may wait 40 ms for that client's delayed acknowledgement.
        lines = (f"listener {port} {self.host}", "allow_anonymous true", "persistence false", "set_tcp_nodelay true")
        configuration.write_text("\n".join(lines) + "\n")
        with (self._folder / "mosquitto.log").open("ab") as log:
            process = subprocess.Popen([self._executable, "-c", str(configuration)], stdout=log, stderr=log)
        if _listens(self.host, port, process):
            self._process = process
            return True
        process.kill()
        process.wait(timeout=BROKER_START_S)
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _listens(host: str, port: int, process: subprocess.Popen[bytes]) -> bool:
    deadline = time.monotonic() + BROKER_START_S
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=1):
            return process.poll() is None
        time.sleep(0.01)
    return False


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Broker]:
    """A running broker of the test's own. The package's path is not on every user's PATH."""
    executable = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if executable is None:
        pytest.fail("this test needs a broker: install the package mosquitto (`make test` does, as root)")
    folder = tmp_path / "mosquitto"
    folder.mkdir()
    broker = Broker(folder, executable)
    broker.start()
    yield broker
    broker.stop()
