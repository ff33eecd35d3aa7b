"""What Home Assistant is told of each pump, so that it shows it: one retained device-discovery message a channel.

Refuses to offer anything that commands: no number, switch or button, and nothing is subscribed for it. Refuses to show
what is old as if it were live: see `_seen_through`. Rules of Home Assistant 2026.2: docs/home-assistant.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, get_args

from protocols.mqtt.contract import PERIOD_S
from protocols.mqtt.events import EVENT_TYPES
from protocols.mqtt.payloads import Availability, LinkText, State
from protocols.mqtt.topics import Announcement, Topics

PREFIX = "homeassistant"
ORIGIN = "pumpctl"
STATES: tuple[str, ...] = get_args(State.model_fields["state"].annotation)
# Two and a half periods: one message may be lost, and the broker forgets the state it keeps for us after two (H66).
EXPIRE_AFTER_S = PERIOD_S * 5 // 2


@dataclass(frozen=True, slots=True)
class Pump:
    """One channel as it appears among Home Assistant's devices."""

    channel: str
    dialect: str
    serial: str
    simulated: bool


def announcements(
    topics: Topics, pumps: Iterable[Pump], version: str, prefix: str = PREFIX
) -> tuple[Announcement, ...]:
    """One message a pump, the same in every life of the daemon as long as its settings are."""
    return tuple(
        Announcement(
            f"{prefix}/device/{_object_id(topics, pump)}/config",
            {
                "device": _device(topics, pump),
                "origin": {"name": ORIGIN, "sw_version": version},
                "availability_mode": "all",
                **_seen_through(topics, pump, link=True),
                "state_topic": topics.state(pump.channel),
                "qos": 1,
                "components": _components(topics, pump),
            },
        )
        for pump in pumps
    )


def _object_id(topics: Topics, pump: Pump) -> str:
    """Letters, digits, `_` and `-` alone: with any other the whole message is ignored."""
    return f"{topics.base.replace('/', '_')}_{pump.channel}"


def _device(topics: Topics, pump: Pump) -> dict[str, Any]:
    what = "simulated pump" if pump.simulated else "pump"
    return {
        "identifiers": [f"{topics.base}/{pump.channel}"],
        "name": f"Pump {pump.channel}" + (" (simulated)" if pump.simulated else ""),
        "model": f"{pump.dialect} {what}; this page is not a medical device",
        "serial_number": pump.serial,
    }


def _seen_through(topics: Topics, pump: Pump, *, link: bool) -> dict[str, Any]:
    """What an entity needs to be more than `unavailable`: the daemon at the broker (its will says `offline`), and the
    pump at the daemon (`down` after 3 s of silence). What tells of the link itself, and alarms, need the daemon alone.
    """
    daemon = _known_by(topics.availability, Availability.ONLINE.value, Availability.OFFLINE.value)
    to_pump = _known_by(topics.link(pump.channel), LinkText.UP.value, LinkText.DOWN.value)
    return {"availability": [daemon, to_pump] if link else [daemon]}


def _known_by(topic: str, available: str, not_available: str) -> dict[str, str]:
    return {"topic": topic, "payload_available": available, "payload_not_available": not_available}


def _components(topics: Topics, pump: Pump) -> dict[str, Any]:
    expire: dict[str, Any] = {"expire_after": EXPIRE_AFTER_S}
    daemon_alone = _seen_through(topics, pump, link=False)
    sensors = {key: {**sensor, **expire} for key, sensor in {**_DELIVERY, **_PUMP}.items()}
    told_without_pump = {key: {**sensor, **expire, **daemon_alone} for key, sensor in _WITHOUT_PUMP.items()}
    event: dict[str, Any] = {
        "platform": "event",
        "name": "Event",
        "state_topic": topics.event(pump.channel),
        "event_types": list(EVENT_TYPES),
        **daemon_alone,
    }
    return {
        key: {**component, **_names(topics, pump, key, component["platform"])}
        for key, component in {**sensors, **told_without_pump, "event": event}.items()
    }


def _names(topics: Topics, pump: Pump, key: str, platform: str) -> dict[str, str]:
    """The same after every restart, so that Home Assistant finds its entities again, and different for each entity."""
    entity = re.sub("[^a-z0-9]+", "_", f"{_object_id(topics, pump)}_{key}".lower())
    return {"unique_id": f"{topics.base}/{pump.channel}/{key}", "default_entity_id": f"{platform}.{entity}"}


def _sensor(name: str, key: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 (JSON)
    return {"platform": "sensor", "name": name, "value_template": f"{{{{ value_json.{key} }}}}", **more}


def _measured(name: str, key: str, unit: str, decimals: int, **more: Any) -> dict[str, Any]:  # noqa: ANN401 (JSON)
    told = {"unit_of_measurement": unit, "suggested_display_precision": decimals, **more}
    return _sensor(name, key, state_class="measurement", **told)


def _volume(name: str, key: str) -> dict[str, Any]:
    """Without a state class: Home Assistant would add such volumes up over its own gaps and call the sum a total."""
    return _sensor(name, key, device_class="volume", unit_of_measurement="mL", suggested_display_precision=1)


# mL/h is not among Home Assistant's units of volume_flow_rate: with that class the entity would not appear at all.
_DELIVERY = {
    "state": _sensor("State", "state", device_class="enum", options=list(STATES)),
    "flow": _measured("Flow rate", "flow_ml_h", "mL/h", 1),
    "programmed_flow": _measured("Programmed flow rate", "program_flow_ml_h", "mL/h", 1),
    "dose_rate": _measured("Magnesium sulfate dose rate", "dose_rate_mg_min", "mg/min", 2),
    "delivered_least": _volume("Delivered, at least", "delivered_least_ml"),
    "delivered_most": _volume("Delivered, at most", "delivered_most_ml"),
    "programmed_volume": _volume("Programmed volume", "vtbi_ml"),
    "progress": _measured("Progress", "progress_percent", "%", 0),
}
_PUMP = {
    "reservoir": _measured("Reservoir", "reservoir_ml", "mL", 0, device_class="volume_storage"),
    "pressure": _measured(
        "Line pressure", "pressure_mmhg", "mmHg", 0, device_class="pressure", entity_category="diagnostic"
    ),
    "battery": _measured("Battery", "battery_percent", "%", 0, device_class="battery", entity_category="diagnostic"),
}
_WITHOUT_PUMP = {
    "last_status": _sensor("Last status of the pump", "status_at", device_class="timestamp"),
    "alarm": {
        "platform": "binary_sensor",
        "name": "Alarm",
        "device_class": "problem",
        "value_template": "{{ 'ON' if value_json.alarms else 'OFF' }}",
    },
    "alarm_text": {
        "platform": "sensor",
        "name": "Alarm text",
        "value_template": "{{ value_json.alarm_text or 'no alarm' }}",
    },
    "link": {
        "platform": "binary_sensor",
        "name": "Pump link",
        "device_class": "connectivity",
        "value_template": "{{ 'ON' if value_json.link == 'up' else 'OFF' }}",
    },
    "link_reason": {
        "platform": "sensor",
        "name": "Pump link, reason",
        "value_template": "{{ value_json.link_reason or 'connected' }}",
        "entity_category": "diagnostic",
    },
}
