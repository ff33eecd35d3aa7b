"""MqttLink against a real broker: what is retained, what the will says, and that nothing ever waits for it."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import aiomqtt
import pytest
import pytest_asyncio

from protocols.mqtt.topics import BASE, Topics
from pumpctl.effects import Publish
from pumpctl.shell.logs import open_log
from pumpctl.shell.mqtt_link import PERIOD_S, WAITING_EVENTS, Broker, MqttLink
from tests import conftest
from tests.shell.waiting import until

WAIT_S = 10.0


@dataclass(frozen=True, slots=True)
class Seen:
    topic: str
    content: bytes
    retained: bool
    expiry_s: int | None


class Monitor:
    """A subscriber of everything."""

    def __init__(self, client: aiomqtt.Client) -> None:
        self._client = client

    async def next(self, leaf: str = "") -> Seen:
        async with asyncio.timeout(WAIT_S):
            async for message in self._client.messages:
                if str(message.topic).endswith(leaf):
                    content = message.payload
                    assert isinstance(content, bytes)
                    expiry_s = getattr(message.properties, "MessageExpiryInterval", None)
                    return Seen(str(message.topic), content, bool(message.retain), expiry_s)
        raise AssertionError


def client_of(broker: conftest.Broker) -> aiomqtt.Client:
    return aiomqtt.Client(broker.host, broker.port, protocol=aiomqtt.ProtocolVersion.V5)


class Bench:
    """The link under test and the time it believes in."""

    def __init__(self, broker: conftest.Broker) -> None:
        self.log = io.StringIO()
        log, self.writer = open_log(self.log)
        self.skipped_s = 0.0
        self.link = MqttLink(Broker(broker.host, broker.port, Topics(BASE, "rig")), log, self.now_s)

    def now_s(self) -> float:
        return asyncio.get_running_loop().time() + self.skipped_s

    def state(self, seq: int, *, changed: bool = True) -> None:
        self.link.publish(Publish("a", "state", {"seq": seq}, changed=changed))

    async def close(self) -> None:
        await self.link.close()
        self.writer.close()


@pytest_asyncio.fixture
async def monitor(mosquitto: conftest.Broker) -> AsyncIterator[Monitor]:
    async with client_of(mosquitto) as client:
        await client.subscribe("pumpctl/#", qos=1, options=None)
        yield Monitor(client)


@pytest_asyncio.fixture
async def bench(mosquitto: conftest.Broker) -> AsyncIterator[Bench]:
    subject = Bench(mosquitto)
    subject.link.start()
    yield subject
    await subject.close()


async def retained(broker: conftest.Broker) -> dict[str, bytes]:
    """What a newcomer is told."""
    told: dict[str, bytes] = {}
    async with client_of(broker) as client:
        await client.subscribe("pumpctl/#", qos=1)
        await client.publish("probe", b"")
        await client.subscribe("probe/end")
        await client.publish("probe/end", b"", qos=1)
        async for message in client.messages:
            if str(message.topic) == "probe/end":
                return told
            assert isinstance(message.payload, bytes)
            told[str(message.topic)] = message.payload
    raise AssertionError


async def test_states_links_and_alarms_are_retained_events_are_not(
    bench: Bench, monitor: Monitor, mosquitto: conftest.Broker
) -> None:
    assert (await monitor.next("rig/availability")).content == b"online"
    bench.link.publish(Publish("a", "link", {"link": "up"}))
    assert (await monitor.next("a/link")).content == b"up"
    bench.state(1)
    seen = await monitor.next("a/state")
    assert (json.loads(seen.content), seen.expiry_s) == ({"seq": 1}, 2 * PERIOD_S)
    bench.link.publish(Publish("a", "alarm/occlusion", {"priority": "high"}))
    assert json.loads((await monitor.next("alarm/occlusion")).content) == {"priority": "high"}
    bench.link.publish(Publish("a", "event", {"event_type": "stopped"}))
    assert json.loads((await monitor.next("a/event")).content) == {"event_type": "stopped"}
    assert set(await retained(mosquitto)) == {
        "pumpctl/rig/availability",
        "pumpctl/a/link",
        "pumpctl/a/state",
        "pumpctl/a/alarm/occlusion",
    }
    bench.link.publish(Publish("a", "alarm/occlusion", None))
    assert (await monitor.next("alarm/occlusion")).content == b""
    assert "pumpctl/a/alarm/occlusion" not in await retained(mosquitto)


async def test_an_unchanged_state_is_told_again_after_the_period_only(bench: Bench, monitor: Monitor) -> None:
    bench.state(1)
    assert json.loads((await monitor.next("a/state")).content) == {"seq": 1}
    bench.state(2, changed=False)
    bench.state(3, changed=True)
    assert json.loads((await monitor.next("a/state")).content) == {"seq": 3}
    bench.skipped_s = PERIOD_S - 1
    bench.state(4, changed=False)
    bench.skipped_s = PERIOD_S + 1
    bench.state(5, changed=False)
    assert json.loads((await monitor.next("a/state")).content) == {"seq": 5}


@pytest.mark.hazard("H66")
async def test_an_active_alarm_is_renewed_before_the_broker_forgets_it(bench: Bench, monitor: Monitor) -> None:
    bench.link.publish(Publish("a", "alarm/air", {"priority": "high"}))
    first = await monitor.next("alarm/air")
    assert first.expiry_s is not None
    assert first.expiry_s > PERIOD_S
    bench.skipped_s = PERIOD_S + 1
    bench.state(1)  # anything wakes the link
    assert (await monitor.next("alarm/air")).content == first.content


async def test_the_goodbye_says_offline(bench: Bench, monitor: Monitor) -> None:
    assert (await monitor.next("availability")).content == b"online"
    await bench.close()
    assert (await monitor.next("availability")).content == b"offline"


@pytest.mark.hazard("H64")
async def test_after_a_broker_restart_everything_that_is_true_is_told_again(
    bench: Bench, monitor: Monitor, mosquitto: conftest.Broker
) -> None:
    bench.link.publish(Publish("a", "alarm/air", {"priority": "high"}))
    bench.link.publish(Publish("a", "alarm/door", {"priority": "low"}))
    bench.state(1)
    await monitor.next("a/state")
    mosquitto.stop()
    await until(lambda: "the daemon goes on without" in bench.log.getvalue())
    bench.link.publish(Publish("a", "alarm/door", None))
    bench.state(2)
    bench.link.publish(Publish("a", "event", {"event_type": "kept"}))
    mosquitto.start()
    async with client_of(mosquitto) as client:
        await client.subscribe("pumpctl/#", qos=1)
        assert json.loads((await Monitor(client).next("a/event")).content) == {"event_type": "kept"}
    told = await retained(mosquitto)
    assert json.loads(told["pumpctl/a/state"]) == {"seq": 2}
    assert set(told) == {"pumpctl/rig/availability", "pumpctl/a/state", "pumpctl/a/alarm/air"}
    assert bench.log.getvalue().count("the daemon goes on without") == 1


@pytest.mark.hazard("H64")
@pytest.mark.hazard("H65")
async def test_without_a_broker_publishing_costs_nothing_and_is_bounded(mosquitto: conftest.Broker) -> None:
    mosquitto.stop()
    bench = Bench(mosquitto)
    bench.link.start()
    for number in range(WAITING_EVENTS + 10):
        bench.state(number)
        bench.link.publish(Publish("a", "event", {"number": number}))
    assert bench.link.dropped_events == 10
    assert len(bench.link._live) == len(bench.link._due) == 1
    await until(lambda: "the daemon goes on without" in bench.log.getvalue())
    started_s = asyncio.get_running_loop().time()
    await bench.close()
    assert asyncio.get_running_loop().time() - started_s < 1
    assert "the oldest events are given up" in bench.log.getvalue()


@pytest.mark.hazard("H65")
async def test_a_broker_that_hangs_delays_neither_the_loop_nor_the_end(
    bench: Bench, monitor: Monitor, mosquitto: conftest.Broker
) -> None:
    await monitor.next("availability")
    assert mosquitto._process is not None
    os.kill(mosquitto._process.pid, signal.SIGSTOP)
    try:
        loop = asyncio.get_running_loop()
        longest_s = 0.0
        for number in range(200):
            before_s = loop.time()
            bench.state(number)
            await asyncio.sleep(0)
            longest_s = max(longest_s, loop.time() - before_s)
        assert longest_s < 0.2
        started_s = loop.time()
        await bench.close()
        assert loop.time() - started_s < 5
    finally:
        os.kill(mosquitto._process.pid, signal.SIGCONT)


async def test_a_payload_that_is_not_json_is_given_up_and_the_next_is_told(bench: Bench, monitor: Monitor) -> None:
    bench.link.publish(Publish("a", "state", {"flow": float("nan")}))
    bench.link.publish(Publish("b", "state", {"seq": 1}))
    assert json.loads((await monitor.next("b/state")).content) == {"seq": 1}
    assert "not JSON, given up" in bench.log.getvalue()


@pytest.fixture
def strict_broker(mosquitto: conftest.Broker, tmp_path: Path) -> Iterator[conftest.Broker]:
    """The same broker, which takes nothing but availability."""
    mosquitto.stop()
    rules, settings = tmp_path / "acl", tmp_path / "strict.conf"
    rules.write_text("topic readwrite pumpctl/rig/#\n")
    settings.write_text(
        f"user root\nlistener {mosquitto.port} {mosquitto.host}\nallow_anonymous true\nacl_file {rules}\n"
    )
    rules.chmod(0o600)
    with subprocess.Popen([mosquitto._executable, "-c", settings], stderr=subprocess.DEVNULL) as process:
        yield mosquitto
        process.terminate()


async def test_a_publication_that_the_broker_refuses_is_counted_and_said_once(strict_broker: conftest.Broker) -> None:
    bench = Bench(strict_broker)
    bench.link.start()
    await until(lambda: "mqtt: connected" in bench.log.getvalue())
    for seq in range(3):
        bench.state(seq)
        await until(lambda wanted=seq + 1: bench.link.refused == wanted)
    assert bench.log.getvalue().count("the broker refuses") == 1
    assert '"code": 135' in bench.log.getvalue()
    await bench.close()


async def test_status_messages_do_not_stall_behind_each_other(bench: Bench, monitor: Monitor) -> None:
    await monitor.next("availability")
    loop = asyncio.get_running_loop()
    times_s: list[float] = []
    for number in range(40):
        before_s = loop.time()
        bench.state(number)
        await monitor.next("a/state")
        times_s.append(loop.time() - before_s)
    assert sorted(times_s)[20] < 0.040, "Nagle's algorithm costs 44 ms a message"
