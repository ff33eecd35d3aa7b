"""The command line's end of the control socket: one question, one answer, a bound on the wait.

Refuses to know what is asked. Standard library only, so that `pumpctl status` starts fast.
"""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any, cast

from pumpctl.events import Json

ANSWER_LIMIT_BYTES = 16_777_216  # a journal-sized answer is a fault
WAIT_S = 10.0


class NoDaemon(Exception):
    """Nobody answers at the socket; the message is one clear line."""


class Refused(Exception):
    """The daemon's no: exit code, reasons (code, message), details as it gave them."""

    def __init__(self, error: Json) -> None:
        self.message = str(error.get("message", "refused"))
        details = cast("dict[str, Any]", error.get("data") or {})
        self.exit_code = int(details.get("exit_code", 1))
        reasons = cast("list[dict[str, str]]", details.get("reasons") or [])
        self.reasons = tuple((reason["code"], reason["message"]) for reason in reasons)
        self.details = cast("Json | None", details.get("details"))
        super().__init__(self.message)


class ControlClient:
    """A connection that may ask more than once (`pumpctl watch` does)."""

    def __init__(self, path: Path, wait_s: float = WAIT_S) -> None:
        self._path = path
        self._number = 0
        self._unread = b""
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(wait_s)
        try:
            self._socket.connect(str(path))
        except OSError as error:
            self._socket.close()
            reason = error.strerror or str(error)
            raise NoDaemon(f"no daemon answers at {path}: {reason}") from None

    def __enter__(self) -> ControlClient:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._socket.close()

    def call(self, method: str, params: Json) -> Json:
        """The result. Raises Refused or NoDaemon."""
        self._number += 1
        request = {"jsonrpc": "2.0", "id": self._number, "method": method, "params": params}
        try:
            self._socket.sendall(json.dumps(request).encode() + b"\n")
            answer = cast("dict[str, Any]", json.loads(self._line()))
        except TimeoutError:
            raise NoDaemon(
                f"the daemon at {self._path} does not answer; it may be stuck: `pumpctl stop` still works"
            ) from None
        except OSError as error:
            raise NoDaemon(f"the daemon at {self._path} hung up: {error.strerror}") from None
        if "error" in answer:
            raise Refused(cast("Json", answer["error"]))
        return cast("Json", answer["result"])

    def _line(self) -> bytes:
        while b"\n" not in self._unread:
            received = self._socket.recv(65_536)
            if not received or len(self._unread) > ANSWER_LIMIT_BYTES:
                raise ConnectionResetError(104, "connection closed before the answer was whole")
            self._unread += received
        line, self._unread = self._unread.split(b"\n", 1)
        return line
