"""The control socket: requests of local people in, answers out, nobody ever waited for.

Refuses to know any method but that a stop must not be refused for want of room. The socket's mode (0660) says who
may ask; who asked is a recorded name, the peer's user or the `person` it gives, and proves nothing.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections.abc import Callable
from pathlib import Path
from typing import cast

from pumpctl.effects import Refuse, Reply
from pumpctl.events import OperatorRequest
from pumpctl.shell.jsonrpc import (
    INVALID_REQUEST,
    MESSAGE_LIMIT_BYTES,
    NotARequest,
    Request,
    busy_line,
    error_line,
    parse_request,
    refusal_line,
    result_line,
)
from pumpctl.shell.unusable import Unusable

SOCKET_FILE = "control.sock"
CLIENTS = 32
UNANSWERED = 8  # requests of one client at a time; inbox.py counts on it
UNREAD_BYTES = 1_048_576  # a client that lets more answers pile up is dropped; the status of 256 channels has less
PERSON_LIMIT = 64
PATH_LIMIT_BYTES = 107  # sockaddr_un

Submit = Callable[[OperatorRequest], bool]


class ControlSocket:
    """The listening socket, its clients, and who waits for which answer."""

    def __init__(self, path: Path, submit: Submit) -> None:
        self._path = path
        self._submit = submit
        self._users = _local_users()
        self._clients: set[_Client] = set()
        self._waiting: dict[int, tuple[_Client, str | int]] = {}
        self._numbers = 0
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Listen. The state directory is locked by us, so a socket already there is a dead daemon's."""
        if len(os.fsencode(self._path)) > PATH_LIMIT_BYTES:
            raise Unusable(f"socket {self._path}: the path is too long for a socket", "use a shorter state_dir")
        try:
            self._path.unlink(missing_ok=True)
            self._server = await asyncio.get_running_loop().create_unix_server(self._client, self._path)
            self._path.chmod(0o660)
        except OSError as error:
            raise Unusable(f"socket {self._path}: {error.strerror}", "make state_dir writable") from None

    def answer(self, effect: Reply | Refuse) -> None:
        """Hand the controller's answer to whoever asked, if still there."""
        client, request_id = self._waiting.pop(effect.request_id, (None, ""))
        if client is not None:
            client.unanswered -= 1
            match effect:
                case Reply(result=result):
                    client.send(result_line(request_id, result))
                case Refuse():
                    client.send(refusal_line(request_id, effect))

    def close(self) -> None:
        """Stop listening, hang up, remove the socket."""
        if self._server is not None:
            self._server.close()
        for client in tuple(self._clients):
            client.hang_up()
        self._path.unlink(missing_ok=True)

    def _client(self) -> _Client:
        return _Client(self)

    def admit(self, client: _Client) -> bool:
        """Whether there is room for one more."""
        if len(self._clients) >= CLIENTS:
            client.send(busy_line(None, f"{CLIENTS} clients are connected; try again, or ask stop.sock to stop"))
            return False
        self._clients.add(client)
        return True

    def leave(self, client: _Client) -> None:
        """Forget the client and what it still waited for."""
        self._clients.discard(client)
        for number in [number for number, (waits, _) in self._waiting.items() if waits is client]:
            del self._waiting[number]

    def take(self, client: _Client, request: Request) -> None:
        """Number the request and pass it on, or say that there is no room."""
        if client.unanswered >= UNANSWERED:
            client.send(busy_line(request.request_id, f"{UNANSWERED} of your requests are not answered yet"))
            return
        self._numbers += 1
        params = dict(request.params)
        actor = self._users.get(client.uid, f"uid {client.uid}")
        person = params.get("person")
        if isinstance(person, str) and 0 < len(person.strip()) <= PERSON_LIMIT:
            actor = person.strip()
            del params["person"]
        self._waiting[self._numbers] = (client, request.request_id)
        client.unanswered += 1
        if not self._submit(OperatorRequest(self._numbers, request.method, params, actor)):
            del self._waiting[self._numbers]
            client.unanswered -= 1
            client.send(busy_line(request.request_id, "the daemon has too many requests waiting; ask again"))


class _Client(asyncio.Protocol):
    """One connection: cuts lines, drops what is too long, never waits for a reader."""

    def __init__(self, server: ControlSocket) -> None:
        self.unanswered = 0
        self.uid = -1
        self._server = server
        self._transport: asyncio.Transport | None = None
        self._unfinished = bytearray()
        self._skipping = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        peer = cast("socket.socket", transport.get_extra_info("socket"))
        _pid, self.uid, _gid = struct.unpack("iII", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        if not self._server.admit(self):
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._transport = None
        self._server.leave(self)

    def data_received(self, data: bytes) -> None:
        *whole, rest = data.split(b"\n")
        for part in whole:
            self._finish_line(part)
        self._keep(rest)

    def send(self, line: bytes) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        self._transport.write(line)
        if self._transport.get_write_buffer_size() > UNREAD_BYTES:
            self._transport.abort()

    def hang_up(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def _keep(self, part: bytes) -> None:
        if self._skipping:
            return
        self._unfinished += part
        if len(self._unfinished) > MESSAGE_LIMIT_BYTES:
            self._unfinished.clear()
            self._skipping = True
            self.send(error_line(None, INVALID_REQUEST, f"a message has at most {MESSAGE_LIMIT_BYTES} bytes"))

    def _finish_line(self, part: bytes) -> None:
        self._keep(part)
        line, skipped = bytes(self._unfinished), self._skipping
        self._unfinished.clear()
        self._skipping = False
        if skipped or not line.strip():
            return
        try:
            self._server.take(self, parse_request(line))
        except NotARequest as error:
            self.send(error_line(error.request_id, error.code, str(error)))


def _local_users() -> dict[int, str]:
    """Names by number from the local file alone: a directory server must not be able to delay the loop."""
    try:
        lines = Path("/etc/passwd").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return {}
    fields = [line.split(":") for line in lines]
    return {int(entry[2]): entry[0] for entry in fields if len(entry) > 2 and entry[2].isdecimal()}
