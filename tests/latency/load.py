"""Processes that take all of the processor that they can get, while they are let.

Refuses to know what is measured meanwhile.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager

_COMPUTE = "n = 1\nwhile True: n = n * 6364136223846793005 % 2**64 + 1"


class Load:
    """They rest until they are let go, and again when they are held."""

    def __init__(self, processes: int) -> None:
        self._processes = [subprocess.Popen([sys.executable, "-S", "-c", _COMPUTE]) for _ in range(processes)]
        self.hold()

    def go(self) -> None:
        self._signal(signal.SIGCONT)

    def hold(self) -> None:
        self._signal(signal.SIGSTOP)

    def end(self) -> None:
        self._signal(signal.SIGKILL)
        for process in self._processes:
            process.wait()

    def _signal(self, number: signal.Signals) -> None:
        for process in self._processes:
            os.kill(process.pid, number)


@contextmanager
def load(processes: int) -> Generator[Load, None, None]:
    """Gone afterwards, whatever happens."""
    made = Load(processes)
    try:
        yield made
    finally:
        made.end()
