"""What Home Assistant does with our messages, on a real broker: discovery, availability, expiry, restart.

Refuses to be kind: it reads discovery by the rules alone (rules.py), speaks MQTT 3.1.1 as Home Assistant may, and keeps
what it knows when the broker goes. It takes time from whoever starts it, so that a test need not wait for an expiry.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import aiomqtt
import pytest

from tests.home_assistant.rules import AnyEntity, BinarySensor, Event, Sensor, read
from tests.home_assistant.templates import render

STATUS = "homeassistant/status"
UNAVAILABLE, UNKNOWN = "unavailable", "unknown"
LONGEST_STATE = 255
RECONNECT_S = 0.05
WAITING_MESSAGES = 10_000
PROMISED_S = 15.0  # in which everything is back, whatever was restarted


@dataclass(slots=True)
class Shown:
    """One entity. `told`: the daemon's life and number of the state that it was last heard in."""

    rule: AnyEntity
    value: str | None = None
    heard_s: float | None = None
    told: tuple[int, int] = (0, 0)
    available: dict[str, bool] = field(default_factory=dict[str, bool])

    def state(self, now_s: float) -> str:
        entries = self.rule.availability or []
        told = [self.available.get(entry.topic, False) for entry in entries]
        if told and not (all(told) if self.rule.availability_mode == "all" else any(told)):
            return UNAVAILABLE
        if not isinstance(self.rule, Event) and self._expired(now_s):
            return UNAVAILABLE
        return UNKNOWN if self.value is None else self.value

    def _expired(self, now_s: float) -> bool:
        after_s = getattr(self.rule, "expire_after", None)
        return after_s is not None and (self.heard_s is None or now_s - self.heard_s >= after_s)


Memory = dict[str, tuple[str | None, float | None]]  # what outlives a restart: value, and when it was heard


class StandIn:
    """One life of Home Assistant: `async with StandIn(...)`."""

    def __init__(self, host: str, port: int, clock_s: Callable[[], float], memory: Memory | None = None) -> None:
        self.entities: dict[str, Shown] = {}
        self.warnings: list[str] = []
        self.events: list[dict[str, Any]] = []
        self.announced = 0
        self.connected = False
        self._host, self._port, self._clock_s = host, port, clock_s
        self._memory: Memory = {} if memory is None else memory
        self._topics: set[str] = set()
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> StandIn:
        self._task = asyncio.get_running_loop().create_task(self._live(), name="home assistant")
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._memory.update({name: (shown.value, shown.heard_s) for name, shown in self.entities.items()})

    def state(self, entity_id: str) -> str:
        """What a person sees."""
        return self.entities[entity_id].state(self._clock_s()) if self.connected else UNAVAILABLE

    def states(self) -> dict[str, str]:
        return {name: self.state(name) for name in sorted(self.entities)}

    async def until(self, holds: Callable[[], bool], what: str, within_s: float = PROMISED_S) -> None:
        """As soon as a message makes it so."""
        try:
            async with asyncio.timeout(within_s):
                while not holds():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            pytest.fail(f"not within {within_s} s: {what}\n{self.states()}\n{self.warnings}")

    async def _live(self) -> None:
        while True:
            try:
                async with self._client() as client:
                    await self._serve(client)
            except aiomqtt.MqttError:
                self.connected = False
                self._changed.set()
                await asyncio.sleep(RECONNECT_S)

    def _client(self) -> aiomqtt.Client:
        return aiomqtt.Client(
            self._host,
            self._port,
            identifier="home-assistant",
            protocol=aiomqtt.ProtocolVersion.V311,
            will=aiomqtt.Will(STATUS, b"offline"),
            max_queued_incoming_messages=WAITING_MESSAGES,
        )

    async def _serve(self, client: aiomqtt.Client) -> None:
        self.connected = True
        self._changed.set()
        await self._subscribe(client, ["homeassistant/device/+/config", *sorted(self._topics)])
        await client.publish(STATUS, b"online", retain=False)
        async for message in client.messages:
            content = message.payload
            assert isinstance(content, bytes)
            topic = str(message.topic)
            if topic.endswith("/config"):
                self.announced += 1
                await self._discovered(client, topic, content)
            else:
                self._told(topic, content.decode(), retained=bool(message.retain))
            self._changed.set()

    async def _subscribe(self, client: aiomqtt.Client, topics: Iterable[str]) -> None:
        for topic in topics:
            await client.subscribe(topic, qos=1)

    async def _discovered(self, client: aiomqtt.Client, topic: str, content: bytes) -> None:
        for rule in read(topic, json.loads(content)).values():
            assert rule.default_entity_id is not None
            known = self.entities.get(rule.default_entity_id)
            if known is not None:  # told again: nothing is lost by it
                known.rule = rule
                continue
            value, heard_s = self._memory.get(rule.default_entity_id, (None, None))
            self.entities[rule.default_entity_id] = Shown(rule, value, heard_s)
        wanted = {topic for shown in self.entities.values() for topic in _topics_of(shown.rule)}
        await self._subscribe(client, sorted(wanted - self._topics))
        self._topics |= wanted

    def _told(self, topic: str, content: str, *, retained: bool) -> None:
        for name, shown in self.entities.items():
            for entry in shown.rule.availability or []:
                if entry.topic == topic and content in {entry.payload_available, entry.payload_not_available}:
                    shown.available[topic] = content == entry.payload_available
            if isinstance(shown.rule, Event):
                if shown.rule.state_topic == topic and not retained:
                    self._happened(name, shown, shown.rule, content)
            elif isinstance(shown.rule, Sensor | BinarySensor) and shown.rule.state_topic == topic and content:
                value_json = json.loads(content)
                self._measured(name, shown, shown.rule, value_json)
                shown.heard_s, shown.told = self._clock_s(), (value_json["life"], value_json["seq"])

    def _happened(self, name: str, shown: Shown, rule: Event, content: str) -> None:
        told = json.loads(content)
        if told.get("event_type") not in rule.event_types:
            self.warnings.append(f"{name}: no such event type: {content}")
            return
        shown.value = told["event_type"]
        self.events.append(told)

    def _measured(self, name: str, shown: Shown, rule: Sensor | BinarySensor, value_json: Mapping[str, Any]) -> None:
        assert rule.value_template is not None
        text = render(rule.value_template, value_json)
        if text == "None":
            shown.value = None
            return
        wrong = _mistake(rule, text)
        if wrong:
            self.warnings.append(f"{name}: {wrong}: {text}")
        else:
            shown.value = {"ON": "on", "OFF": "off"}[text] if isinstance(rule, BinarySensor) else text


def _topics_of(rule: AnyEntity) -> set[str]:
    topics = {entry.topic for entry in rule.availability or []}
    return topics | {rule.state_topic} if isinstance(rule, Sensor | BinarySensor | Event) else topics


def _mistake(rule: Sensor | BinarySensor, text: str) -> str:
    """Why Home Assistant would not show this value; empty when it would."""
    if isinstance(rule, BinarySensor):
        return "" if text in {rule.payload_on, rule.payload_off} else "neither on nor off"
    if len(text) > LONGEST_STATE:
        return "too long"
    if rule.options is not None:
        return "" if text in rule.options else "not an option"
    try:
        if rule.device_class == "timestamp":
            return "" if datetime.fromisoformat(text).tzinfo is not None else "no time zone"
        if rule.unit_of_measurement is not None:
            float(text)
    except ValueError as error:
        return str(error)
    return ""
