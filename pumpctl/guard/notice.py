"""Lines for people on standard error, without ever waiting for who reads it.

Refuses to know who that is: a terminal, a pipe, a file or the system's log.
"""

from __future__ import annotations

import os
import socket
import stat

BELL = "\a"


class Notices:
    """A descriptor of our own where possible, so that O_NONBLOCK does not reach the daemon's standard error."""

    def __init__(self, descriptor: int = 2) -> None:
        self._descriptor = descriptor
        self._is_socket = stat.S_ISSOCK(os.fstat(descriptor).st_mode)
        self._own = None if self._is_socket else _reopened(descriptor)

    def line(self, message: str, ring: bool = False) -> bool:
        """Whether it could be said."""
        content = f"{BELL if ring else ''}pumpctl guard: {message}\n".encode()
        try:
            if self._is_socket:
                return _sent(self._descriptor, content)
            return self._own is not None and os.write(self._own, content) == len(content)
        except OSError:
            return False  # full, hung up or gone: the stop goes on

    def close(self) -> None:
        if self._own is not None:
            os.close(self._own)


def _reopened(descriptor: int) -> int | None:
    flags = os.O_WRONLY | os.O_NONBLOCK | os.O_APPEND | os.O_NOCTTY | os.O_CLOEXEC
    try:
        return os.open(f"/proc/self/fd/{descriptor}", flags)
    except OSError:
        return None


def _sent(descriptor: int, content: bytes) -> bool:
    with socket.socket(fileno=os.dup(descriptor)) as duplicate:
        return duplicate.send(content, socket.MSG_DONTWAIT) == len(content)
