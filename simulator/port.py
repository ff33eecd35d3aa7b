"""The line of a simulated pump: a pseudo-terminal behind a symlink, or a TCP listener. One companion at a time.

Refuses to know what the bytes mean. Like a UART without flow control it loses what nobody takes: nothing waits for a
companion that does not read, and nothing is kept for the next one.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import socket
import termios
import tty
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from simulator.failure import NOT_CONNECTED, REFUSED, USAGE, Failure

READ_BYTES = 4_096
REOPEN_LOOK_S = 0.02  # a pty has no event for "opened again", so an unattended one is looked at
PTS_FOLDER = "/dev/pts"


class Port(Protocol):
    """What the serving loop needs of a line."""

    @property
    def is_open(self) -> bool: ...

    @property
    def where(self) -> str: ...

    @property
    def scheme(self) -> str: ...

    def open(self) -> None: ...

    def close(self) -> None: ...

    def write(self, sent: bytes) -> None: ...


class PtyPort:
    """`link` points to the slave while the port is open."""

    scheme = "pty"

    def __init__(self, link: Path, on_bytes: Callable[[bytes], None]) -> None:
        self._link = link
        self._on_bytes = on_bytes
        self._master_fd: int | None = None
        self._slave_path = ""
        self._attended = False
        self._looking: asyncio.TimerHandle | None = None

    @property
    def is_open(self) -> bool:
        return self._master_fd is not None

    @property
    def where(self) -> str:
        return str(self._link)

    def open(self) -> None:
        """A new pty at the same link. Raw from the first byte; termios stay with the pty, whoever opens it."""
        _claim_link(self._link)
        master_fd, slave_fd = os.openpty()
        try:
            tty.setraw(slave_fd)
            os.set_blocking(master_fd, False)
            self._slave_path = os.ttyname(slave_fd)
            self._link.symlink_to(self._slave_path)
        except OSError as error:
            os.close(master_fd)
            raise Failure(USAGE, f"{self._link}: {error.strerror}; name a place where a link can be made") from None
        finally:
            os.close(slave_fd)
        self._master_fd = master_fd
        self._look()

    def close(self) -> None:
        """The companion sees a hang-up; the link goes."""
        if self._master_fd is None:
            return
        self._stop_listening()
        os.close(self._master_fd)
        self._master_fd = None
        with contextlib.suppress(OSError):  # somebody else may have removed or replaced it
            if self._link.readlink() == Path(self._slave_path):
                self._link.unlink()

    def write(self, sent: bytes) -> None:
        """Lost when nobody has the slave open or its buffer is full; a frame cut short dies of its CRC."""
        if self._master_fd is not None and self._attended:
            with contextlib.suppress(BlockingIOError):
                os.write(self._master_fd, sent)

    def _look(self) -> None:
        """Until somebody opens the slave, the master reports a hang-up without end: look now and then instead.

        Somebody may also have come, written and gone since the last look: what was written is heard.
        """
        if self._master_fd is None:
            return
        poll = select.poll()
        poll.register(self._master_fd, select.POLLIN)
        seen = sum(events for _, events in poll.poll(0))
        loop = asyncio.get_running_loop()
        if not seen & select.POLLHUP:
            self._attended = True
            loop.add_reader(self._master_fd, self._read)
            return
        self._looking = loop.call_later(REOPEN_LOOK_S, self._look)
        if seen & select.POLLIN:
            self._on_bytes(os.read(self._master_fd, READ_BYTES))

    def _read(self) -> None:
        if self._master_fd is None:
            return
        try:
            received = os.read(self._master_fd, READ_BYTES)
        except BlockingIOError:
            return
        except OSError:  # EIO: the last one who had the slave open has closed it
            self._stop_listening()
            self._forget_unread()
            self._look()
            return
        self._on_bytes(received)

    def _stop_listening(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            self._looking = None
        if self._attended and self._master_fd is not None:
            asyncio.get_running_loop().remove_reader(self._master_fd)
        self._attended = False

    def _forget_unread(self) -> None:
        """What the one who left has not read is not for the next one."""
        with contextlib.suppress(OSError):  # the next one may hold it exclusively already, and flushes by itself
            slave_fd = os.open(self._slave_path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
            try:
                termios.tcflush(slave_fd, termios.TCIFLUSH)
            finally:
                os.close(slave_fd)


class TcpPort:
    """Listens while open. A second companion is turned away."""

    scheme = "tcp"

    def __init__(self, host: str, port: int, on_bytes: Callable[[bytes], None]) -> None:
        self._address = (host, port)
        self._on_bytes = on_bytes
        self._listener: socket.socket | None = None
        self._client: socket.socket | None = None

    @property
    def is_open(self) -> bool:
        return self._listener is not None

    @property
    def where(self) -> str:
        host, port = self._address
        return f"{host}:{port}"

    def open(self) -> None:
        """Port 0 takes a free one, and keeps it when opened again."""
        host, port = self._address
        try:
            family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
            listener = socket.socket(family, kind, protocol)
        except OSError as error:
            raise Failure(USAGE, f"{self.where}: {error.strerror}; name an address of this host") from None
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(1)
        except OSError as error:
            listener.close()
            raise Failure(NOT_CONNECTED, f"{self.where}: {error.strerror}; name another port") from None
        listener.settimeout(0)
        self._listener = listener
        self._address = (host, listener.getsockname()[1])
        asyncio.get_running_loop().add_reader(listener, self._accept)

    def close(self) -> None:
        """The companion sees the connection close."""
        self._drop_client()
        if self._listener is not None:
            asyncio.get_running_loop().remove_reader(self._listener)
            self._listener.close()
            self._listener = None

    def write(self, sent: bytes) -> None:
        """Lost when nobody is connected or does not read."""
        if self._client is None:
            return
        try:
            self._client.send(sent)
        except BlockingIOError:
            return
        except OSError:
            self._drop_client()

    def _accept(self) -> None:
        if self._listener is None:
            return
        try:
            client, _ = self._listener.accept()
        except OSError:  # gone before it was taken
            return
        if self._client is not None:
            client.close()
            return
        client.settimeout(0)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._client = client
        asyncio.get_running_loop().add_reader(client, self._read)
        self._welcome()

    def _welcome(self) -> None:
        """A raw line says nothing by itself."""

    def _hear(self, received: bytes) -> None:
        self._on_bytes(received)

    def _read(self) -> None:
        if self._client is None:
            return
        try:
            received = self._client.recv(READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            received = b""
        if received:
            self._hear(received)
        else:
            self._drop_client()

    def _drop_client(self) -> None:
        if self._client is not None:
            asyncio.get_running_loop().remove_reader(self._client)
            self._client.close()
            self._client = None


def _claim_link(link: Path) -> None:
    """Only a link of ours that leads nowhere any more may be replaced."""
    if not link.is_symlink():
        if link.exists():
            raise Failure(REFUSED, f"{link}: exists and is not a link of pumpsim; name another place for --pty")
        return
    target = link.readlink()
    if target.parent != Path(PTS_FOLDER):
        raise Failure(REFUSED, f"{link}: a link to {target}, not of pumpsim; name another place for --pty")
    if target.exists():
        raise Failure(REFUSED, f"{link}: leads to {target}, which is in use; stop that simulator or remove the link")
    try:
        link.unlink()
    except OSError as error:
        raise Failure(REFUSED, f"{link}: {error.strerror}; remove the dead link by hand") from None
