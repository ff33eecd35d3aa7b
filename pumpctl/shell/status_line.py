"""The status line: the newest state of each pump as a line of JSON with its CRC-32, on a second serial port.

Refuses to know what the state says, and ever to wait: a display that does not read gets the newest state when it
does, never a backlog. A line half-taken is finished first, so that the reader sees whole lines.
"""

from __future__ import annotations

import asyncio
import json
import os
import zlib

from structlog.typing import FilteringBoundLogger

from pumpctl.effects import Publish
from pumpctl.events import Json
from pumpctl.shell.port import OpenPort
from pumpctl.shell.supervised_port import PortSettings, SupervisedPort

READ_BYTES = 4096
EMPTY_READS = 8


def status_line(state: Json) -> bytes:
    """`<json> <crc32 hex>\\n`, the CRC over the JSON's bytes."""
    body = json.dumps(state, separators=(",", ":"), allow_nan=False).encode()
    return b"%b %08x\n" % (body, zlib.crc32(body))


class StatusLine:
    """One display's port. At most one line a pump waits."""

    def __init__(self, settings: PortSettings, log: FilteringBoundLogger) -> None:
        self._log = log
        self._loop = asyncio.get_running_loop()
        self._supervised = SupervisedPort(settings, self._opened, self._lost)
        self._newest: dict[str, Json] = {}
        self._unfinished = b""
        self._blocked = False
        self._empty_reads = 0

    def start(self) -> None:
        """Begin to open the port."""
        self._supervised.start()

    def publish(self, publication: Publish) -> None:
        """Take a state, changed or not; anything else is not for this line."""
        if publication.leaf == "state" and publication.payload is not None:
            self._newest[publication.channel] = publication.payload
            self._write()

    def close(self) -> None:
        """Close the port."""
        self._supervised.close()

    def _opened(self, port: OpenPort) -> None:
        self._unfinished, self._blocked, self._empty_reads = b"\n", False, 0  # ends what an earlier open left behind
        self._loop.add_reader(port.fd, self._discard)
        self._log.info("status line is up")
        self._write()

    def _lost(self, reason: str) -> None:
        self._log.warning("status line is down", reason=reason)

    def _write(self) -> None:
        port = self._supervised.port
        while port is not None and not self._blocked and (self._unfinished or self._newest):
            line = self._unfinished or self._next_line()
            try:
                written = os.write(port.fd, line) if line else 0
            except BlockingIOError:
                written = 0
            except OSError as error:
                self._supervised.lose(f"the status line is gone ({error.strerror})")
                return
            self._unfinished = line[written:]
            if self._unfinished:
                self._blocked = True
                self._loop.add_writer(port.fd, self._writable)

    def _next_line(self) -> bytes:
        """The pump whose state waits longest; a pump that speaks often cannot push another out."""
        channel = next(iter(self._newest))
        state = self._newest.pop(channel)
        try:
            return status_line(state)
        except (TypeError, ValueError) as error:
            self._log.error("a state cannot be written as a status line", channel=channel, reason=str(error))
            return b""

    def _writable(self) -> None:
        if self._supervised.port is not None:
            self._loop.remove_writer(self._supervised.port.fd)
            self._blocked = False
            self._write()

    def _discard(self) -> None:
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
