"""A serial port that is only listened to: its descriptor cannot be written to.

Refuses to know what is said on it. Opened read-only, locked against a second listener (two would each hear half), raw,
8N1, without flow control. Opening a serial port raises its DTR and RTS lines whoever opens it; nothing else leaves.
"""

from __future__ import annotations

import errno
import fcntl
import os
import termios

from pumpctl.shell.port import PortUnusable

# Where tcgetattr keeps what: input, output, control and local modes, both speeds, special characters.
_IFLAG, _OFLAG, _CFLAG, _LFLAG, _ISPEED, _OSPEED, _CC = range(7)
_NOT_OURS = termios.PARENB | termios.CSTOPB | termios.CSIZE | termios.CRTSCTS | termios.HUPCL


def speed_of(baud: int) -> int | None:
    """The kernel's word for a rate, None for one that is no standard rate."""
    speed: int | None = getattr(termios, f"B{baud}", None)
    return speed if baud > 0 else None


def listen_to(path: str, baud: int) -> int:
    """A non-blocking descriptor. What came before is thrown away: nobody knows how old it is. Raises PortUnusable."""
    speed = speed_of(baud)
    if speed is None:
        raise PortUnusable(f"port {path}: {baud} is no standard rate; correct --baud")
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise PortUnusable(_why(path, error)) from None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _set_line(fd, speed)
    except (OSError, termios.error) as error:
        os.close(fd)
        raise PortUnusable(_why(path, error)) from None
    return fd


def _set_line(fd: int, speed: int) -> None:
    line = termios.tcgetattr(fd)
    line[_IFLAG] = line[_OFLAG] = line[_LFLAG] = 0
    line[_CFLAG] = line[_CFLAG] & ~_NOT_OURS | termios.CS8 | termios.CREAD | termios.CLOCAL
    line[_ISPEED] = line[_OSPEED] = speed
    line[_CC][termios.VMIN], line[_CC][termios.VTIME] = 1, 0  # a read of nothing then means that the line is gone
    termios.tcsetattr(fd, termios.TCSANOW, line)
    termios.tcflush(fd, termios.TCIFLUSH)


def _why(path: str, error: OSError | termios.error) -> str:
    match error.args[0]:
        case errno.ENOENT | errno.ENXIO | errno.ENODEV:
            return f"port {path}: no such device; plug it in, or correct --serial"
        case errno.EACCES | errno.EPERM:
            return f"port {path}: permission denied; add this user to the group of the device (dialout)"
        case errno.EAGAIN | errno.EBUSY:
            return f"port {path}: another process listens to it; end that one (`fuser -v {path}` names it)"
        case errno.ENOTTY | errno.EISDIR:
            return f"port {path}: it is no serial port; correct --serial"
        case _:
            return f"port {path}: {error.args[-1]}; look at the cable, or correct --serial"
