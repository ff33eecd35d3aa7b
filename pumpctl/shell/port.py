"""One port being opened: a descriptor, or one line with the cause and the next step.

Refuses to know what is said over it. Opening may block (a network name, a slow driver), so it is called from a
thread; after it there is only a non-blocking descriptor, for a tty and for `socket://` alike. The descriptor is
taken out of pyserial, because its socket's `close` sleeps and shuts the connection down under the guard's copy.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import termios
from dataclasses import dataclass

import serial

from pumpctl.shell.holders import holders_of, named
from pumpctl.shell.line_claim import LineHeld, claim_line
from pumpctl.shell.new_era_settings import is_loopback

PTY_MAJORS = range(136, 144)  # Linux's pseudo-terminal devices
IN_SETTINGS = "`port` in the settings"


@dataclass(frozen=True, slots=True)
class OpenPort:
    """A non-blocking descriptor. `is_tty`: it has an output queue that can be flushed."""

    fd: int
    is_tty: bool
    claim: socket.socket | None = None

    def close(self) -> None:
        """The claim last: who gets it may open the line at once."""
        os.close(self.fd)
        if self.claim is not None:
            self.claim.close()


class PortUnusable(Exception):
    """Why a port cannot be opened and what to do about it, in one line."""


def open_port(url: str, baud: int, named_as: str = IN_SETTINGS) -> OpenPort:
    """Open exclusively, raw, 8N1. Raises PortUnusable and nothing else that an outside can cause.

    `named_as`: what a person corrects when it is the wrong port.
    """
    try:
        if "://" in url:
            return _connected(url, baud)
        # pyserial locks (flock) before it changes any setting of the line (H47)
        port = serial.serial_for_url(url, baudrate=baud, timeout=0, write_timeout=0, exclusive=True)
    except LineHeld as held:
        told = f"in use by another program of this host (`ss -xp | grep {held.name}` as root names it)"
        raise PortUnusable(f"port {url}: {told}; end that process") from None
    except (OSError, ValueError, termios.error) as error:
        raise PortUnusable(_why(url, error, named_as)) from None
    fd = os.dup(port.fileno())  # the lock belongs to the open file, which the copy keeps
    port.close()
    return _tty(fd)


def only_of_this_host(port: OpenPort, url: str) -> OpenPort:
    """The port, if it is a pseudo-terminal or a connection to this host; else it is closed. Raises PortUnusable."""
    if _is_of_this_host(port):
        return port
    port.close()
    told = "the channel is declared simulated, and this is neither a pseudo-terminal nor a connection to this host"
    raise PortUnusable(f"port {url}: {told}; correct `port` or `simulated` in the settings")


def _connected(url: str, baud: int) -> OpenPort:
    """Claimed before it is connected (H47): a second connection may end the first one at the other side."""
    claim = claim_line(url)
    try:
        port = serial.serial_for_url(url, baudrate=baud, timeout=0, write_timeout=0)
        connection = _taken_out(port, url)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:
        claim.close()
        raise
    return OpenPort(connection.detach(), is_tty=False, claim=claim)


def _taken_out(port: serial.SerialBase, url: str) -> socket.socket:
    connection: object = getattr(port, "_socket", None)
    if not isinstance(connection, socket.socket):
        port.close()
        raise PortUnusable(f"port {url}: it has no descriptor to share with the guard; use a tty or socket://HOST:PORT")
    port.is_open = False
    return connection


def _is_of_this_host(port: OpenPort) -> bool:
    if port.is_tty:
        return os.major(os.fstat(port.fd).st_rdev) in PTY_MAJORS
    with socket.socket(fileno=os.dup(port.fd)) as connection:
        return is_loopback(str(connection.getpeername()[0]))


def _tty(fd: int) -> OpenPort:
    if os.major(os.fstat(fd).st_rdev) not in PTY_MAJORS:
        # A pty would stay exclusive after our death for as long as its other end lives.
        fcntl.ioctl(fd, termios.TIOCEXCL)
    return OpenPort(fd, is_tty=True)


def _why(url: str, error: BaseException, named_as: str) -> str:
    match _errno(error):
        case errno.ENOENT | errno.ENXIO | errno.ENODEV:
            return f"port {url}: no such device; plug it in, or correct {named_as}"
        case errno.EACCES | errno.EPERM:
            return f"port {url}: permission denied; add this user to the group of the device (dialout)"
        case errno.EAGAIN | errno.EBUSY:
            return f"port {url}: in use by {named(holders_of(url))}; end that process"
        case errno.ECONNREFUSED:
            return f"port {url}: nobody listens there; start the other side, or correct {named_as}"
        case errno.ENOTTY | errno.EISDIR:
            return f"port {url}: it is no serial port; correct {named_as}"
        case errno.EIO:
            return f"port {url}: the line is hung up; it is tried again"
        case _:
            return f"port {url}: {error}; correct {named_as}, or look at the cable"


def _errno(error: BaseException) -> int | None:
    """pyserial hides the cause of a failed connection, and of a file that is no tty, one level down."""
    for candidate in (error, error.__context__):
        if isinstance(candidate, OSError) and candidate.errno is not None:
            return candidate.errno
        if isinstance(candidate, termios.error):
            return int(candidate.args[0])
    return None
