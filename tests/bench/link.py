"""One question to a pump and its answer, through the daemon's own link and codec, against raw bytes on a pty.

Refuses to know what an answer means. Each question has a deadline, as the daemon's have.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import perf_counter_ns

from pumpctl.events import Event, LinkUp, PumpBytes
from pumpctl.shell.serial_link import SerialLink
from pumpctl.shell.supervised_port import PortSettings
from tests.bench.dialects import Dialect, Talk
from tests.bench.harness import Preparation, Round, Subject
from tests.bench.lines import ROUNDS, TRIPS_A_ROUND, WAIT_S, NoGuard, Place, pinned, raw_line

BAUD = 38_400  # a pty has none; every port must be opened at one


class Asker:
    """Asks the same question again and again, and notes how long each answer took."""

    def __init__(self, path: str, talk: Talk) -> None:
        self._loop = asyncio.get_running_loop()
        self._talk = talk
        self._link = SerialLink("bench", PortSettings(path, BAUD), self._hear, NoGuard())
        self._before_ns, self._left = 0, 1
        self._took_us: list[float] = []
        self._deadline: asyncio.TimerHandle | None = None
        self._done = self._loop.create_future()
        self._link.start()

    async def opened(self) -> None:
        await asyncio.wait_for(self._done, WAIT_S)

    async def ask(self, times: int) -> list[float]:
        self._took_us, self._left, self._done = [], times, self._loop.create_future()
        self._next()
        await asyncio.wait_for(self._done, WAIT_S)
        return self._took_us

    def close(self) -> None:
        self._link.close()

    def _hear(self, event: Event) -> None:
        match event:
            case LinkUp():
                self._next()
            case PumpBytes():
                for heard in self._talk.receive(event.received):
                    assert isinstance(heard, self._talk.answer), heard
                    self._took_us.append((perf_counter_ns() - self._before_ns) / 1e3)
                    self._left -= 1
                    self._next()
            case _:
                raise RuntimeError(f"the line of the benchmark failed: {event}")

    def _next(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        if self._left == 0:
            self._done.set_result(None)
            return
        self._before_ns = perf_counter_ns()
        self._deadline = self._loop.call_later(WAIT_S, self._done.cancel)
        self._link.write(self._talk.ask(), is_stop=False)


@contextmanager
def asking(path: str, talk: Talk) -> Generator[Round, None, None]:
    """Rounds of the question on that line."""
    with asyncio.Runner() as runner:
        asker = runner.run(_opened(path, talk))
        yield lambda: runner.run(asker.ask(TRIPS_A_ROUND))
        runner.get_loop().call_soon(asker.close)
        runner.run(asyncio.sleep(0))


def link_round_trip(dialect: Dialect) -> Preparation:
    @contextmanager
    def prepared(build: Path) -> Generator[Subject, None, None]:
        with ExitStack() as stack:
            core = stack.enter_context(pinned(Place.APART))
            floor = stack.enter_context(raw_line(build, core))
            ours = stack.enter_context(asking(stack.enter_context(dialect.peer(build, core)), dialect.talk()))
            yield Subject(f"{dialect.name} link round trip / raw pty", "us", 2.0, ROUNDS, ours, floor)

    return prepared


async def _opened(path: str, talk: Talk) -> Asker:
    asker = Asker(path, talk)
    await asker.opened()
    return asker
