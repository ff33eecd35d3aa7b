"""One pump's line as the guard holds it: writes the armed STOP, looks for the armed STOPPED.

Refuses to know when to do so. It writes nothing else than `00` and the STOP bytes, and reads nothing before
its first STOP: until then every byte on the line is the daemon's.
"""

from __future__ import annotations

import os
import termios

READ_BYTES = 4096
STALE_LIMIT_BYTES = 65_536  # what a kernel may hold unread; more than this is a babbling pump (H57)
DELIMITER = b"\x00"


class Port:
    """A descriptor that the daemon shares with us: a tty, or a socket of a network-to-serial box."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._stop = b""
        self._stopped = b""
        self._tail = b""
        self._line_clean = False  # our last frame left whole
        self.readable = False  # worth polling for STOPPED

    def arm(self, stop: bytes, stopped: bytes) -> None:
        self._stop, self._stopped = stop, stopped

    def disarm(self) -> None:
        self._stop = self._stopped = b""
        self.readable = False

    def write_stop(self, first: bool) -> str:
        """Write `00` and STOP without waiting. Returns what went wrong, for people."""
        if not self._stop:
            return "not armed"
        if first:
            os.set_blocking(self.descriptor, False)
            self._drop_stale_answers()
        if first or not self._line_clean:
            self._drop_queued_output()
        # The delimiter ends whatever half frame is on the line, ours or the dead daemon's (SPEC.md section 1).
        frame = DELIMITER + self._stop
        try:
            written = os.write(self.descriptor, frame)
        except OSError as error:
            self._line_clean = False
            return f"cannot write: {error.strerror}"
        self._line_clean = written == len(frame)
        self.readable = True
        return "" if self._line_clean else "the line takes no more bytes"

    def read_stopped(self) -> bool:
        """Whether STOPPED has come since our first STOP."""
        received = self._read()
        seen = self._tail + received
        self._tail = seen[-(len(self._stopped) - 1) :] if len(self._stopped) > 1 else b""
        return bool(self._stopped) and self._stopped in seen

    def close(self) -> None:
        os.close(self.descriptor)

    def _read(self) -> bytes:
        try:
            received = os.read(self.descriptor, READ_BYTES)
        except BlockingIOError:
            return b""
        except OSError:
            received = b""
        if not received:
            self.readable = False  # hung up: polling it would spin until the next write
        return received

    def _drop_stale_answers(self) -> None:
        """A STOPPED from before our STOP proves nothing."""
        self._tail = b""
        self.readable = True
        for _ in range(STALE_LIMIT_BYTES // READ_BYTES):
            if not self._read():
                break

    def _drop_queued_output(self) -> None:
        """A START of the dead daemon must not leave the host after the STOP (ttys; a socket has no such queue)."""
        if not os.isatty(self.descriptor):
            return
        try:
            termios.tcflush(self.descriptor, termios.TCOFLUSH)
        except termios.error:
            self._line_clean = False  # hung up: the write that follows says so
