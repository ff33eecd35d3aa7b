"""A broker that hangs, lies or floods: the loop has its turns, memory stays as it is, and the log says why."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

import pytest

from pumpctl.shell import mqtt_client
from pumpctl.shell.mqtt_client import LARGEST_PACKET_BYTES, MESSAGES_A_MINUTE
from tests.mqtt.hostile_broker import HostileBroker, Mood
from tests.shell.mqtt_bench import Announcement, Bench
from tests.shell.waiting import until

CAUSES = {
    Mood.SILENT: "mqtt: no broker",
    Mood.NO_ANSWER: "no acknowledgement within",
    Mood.GARBAGE: "mqtt: no broker",
    Mood.GIANT: f"a packet of more than {LARGEST_PACKET_BYTES} bytes",
    Mood.FLOOD: f"nobody asked for, or too much: {MESSAGES_A_MINUTE + 1} messages",
    Mood.FOREIGN: "nobody asked for, or too much: 1 messages",
    Mood.HOARD: "at QoS 2",
    Mood.TAKEN_OVER: "another daemon seems to connect as pumpctl-rig",
}
LONGEST_TURN_CPU_S = 0.2  # of processor time: what a loaded machine takes for itself is not in it
LONGEST_TURN_S = 5.0  # nothing waits for the broker in the loop itself: less than its shortest timeout by far


class Turns:
    """How long the loop's longest turn was, in processor time of this thread and by the clock."""

    def __init__(self) -> None:
        self.longest_cpu_s = self.longest_s = 0.0

    async def watch(self) -> None:
        while True:
            cpu_s, at_s = time.thread_time(), time.monotonic()
            await asyncio.sleep(0.001)
            self.longest_cpu_s = max(self.longest_cpu_s, time.thread_time() - cpu_s)
            self.longest_s = max(self.longest_s, time.monotonic() - at_s)


@pytest.mark.hazard("H65")
@pytest.mark.parametrize("mood", list(Mood), ids=lambda mood: mood.name.lower())
async def test_a_hostile_broker_takes_neither_time_nor_memory_and_the_cause_is_told(
    mood: Mood, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mqtt_client, "REPLY_S", 1.0)
    broker = HostileBroker(mood, seed)
    await broker.start()
    bench = Bench("127.0.0.1", broker.port, announcements=(Announcement("pumpctl/config", {}),), channels=("a", "b"))
    turns = Turns()
    watching = asyncio.create_task(turns.watch())
    bench.link.start()
    told = 0

    def cause_is_told() -> bool:
        nonlocal told
        told += 1
        bench.state(told)
        return bench.says(CAUSES[mood])

    await until(cause_is_told, f"{CAUSES[mood]} is not told")
    assert bench.link.waiting <= 4, "config, two links, one state: the newest of each, and no more"
    await bench.close()
    watching.cancel()
    with suppress(asyncio.CancelledError):
        await watching
    await broker.close()
    assert turns.longest_cpu_s < LONGEST_TURN_CPU_S
    assert turns.longest_s < LONGEST_TURN_S
    assert bench.log.getvalue().count("\n") < 30, "what a broker can make us write is bounded"
