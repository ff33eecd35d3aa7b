"""Those who ask at stop.sock: any local process that the socket's mode lets in. A STOP is always legal.

Refuses to know what is asked: it cuts lines and carries answers. A newcomer is always let in: at the limit the oldest
connection is dropped, which takes back no stop.
"""

from __future__ import annotations

import socket
from pathlib import Path

from pumpctl.guard.wire import MESSAGE_LIMIT_BYTES, encode

ASKER_LIMIT = 16
BACKLOG = 128
UMASK = 0o117  # the socket gets mode 0660


class Askers:
    """Connections by descriptor number, oldest first."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        path.unlink(missing_ok=True)  # left by a dead guard: we hold the lock
        self.listener.bind(str(path))
        self.listener.listen(BACKLOG)
        self._connections: dict[int, tuple[socket.socket, bytes]] = {}

    def descriptors(self) -> list[int]:
        return list(self._connections)

    def accept(self) -> list[int]:
        """Let in who waits. Returns the descriptors of those dropped for it."""
        dropped: list[int] = []
        for _ in range(ASKER_LIMIT):
            try:
                connection, _ = self.listener.accept()
            except OSError:
                break  # nobody waits, or it has left again
            connection.settimeout(0)
            if len(self._connections) >= ASKER_LIMIT:
                dropped.append(next(iter(self._connections)))
                self.drop(dropped[-1])
            self._connections[connection.fileno()] = (connection, b"")
        return dropped

    def lines(self, asker: int) -> list[bytes] | None:
        """The whole lines that have come; None when the connection is over or a line grew too long."""
        connection, unfinished = self._connections[asker]
        try:
            received = connection.recv(MESSAGE_LIMIT_BYTES)
        except BlockingIOError:
            return []
        except OSError:
            return None
        if not received:
            return None
        *whole, rest = (unfinished + received).split(b"\n")
        if len(rest) > MESSAGE_LIMIT_BYTES:
            self.answer(asker, {"error": f"a line is at most {MESSAGE_LIMIT_BYTES} bytes"})
            return None
        self._connections[asker] = (connection, rest)
        return whole

    def answer(self, asker: int, body: dict[str, object]) -> None:
        """Never waits: who does not read is not told."""
        known = self._connections.get(asker)
        if known is None:
            return
        line = encode(body)
        try:
            whole = known[0].send(line) == len(line)
        except OSError:
            whole = False
        if not whole:
            self._hang_up(known[0])

    def drop(self, asker: int) -> None:
        connection, _ = self._connections.pop(asker)
        connection.close()

    def _hang_up(self, connection: socket.socket) -> None:
        """The next poll finds it at its end and drops it."""
        try:
            connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # gone already

    def close_listener(self) -> None:
        """No new ones; the path is free for the next guard."""
        self._path.unlink(missing_ok=True)
        self.listener.close()
