"""How old a state is when a subscriber in C has it, against a message that a C client sends to itself.

Same broker, same length, QoS 1 on both sides. Refuses to measure while the broker still knows a message of before:
each state is waited for at the subscriber and acknowledged before the next.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from logging import WARNING
from pathlib import Path
from time import CLOCK_MONOTONIC, clock_gettime_ns, monotonic
from typing import IO

import structlog

from protocols.mqtt.topics import BASE, Topics
from pumpctl.effects import Publish
from pumpctl.shell.mqtt_link import Broker as BrokerAddress
from pumpctl.shell.mqtt_link import MqttLink
from tests.bench.harness import Subject, compiled
from tests.conftest import Broker

ROUNDS = 10
STATES_A_ROUND = 50
WAIT_S = 30.0
FLOOR_TOPIC, TOPIC = "floor/state", "pumpctl/bench/state"
PAYLOAD = {"schema": "bench", "filling": "x" * 366}  # 400 bytes of JSON, as long as the floor's


class Teller:
    """Publishes a state, and waits until the subscriber has printed when it came."""

    def __init__(self, port: int, subscriber: IO[bytes]) -> None:
        self._subscriber = subscriber
        self._loop = asyncio.get_running_loop()
        self._came: asyncio.Future[int] = self._loop.create_future()
        self._loop.add_reader(subscriber.fileno(), self._heard)
        log = structlog.wrap_logger(
            structlog.PrintLogger(), wrapper_class=structlog.make_filtering_bound_logger(WARNING)
        )
        self._link = MqttLink(BrokerAddress("127.0.0.1", port, Topics(BASE, "bench")), log, monotonic)
        self._link.start()

    async def tell(self, times: int) -> list[float]:
        return [await self._tell_us() for _ in range(times)]

    async def close(self) -> None:
        self._loop.remove_reader(self._subscriber.fileno())
        await self._link.close()

    async def _tell_us(self) -> float:
        self._came = self._loop.create_future()
        before_ns = clock_gettime_ns(CLOCK_MONOTONIC)
        self._link.publish(Publish("bench", "state", PAYLOAD))
        came_ns = await asyncio.wait_for(self._came, WAIT_S)
        await asyncio.sleep(0.002)  # the next state of a pump comes later, not into the middle of this acknowledgement
        return (came_ns - before_ns) / 1e3

    def _heard(self) -> None:
        self._came.set_result(int(self._subscriber.readline()))


@contextmanager
def state_to_subscriber(build: Path) -> Generator[Subject, None, None]:
    with ExitStack() as stack:
        client = compiled("mqtt_client.c", build, "-lmosquitto")
        broker = _broker(build / "mosquitto")
        stack.callback(broker.stop)
        command = [str(client), str(broker.port), TOPIC, "0"]
        subscriber = stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=0))
        stack.callback(subscriber.terminate)
        assert subscriber.stdout is not None
        assert subscriber.stdout.readline() == b"ready\n"
        runner = stack.enter_context(asyncio.Runner())
        teller = runner.run(_teller(broker.port, subscriber.stdout))
        yield Subject(
            name="state, MqttLink to C subscriber / C client",
            unit="us",
            goal=10.0,
            rounds=ROUNDS,
            ours=lambda: runner.run(teller.tell(STATES_A_ROUND)),
            floor=lambda: _floor_us(client, broker.port),
        )
        runner.run(teller.close())


async def _teller(port: int, subscriber: IO[bytes]) -> Teller:
    return Teller(port, subscriber)


def _broker(folder: Path) -> Broker:
    folder.mkdir(exist_ok=True)
    executable = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    assert executable is not None, "make bench needs the package mosquitto"
    broker = Broker(folder, executable)
    broker.start()
    return broker


def _floor_us(client: Path, port: int) -> list[float]:
    command = [str(client), str(port), FLOOR_TOPIC, str(STATES_A_ROUND)]
    told = subprocess.run(command, check=True, capture_output=True, text=True, timeout=WAIT_S).stdout
    return [int(line) / 1e3 for line in told.split()]
