"""SupervisedPort: it never gives up, never waits longer than five seconds, and tells a reason once."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path

import pytest

from pumpctl.shell import supervised_port
from pumpctl.shell.chance import spread
from pumpctl.shell.port import OpenPort, PortUnusable
from pumpctl.shell.supervised_port import LONGEST_WAIT_S, PortSettings, SupervisedPort
from tests.shell.waiting import until


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits that were asked for; each takes no time here."""
    asked: list[float] = []

    def at_once(delay_s: float) -> float:
        asked.append(delay_s)
        return 0.0

    monkeypatch.setattr(supervised_port, "spread", at_once)
    return asked


async def test_it_tries_for_ever_with_waits_that_grow_to_five_seconds_and_no_further(
    tmp_path: Path, waits: list[float]
) -> None:
    told: list[str] = []
    subject = SupervisedPort(PortSettings(str(tmp_path / "nothing"), 9600), lambda _port: None, told.append)
    subject.start()
    await until(lambda: len(waits) >= 12)
    subject.close()
    assert waits[:6] == [0.25, 0.5, 1.0, 2.0, 4.0, 5.0]
    assert max(waits) == LONGEST_WAIT_S
    assert len(told) == 1


async def test_each_new_reason_is_told(waits: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    reasons = iter(["missing", "missing", "busy", "busy", "missing"])
    told: list[str] = []

    def refuses(_url: str, _baud: int) -> OpenPort:
        raise PortUnusable(next(reasons, "missing"))

    monkeypatch.setattr(supervised_port, "open_port", refuses)
    subject = SupervisedPort(PortSettings("port", 9600), lambda _port: None, told.append)
    subject.start()
    await until(lambda: len(waits) >= 8)
    subject.close()
    assert told == ["missing", "busy", "missing"]


async def test_a_bug_below_is_a_reason_and_not_the_end_of_trying(
    waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []

    def breaks(_url: str, _baud: int) -> OpenPort:
        raise ZeroDivisionError("driver")

    monkeypatch.setattr(supervised_port, "open_port", breaks)
    subject = SupervisedPort(PortSettings("port", 9600), lambda _port: None, told.append)
    subject.start()
    await until(lambda: len(waits) >= 3)
    subject.close()
    assert told == ["port port: ZeroDivisionError: driver; please report this"]


async def test_opening_never_holds_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    opening, may_open = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()
    reading, writing = os.pipe()

    def slow(_url: str, _baud: int) -> OpenPort:
        loop.call_soon_threadsafe(opening.set)
        may_open.wait(10)
        return OpenPort(reading, is_tty=False)

    monkeypatch.setattr(supervised_port, "open_port", slow)
    opened: list[OpenPort] = []
    subject = SupervisedPort(PortSettings("port", 9600), opened.append, lambda _reason: None)
    subject.start()
    async with asyncio.timeout(5):
        await opening.wait()  # the loop turns while the port is being opened
    assert opened == []
    may_open.set()
    await until(lambda: opened)
    subject.close()
    os.close(writing)


def test_the_spread_of_waits_is_between_half_and_all() -> None:
    waits = [spread(4.0) for _ in range(1000)]
    assert 2.0 <= min(waits) < 2.4
    assert 3.6 < max(waits) <= 4.0
