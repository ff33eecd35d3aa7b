"""The daemon's side of the broker, with a controller's words from a script: what is announced and told of one pump."""

from __future__ import annotations

import asyncio
import io
from typing import Any

from protocols.mqtt.home_assistant import Pump, announcements
from protocols.mqtt.payloads import State
from protocols.mqtt.topics import Topics
from pumpctl.effects import Publish
from pumpctl.shell.logs import open_log
from pumpctl.shell.mqtt_client import Broker
from pumpctl.shell.mqtt_link import MqttLink
from tests import conftest

TOPICS = Topics("pumpctl", "rig")
PUMP = Pump("a", "companion", "SIM-0001", simulated=True)
INFUSING: dict[str, Any] = {
    "schema": "pumpctl/state/1",
    "channel": "a",
    "life": 1,
    "seq": 1,
    "at_ms": 1_795_350_000_000,
    "state": "infusing",
    "link": "up",
    "link_reason": "",
    "away": False,
    "status_age_ms": 120,
    "status_at": "2026-11-22T12:19:59.880+00:00",
    "flow_ml_h": 10.0,
    "commanded_flow_ml_h": 10.0,
    "dose_rate_mg_min": 3.333,
    "pressure_mmhg": 42,
    "reservoir_ml": 88.2,
    "battery_percent": 81.5,
    "serial": "SIM-0001",
    "program_id": "0123456789abcdef",
    "order": "0" * 64,
    "occurrence": 1,
    "program_flow_ml_h": 10.0,
    "vtbi_ml": 100.0,
    "delivered_least_ml": 11.4,
    "delivered_most_ml": 12.1,
    "progress_percent": 11.4,
    "alarms": [],
    "alarm_text": "",
    "latched": [],
}
SHOWN = {
    "binary_sensor.pumpctl_a_alarm": "off",
    "binary_sensor.pumpctl_a_link": "on",
    "event.pumpctl_a_event": "unknown",
    "sensor.pumpctl_a_alarm_text": "no alarm",
    "sensor.pumpctl_a_battery": "81.5",
    "sensor.pumpctl_a_delivered_least": "11.4",
    "sensor.pumpctl_a_delivered_most": "12.1",
    "sensor.pumpctl_a_dose_rate": "3.333",
    "sensor.pumpctl_a_flow": "10.0",
    "sensor.pumpctl_a_last_status": "2026-11-22T12:19:59.880+00:00",
    "sensor.pumpctl_a_link_reason": "connected",
    "sensor.pumpctl_a_pressure": "42",
    "sensor.pumpctl_a_programmed_flow": "10.0",
    "sensor.pumpctl_a_programmed_volume": "100.0",
    "sensor.pumpctl_a_progress": "11.4",
    "sensor.pumpctl_a_reservoir": "88.2",
    "sensor.pumpctl_a_state": "infusing",
}


def told(**changed: object) -> dict[str, Any]:
    """A state of the contract."""
    state = {**INFUSING, **changed}
    State.model_validate(state)
    return state


class ToldDaemon:
    """One life of it: `async with ToldDaemon(broker)`. `newest`: its life and the number of its newest state."""

    def __init__(self, broker: conftest.Broker, life: int = 1) -> None:
        self.newest = (life, 0)
        self.log = io.StringIO()
        log, self._writer = open_log(self.log)
        place = Broker(broker.host, broker.port, TOPICS)
        loop = asyncio.get_running_loop()
        self._link = MqttLink(place, log, loop.time, announcements(TOPICS, [PUMP], "0.1.0"))

    async def __aenter__(self) -> ToldDaemon:
        self.tell_link("up")
        self.tell()
        self._link.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._link.close()
        self._writer.close()

    def tell(self, **changed: object) -> None:
        life, seq = self.newest
        self.newest = (life, seq + 1)
        self._link.publish(Publish("a", "state", told(life=life, seq=seq + 1, **changed)))

    def tell_link(self, link: str) -> None:
        self._link.publish(Publish("a", "link", {"link": link}))
