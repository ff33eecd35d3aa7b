"""The status line: the newest state of each pump as a line of JSON with its CRC-32, on a second serial port.

Refuses to know what the state says, and ever to wait. A line goes out only when the port asks for more, so no more than
one waits in the kernel behind a slow line, and at most one a pump waits here. A display that reads nothing for STALE_S
has what is queued for it thrown away: a cut line is ended by a line feed, and the newest states follow.
"""

from __future__ import annotations

import asyncio
import os
import select
import socket
import termios

from structlog.typing import FilteringBoundLogger

from protocols.errors import LocalProtocolError
from protocols.status_line.framing import encode_line
from pumpctl.effects import Publish
from pumpctl.events import Json
from pumpctl.shell.port import OpenPort
from pumpctl.shell.supervised_port import PortSettings, SupervisedPort

READ_BYTES = 4096
EMPTY_READS = 8
STALE_S = 3.0  # three periods of a state: what is older is no state to show (H66)
SOCKET_QUEUE_BYTES = 4096  # the kernel takes its least instead: some lines, not minutes of them
LINE_FEED = b"\n"


class StatusLine:
    """One display's port. At most one line a pump waits."""

    def __init__(self, settings: PortSettings, log: FilteringBoundLogger) -> None:
        self._log = log
        self._loop = asyncio.get_running_loop()
        self._supervised = SupervisedPort(settings, self._opened, self._lost)
        self._newest: dict[str, Json] = {}
        self._unfinished = b""
        self._waits = False  # for the port to ask for more
        self._waits_since_s = 0.0
        self._empty_reads = 0

    def start(self) -> None:
        """Begin to open the port."""
        self._supervised.start()

    def publish(self, publication: Publish) -> None:
        """Take a state, changed or not; anything else is not for this line."""
        if publication.leaf == "state" and publication.payload is not None:
            self._newest[publication.channel] = publication.payload
            self._offer()

    def close(self) -> None:
        """Close the port."""
        self._supervised.close()

    def _opened(self, port: OpenPort) -> None:
        if not port.is_tty:
            with socket.socket(fileno=os.dup(port.fd)) as connection:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_QUEUE_BYTES)
        self._unfinished, self._waits, self._empty_reads = LINE_FEED, False, 0  # ends what an earlier open left behind
        self._loop.add_reader(port.fd, self._discard_input)
        self._log.info("status line is up")
        self._offer()

    def _lost(self, reason: str) -> None:
        self._log.warning("status line is down", reason=reason)

    def _offer(self) -> None:
        """Have the port ask for what waits; what it has not asked for in STALE_S is too old to be shown first."""
        port = self._supervised.port
        if port is None:
            return
        now_s = self._loop.time()
        if not self._waits:
            self._waits, self._waits_since_s = True, now_s
            self._loop.add_writer(port.fd, self._write_one)
        elif now_s - self._waits_since_s >= STALE_S:
            self._waits_since_s = now_s
            if _takes_more(port):
                self._write_one()  # the daemon was held up, or a pty made room and woke nobody
            elif port.is_tty:
                self._discard_output(port)

    def _write_one(self) -> None:
        """The port asks for more: one line, or the rest of one."""
        port = self._supervised.port
        if port is None:
            return
        line = self._unfinished or self._next_line()
        try:
            written = os.write(port.fd, line) if line else 0
        except BlockingIOError:
            return
        except OSError as error:
            self._supervised.lose(f"the status line is gone ({error.strerror})")
            return
        self._unfinished = line[written:]
        self._waits_since_s = self._loop.time()
        if not (self._unfinished or self._newest):
            self._loop.remove_writer(port.fd)
            self._waits = False

    def _next_line(self) -> bytes:
        """The pump whose state waits longest; a pump that speaks often cannot push another out."""
        channel = next(iter(self._newest), None)
        if channel is None:
            return b""
        try:
            return encode_line(self._newest.pop(channel))
        except LocalProtocolError as error:
            self._log.error("a state cannot be written as a status line", channel=channel, reason=str(error))
            return b""

    def _discard_output(self, port: OpenPort) -> None:
        try:
            termios.tcflush(port.fd, termios.TCOFLUSH)
        except termios.error as error:
            self._supervised.lose(f"the status line is gone ({error})")
            return
        self._unfinished = LINE_FEED  # wherever the line was cut, it ends here

    def _discard_input(self) -> None:
        """Nothing is expected; reading is how the end of the line is noticed."""
        port = self._supervised.port
        if port is None:
            return
        try:
            received = os.read(port.fd, READ_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            self._supervised.lose(f"the status line is gone ({error.strerror})")
            return
        self._empty_reads = 0 if received else self._empty_reads + 1
        if not received and (not port.is_tty or self._empty_reads >= EMPTY_READS):
            self._supervised.lose("the status line's other side hung up")


def _takes_more(port: OpenPort) -> bool:
    """Asked of the port itself: of a daemon that was held up the display did nothing wrong."""
    look = select.poll()
    look.register(port.fd, select.POLLOUT)
    return bool(look.poll(0))
