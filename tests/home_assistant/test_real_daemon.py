"""The real daemon and a simulated pump, seen by the stand-in: there, gone by kill -9 or out of reach, there again."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Broker
from tests.home_assistant.standin import UNAVAILABLE, StandIn
from tests.system.real_pair import RealPair

WITHIN_S = 60.0  # processes that start on a busy machine; the 15 s are held in test_restarts.py
STATE, FLOW = "sensor.pumpctl_a_state", "sensor.pumpctl_a_flow"
ALARM, TEXT = "binary_sensor.pumpctl_a_alarm", "sensor.pumpctl_a_alarm_text"
LINK, REASON = "binary_sensor.pumpctl_a_link", "sensor.pumpctl_a_link_reason"


@pytest.fixture
def pair(tmp_path: Path, mosquitto: Broker) -> Iterator[RealPair]:
    tables = f'[mqtt]\nhost = "{mosquitto.host}"\nport = {mosquitto.port}\n[home_assistant]\n'
    subject = RealPair(tmp_path, tables=tables)
    yield subject
    subject.clean_up()


async def seen(standin: StandIn, state: str, life: int) -> None:
    """The pump is seen in this state, told in a life of the daemon after that one."""

    def is_seen() -> bool:
        shown = standin.entities.get(STATE)
        if shown is None or shown.told[0] <= life or standin.state(STATE) != state:
            return False
        return UNAVAILABLE not in standin.states().values()

    await standin.until(is_seen, state, WITHIN_S)
    assert standin.warnings == []


@pytest.mark.hazard("H66")
async def test_a_killed_daemon_and_a_pulled_cable_are_seen_and_their_end_too(pair: RealPair, mosquitto: Broker) -> None:
    async with StandIn(mosquitto.host, mosquitto.port, asyncio.get_running_loop().time) as standin:
        await asyncio.to_thread(pair.start_pump)
        await asyncio.to_thread(pair.start_daemon)
        await seen(standin, "idle", 0)
        assert (float(standin.state(FLOW)), standin.state(ALARM), standin.state(TEXT)) == (0.0, "off", "no alarm")
        await asyncio.to_thread(pair.ask, "stop")
        told = {"stop_requested", "stop_proven"}
        await standin.until(lambda: told <= {each["event_type"] for each in standin.events}, "its records", WITHIN_S)
        pair.kill_daemon()
        gone = dict.fromkeys(standin.entities, UNAVAILABLE)
        await standin.until(lambda: standin.states() == gone, "the will says so", WITHIN_S)
        life = standin.entities[STATE].told[0]
        await asyncio.to_thread(pair.start_daemon)
        await seen(standin, "idle", life)
        pair.pump("inject", fault="unplug", after_ns=0)
        await standin.until(lambda: standin.state(STATE) == UNAVAILABLE, "out of reach", WITHIN_S)
        await standin.until(lambda: standin.state(LINK) == "off", "and it says so", WITHIN_S)
        assert standin.state(REASON) not in {"connected", UNAVAILABLE}
        pair.pump("heal", fault="unplug")
        await seen(standin, "idle", life)
