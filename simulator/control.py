"""The simulator's own control socket: one JSON object a line, answered by one line.

Refuses to know what a command does; the serving side hands in one function that answers it. Both ends are here, so
that they cannot drift apart.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

from simulator.failure import NOT_CONNECTED, REFUSED, Failure

MAX_LINE_BYTES = 64 * 1024
MAX_CLIENTS = 8
ANSWER_WITHIN_S = 5.0

Command = Mapping[str, Any]
Answer = Mapping[str, Any]


def default_socket() -> Path:
    """Under $XDG_RUNTIME_DIR, or in a folder of this user alone."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime:
        return Path(runtime) / "pumpsim.sock"
    return Path("/tmp") / f"pumpsim-{os.getuid()}" / "pumpsim.sock"  # noqa: S108 - _private_folder checks the owner


class ControlServer:
    """Listens until closed; the socket file goes with it."""

    def __init__(self, path: Path, answer: Callable[[Command], Answer]) -> None:
        self._path = path
        self._answer = answer
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.StreamWriter] = set()

    async def open(self) -> None:
        """Takes the place of a dead socket only."""
        try:
            if self._path == default_socket():
                _private_folder(self._path.parent)
            _claim_socket(self._path)
            self._server = await asyncio.start_unix_server(self._serve, self._path, limit=MAX_LINE_BYTES)
            self._path.chmod(0o600)
        except OSError as error:
            raise Failure(
                REFUSED, f"control socket {self._path}: {error.strerror or error}; name another --control"
            ) from None

    async def close(self) -> None:
        """Idle clients are hung up on."""
        if self._server is None:
            return
        self._server.close()
        for writer in tuple(self._clients):
            writer.close()
        await self._server.wait_closed()
        self._server = None
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._clients) >= MAX_CLIENTS:
            writer.close()
            return
        self._clients.add(writer)
        try:
            while line := await reader.readline():
                writer.write(json.dumps(self._reply(line), separators=(",", ":")).encode() + b"\n")
                await writer.drain()
        except (ValueError, ConnectionError):  # a line above the limit, or the client has gone
            return
        finally:
            self._clients.discard(writer)
            writer.close()

    def _reply(self, line: bytes) -> Answer:
        try:
            command: object = json.loads(line)
        except (ValueError, RecursionError):
            return {"error": "not JSON"}
        if not isinstance(command, dict):
            return {"error": "not a JSON object"}
        try:
            return self._answer(cast("Command", command))
        except ValueError as error:
            return {"error": str(error)}


def request(path: Path, command: Command) -> Answer:
    """Ask the running simulator, and wait for its answer a bounded time."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(ANSWER_WITHIN_S)
            client.connect(str(path))
            client.sendall(json.dumps(command).encode() + b"\n")
            line = _read_line(client)
    except OSError as error:
        reason = error.strerror or str(error)
        raise Failure(
            NOT_CONNECTED, f"no simulator at {path}: {reason}; start `pumpsim serve` or name --control"
        ) from None
    answer = cast("Answer", json.loads(line))
    if "error" in answer:
        raise Failure(REFUSED, str(answer["error"]))
    return answer


def _read_line(client: socket.socket) -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        part = client.recv(MAX_LINE_BYTES)
        if not part or len(line) > MAX_LINE_BYTES:
            raise ConnectionResetError(None, "the simulator hung up")
        line += part
    return line


def _private_folder(folder: Path) -> None:
    """In a place where all may write, another user may have been first."""
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise PermissionError(None, f"{folder} belongs to somebody else")


def _claim_socket(path: Path) -> None:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise FileExistsError(None, "exists and is not a socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
    raise FileExistsError(None, "another simulator answers there")
