"""The port: one page for a scraper, and nothing for whoever means it badly."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable

import pytest
import structlog

from pumpctl.shell import metrics_port
from pumpctl.shell.metrics_port import CONNECTIONS, REQUEST_BYTES, MetricsPort
from pumpctl.shell.metrics_settings import MetricsSettings
from tests.shell.waiting import until

PAGE = b"pumpctl_guard_alive 1\n" * 20_000  # more than a socket takes at once
WITHIN_S = 10.0


class Port:
    """A port on a number of the kernel's choice."""

    def __init__(self, address: str = "127.0.0.1") -> None:
        self.page: bytes | None = PAGE
        self.asked = 0
        settings = MetricsSettings.model_construct(port=0, address=address)
        self.subject = MetricsPort(settings, self._made, structlog.get_logger())
        self.subject.start()

    async def _made(self) -> bytes | None:
        self.asked += 1
        return self.page

    @property
    def address(self) -> tuple[str, int]:
        assert self.subject._listening is not None
        host, number, *_ = self.subject._listening.getsockname()
        return host, number

    async def say(self, request: bytes) -> bytes:
        """Everything that is answered until the port says goodbye."""
        async with asyncio.timeout(WITHIN_S):
            reading, writing = await asyncio.open_connection(*self.address)
            writing.write(request)
            answer = await reading.read()
            writing.close()
            with contextlib.suppress(OSError):
                await writing.wait_closed()
            return answer

    async def silent(self) -> socket.socket:
        """A connection on which nothing is said."""
        connection = socket.socket()
        connection.settimeout(0)
        await asyncio.get_running_loop().sock_connect(connection, self.address)
        return connection


@pytest.fixture
async def port() -> AsyncIterator[Port]:
    made = Port()
    yield made
    made.subject.close()
    await asyncio.sleep(0)


async def test_a_scraper_gets_the_whole_page_and_goodbye(port: Port) -> None:
    answer = await port.say(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nAccept: text/plain\r\n\r\n")
    head, page = answer.split(b"\r\n\r\n", 1)
    lines = head.decode().split("\r\n")
    assert lines[0] == "HTTP/1.1 200 OK"
    assert "Content-Type: text/plain; version=0.0.4; charset=utf-8" in lines
    assert f"Content-Length: {len(PAGE)}" in lines
    assert "Connection: close" in lines
    assert page == PAGE


async def test_it_listens_on_ipv6_loopback_too() -> None:
    port = Port("::1")
    answer = await port.say(b"GET /metrics HTTP/1.0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    port.subject.close()


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        (b"GET /metrics?name[]=up HTTP/1.1", b"200"),
        (b"GET /metric HTTP/1.1", b"404"),
        (b"GET / HTTP/1.1", b"404"),
        (b"GET http://localhost/metrics HTTP/1.1", b"404"),
        (b"POST /metrics HTTP/1.1", b"405"),
        (b"get /metrics HTTP/1.1", b"405"),
        (b"GET /metrics HTTP/2.0", b"400"),
        (b"GET /metrics", b"400"),
        (b"\x16\x03\x01\x02\x00", b"400"),
        (b"", b"400"),
    ],
)
async def test_any_other_request_is_refused_in_a_word(port: Port, request_line: bytes, status: bytes) -> None:
    answer = await port.say(request_line + b"\r\n\r\n")
    assert answer.split(b" ")[1] == status
    assert port.asked == (status == b"200")
    assert status == b"200" or len(answer) < 300


async def test_a_request_may_be_so_long_and_no_longer(port: Port) -> None:
    start, end = b"GET /metrics HTTP/1.1\r\nX: ", b"\r\n\r\n"
    room = REQUEST_BYTES - len(start) - len(end)
    assert (await port.say(start + b"x" * room + end)).startswith(b"HTTP/1.1 200 ")
    assert (await port.say(start + b"x" * (room + 4))).startswith(b"HTTP/1.1 431 ")


async def test_a_request_in_pieces_is_waited_for(port: Port) -> None:
    reading, writing = await asyncio.open_connection(*port.address)
    for piece in (b"GET /met", b"rics HTTP/1.1\r", b"\n\r", b"\n"):
        writing.write(piece)
        await writing.drain()
        await asyncio.sleep(0)
    async with asyncio.timeout(WITHIN_S):
        assert (await reading.read()).startswith(b"HTTP/1.1 200 ")
    writing.close()
    await writing.wait_closed()


async def test_without_a_page_it_says_so(port: Port) -> None:
    port.page = None
    assert (await port.say(b"GET /metrics HTTP/1.1\r\n\r\n")).startswith(b"HTTP/1.1 503 ")


async def test_four_are_served_at_a_time_and_the_next_when_one_leaves(
    port: Port, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics_port, "DEADLINE_S", 3600.0)
    monkeypatch.setattr(metrics_port, "ACCEPT_EVERY_S", 0.0)
    silent = [await port.silent() for _ in range(CONNECTIONS)]
    await until(lambda: len(port.subject._serving) == CONNECTIONS)
    scraped = asyncio.get_running_loop().create_task(port.say(b"GET /metrics HTTP/1.1\r\n\r\n"))
    for _ in range(100):
        await asyncio.sleep(0)
        assert len(port.subject._serving) == CONNECTIONS
    assert port.asked == 0
    silent.pop().close()
    assert (await scraped).startswith(b"HTTP/1.1 200 ")
    for connection in silent:
        connection.close()


async def test_who_says_nothing_is_hung_up_on(port: Port, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics_port, "DEADLINE_S", 0.1)
    connection = await port.silent()
    async with asyncio.timeout(WITHIN_S):
        assert await asyncio.get_running_loop().sock_recv(connection, 1) == b""
    connection.close()


async def test_who_reads_nothing_is_hung_up_on(port: Port, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics_port, "DEADLINE_S", 0.1)
    port.page = PAGE * 20
    connection = await port.silent()
    await asyncio.get_running_loop().sock_sendall(connection, b"GET /metrics HTTP/1.1\r\n\r\n")
    await until(lambda: port.subject._serving or port.asked)
    await until(lambda: not port.subject._serving)
    connection.close()


async def test_a_crowd_is_let_in_one_by_one(port: Port, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many knock, the loop looks at one in a while: that is what bounds what they cost."""
    waits: list[float] = []
    loop = asyncio.get_running_loop()
    call_later = loop.call_later

    def noted(delay: float, call: Callable[..., object], *words: object) -> asyncio.TimerHandle:
        if call == port.subject._listen:
            waits.append(delay)
        return call_later(delay, call, *words)

    monkeypatch.setattr(loop, "call_later", noted)
    answers = await asyncio.gather(*(port.say(b"GET /metrics HTTP/1.1\r\n\r\n") for _ in range(8)))
    assert all(answer.startswith(b"HTTP/1.1 200 ") for answer in answers)
    assert waits == [metrics_port.ACCEPT_EVERY_S] * 8


async def test_a_port_that_is_taken_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics_port, "LISTEN_AGAIN_S", 0.02)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]
        port = Port()
        port.subject.close()
        port.subject._address = ("127.0.0.1", number)
        port.subject.start()
        assert port.subject._listening is None
    await until(lambda: port.subject._listening is not None, "it is free now")
    port.subject.close()


async def test_closing_hangs_up_on_everybody_and_gives_the_port_back() -> None:
    port = Port()
    address = port.address
    connection = await port.silent()
    await until(lambda: port.subject._serving)
    port.subject.close()
    async with asyncio.timeout(WITHIN_S):
        assert await asyncio.get_running_loop().sock_recv(connection, 1) == b""
    connection.close()
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(address)
