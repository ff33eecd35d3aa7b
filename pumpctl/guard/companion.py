"""The daemon as the guard sees it: what it says, whether it lives, and how to end it.

Refuses to know what its messages mean. The daemon is our parent, or hands over its own pidfd (porch.py); a pidfd
cannot come to mean another process.
"""

from __future__ import annotations

import os
import signal
import socket
from dataclasses import dataclass

from pumpctl.guard.wire import MESSAGE_LIMIT_BYTES, decode, encode

MESSAGES_A_PASS = 64
# What an ended daemon can have left unread: a message takes 768 bytes of the 2 MiB that its socket holds at the most.
LAST_MESSAGES = 4_096
HEARTBEATS_A_PASS = 65_536  # the capacity of a pipe


@dataclass(frozen=True, slots=True)
class Message:
    """`body` is JSON not yet judged; `descriptor` came with it (SCM_RIGHTS) or is None."""

    body: dict[str, object]
    descriptor: int | None


class Companion:
    """Three descriptors: a message socket (SOCK_SEQPACKET), a heartbeat pipe and a pidfd."""

    def __init__(self, messages: socket.socket, heartbeats: int, daemon_pid: int, pidfd: int | None = None) -> None:
        self.messages = messages
        self.heartbeats = heartbeats
        self.pid = daemon_pid
        self.pidfd = _pidfd_of_parent(daemon_pid) if pidfd is None else pidfd
        messages.settimeout(0)
        os.set_blocking(heartbeats, False)

    def receive(self, limit: int = MESSAGES_A_PASS) -> tuple[list[Message], bool]:
        """The messages that are there, and whether the daemon's end is still open."""
        received: list[Message] = []
        for _ in range(limit):
            try:
                content, descriptors = self._next()
            except BlockingIOError:
                return received, True
            except OSError:
                return received, False
            if not content:
                return received, False
            received.append(Message(decode(content), descriptors[0] if descriptors else None))
        return received, True

    def _next(self) -> tuple[bytes, list[int]]:
        try:
            return socket.recv_fds(self.messages, MESSAGE_LIMIT_BYTES, 1)[:2]
        except ConnectionResetError:
            # Said once, before what is still there, when the daemon ended without reading us.
            return socket.recv_fds(self.messages, MESSAGE_LIMIT_BYTES, 1)[:2]

    def beats(self) -> bool | None:
        """Whether the loop has reported since the last call; None at the end of the pipe."""
        try:
            beats = os.read(self.heartbeats, HEARTBEATS_A_PASS)
        except BlockingIOError:
            return False
        return True if beats else None

    def died(self) -> bool:
        """Whether the process has ended. Without a pidfd a changed parent says so."""
        return os.getppid() != self.pid

    def kill(self) -> None:
        """SIGKILL, to this process and no other."""
        try:
            if self.pidfd is not None:
                signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)
            elif not self.died():
                os.kill(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            self.pidfd = None  # it ended by itself; died() says so

    def send(self, body: dict[str, object]) -> None:
        """Never waits: a daemon that does not read hears nothing."""
        try:
            self.messages.send(encode(body))
        except OSError:
            return


def _pidfd_of_parent(pid: int) -> int | None:
    try:
        descriptor = os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None  # no such call here (Linux before 5.3), or already gone
    if os.getppid() == pid:
        return descriptor  # still our parent after opening: so it is the right process
    os.close(descriptor)
    return None
