"""Everything that a test of the guard starts is gone when the test is over."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import PtyPair
from tests.guard.rig import Daemon, PumpPeer, ended


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Callable[[], Daemon]]:
    """Starts daemons of one state directory; ends them and their guards."""
    started: list[Daemon] = []

    def start() -> Daemon:
        started.append(Daemon(tmp_path))
        return started[-1]

    yield start
    for each in started:
        each.end()
    for each in started:
        if not ended(each.guard_pid, 0):
            with contextlib.suppress(ProcessLookupError):
                os.kill(each.guard_pid, signal.SIGKILL)
            assert ended(each.guard_pid)
        each.end_reading()


@pytest.fixture
def peer(pty_pair: PtyPair) -> Iterator[Callable[..., PumpPeer]]:
    """Puts pumps at the ends of lines. It asks for the pty to be gone before it: a closed number is soon another's."""
    started: list[PumpPeer] = []

    def start(descriptor: int, answers_from: int | None = 1) -> PumpPeer:
        started.append(PumpPeer(descriptor, answers_from))
        return started[-1]

    yield start
    for each in started:
        each.end()
