"""Bytes of a pty when they have come: the kernel hands them over in its own time, not with the write.

Refuses to know the product, and any event loop: for that, tests/shell/link_bench.py.
"""

from __future__ import annotations

import fcntl
import os
import select
import struct
import termios
import time
from collections.abc import Callable

import pytest

WAIT_S = 10.0


def read_when(fd: int, enough: Callable[[bytes], bool], within_s: float = WAIT_S) -> bytes:
    """All that was read when `enough` of it has come."""
    content = b""
    deadline_s = time.monotonic() + within_s
    while not enough(content):
        left_s = deadline_s - time.monotonic()
        if left_s <= 0 or not select.select([fd], [], [], left_s)[0]:
            pytest.fail(f"not enough came: {content!r}")
        content += os.read(fd, 65_536)
    return content


def wait_unread(fd: int, count: int) -> None:
    """Return when `count` bytes lie ready at `fd`, all of them, unread."""
    deadline_s = time.monotonic() + WAIT_S
    while unread(fd) < count:
        if time.monotonic() > deadline_s:
            pytest.fail(f"{unread(fd)} of {count} bytes came")
        select.select([fd], [], [], 0.001)


def unread(fd: int) -> int:
    (count,) = struct.unpack("i", fcntl.ioctl(fd, termios.FIONREAD, b"\0" * 4))
    return int(count)
