"""A SerialLink with its guard and its events, and the pump's end of a pty."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

from pumpctl.events import Event, LinkDown, LinkUp, PumpBytes
from pumpctl.shell.serial_link import SerialLink
from pumpctl.shell.supervised_port import PortSettings

STOP = bytes.fromhex("0301 0a01 0101 0101 0105 1122 3344 00")
WAIT_S = 10.0


class RecordingGuard:
    """Notes what a guard would hear."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str]] = []

    def port_opened(self, channel: str, fd: int) -> None:
        assert os.fstat(fd)
        self.heard.append(("opened", channel))

    def port_closed(self, channel: str) -> None:
        self.heard.append(("closed", channel))

    def stop_written(self, channel: str) -> None:
        self.heard.append(("stop_written", channel))


class Bench:
    """A link, its guard, and its events in the order they came."""

    def __init__(self, url: str) -> None:
        self.events: asyncio.Queue[Event] = asyncio.Queue()
        self.guard = RecordingGuard()
        self.link = SerialLink("a", PortSettings(url, 115_200), self.events.put_nowait, self.guard)

    async def next(self) -> Event:
        async with asyncio.timeout(WAIT_S):
            return await self.events.get()

    async def up(self) -> LinkUp:
        event = await self.next()
        assert isinstance(event, LinkUp), event
        return event

    async def down(self) -> str:
        event = await self.next()
        assert isinstance(event, LinkDown), event
        return event.reason

    async def received(self, count: int) -> bytes:
        received = b""
        while len(received) < count:
            event = await self.next()
            assert isinstance(event, PumpBytes), event
            received += event.received
        return received


def drain(fd: int) -> bytes:
    content = b""
    while True:
        try:
            content += os.read(fd, 65_536)
        except BlockingIOError:
            return content


async def read_until(fd: int, enough: Callable[[bytes], bool]) -> bytes:
    """What the other end sees when `enough` of it has come. The kernel hands it over in its own time."""
    content = b""
    async with asyncio.timeout(WAIT_S):
        while not enough(content):
            readable = asyncio.Event()
            asyncio.get_running_loop().add_reader(fd, readable.set)
            await readable.wait()
            asyncio.get_running_loop().remove_reader(fd)
            content += drain(fd)
    return content
