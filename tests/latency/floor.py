"""The floor: the same request over a Unix socket to a blocking program in C that writes STOP to a pty.

Refuses to be faster than it is honest: the same process asks, reads the master and takes the time as for the daemon.
"""

from __future__ import annotations

import os
import pty
import socket
import subprocess
import tty
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter_ns

from protocols.companion.codec import STOP_FRAME

SOURCE = Path(__file__).with_name("stop_peer.c")
REQUEST = b'{"jsonrpc": "2.0", "id": 1, "method": "stop", "params": {"channel": "p1"}}\n'


class Floor:
    """`stop_ns` asks once."""

    def __init__(self, master_fd: int, path: Path) -> None:
        self._master_fd = master_fd
        self._path = path

    def stop_ns(self) -> int:
        """From the instant before the connection to the last byte of STOP at the master."""
        began_ns = perf_counter_ns()
        with socket.socket(socket.AF_UNIX) as asking:
            asking.connect(str(self._path))
            asking.sendall(REQUEST)
            left = len(STOP_FRAME) + 1
            while left > 0:
                left -= len(os.read(self._master_fd, 4096))
            return perf_counter_ns() - began_ns


@contextmanager
def floor(build: Path) -> Generator[Floor, None, None]:
    """The C program, built anew, with a pty of its own."""
    program = build / "stop_peer"
    subprocess.run(["gcc", "-O2", "-Wall", "-o", str(program), str(SOURCE)], check=True)
    path = build / "stop_peer.sock"
    path.unlink(missing_ok=True)
    master_fd, slave_fd = pty.openpty()
    tty.setraw(slave_fd)
    command = [str(program), os.ttyname(slave_fd), str(path), STOP_FRAME.hex()]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as peer:
        try:
            assert peer.stdout is not None
            assert peer.stdout.readline() == b"ready\n"
            yield Floor(master_fd, path)
        finally:
            peer.kill()
            os.close(master_fd)
            os.close(slave_fd)
