"""The processes of the show: started, listened to, and all of them ended however the show ends.

Refuses to know what they are. Each is in a session of its own, so that Ctrl-C at the terminal reaches the demo alone
and the end is orderly. Every wait has a limit.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias, cast

from simulator.rig.demo.failing import Missed

READY_WITHIN_S = 20.0
ANSWER_WITHIN_S = 30.0
END_WITHIN_S = 5.0
LAST_WORDS_S = 0.5
LONGEST_LINE_BYTES = 1 << 20
ENOUGH_OF_A_LINE = 300

Json: TypeAlias = Mapping[str, Any]
Reached: TypeAlias = Callable[[Json], bool]


@dataclass(frozen=True, slots=True)
class Answer:
    """How a command ended. `said` is its last line for people."""

    code: int
    output: str
    said: str

    @property
    def told(self) -> Json:
        """Its standard output as a JSON object."""
        return cast("Json", json.loads(self.output))


class Child:
    """A process that goes on, and the JSON lines that it says. What is no JSON is for its log."""

    def __init__(
        self, name: str, process: asyncio.subprocess.Process, log: Path | None, on_loss: Callable[[str], None]
    ) -> None:
        self.name = name
        self.process = process
        self.is_expected_to_end = False
        self.greeting: Json = {}  # the line that said it was ready
        self.newest: Json = {}
        self._log = None if log is None else log.open("wb")
        self._said = "it said nothing"
        self._over = ""  # why it says no more
        self._on_loss = on_loss
        self._waiting: list[tuple[Reached, asyncio.Future[Json]]] = []
        self._tasks: tuple[asyncio.Task[None], ...] = ()

    @property
    def is_running(self) -> bool:
        return self.process.returncode is None

    def listen(self, pipe: BinaryIO) -> None:
        """Hear what it says, until both it and what it says have come to an end."""
        hearing = asyncio.create_task(self._hear(pipe), name=f"hear {self.name}")
        self._tasks = (hearing, asyncio.create_task(self._mourn(hearing), name=f"mourn {self.name}"))

    async def until(self, reached: Reached, within_s: float, wanted: str) -> Json:
        """The first line for which `reached` holds, the newest included. Whatever `reached` raises ends the wait."""
        if self.newest and reached(self.newest):
            return self.newest
        if self._over:
            raise Missed(self._over)
        future: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        self._waiting.append((reached, future))
        try:
            async with asyncio.timeout(within_s):
                return await future
        except TimeoutError:
            raise Missed(f"{self.name}: {wanted} did not happen within {within_s:g} s") from None
        finally:
            self._waiting.remove((reached, future))

    def give_up(self, why: str) -> None:
        """Nobody need wait for its next line any more."""
        self._over = self._over or why
        for _, future in self._waiting:
            if not future.done():
                future.set_exception(Missed(why))

    async def end(self) -> None:
        """SIGTERM, and SIGKILL if that is not enough. A frozen one is woken up to end."""
        self.is_expected_to_end = True
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self.is_running:
                _signal(self.process, number)
                _signal(self.process, signal.SIGCONT)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(END_WITHIN_S):
                    await self.process.wait()
                    break
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=LAST_WORDS_S)
            for task in self._tasks:
                task.cancel()
            await asyncio.wait(self._tasks)
        if self._log is not None:
            self._log.close()

    async def _hear(self, pipe: BinaryIO) -> None:
        stream = asyncio.StreamReader(LONGEST_LINE_BYTES)
        loop = asyncio.get_running_loop()
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stream), pipe)
        try:
            while line := await stream.readline():
                self._take(line)
        finally:
            transport.close()

    async def _mourn(self, hearing: asyncio.Task[None]) -> None:
        """Its own children may outlive it and hold the pipe: its last words are waited for, but not for ever."""
        await self.process.wait()
        await asyncio.wait([hearing], timeout=LAST_WORDS_S)
        why = f"{self.name} ended by itself with exit code {self.process.returncode}: {self._said}"
        self.give_up(why)
        if not self.is_expected_to_end:
            self._on_loss(why)

    def _take(self, line: bytes) -> None:
        if self._log is not None:
            self._log.write(line)
            self._log.flush()
        self._said = line.decode(errors="replace").strip()[:ENOUGH_OF_A_LINE] or self._said
        try:
            told = json.loads(line)
        except ValueError:
            return
        if isinstance(told, dict):
            self.newest = cast("Json", told)
            for reached, future in self._waiting:
                _judge(reached, self.newest, future)


class Children:
    """All that were started, ended in reverse order. When one is lost, nobody waits for any of them any more."""

    def __init__(self) -> None:
        self._all: list[Child] = []

    async def start(self, name: str, *command: str | Path, log: Path | None, ready: Reached | None = None) -> Child:
        """Start a process. With `ready` it is waited for until a line says so."""
        reading, writing = os.pipe()
        try:
            process = await asyncio.create_subprocess_exec(
                *map(str, command),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=writing,
                stderr=writing,
                start_new_session=True,
                env=_environment(),
            )
        except BaseException:
            os.close(reading)
            raise
        finally:
            os.close(writing)
        child = Child(name, process, log, self._lost)
        self._all.append(child)
        child.listen(os.fdopen(reading, "rb"))
        if ready is not None:
            child.greeting = await child.until(ready, READY_WITHIN_S, "its start")
        return child

    def _lost(self, why: str) -> None:
        for child in self._all:
            child.give_up(why)

    async def end(self) -> None:
        """End every one of them."""
        while self._all:
            await self._all.pop().end()


async def ask(*command: str | Path) -> Answer:
    """Run a command to its end. A command that hangs is ended, and missed."""
    process = await asyncio.create_subprocess_exec(
        *map(str, command),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
        env=_environment(),
    )
    try:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            output, errors = await process.communicate()
    except TimeoutError:
        raise Missed(f"`{Path(command[0]).name} {command[1]}` did not end within {ANSWER_WITHIN_S:g} s") from None
    finally:
        if process.returncode is None:
            _signal(process, signal.SIGKILL)
            await process.wait()
    lines = (errors or output).decode(errors="replace").strip().splitlines()
    return Answer(process.returncode or 0, output.decode(errors="replace"), lines[-1] if lines else "")


def _signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    """Not by `send_signal`: that would reap a process that has just ended, under the hands of asyncio."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(process.pid, number)


def _judge(reached: Reached, told: Json, future: asyncio.Future[Json]) -> None:
    if future.done():
        return
    try:
        holds = reached(told)
    except Missed as reason:
        future.set_exception(reason)
        return
    if holds:
        future.set_result(told)


def _environment() -> dict[str, str]:
    """Ours, without what would override the settings that the demo writes."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PUMPCTL_")}
