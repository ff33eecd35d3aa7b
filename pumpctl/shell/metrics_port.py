"""The port on which a scraper reads the metrics: GET /metrics, one answer, goodbye.

Refuses to know what is on the page, and to be of any weight: four connections at a time, four kilobytes of request,
two seconds from hello to goodbye, at most twenty new ones a second. Whoever opens ten thousand waits in the kernel's
queue or is turned away there; what that can cost us is a scrape.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable

from structlog.typing import FilteringBoundLogger

from pumpctl.shell.metrics_settings import MetricsSettings

CONNECTIONS = 4
QUEUE = 16  # of the kernel
REQUEST_BYTES = 4096  # Prometheus sends some 300
DEADLINE_S = 2.0
ACCEPT_EVERY_S = 0.05
LISTEN_AGAIN_S = 5.0
END_OF_REQUEST = b"\r\n\r\n"
TEXT = "text/plain; version=0.0.4; charset=utf-8"

MakePage = Callable[[], Awaitable[bytes | None]]


class MetricsPort:
    """Listens for ever. A port that is taken is told once and tried again: the daemon goes on without."""

    def __init__(self, settings: MetricsSettings, page: MakePage, log: FilteringBoundLogger) -> None:
        self._address = (settings.address, settings.port)
        self._family = socket.AF_INET6 if ":" in settings.address else socket.AF_INET
        self._page = page
        self._log = log
        self._loop = asyncio.get_running_loop()
        self._listening: socket.socket | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._serving: set[asyncio.Task[None]] = set()
        self._told = False

    def start(self) -> None:
        """Begin to listen."""
        self._timer = None
        listening = socket.socket(self._family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(self._address)
            listening.listen(QUEUE)
        except OSError as error:
            listening.close()
            if not self._told:
                self._log.warning(
                    "metrics: the port cannot be had; tried again", reason=error.strerror, **self._place()
                )
            self._told = True
            self._timer = self._loop.call_later(LISTEN_AGAIN_S, self.start)
            return
        self._listening = listening
        self._log.info("metrics: served", **self._place())
        self._listen()

    def close(self) -> None:
        """Hang up on everybody."""
        if self._timer is not None:
            self._timer.cancel()
        if self._listening is not None:
            self._loop.remove_reader(self._listening)
            self._listening.close()
            self._listening = None
        for task in self._serving:
            task.cancel()

    def _place(self) -> dict[str, str | int]:
        return {"address": self._address[0], "port": self._address[1]}

    def _listen(self) -> None:
        self._timer = None
        if self._listening is not None and len(self._serving) < CONNECTIONS:
            self._loop.add_reader(self._listening, self._accept)

    def _accept(self) -> None:
        """One, and then none for a while, or while too many are there."""
        if self._listening is None:
            return
        self._loop.remove_reader(self._listening)
        self._timer = self._loop.call_later(ACCEPT_EVERY_S, self._listen)
        try:
            connection, _ = self._listening.accept()
        except OSError:  # it hung up in the queue, or we have no descriptor to spare: the next one then
            return
        connection.settimeout(0)
        task = self._loop.create_task(self._serve(connection), name="metrics")
        self._serving.add(task)
        task.add_done_callback(self._served)

    def _served(self, task: asyncio.Task[None]) -> None:
        was_full = len(self._serving) == CONNECTIONS
        self._serving.discard(task)
        if was_full and self._timer is None:
            self._listen()

    async def _serve(self, connection: socket.socket) -> None:
        with connection:
            try:
                async with asyncio.timeout(DEADLINE_S):
                    request = await self._request(connection)
                    if request is not None:
                        await self._loop.sock_sendall(connection, await self._answer(request))
            except (TimeoutError, OSError) as error:  # it is slow or gone; nobody else is concerned
                self._log.debug("metrics: not answered", reason=str(error))

    async def _request(self, connection: socket.socket) -> bytes | None:
        """The request and its headers; None when the scraper hung up before their end."""
        request = bytearray()
        while END_OF_REQUEST not in request and len(request) < REQUEST_BYTES:
            received = await self._loop.sock_recv(connection, REQUEST_BYTES - len(request))
            if not received:
                return None
            request += received
        return bytes(request)

    async def _answer(self, request: bytes) -> bytes:
        if END_OF_REQUEST not in request:
            return _response("431 Request Header Fields Too Large")
        words = request.split(b"\r\n", 1)[0].split(b" ")
        if len(words) != 3 or not words[2].startswith(b"HTTP/1."):
            return _response("400 Bad Request")
        if words[0] != b"GET":
            return _response("405 Method Not Allowed", allow="GET")
        if words[1].split(b"?", 1)[0] != b"/metrics":
            return _response("404 Not Found")
        page = await self._page()
        return _response("503 Service Unavailable") if page is None else _response("200 OK", page)


def _response(status: str, page: bytes | None = None, *, allow: str = "") -> bytes:
    content = status.encode() + b"\n" if page is None else page
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {TEXT}", f"Content-Length: {len(content)}"]
    lines += ["Cache-Control: no-store", "Connection: close", *([f"Allow: {allow}"] if allow else [])]
    return "\r\n".join(lines).encode() + END_OF_REQUEST + content
