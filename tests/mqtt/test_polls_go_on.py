"""A real daemon and a simulated pump at a broker that means no good: the pump is asked, and stopped, all the same."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.mqtt.hostile_broker import HostileBroker, Mood
from tests.system.real_pair import RealPair

WITHIN_S = 60.0
CONNECTIONS = 3


@contextmanager
def serving(seed: int) -> Iterator[HostileBroker]:
    """In a loop of its own, as a process would; each mood for a connection."""
    broker = HostileBroker(Mood.FLOOD, seed)
    ready, over = threading.Event(), threading.Event()

    async def serve() -> None:
        await broker.start()
        ready.set()
        moods = [Mood.FLOOD, Mood.GARBAGE, Mood.GIANT, Mood.HOARD]
        while not over.is_set():
            broker.mood = moods[broker.connections % len(moods)]
            await asyncio.sleep(0.01)
        await broker.close()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="hostile broker", daemon=True)
    thread.start()
    try:
        assert ready.wait(WITHIN_S)
        yield broker
    finally:
        over.set()
        thread.join(WITHIN_S)


@pytest.mark.hazard("H65")
@pytest.mark.hazard("H46")
@pytest.mark.timeout(300)
def test_the_pump_is_asked_and_stopped_whatever_the_broker_does(tmp_path: Path, seed: int):
    with serving(seed) as broker, contextlib.ExitStack() as stack:
        tables = f'[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}\n'
        pair = RealPair(tmp_path, tables=tables, speed=200)
        stack.callback(pair.clean_up)
        pair.infuse()
        links: list[str] = []
        delivered: list[float] = []

        def watched() -> bool:
            told = pair.state
            links.append(told["link"])
            delivered.append(told["delivered_least_ml"])
            return broker.connections >= CONNECTIONS and delivered[-1] > delivered[0]

        pair.wait("the broker has shown what it can do, and new statuses come", watched, WITHIN_S)
        assert set(links) == {"up"}, "the pump was not heard for 3 s"
        assert delivered == sorted(delivered)
        pair.ask("stop", person="nurse")
        pair.wait_for_state("stopped")
        assert pair.log.read_text().count("mqtt: no broker") <= 2 * broker.connections + 2
