"""One question to the pump and its answer, through the daemon's own link and codec, against raw bytes on a pty.

Both sides talk to a peer in C: the floor to one that echoes 32 bytes, ours to one that answers GET_STATUS as SPEC.md
says. Refuses to know what a status means.
"""

from __future__ import annotations

import asyncio
import os
import pty
import subprocess
import tty
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import perf_counter_ns

from protocols.companion.codec import LAYOUTS
from protocols.companion.messages import GetStatus, Identify, Identity, Status
from protocols.companion.session import CompanionSession, Reply
from protocols.companion.vocabulary import Alarm, IdentityFlag, PumpState, StatusFlag
from pumpctl.events import Event, LinkUp, PumpBytes
from pumpctl.shell.serial_link import SerialLink
from pumpctl.shell.supervised_port import PortSettings
from tests.bench.harness import Subject, compiled

ROUNDS = 20
TRIPS_A_ROUND = 250
WAIT_S = 30.0
RAW_BYTES = b"x" * 32  # the length of a short request with its answer, as performance figures elsewhere use

IDENTITY = Identity(
    model="companion",
    serial="SIM-0001",
    firmware="bench",
    flags=IdentityFlag.SIMULATED | IdentityFlag.CONFIRM_BUTTON,
    boot_count=1,
    uptime_ms=0,
    min_flow_ul_h=100,
    max_flow_ul_h=1_200_000,
    flow_step_ul_h=100,
    reservoir_ul=250_000,
    volume_step_ul=1,
    accuracy_permille=50,
    max_lease_ms=600_000,
    token_life_ms=60_000,
    event_ring=256,
    idle_pressure_mmhg=0,
    kvo_min_ul_h=0,
)
STATUS = Status(
    uptime_ms=0,
    boot_count=1,
    state=PumpState.IDLE,
    flags=StatusFlag(0),
    program_id=bytes(8),
    commanded_flow_ul_h=0,
    measured_flow_ul_h=0,
    motor_ul=0,
    encoder_ul=0,
    flow_ul=0xFFFF_FFFF,
    program_ul=0,
    pressure_mmhg=10,
    reservoir_ul=250_000,
    battery_permille=1000,
    alarms=Alarm(0),
    event_count=1,
    lease_left_ms=0,
    refused_count=0,
    dropped_frames=0,
)


@contextmanager
def line_to(*command: str) -> Generator[str, None, None]:
    """A raw pty whose master belongs to a peer process; yields the slave's path."""
    master_fd, slave_fd = pty.openpty()
    tty.setraw(slave_fd)  # our copy of the slave keeps the line alive between two openings
    arguments = [word.replace("{fd}", str(master_fd)) for word in command]
    with subprocess.Popen(arguments, pass_fds=(master_fd,)) as peer:
        os.close(master_fd)
        yield os.ttyname(slave_fd)
        os.close(slave_fd)
        peer.terminate()


@contextmanager
def pump_line(build: Path) -> Generator[str, None, None]:
    peer = compiled("pump_peer.c", build)
    bodies = [
        LAYOUTS[message.TYPE].content((1, message.TYPE, 0, 0), message)[10:].hex() for message in (IDENTITY, STATUS)
    ]
    with line_to(str(peer), "{fd}", *bodies) as path:
        yield path


class NoGuard:
    """The link tells it of ports; here nobody needs to hear."""

    def port_opened(self, channel: str, fd: int) -> None: ...
    def port_closed(self, channel: str) -> None: ...
    def stop_written(self, channel: str) -> None: ...


class Asker:
    """Asks for the status again and again, and notes how long each answer took."""

    def __init__(self, path: str) -> None:
        self._loop = asyncio.get_running_loop()
        self._link = SerialLink("bench", PortSettings(path, 115_200), self.hear, NoGuard())
        self._session = CompanionSession(1)
        self._left = 0
        self._before_ns = 0
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

    def hear(self, event: Event) -> None:
        match event:
            case LinkUp():
                self._link.write(self._session.request(Identify()), is_stop=False)
            case PumpBytes():
                for heard in self._session.receive(event.received):
                    self._take(heard)
            case _:
                raise RuntimeError(f"the line of the benchmark failed: {event}")

    def _take(self, heard: object) -> None:
        assert isinstance(heard, Reply), heard
        if isinstance(heard.message, Status):
            self._took_us.append((perf_counter_ns() - self._before_ns) / 1e3)
        if self._deadline is not None:
            self._deadline.cancel()
        self._next()

    def _next(self) -> None:
        if self._left == 0:
            self._done.set_result(None)
            return
        self._left -= 1
        self._before_ns = perf_counter_ns()
        self._deadline = self._loop.call_later(WAIT_S, self._done.cancel)
        self._link.write(self._session.request(GetStatus()), is_stop=False)

    def close(self) -> None:
        self._link.close()


@contextmanager
def link_round_trip(build: Path) -> Generator[Subject, None, None]:
    with ExitStack() as stack:
        pump_path = stack.enter_context(pump_line(build))
        raw_path = stack.enter_context(line_to(str(compiled("pty_echo.c", build)), "{fd}"))
        raw_fd = os.open(raw_path, os.O_RDWR | os.O_NOCTTY)
        stack.callback(os.close, raw_fd)
        runner = stack.enter_context(asyncio.Runner())
        asker = runner.run(_asker(pump_path))
        yield Subject(
            name="link round trip / raw pty",
            unit="us",
            goal=2.0,
            rounds=ROUNDS,
            ours=lambda: runner.run(asker.ask(TRIPS_A_ROUND)),
            floor=lambda: raw_round(raw_fd),
        )
        runner.get_loop().call_soon(asker.close)
        runner.run(asyncio.sleep(0))


async def _asker(path: str) -> Asker:
    asker = Asker(path)
    await asker.opened()
    return asker


def raw_round(fd: int) -> list[float]:
    """The floor: blocking write and read of 32 bytes that a C program echoes."""
    return [_raw_trip_us(fd) for _ in range(TRIPS_A_ROUND)]


def _raw_trip_us(fd: int) -> float:
    before = perf_counter_ns()
    os.write(fd, RAW_BYTES)
    left = len(RAW_BYTES)
    while left:
        left -= len(os.read(fd, left))
    return (perf_counter_ns() - before) / 1e3
