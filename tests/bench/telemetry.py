"""How old a state is when a subscriber in C has it, from the last byte of the pump's status on the line, against a
message that a C client sends to itself.

A pump in C that tells another status each time, the daemon's own link, loop, Controller and MQTT link, a broker. Same
broker, same length, QoS 1 on both sides. Refuses to measure while anything of before is under way: each state is waited
for at the subscriber, and a moment longer.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from logging import WARNING
from pathlib import Path
from time import monotonic
from typing import IO

import structlog

from protocols.mqtt.topics import Topics
from pumpctl.shell.mqtt_client import Broker as BrokerAddress
from pumpctl.shell.mqtt_link import MqttLink
from tests.bench.controller import Poller, opened
from tests.bench.dialects import CHANNEL, COMPANION, STATUS, companion_pump
from tests.bench.harness import Subject, compiled
from tests.bench.lines import WAIT_S
from tests.conftest import Broker

ROUNDS = 20
STATES_A_ROUND = 50
QUIET_S = 0.3
TOPICS = Topics("pumpctl", "bench")
FLOOR_TOPIC, TOPIC = "floor/state", TOPICS.state(CHANNEL)
OTHER_STATUS = replace(STATUS, pressure_mmhg=STATUS.pressure_mmhg + 1)


class Teller:
    """Lets the pump be asked, and waits until the subscriber has printed when its state came."""

    def __init__(self, poller: Poller, link: MqttLink, pump_fd: int, subscriber: IO[bytes]) -> None:
        self.state_bytes = 0
        self._poller, self._link, self._pump_fd, self._subscriber = poller, link, pump_fd, subscriber
        self._loop = asyncio.get_running_loop()
        self._came: asyncio.Future[int] = self._loop.create_future()
        self._loop.add_reader(subscriber.fileno(), self._heard)

    async def tell(self, times: int) -> list[float]:
        return [await self._tell_us() for _ in range(times)]

    async def settle(self) -> None:
        """Until nothing comes any more of what was said while the link was opened."""
        while True:
            self._came = self._loop.create_future()
            try:
                await asyncio.wait_for(self._came, QUIET_S)
            except TimeoutError:
                break
        os.read(self._pump_fd, 65_536)
        await self._tell_us()

    async def close(self) -> None:
        self._loop.remove_reader(self._subscriber.fileno())
        self._poller.close()
        await self._link.close()

    async def _tell_us(self) -> float:
        self._came = self._loop.create_future()
        await self._poller.poll(1)
        came_ns = await asyncio.wait_for(self._came, WAIT_S)
        (on_the_line_ns,) = os.read(self._pump_fd, 65_536).split()  # it has long been there: one status a poll
        await asyncio.sleep(0.002)  # the next state of a pump comes later, not into the middle of this acknowledgement
        return (came_ns - int(on_the_line_ns)) / 1e3

    def _heard(self) -> None:
        came_ns, self.state_bytes = (int(word) for word in self._subscriber.readline().split())
        if not self._came.done():
            self._came.set_result(came_ns)


@contextmanager
def state_to_subscriber(build: Path) -> Generator[Subject, None, None]:
    with ExitStack() as stack:
        client = compiled("mqtt_client.c", build, "-lmosquitto")
        broker = _broker(build / "mosquitto")
        stack.callback(broker.stop)
        command = [str(client), str(broker.port), TOPIC, "0", "0"]
        subscriber = stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=0))
        stack.callback(subscriber.terminate)
        assert subscriber.stdout is not None
        assert subscriber.stdout.readline() == b"ready\n"
        reading, writing = os.pipe()
        stack.callback(os.close, reading)
        pump_path = stack.enter_context(companion_pump(build, None, OTHER_STATUS, told=writing))
        os.close(writing)
        runner = stack.enter_context(asyncio.Runner())
        teller = runner.run(_teller(pump_path, broker.port, reading, subscriber.stdout))
        yield Subject(
            name="status on the line to C subscriber / C client",
            unit="us",
            goal=10.0,
            rounds=ROUNDS,
            ours=lambda: runner.run(teller.tell(STATES_A_ROUND)),
            floor=lambda: _floor_us(client, broker.port, teller.state_bytes),
        )
        runner.run(teller.close())


async def _teller(pump_path: str, port: int, pump_fd: int, subscriber: IO[bytes]) -> Teller:
    log = structlog.wrap_logger(structlog.PrintLogger(), wrapper_class=structlog.make_filtering_bound_logger(WARNING))
    link = MqttLink(BrokerAddress("127.0.0.1", port, TOPICS), log, monotonic)
    link.start()
    teller = Teller(await opened(pump_path, COMPANION.channel, link.publish), link, pump_fd, subscriber)
    await teller.settle()
    return teller


def _broker(folder: Path) -> Broker:
    folder.mkdir(exist_ok=True)
    executable = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    assert executable is not None, "make bench needs the package mosquitto"
    broker = Broker(folder, executable)
    broker.start()
    return broker


def _floor_us(client: Path, port: int, state_bytes: int) -> list[float]:
    command = [str(client), str(port), FLOOR_TOPIC, str(STATES_A_ROUND), str(state_bytes)]
    told = subprocess.run(command, check=True, capture_output=True, text=True, timeout=WAIT_S).stdout
    return [int(line) / 1e3 for line in told.split()]
