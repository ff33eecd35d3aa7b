"""The Alaris dialect on the line: one question and its answer by our codec and link, a status by the Controller, and
the same question asked by infupy. The floors are raw bytes on a pty, as for the companion.

Refuses to know what a status means. A status is five questions one after the other; what it takes is told for each.
"""

from __future__ import annotations

import asyncio
import os
import select
import subprocess
import sys
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import perf_counter_ns

from protocols.alaris import messages as m
from protocols.alaris.codec import encode, security_code
from protocols.alaris.session import AlarisSession, Replied
from pumpctl.configuration import ChannelConfiguration
from pumpctl.events import Event, LinkUp, PumpBytes
from pumpctl.shell.serial_link import SerialLink
from pumpctl.shell.supervised_port import PortSettings
from tests.bench.controller import CHANNEL, polled
from tests.bench.harness import Subject, compiled
from tests.bench.link import ROUNDS, TRIPS_A_ROUND, WAIT_S, NoGuard, line_to, raw_round

SERIAL = "SIM-0001"
BAUD = 38_400
TRIPS_OF_INFUPY = 50
ANSWERS: dict[m.Request, m.Reply] = {
    m.Query.PROTOCOL: m.ProtocolName("Asena Rev 2.1.5"),
    m.Query.SERIAL: m.Serial(SERIAL),
    m.Query.RATE_MAX: m.RateMax(1_200_000),
    m.Query.SYRINGE: m.Syringe("BD PLASTIPAK", 50, confirmed=True),
    m.Enable(m.Switch.CONTROL, security_code(SERIAL)): m.Switched(m.Switch.CONTROL, enabled=True, permitted=True),
    m.Disable(m.Switch.CONTROL): m.Switched(m.Switch.CONTROL, enabled=False, permitted=None),
    m.Disable(m.Switch.CONFIGURATION): m.Switched(m.Switch.CONFIGURATION, enabled=False, permitted=None),
    m.Query.RATE: m.Rate(0),
    m.Query.VTBI: m.Vtbi(None, None),
    m.Query.ALARM: m.AlarmState("AL_NOALM"),
    m.Query.STATUS: m.Status(SERIAL, False, m.HOLD, 0, "", 0, 1_791, "24+", "EVENT", "1"),  # noqa: FBT003
}
# infupy in a process of its own, as in tests/interop: each round is a line of microseconds on its standard output.
INFUPY = """
import sys, threading, time
from infupy.backends.alaris import AlarisComm, AlarisSyringe, Looper
host = AlarisSyringe(AlarisComm(sys.argv[1]))
host.stopKeepAlive()
[thread.join() for thread in threading.enumerate() if isinstance(thread, Looper)]
for _ in sys.stdin:
    took = []
    for _ in range(int(sys.argv[2])):
        before = time.perf_counter_ns()
        host.readRate()
        took.append((time.perf_counter_ns() - before) / 1e3)
    print(*took, flush=True)
"""


@contextmanager
def pump_line(build: Path) -> Generator[str, None, None]:
    """A peer in C that answers what is asked here."""
    pairs = [f"{encode(request).hex()}={encode(reply).hex()}" for request, reply in ANSWERS.items()]
    with line_to(str(compiled("answering_peer.c", build)), "{fd}", "0d", *pairs) as path:
        yield path


