"""One pump's line as the guard holds it: writes the armed STOP, looks for the armed STOPPED.

Refuses to know when to do so. It writes nothing else than `00` and the STOP bytes, and reads nothing before
its first STOP: until then every byte on the line is the daemon's. Where several pumps hang on one line, each has its
own STOP and looks for its own STOPPED in whatever comes; none throws away what another one of them waits for.
"""

from __future__ import annotations

import os
import termios

READ_BYTES = 4096
STALE_LIMIT_BYTES = 65_536  # what a kernel may hold unread; more than this is a babbling pump (H57)
DELIMITER = b"\x00"


class Line:
    """A descriptor that the daemon shares with us: a tty, or a socket of a network-to-serial box."""

    def __init__(self, descriptor: int, name: str = "") -> None:
        self.descriptor = descriptor
        self.name = name  # by which other channels join it; empty: none does
        self.ports: list[Port] = []
        self.clean = False  # our last frame left whole

    def listen(self) -> bytes:
        """What came, heard by every port that looks for its STOPPED."""
        try:
            received = os.read(self.descriptor, READ_BYTES)
        except BlockingIOError:
            return b""
        except OSError:
            received = b""
        for port in self.ports:
            port.hear(received)
        return received

    def drop_queued_output(self) -> None:
        """A START of the dead daemon must not leave the host after the STOP (ttys; a socket has no such queue)."""
        if not os.isatty(self.descriptor):
            return
        try:
            termios.tcflush(self.descriptor, termios.TCOFLUSH)
        except termios.error:
            self.clean = False  # hung up: the write that follows says so


class Port:
    """One channel's end of a line."""

    def __init__(self, line: int | Line) -> None:
        self.line = Line(line) if isinstance(line, int) else line
        self.line.ports.append(self)
        self._stop = b""
        self._stopped = b""
        self._tail = b""
        self._stopped_came = False
        self.readable = False  # worth polling for STOPPED

    @property
    def descriptor(self) -> int:
        return self.line.descriptor

    def arm(self, stop: bytes, stopped: bytes) -> None:
        self._stop, self._stopped = stop, stopped

    def disarm(self) -> None:
        self._stop = self._stopped = b""
        self.readable = False

    def write_stop(self, first: bool) -> str:
        """Write `00` and STOP without waiting. Returns what went wrong, for people."""
        if not self._stop:
            return "not armed"
        line = self.line
        if first:
            os.set_blocking(line.descriptor, False)
            self._drop_stale_answers()
        if (first and not self._another_stops()) or not line.clean:
            line.drop_queued_output()
        # The delimiter ends whatever half frame is on the line, ours or the dead daemon's (SPEC.md section 1).
        frame = DELIMITER + self._stop
        try:
            written = os.write(line.descriptor, frame)
        except OSError as error:
            line.clean = False
            return f"cannot write: {error.strerror}"
        line.clean = written == len(frame)
        self.readable = True
        return "" if line.clean else "the line takes no more bytes"

    def read_stopped(self) -> bool:
        """Whether STOPPED has come since our first STOP."""
        self.line.listen()
        came, self._stopped_came = self._stopped_came, False
        return came

    def hear(self, received: bytes) -> None:
        """Bytes of the line; none means that it hung up: polling it would spin until the next write."""
        if not received:
            self.readable = False
            return
        if not self.readable:
            return  # what came before our STOP proves nothing
        seen = self._tail + received
        self._tail = seen[-(len(self._stopped) - 1) :] if len(self._stopped) > 1 else b""
        self._stopped_came = self._stopped_came or (bool(self._stopped) and self._stopped in seen)

    def close(self) -> None:
        """The last one on a line closes it."""
        self.line.ports.remove(self)
        if not self.line.ports:
            os.close(self.line.descriptor)

    def _another_stops(self) -> bool:
        """Then what is queued is a STOP of ours: the daemon is dead, and its bytes went with the first one."""
        return any(port.readable for port in self.line.ports if port is not self)

    def _drop_stale_answers(self) -> None:
        """A STOPPED from before our STOP proves nothing here; another port of this line may be waiting for its own."""
        self._tail, self._stopped_came, self.readable = b"", False, False
        for _ in range(STALE_LIMIT_BYTES // READ_BYTES):
            if not self.line.listen():
                break
