"""Peers in C at the masters of raw pseudo-terminals, the floor on one of them, and the core on which each runs.

Refuses to know what is said on a line. The floor and what is held against it stand in one arrangement: this process on
one core, the peer of the floor and the peer of ours on another (or, where a row says so, on the same one). Without that
the scheduler decides, for each run anew, whether a wake-up crosses cores, and the floor is one of two figures.
"""

from __future__ import annotations

import os
import pty
import subprocess
import tty
from collections.abc import Generator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from time import perf_counter_ns

from tests.bench.harness import Round, compiled

ROUNDS = 20
TRIPS_A_ROUND = 250
WAIT_S = 30.0
RAW_BYTES = b"x" * 32  # the length of a short request with its answer, as performance figures elsewhere use


class Place(Enum):
    """Where the peers run, seen from this process."""

    APART = "another core"  # as a pump is another machine: its bytes come as somebody else's wake-up
    TOGETHER = "the same core"  # nothing overlaps, and the floor is at its lowest


class NoGuard:
    """The link tells it of ports; here nobody needs to hear."""

    def port_opened(self, channel: str, fd: int) -> None: ...
    def port_closed(self, channel: str) -> None: ...
    def stop_written(self, channel: str) -> None: ...


@contextmanager
def pinned(place: Place) -> Generator[int, None, None]:
    """This process on one core; yields the one for the peers. On a machine with a single core they share it."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        yield max(before) if place is Place.APART else min(before)
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def line_to(core: int | None, *command: str, told: int | None = None) -> Generator[str, None, None]:
    """A raw pty whose master belongs to a peer process on that core, or any; yields the slave's path.

    `told`: where its output goes.
    """
    master_fd, slave_fd = pty.openpty()
    tty.setraw(slave_fd)  # our copy of the slave keeps the line alive between two openings
    arguments = [word.replace("{fd}", str(master_fd)) for word in command]
    with subprocess.Popen(arguments, pass_fds=(master_fd,), stdout=told) as peer:
        if core is not None:
            os.sched_setaffinity(peer.pid, {core})
        os.close(master_fd)
        yield os.ttyname(slave_fd)
        os.close(slave_fd)
        peer.terminate()


@contextmanager
def raw_line(build: Path, core: int) -> Generator[Round, None, None]:
    """The floor: rounds of blocking write and read of 32 bytes that a C program echoes."""
    with line_to(core, str(compiled("pty_echo.c", build)), "{fd}") as path:
        fd = os.open(path, os.O_RDWR | os.O_NOCTTY)
        yield lambda: [_raw_trip_us(fd) for _ in range(TRIPS_A_ROUND)]
        os.close(fd)


def _raw_trip_us(fd: int) -> float:
    before = perf_counter_ns()
    os.write(fd, RAW_BYTES)
    left = len(RAW_BYTES)
    while left:
        left -= len(os.read(fd, left))
    return (perf_counter_ns() - before) / 1e3
