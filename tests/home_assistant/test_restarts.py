"""Whatever is restarted, in any order: everything is back and fresh in 15 s, and what is gone is shown as gone."""

from __future__ import annotations

import asyncio

import pytest

from protocols.mqtt.home_assistant import EXPIRE_AFTER_S
from pumpctl.shell import mqtt_link
from tests.conftest import Broker
from tests.home_assistant.standin import UNAVAILABLE, Memory, StandIn
from tests.home_assistant.told_daemon import SHOWN, ToldDaemon, told

NOTHING = dict.fromkeys(SHOWN, UNAVAILABLE)
STATE = "sensor.pumpctl_a_state"


class Clock:
    """Time as Home Assistant takes it."""

    def __init__(self) -> None:
        self.skipped_s = 0.0

    def __call__(self) -> float:
        return asyncio.get_running_loop().time() + self.skipped_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(autouse=True)
def _birth_is_answered_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is 1 to 10 s, at random: tests/shell/test_mqtt_link.py."""
    monkeypatch.setattr(mqtt_link, "birth_delay_s", lambda: 0.0)


def home(broker: Broker, clock: Clock, memory: Memory | None = None) -> StandIn:
    return StandIn(broker.host, broker.port, clock, memory)


async def all_back(standin: StandIn, daemon: ToldDaemon, since_s: float = 0.0) -> None:
    """Every entity shows what the daemon told last, and was told so since then."""

    def fresh() -> bool:
        told = [shown for name, shown in standin.entities.items() if not name.startswith("event.")]
        heard = all(shown.told == daemon.newest and (shown.heard_s or 0) > since_s for shown in told)
        return heard and standin.states() == SHOWN

    await standin.until(fresh, "everything is back and fresh")
    assert standin.warnings == []


async def test_home_assistant_first(mosquitto: Broker, clock: Clock) -> None:
    async with home(mosquitto, clock) as standin:
        await standin.until(lambda: standin.connected, "connected")
        async with ToldDaemon(mosquitto) as daemon:
            await all_back(standin, daemon)


async def test_daemon_first_and_home_assistant_restarted(mosquitto: Broker, clock: Clock) -> None:
    memory: Memory = {}
    async with ToldDaemon(mosquitto) as daemon:
        async with home(mosquitto, clock, memory) as standin:
            await all_back(standin, daemon)
        began_s = clock()
        async with home(mosquitto, clock, memory) as standin:
            await all_back(standin, daemon, began_s)
            await standin.until(lambda: standin.announced >= 2, "what was kept, and the answer to its birth")


@pytest.mark.hazard("H64")
async def test_the_broker_restarted_with_nothing_kept(mosquitto: Broker, clock: Clock) -> None:
    async with ToldDaemon(mosquitto) as daemon, home(mosquitto, clock) as standin:
        await all_back(standin, daemon)
        mosquitto.stop()
        await standin.until(lambda: standin.states() == NOTHING, "no broker, nothing is known")
        began_s = clock()
        mosquitto.start()
        await all_back(standin, daemon, began_s)


async def test_the_daemon_restarted(mosquitto: Broker, clock: Clock) -> None:
    async with home(mosquitto, clock) as standin:
        for life in (1, 2):
            async with ToldDaemon(mosquitto, life) as daemon:
                await all_back(standin, daemon)
            await standin.until(lambda: standin.states() == NOTHING, "the daemon said goodbye")


async def test_all_three_restarted_at_once(mosquitto: Broker, clock: Clock) -> None:
    memory: Memory = {}
    async with ToldDaemon(mosquitto) as daemon, home(mosquitto, clock, memory) as standin:
        await all_back(standin, daemon)
    mosquitto.stop()
    began_s = clock()
    async with home(mosquitto, clock, memory) as standin, ToldDaemon(mosquitto, 2) as daemon:
        mosquitto.start()
        await all_back(standin, daemon, began_s)


@pytest.mark.hazard("H66")
async def test_a_daemon_that_ended_while_the_broker_was_away_is_forgotten_by_its_expiry(
    mosquitto: Broker, clock: Clock
) -> None:
    """No will can say so: the broker that held it is gone, and Home Assistant keeps the last word that it had."""
    async with home(mosquitto, clock) as standin:
        async with ToldDaemon(mosquitto) as daemon:
            await all_back(standin, daemon)
            mosquitto.stop()
            await standin.until(lambda: not standin.connected, "the broker has gone")
        mosquitto.start()
        await standin.until(lambda: standin.connected, "the broker is back")
        clock.skipped_s += EXPIRE_AFTER_S
        gone = {name: state for name, state in standin.states().items() if not name.startswith("event.")}
        assert set(gone.values()) == {UNAVAILABLE}


@pytest.mark.hazard("H66")
async def test_a_value_lives_for_its_time_and_not_longer(mosquitto: Broker, clock: Clock) -> None:
    async with ToldDaemon(mosquitto) as daemon, home(mosquitto, clock) as standin:
        await all_back(standin, daemon)
        heard_s = standin.entities[STATE].heard_s
        assert heard_s is not None
        assert standin.entities[STATE].state(heard_s + EXPIRE_AFTER_S - 0.001) == "infusing"
        assert standin.entities[STATE].state(heard_s + EXPIRE_AFTER_S) == UNAVAILABLE


@pytest.mark.hazard("H66")
async def test_home_assistant_that_starts_after_the_daemon_ended_shows_nothing(mosquitto: Broker, clock: Clock) -> None:
    """It remembers the values, and the broker still keeps the last state: both are old."""
    memory: Memory = {}
    async with ToldDaemon(mosquitto) as daemon, home(mosquitto, clock, memory) as standin:
        await all_back(standin, daemon)
    async with home(mosquitto, clock, memory) as standin:
        await standin.until(lambda: STATE in standin.entities, "discovered")
        known = standin.entities[STATE]
        await standin.until(lambda: len(known.available) == 2 and known.told == daemon.newest, "what the broker keeps")
        assert standin.states() == NOTHING


@pytest.mark.hazard("H66")
async def test_a_pump_out_of_reach_is_unavailable_and_its_alarm_is_not(mosquitto: Broker, clock: Clock) -> None:
    async with ToldDaemon(mosquitto) as daemon, home(mosquitto, clock) as standin:
        await all_back(standin, daemon)
        alarm = {"code": "link_lost", "priority": "low", "message": "nothing heard for 3 s"}
        silent = dict.fromkeys(("flow_ml_h", "commanded_flow_ml_h", "dose_rate_mg_min", "pressure_mmhg"))
        lost = {"link": "silent", "link_reason": "nothing heard for 3 s", **silent}
        daemon.tell_link("down")
        daemon.tell(**lost, alarms=[alarm], alarm_text="LOW: no contact with the pump")
        seen = {
            "binary_sensor.pumpctl_a_alarm": "on",
            "binary_sensor.pumpctl_a_link": "off",
            "event.pumpctl_a_event": "unknown",
            "sensor.pumpctl_a_alarm_text": "LOW: no contact with the pump",
            "sensor.pumpctl_a_last_status": told()["status_at"],
            "sensor.pumpctl_a_link_reason": "nothing heard for 3 s",
        }
        await standin.until(lambda: standin.states() == NOTHING | seen, "out of reach")
        assert standin.warnings == []
        daemon.tell()
        daemon.tell_link("up")
        await all_back(standin, daemon)
