"""The bytes of one pump: in as they come, out as whole frames, a STOP before anything else.

Refuses to know what a frame says. At most one frame waits to be taken by the line: a command behind a queue of
bytes would arrive when nobody means it any more, so a second one is a fault that takes the link down. A STOP
throws away what waits (ours and the tty's), ends a half-written frame with a delimiter and goes first. On a line that
several pumps share it waits behind the STOPs that the line has not taken yet: they are other pumps' (docs/adr/0022).
"""

from __future__ import annotations

import asyncio
import os
import termios
from collections.abc import Callable
from typing import Protocol

from pumpctl.events import Event, LinkDown, LinkUp, PumpBytes
from pumpctl.shell.chance import fresh_session
from pumpctl.shell.port import OpenPort
from pumpctl.shell.supervised_port import PortSettings, SupervisedPort

READ_BYTES = 4096
DELIMITER = b"\x00"  # ends whatever was on the line; an empty frame is dropped without a word (SPEC.md section 1)
BITS_A_BYTE = 10
STUCK_S = 1.0  # a shared line that has not taken a STOP for so long is lost; a driver gives a question up in 0.5 s
EMPTY_READS = 8  # a tty may report readiness and hold nothing; this often in a row it is gone


class PortGuard(Protocol):
    """What the guard must hear of a port: GuardLink has it."""

    def port_opened(self, channel: str, fd: int) -> None: ...
    def port_closed(self, channel: str) -> None: ...
    def stop_written(self, channel: str) -> None: ...


class SerialLink:
    """One channel's link, or the line that several share. Emits LinkUp, PumpBytes and LinkDown through `post`."""

    def __init__(
        self,
        channel: str,
        settings: PortSettings,
        post: Callable[[Event], None],
        guard: PortGuard,
        *,
        shared: bool = False,
    ) -> None:
        self._channel = channel
        self._shared = shared
        self._byte_s = BITS_A_BYTE / settings.baud if shared else 0.0
        self._stops_leave_s = 0.0
        self._stuck_s = 0.0  # until then a STOP may wait for a shared line
        self._url = settings.url
        self._post = post
        self._guard = guard
        self._loop = asyncio.get_running_loop()
        self._supervised = SupervisedPort(settings, self._opened, self._lost)
        self._waiting = b""
        self._stop_waits = False
        self._wrote_stop_last = False
        self._empty_reads = 0

    def start(self) -> None:
        """Begin to open the port; LinkUp or LinkDown follows."""
        self._supervised.start()

    def write(self, frame: bytes, *, is_stop: bool) -> None:
        """Hand one whole frame to the line, or nothing when the link is down (LinkDown has said so).

        While a STOP waits for a shared line, a question is dropped like one that had no answer: to lose the line would
        throw the STOP away, and the guard's armings of every pump on it.
        """
        port = self._supervised.port
        if port is None:
            return
        if is_stop:
            self._write_stop(port, frame)
        elif self._shared and self._stop_waits and self._loop.time() < self._stuck_s:
            return
        elif self._waiting:
            self._lose("the pump takes no bytes: a frame still waits while the next one is due")
        else:
            self._wrote_stop_last = False
            self._send(port, frame)

    def close_for_good(self) -> None:
        """Close the port and tell the guard; it stays closed (it may be another patient's pump)."""
        if self._supervised.port is not None:
            self._guard.port_closed(self._channel)
        self._supervised.close()

    def close(self) -> None:
        """The daemon ends: not a byte, and the guard keeps its own descriptor to stop the pump with."""
        self._supervised.close()

    def _opened(self, port: OpenPort) -> None:
        self._waiting, self._stop_waits, self._wrote_stop_last, self._empty_reads = b"", False, False, 0
        self._guard.port_opened(self._channel, port.fd)
        self._loop.add_reader(port.fd, self._readable)
        self._post(LinkUp(self._channel, fresh_session()))

    def _lost(self, reason: str) -> None:
        self._post(LinkDown(self._channel, reason))

    def _lose(self, what: str) -> None:
        if self._supervised.port is not None:
            self._guard.port_closed(self._channel)
            self._supervised.lose(f"port {self._url}: {what}; it is opened again as soon as it answers")

    def _readable(self) -> None:
        port = self._supervised.port
        if port is None:
            return
        try:
            received = os.read(port.fd, READ_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            self._lose(f"the line is gone ({error.strerror})")
            return
        if received:
            self._empty_reads = 0
            self._post(PumpBytes(self._channel, received))
            return
        self._empty_reads += 1
        if not port.is_tty or self._empty_reads >= EMPTY_READS:
            self._lose("the other side hung up")

    def _write_stop(self, port: OpenPort, frame: bytes) -> None:
        # Flushing a STOP that is on its way would help nobody; on a shared line it may be another pump's.
        stop_waits = self._wrote_stop_last or self._loop.time() < self._stops_leave_s
        if port.is_tty and not stop_waits:
            try:
                termios.tcflush(port.fd, termios.TCOFLUSH)
            except termios.error as error:
                self._lose(f"the line is gone ({error})")
                return
        content = DELIMITER + frame
        if not self._stop_waits:
            self._stuck_s = self._loop.time() + STUCK_S
        elif self._shared:  # what waits is at most the rest of one STOP and one whole STOP of each pump
            content = self._waiting if content in self._waiting else self._waiting + content
        self._wrote_stop_last = self._stop_waits = True
        self._send(port, content)

    def _send(self, port: OpenPort, content: bytes) -> None:
        try:
            written = os.write(port.fd, content)
        except BlockingIOError:
            written = 0
        except OSError as error:
            self._lose(f"the line is gone ({error.strerror})")
            return
        self._waiting = content[written:]
        if self._stop_waits:
            self._stops_leave_s = max(self._stops_leave_s, self._loop.time()) + written * self._byte_s
        if self._waiting:
            self._loop.add_writer(port.fd, self._writable)
        elif self._stop_waits:
            self._stop_waits = False
            self._guard.stop_written(self._channel)

    def _writable(self) -> None:
        port = self._supervised.port
        if port is not None:
            self._loop.remove_writer(port.fd)
            self._send(port, self._waiting)
