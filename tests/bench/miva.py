"""The MIVA dialect on the line: one question and its answer by our codec and link, and a status by the Controller.

Refuses to know what a status means. A status is nine questions one after the other; what it takes is told for each. The
maker's own driver is no row: it sleeps 25 ms for every question and then reads until a timeout of 25 ms.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import perf_counter_ns

from protocols.miva.framing import encode_frame
from protocols.miva.library import SIMULATED
from protocols.miva.record import BatteryState, Record, RecordType, encode_record, payload_of
from protocols.miva.requests import INFUSION_RATE, IS_RUNNING, read_record
from protocols.miva.session import MivaSession, Reply
from pumpctl.configuration import ChannelConfiguration
from pumpctl.events import Event, LinkUp, PumpBytes
from pumpctl.shell.serial_link import SerialLink
from pumpctl.shell.supervised_port import PortSettings
from tests.bench.controller import CHANNEL, polled
from tests.bench.harness import Subject, compiled
from tests.bench.link import ROUNDS, TRIPS_A_ROUND, WAIT_S, NoGuard, line_to, raw_round

SERIAL = "SIM00001"
BAUD = 9_600
POWER_ON = encode_record(Record(RecordType.POWER_ON, 0, payload_of(BatteryState.AC, 4.5, 0.0))).hex().upper()
ANSWERS = {
    "RN": f"RN{SERIAL}",
    "RS": "RSbench-1.0",
    "RL": f"RL{SIMULATED.title}",
    "RC": "RCF0000000",
    "RI": "RI0000000000000000",
    read_record(0): f"{read_record(0)}{POWER_ON}",
    IS_RUNNING: "FALSE",
    "Q5": "Q50000",
    INFUSION_RATE: "0.00",
    "R8": "R811F8000000",
    "R3": "R30000",
    "S9": "S90000001C2",
}


@contextmanager
def pump_line(build: Path) -> Generator[str, None, None]:
    """A peer in C that answers what is asked here."""
    pairs = [f"{encode_frame(asked).hex()}={encode_frame(answer).hex()}" for asked, answer in ANSWERS.items()]
    with line_to(str(compiled("answering_peer.c", build)), "{fd}", "03", *pairs) as path:
        yield path


class Asker:
    """Asks for the volume infused again and again, and notes how long each answer took."""

    def __init__(self, path: str) -> None:
        self._link = SerialLink("bench", PortSettings(path, BAUD), self._hear, NoGuard())
        self._session = MivaSession()
        self._before_ns, self._left = 0, 0
        self._took_us: list[float] = []
        self._done = asyncio.get_running_loop().create_future()
        self._link.start()

    async def opened(self) -> None:
        self._left = 1
        await asyncio.wait_for(self._done, WAIT_S)

    async def ask(self, times: int) -> list[float]:
        self._took_us, self._left, self._done = [], times, asyncio.get_running_loop().create_future()
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
                for heard in self._session.receive(event.received):
                    assert isinstance(heard, Reply), heard
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
        self._link.write(self._session.ask("Q5"), is_stop=False)


@contextmanager
def miva_link(build: Path) -> Generator[Subject, None, None]:
    with ExitStack() as stack:
        pump_path = stack.enter_context(pump_line(build))
        raw_fd = _raw(stack, build)
        runner = stack.enter_context(asyncio.Runner())
        asker = runner.run(_asker(pump_path))
        yield Subject(
            name="miva link round trip / raw pty",
            unit="us",
            goal=2.0,
            rounds=ROUNDS,
            ours=lambda: runner.run(asker.ask(TRIPS_A_ROUND)),
            floor=lambda: raw_round(raw_fd),
        )
        runner.get_loop().call_soon(asker.close)
        runner.run(asyncio.sleep(0))


@contextmanager
def miva_through_controller(build: Path) -> Generator[Subject, None, None]:
    with ExitStack() as stack:
        pump_path = stack.enter_context(pump_line(build))
        raw_fd = _raw(stack, build)
        channel = ChannelConfiguration(CHANNEL, "miva", SERIAL, "patient-1")
        ours = stack.enter_context(polled(pump_path, channel))
        yield Subject(
            name="miva question by the Controller / raw pty",
            unit="us",
            goal=4.0,
            rounds=ROUNDS,
            ours=ours,
            floor=lambda: raw_round(raw_fd),
        )


def _raw(stack: ExitStack, build: Path) -> int:
    raw_fd = os.open(stack.enter_context(line_to(str(compiled("pty_echo.c", build)), "{fd}")), os.O_RDWR | os.O_NOCTTY)
    stack.callback(os.close, raw_fd)
    return raw_fd


async def _asker(path: str) -> Asker:
    asker = Asker(path)
    await asker.opened()
    return asker
