"""MqttLink against a real broker: what is retained, what the will says, and that nothing ever waits for it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from protocols.mqtt.contract import PERIOD_S, STATE_EXPIRY_S
from protocols.mqtt.topics import HOME_ASSISTANT_STATUS, Announcement
from pumpctl.effects import Publish
from pumpctl.shell import mqtt_link, mqtt_retreat
from tests import conftest
from tests.shell.mqtt_bench import Bench, Monitor, client_of, retained
from tests.shell.waiting import until

BOOT_ID = Path("/proc/sys/kernel/random/boot_id").read_text().strip()


@pytest_asyncio.fixture
async def monitor(mosquitto: conftest.Broker) -> AsyncIterator[Monitor]:
    async with client_of(mosquitto) as client:
        await client.subscribe("pumpctl/#", qos=1, options=None)
        yield Monitor(client)


@pytest_asyncio.fixture
async def bench(mosquitto: conftest.Broker) -> AsyncIterator[Bench]:
    subject = Bench(mosquitto.host, mosquitto.port)
    subject.link.start()
    yield subject
    await subject.close()


async def test_states_links_and_alarms_are_retained(bench: Bench, monitor: Monitor, mosquitto: conftest.Broker) -> None:
    assert (await monitor.next("rig/availability")).content == b"online"
    bench.link.publish(Publish("a", "link", {"link": "up"}))
    assert (await monitor.next("a/link")).content == b"up"
    bench.link.publish(Publish("a", "state", {"schema": "pumpctl/state/1", "seq": 1}))
    seen = await monitor.next("a/state")
    assert (json.loads(seen.content)["seq"], seen.expiry_s) == (1, STATE_EXPIRY_S)
    assert seen.told == {"schema": "pumpctl/state/1", "seq": "1", "boot_id": BOOT_ID}
    assert seen.content_type == "application/json"
    bench.link.publish(Publish("a", "alarm/occlusion", {"priority": "high"}))
    assert json.loads((await monitor.next("alarm/occlusion")).content) == {"priority": "high"}
    assert set(await retained(mosquitto)) == {
        "pumpctl/rig/availability",
        "pumpctl/a/link",
        "pumpctl/a/state",
        "pumpctl/a/alarm/occlusion",
    }
    bench.link.publish(Publish("a", "alarm/occlusion", None))
    assert (await monitor.next("alarm/occlusion")).content == b""
    assert "pumpctl/a/alarm/occlusion" not in await retained(mosquitto)


@pytest.mark.hazard("H66")
async def test_nothing_of_an_earlier_life_is_live_when_the_daemon_is_online(
    monitor: Monitor, mosquitto: conftest.Broker
) -> None:
    async with client_of(mosquitto) as earlier:
        await earlier.publish("pumpctl/a/link", b"up", qos=1, retain=True)
        await monitor.next("a/link")
    announced = Announcement("pumpctl/config", {"name": "a"})
    bench = Bench(mosquitto.host, mosquitto.port, announcements=(announced,), channels=("a", "b"))
    bench.state(1)
    bench.link.start()
    told = [await monitor.next() for _ in range(5)]
    topics = [seen.topic.removeprefix("pumpctl/") for seen in told]
    assert topics == ["config", "a/link", "b/link", "a/state", "rig/availability"]
    assert [seen.content for seen in told[1:3]] == [b"down", b"down"]
    assert told[-1].content == b"online"
    await bench.close()


async def test_after_home_assistants_birth_everything_is_told_again(
    monitor: Monitor, mosquitto: conftest.Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mqtt_link, "birth_delay_s", lambda: 0.0)
    announced = Announcement("pumpctl/config", {"name": "a"})
    bench = Bench(mosquitto.host, mosquitto.port, announcements=(announced,))
    bench.state(1)
    bench.link.start()
    await monitor.next("availability")
    async with client_of(mosquitto) as home_assistant:
        await until_subscribed(mosquitto, home_assistant)
        await monitor.next("config")
        assert json.loads((await monitor.next("a/state")).content) == {"seq": 1}
        for said in (b"offline", b"ONLINE", b"", b"online" * 300):
            await home_assistant.publish(HOME_ASSISTANT_STATUS, said, qos=1)
        bench.state(2)
        following = await monitor.next()
        assert (following.topic, json.loads(following.content)) == ("pumpctl/a/state", {"seq": 2})
    await bench.close()
    assert bench.link.connected is False


async def until_subscribed(broker: conftest.Broker, home_assistant: object) -> None:
    """The birth is said until somebody hears it: the subscription comes a moment after `online`."""
    async with client_of(broker) as client:
        await client.subscribe("pumpctl/config", qos=1)
        heard = asyncio.create_task(Monitor(client).next("config"))  # the retained one comes first
        await heard
        again = asyncio.create_task(Monitor(client).next("config"))
        async with asyncio.timeout(30):
            while not again.done():
                await client.publish(HOME_ASSISTANT_STATUS, b"online", qos=1)
                await asyncio.wait([again], timeout=0.1)


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
    await until(lambda: bench.says("the daemon goes on without"))
    bench.link.publish(Publish("a", "alarm/door", None))
    bench.state(2)
    mosquitto.start()
    async with client_of(mosquitto) as client:
        await client.subscribe("pumpctl/#", qos=1)
        await Monitor(client).next("rig/availability")
    told = await retained(mosquitto)
    assert json.loads(told["pumpctl/a/state"]) == {"seq": 2}
    assert set(told) == {"pumpctl/rig/availability", "pumpctl/a/state", "pumpctl/a/alarm/air"}


@pytest.mark.hazard("H64")
@pytest.mark.hazard("H65")
async def test_without_a_broker_publishing_costs_nothing_and_is_bounded(mosquitto: conftest.Broker) -> None:
    mosquitto.stop()
    bench = Bench(mosquitto.host, mosquitto.port)
    bench.link.start()
    for number in range(5_000):
        bench.state(number)
    assert bench.link.waiting == 1
    await until(lambda: bench.says("the daemon goes on without"))
    await bench.close()
    assert bench.log.getvalue().count("the daemon goes on without") == 1


async def test_a_name_that_is_no_topic_is_told_to_the_log_and_not_to_the_loop(bench: Bench, monitor: Monitor) -> None:
    await monitor.next("availability")
    bench.link.publish(Publish("a", "alarm/a/#", {"priority": "high"}))
    bench.state(1)
    assert (await monitor.next()).topic == "pumpctl/a/state"
    assert bench.says("not one level of an MQTT topic")


@pytest.mark.hazard("H65")
async def test_a_broker_that_hangs_delays_neither_the_loop_nor_the_end(
    bench: Bench, monitor: Monitor, mosquitto: conftest.Broker
) -> None:
    await monitor.next("availability")
    assert mosquitto._process is not None
    os.kill(mosquitto._process.pid, signal.SIGSTOP)
    try:
        loop = asyncio.get_running_loop()
        for number in range(200):
            bench.state(number)
            await asyncio.sleep(0)
        assert bench.link.waiting <= 1, "a state that was not told in time is replaced"
        started_s = loop.time()
        await bench.close()
        assert loop.time() - started_s < 8
    finally:
        os.kill(mosquitto._process.pid, signal.SIGCONT)


async def test_a_payload_that_is_not_json_is_given_up_and_the_next_is_told(bench: Bench, monitor: Monitor) -> None:
    bench.link.publish(Publish("a", "state", {"flow": float("nan")}))
    bench.link.publish(Publish("b", "state", {"seq": 1}))
    assert json.loads((await monitor.next("b/state")).content) == {"seq": 1}
    assert bench.says("not JSON, given up")


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
    bench = Bench(strict_broker.host, strict_broker.port)
    bench.link.start()
    await until(lambda: bench.link.connected, "no connection")
    for seq in range(3):
        bench.state(seq)
        await until(lambda wanted=seq + 1: bench.link.refused == wanted)
    await bench.close()
    assert bench.log.getvalue().count("the broker refuses") == 1
    assert bench.says('"code": 135')
    assert bench.says("not authorized")


async def test_two_daemons_of_one_name_do_not_throw_each_other_out_all_day(
    mosquitto: conftest.Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mqtt_retreat, "FIRST_WAIT_S", 0.05)
    both = [Bench(mosquitto.host, mosquitto.port) for _ in range(2)]
    for bench in both:
        bench.link.start()
    await until(lambda: any(each.says("another daemon seems to connect as pumpctl-rig") for each in both))
    for bench in both:
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
