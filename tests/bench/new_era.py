"""The New Era dialect on the line: one question and its answer by our codec and link, a question by the Controller, and
the same question asked by nesp-lib. Safe mode throughout.

Refuses to know what a status means. That of a stopped pump is two questions; what it takes is told for each.
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

from protocols.new_era.framing import Mode, Packet, ReplyDecoder, encode_reply, encode_request
from protocols.new_era.messages import Prompt, parse_reply, request_payload
from pumpctl.configuration import ChannelConfiguration, NewEraSetup
from pumpctl.events import Event, LinkUp, PumpBytes
from pumpctl.shell.serial_link import SerialLink
from pumpctl.shell.supervised_port import PortSettings
from tests.bench.controller import CHANNEL, polled
from tests.bench.harness import Subject, compiled
from tests.bench.link import ROUNDS, TRIPS_A_ROUND, WAIT_S, NoGuard, line_to, raw_round

SETUP = NewEraSetup(address=0, diameter_um=26_590, syringe_ul=60_000, safe_s=200, simulated=True)
BAUD = 19_200
TRIPS_OF_NESP = 200
# None of these holds 03 but at its end, which is where the peer cuts.
ANSWERS = {"VER": b"00SNE1000V3.928", "SAF": b"00S200", "SAF200": b"00S", "": b"00S", "DIS": b"00SI0.000W0.000ML"}
# nesp-lib in a process of its own, as in tests/interop: each round is a line of microseconds on its standard output.
NESP = """
import sys, time
import nesp_lib
pump = nesp_lib.Pump(nesp_lib.Port(sys.argv[1], 19200), safe_mode_timeout_s=200)
for _ in sys.stdin:
    took = []
    for _ in range(int(sys.argv[2])):
        before = time.perf_counter_ns()
        pump.status
        took.append((time.perf_counter_ns() - before) / 1e3)
    print(*took, flush=True)
"""


@contextmanager
def pump_line(build: Path) -> Generator[str, None, None]:
    """A peer in C that answers what is asked here."""
    pairs = [
        f"{encode_request(request_payload(0, asked), Mode.SAFE).hex()}={encode_reply(said, Mode.SAFE).hex()}"
        for asked, said in ANSWERS.items()
    ]
    with line_to(str(compiled("answering_peer.c", build)), "{fd}", "03", *pairs) as path:
        yield path


class Asker:
    """Asks for the state again and again, and notes how long each answer took."""

    def __init__(self, path: str) -> None:
        self._link = SerialLink("bench", PortSettings(path, BAUD), self._hear, NoGuard())
        self._decoder = ReplyDecoder(Mode.SAFE)
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
                for piece in self._decoder.receive(event.received):
                    assert isinstance(piece, Packet), piece
                    assert parse_reply(piece.payload).state is Prompt.STOPPED
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
        self._link.write(encode_request(request_payload(0, ""), Mode.SAFE), is_stop=False)


@contextmanager
def new_era_link(build: Path) -> Generator[Subject, None, None]:
    with ExitStack() as stack:
        pump_path = stack.enter_context(pump_line(build))
        raw_fd = _raw(stack, build)
        runner = stack.enter_context(asyncio.Runner())
        asker = runner.run(_asker(pump_path))
        yield Subject(
            name="new era link round trip / raw pty",
            unit="us",
            goal=2.0,
            rounds=ROUNDS,
            ours=lambda: runner.run(asker.ask(TRIPS_A_ROUND)),
            floor=lambda: raw_round(raw_fd),
        )
        runner.get_loop().call_soon(asker.close)
        runner.run(asyncio.sleep(0))


@contextmanager
def new_era_through_controller(build: Path) -> Generator[Subject, None, None]:
    with ExitStack() as stack:
        pump_path = stack.enter_context(pump_line(build))
        raw_fd = _raw(stack, build)
        channel = ChannelConfiguration(CHANNEL, "new_era", "SIM-0001", "patient-1", new_era=SETUP)
        ours = stack.enter_context(polled(pump_path, channel))
        yield Subject(
            name="new era question by the Controller / raw pty",
            unit="us",
            goal=4.0,
            rounds=ROUNDS,
            ours=ours,
            floor=lambda: raw_round(raw_fd),
        )


@contextmanager
def new_era_against_nesp_lib(build: Path) -> Generator[Subject, None, None]:
    """Told and not judged: nesp-lib reads without asyncio and without a time-out, a few bytes at a time."""
    with ExitStack() as stack:
        runner = stack.enter_context(asyncio.Runner())
        asker = runner.run(_asker(stack.enter_context(pump_line(build))))
        theirs = [sys.executable, "-c", NESP, stack.enter_context(pump_line(build)), str(TRIPS_OF_NESP)]
        peer = stack.enter_context(subprocess.Popen(theirs, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        stack.callback(peer.kill)
        yield Subject(
            name="new era link round trip / nesp-lib",
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
    assert select.select([peer.stdout], [], [], WAIT_S)[0], "nesp-lib hangs"
    return [float(each) for each in peer.stdout.readline().split()]


def _raw(stack: ExitStack, build: Path) -> int:
    raw_fd = os.open(stack.enter_context(line_to(str(compiled("pty_echo.c", build)), "{fd}")), os.O_RDWR | os.O_NOCTTY)
    stack.callback(os.close, raw_fd)
    return raw_fd


async def _asker(path: str) -> Asker:
    asker = Asker(path)
    await asker.opened()
    return asker