class Asker:
    """Asks for the rate again and again, and notes how long each answer took."""

    def __init__(self, path: str) -> None:
        self._link = SerialLink("bench", PortSettings(path, BAUD), self._hear, NoGuard())
        self._session = AlarisSession()
        self._before_ns, self._left = 0, 0
        self._took_us: list[float] = []
        self._done = asyncio.get_running_loop().create_future()
        self._link.start()

    async def ask(self, times: int) -> list[float]:
        if self._left == 0:
            self._took_us, self._left, self._done = [], times, asyncio.get_running_loop().create_future()
            self._next()
        await asyncio.wait_for(self._done, WAIT_S)
        return self._took_us

    async def opened(self) -> None:
        self._left = 1
        await asyncio.wait_for(self._done, WAIT_S)

    def close(self) -> None:
        self._link.close()

    def _hear(self, event: Event) -> None:
        match event:
            case LinkUp():
                self._next()
            case PumpBytes():
                for heard in self._session.receive(event.received):
                    assert isinstance(heard, Replied), heard
                    self._took_us.append((perf_counter_ns() - self._before_ns) / 1e3)
                    self._left -= 1
                    self._next()
            case _:
                raise RuntimeError(f"the line of the benchmark failed: {event}")

    def _next(self) -> None:
        if self._left == 0:
            self._done.set_result(None)
            return
        self._before_ns = perf_counter_ns()
        self._link.write(self._session.request(m.Query.RATE), is_stop=False)


@contextmanager
def alaris_link(build: Path) -> Generator[Subject, None, None]:
    with ExitStack() as stack:
        pump_path = stack.enter_context(pump_line(build))
        raw_fd = _raw(stack, build)
        runner = stack.enter_context(asyncio.Runner())
        asker = runner.run(_asker(pump_path))
        yield Subject(
            name="alaris link round trip / raw pty",
            unit="us",
            goal=2.0,
            rounds=ROUNDS,
            ours=lambda: runner.run(asker.ask(TRIPS_A_ROUND)),
            floor=lambda: raw_round(raw_fd),
        )
        runner.get_loop().call_soon(asker.close)
        runner.run(asyncio.sleep(0))


@contextmanager
def alaris_through_controller(build: Path) -> Generator[Subject, None, None]:
    with ExitStack() as stack:
        pump_path = stack.enter_context(pump_line(build))
        raw_fd = _raw(stack, build)
        channel = ChannelConfiguration(CHANNEL, "alaris", SERIAL, "patient-1")
        ours = stack.enter_context(polled(pump_path, channel))
        yield Subject(
            name="alaris question by the Controller / raw pty",
            unit="us",
            goal=4.0,
            rounds=ROUNDS,
            ours=ours,
            floor=lambda: raw_round(raw_fd),
        )


@contextmanager
def alaris_against_infupy(build: Path) -> Generator[Subject, None, None]:
    """Told and not judged: infupy has a thread for each direction and a queue between."""
    with ExitStack() as stack:
        runner = stack.enter_context(asyncio.Runner())
        asker = runner.run(_asker(stack.enter_context(pump_line(build))))
        theirs = [sys.executable, "-c", INFUPY, stack.enter_context(pump_line(build)), str(TRIPS_OF_INFUPY)]
        peer = stack.enter_context(subprocess.Popen(theirs, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        stack.callback(peer.kill)
        yield Subject(
            name="alaris link round trip / infupy",
            unit="us",
            goal=None,
            rounds=ROUNDS,
            ours=lambda: runner.run(asker.ask(TRIPS_A_ROUND)),
            floor=lambda: _round_of(peer),
        )
        runner.get_loop().call_soon(asker.close)
        runner.run(asyncio.sleep(0))


def _round_of(peer: subprocess.Popen[str]) -> list[float]:
    assert peer.stdin is not None
    assert peer.stdout is not None
    print(file=peer.stdin, flush=True)
    assert select.select([peer.stdout], [], [], WAIT_S)[0], "infupy hangs"
    return [float(each) for each in peer.stdout.readline().split()]


def _raw(stack: ExitStack, build: Path) -> int:
    raw_fd = os.open(stack.enter_context(line_to(str(compiled("pty_echo.c", build)), "{fd}")), os.O_RDWR | os.O_NOCTTY)
    stack.callback(os.close, raw_fd)
    return raw_fd


async def _asker(path: str) -> Asker:
    asker = Asker(path)
    await asker.opened()
    return asker
