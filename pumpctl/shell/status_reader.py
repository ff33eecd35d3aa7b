"""The other end of the status line: one port heard, lost, and opened again for as long as somebody watches.

Refuses to know what a state says. What is read was sent after the port was last seen empty: that instant is the age of
it, so a reader that was held up shows what it finds as old as it may be, never as new.
"""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable
from dataclasses import dataclass

from protocols.status_line.framing import LineDecoder, Piece
from pumpctl.shell.clock import boottime_ns
from pumpctl.shell.listening_port import listen_to
from pumpctl.shell.port import PortUnusable

READ_BYTES = 4096
READS_A_TURN = 64  # then whoever watches gets a turn
REOPEN_NS = 1_000_000_000  # a port that vanished is tried each second, for ever


@dataclass(frozen=True, slots=True)
class Heard:
    """What came, and since when it may have been on its way. `away`: why the port is not open, empty when it is."""

    pieces: tuple[Piece, ...]
    since_ns: int
    away: str


class StatusReader:
    """Opens at once, and raises PortUnusable when that fails. Later failures are told and waited out."""

    def __init__(self, path: str, baud: int, clock_ns: Callable[[], int] = boottime_ns) -> None:
        self.damaged_lines = 0
        self._path = path
        self._baud = baud
        self._clock_ns = clock_ns
        self._pace = threading.Event()  # never set: its wait is the pace while the port is away
        self._decoder = LineDecoder()
        self._away = ""
        self._tried_ns = self._empty_ns = clock_ns()
        self._fd: int | None = listen_to(path, baud)

    def receive(self, wait_s: float) -> Heard:
        """What has come, after at most `wait_s` of waiting for it."""
        if self._fd is None:
            self._open_again()
        if self._fd is None:
            self._pace.wait(wait_s)
            return Heard((), self._empty_ns, self._away)
        since_ns = self._empty_ns
        pieces = self._read(self._fd, wait_s)
        return Heard(tuple(pieces), since_ns, self._away)

    def close(self) -> None:
        """Give the descriptor back."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _open_again(self) -> None:
        now_ns = self._clock_ns()
        if now_ns - self._tried_ns < REOPEN_NS:
            return
        self._tried_ns = now_ns
        try:
            self._fd = listen_to(self._path, self._baud)
        except PortUnusable as error:
            self._away = str(error)
            return
        self._away, self._empty_ns, self._decoder = "", self._clock_ns(), LineDecoder()

    def _read(self, fd: int, wait_s: float) -> list[Piece]:
        pieces: list[Piece] = []
        before = self._decoder.damaged_lines
        looked_ns = self._clock_ns()
        if not select.select([fd], [], [], wait_s)[0]:
            self._empty_ns = looked_ns
            return pieces
        for _ in range(READS_A_TURN):
            looked_ns = self._clock_ns()
            try:
                received = os.read(fd, READ_BYTES)
            except BlockingIOError:
                self._empty_ns = looked_ns
                break
            except OSError as error:
                self._lose(f"port {self._path}: {error.strerror}")
                break
            if not received:
                self._lose(f"port {self._path}: the line is hung up")
                break
            pieces += self._decoder.receive(received)
        self.damaged_lines += self._decoder.damaged_lines - before
        return pieces

    def _lose(self, reason: str) -> None:
        self.close()
        self._away = f"{reason}; it is tried again"
        self._tried_ns = self._clock_ns()
