"""Telemetry to an MQTT 5 broker, one way, and nothing that the daemon ever waits for.

Refuses to know what is told. The one message it takes is Home Assistant's birth, where there is something to announce
to it. States and alarms are live values, the newest wins and is told again after each connection; events wait in a
bounded queue, the oldest is given up and the log says so. A value that a broker keeps for us dies there by itself when
we do not renew it (H66).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiomqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from structlog.typing import FilteringBoundLogger

from protocols.mqtt.topics import HOME_ASSISTANT_STATUS, OFFLINE, ONLINE, Announcement, Topics
from pumpctl.effects import Publish
from pumpctl.shell.chance import birth_delay_s, spread

if TYPE_CHECKING:
    from paho.mqtt import client as paho
    from paho.mqtt.reasoncodes import ReasonCode

PERIOD_S = 30  # an unchanged state is told this often (mqtt.md)
STATE_EXPIRY_S = 2 * PERIOD_S
ALARM_EXPIRY_S = 20 * PERIOD_S  # renewed each period; an alarm outlives a dead daemon by minutes, not for ever
WAITING_EVENTS = 1024
KEEPALIVE_S = 15
REPLY_S = 10.0
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 60.0
FAREWELL_S = 2.0
WAITING_BIRTHS = 4  # one is enough, and what is more is dropped by the library
FAILURE_CODES = 0x80  # MQTT 5: reason codes from here on are failures


@dataclass(frozen=True, slots=True)
class Broker:
    """Where the broker is and who we are there."""

    host: str
    port: int
    topics: Topics


@dataclass(frozen=True, slots=True)
class _Message:
    """`content` None clears what the broker retains. `expiry_s` 0: none."""

    topic: str
    content: Mapping[str, Any] | str | None
    retain: bool
    expiry_s: int


class _Client(aiomqtt.Client):
    """Notices a refused publication: aiomqtt itself takes any PUBACK for success."""

    refused_code: int = 0

    def _on_publish(
        self, client: paho.Client, userdata: object, mid: int, reason_code: ReasonCode, properties: Properties
    ) -> None:
        if reason_code.value >= FAILURE_CODES:
            self.refused_code = reason_code.value
        super()._on_publish(client, userdata, mid, reason_code, properties)


class MqttLink:
    """Keeps one connection for ever. `publish` is called from the loop and only notes what to tell."""

    def __init__(
        self,
        broker: Broker,
        log: FilteringBoundLogger,
        clock_s: Callable[[], float],
        announcements: tuple[Announcement, ...] = (),
    ) -> None:
        self.refused = 0
        self.dropped_events = 0
        self._broker = broker
        self._log = log
        self._clock_s = clock_s
        self._live: dict[str, _Message] = {}
        self._due: dict[str, None] = {}  # topics to tell, in order
        self._told_s: dict[str, float] = {}
        self._events: deque[_Message] = deque()
        self._something = asyncio.Event()
        self._topics = broker.topics
        self._announcements = {a.topic: _Message(a.topic, a.payload, retain=True, expiry_s=0) for a in announcements}
        self._told_down = False
        self._closing = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to connect."""
        self._task = asyncio.get_running_loop().create_task(self._keep_connected(), name="mqtt")

    def publish(self, publication: Publish) -> None:
        """Note what is to be told."""
        topic = f"{self._topics.base}/{publication.channel}/{publication.leaf}"
        match publication.leaf:
            case "event":
                self._queue_event(_Message(topic, publication.payload, retain=False, expiry_s=0))
                return
            case "state":
                message = _Message(topic, publication.payload, retain=True, expiry_s=STATE_EXPIRY_S)
            case "link":
                content = (publication.payload or {}).get("link", "down")
                message = _Message(topic, str(content), retain=True, expiry_s=0)
            case _:
                message = _Message(topic, publication.payload, retain=True, expiry_s=ALARM_EXPIRY_S)
        self._live[topic] = message
        if publication.changed or self._clock_s() - self._told_s.get(topic, -PERIOD_S) >= PERIOD_S:
            self._due[topic] = None
            self._something.set()

    async def close(self) -> None:
        """Say goodbye where that can be done at once: a broker that hangs sends our will instead."""
        self._closing = True
        self._something.set()
        task = self._task
        if task is None:
            return
        await asyncio.wait([task], timeout=FAREWELL_S)
        for _ in range(2):  # the first ends what it does, the second the library's own goodbye
            task.cancel()
            await asyncio.wait([task], timeout=FAREWELL_S / 4)

    def _queue_event(self, message: _Message) -> None:
        if len(self._events) >= WAITING_EVENTS:
            self._events.popleft()
            self.dropped_events += 1
            if self.dropped_events == 1 or self.dropped_events % WAITING_EVENTS == 0:
                self._log.warning("mqtt: the oldest events are given up", dropped=self.dropped_events)
        self._events.append(message)
        self._something.set()

    async def _keep_connected(self) -> None:
        wait_s = FIRST_WAIT_S
        while not self._closing:
            try:
                async with self._client() as client:
                    wait_s = FIRST_WAIT_S
                    await self._serve(client)
            except aiomqtt.MqttError as error:
                self._tell_down(str(error))
            except Exception as error:  # telemetry may fail in any way: it must not end, nor end anything else
                self._tell_down(f"{type(error).__name__}: {error}")
            if not self._closing:
                await self._pause(spread(wait_s))
                wait_s = min(2 * wait_s, LONGEST_WAIT_S)

    async def _pause(self, wait_s: float) -> None:
        """Wait, or until there is a goodbye to say."""
        end_s = self._clock_s() + wait_s
        while not self._closing and (left_s := end_s - self._clock_s()) > 0:
            self._something.clear()
            await self._until_something(left_s)

    async def _until_something(self, at_most_s: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._something.wait(), at_most_s)

    def _client(self) -> _Client:
        will = aiomqtt.Will(self._topics.availability, OFFLINE.encode(), qos=1, retain=True)
        return _Client(
            self._broker.host,
            self._broker.port,
            identifier=f"pumpctl-{self._topics.instance}",
            protocol=aiomqtt.ProtocolVersion.V5,
            will=will,
            clean_start=True,
            keepalive=KEEPALIVE_S,
            timeout=REPLY_S,
            max_queued_incoming_messages=WAITING_BIRTHS,
            # Without it each acknowledged message may wait 44 ms for the one before it (performance.md section 2).
            socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
        )

    async def _serve(self, client: _Client) -> None:
        self._told_down = False
        self._log.info("mqtt: connected", host=self._broker.host, port=self._broker.port)
        lost = asyncio.ensure_future(self._listen(client))
        lost.add_done_callback(lambda _: self._something.set())
        try:
            await self._tell(client, _Message(self._topics.availability, ONLINE, retain=True, expiry_s=0))
            if self._announcements:
                await client.subscribe(HOME_ASSISTANT_STATUS, qos=1)
            self._due = dict.fromkeys((*self._announcements, *self._live))
            while not self._closing and not lost.done():
                self._something.clear()
                self._renew_alarms()
                await self._tell_all(client)
                await self._until_something(PERIOD_S)
            if lost.done():
                lost.result()  # raises why
            await self._tell_all(client)
            await self._tell(client, _Message(self._topics.availability, OFFLINE, retain=True, expiry_s=0))
        finally:
            lost.cancel()
            await asyncio.gather(lost, return_exceptions=True)

    async def _listen(self, client: _Client) -> None:
        """Until the connection is lost, which raises why. After a birth everything is told again, a little later:
        at once it is lost (mqtt.md), and many daemons do not answer in one instant."""
        births = aiter(client.messages)
        while True:
            message = await anext(births)
            if message.payload == ONLINE.encode() and not message.retain:
                await asyncio.sleep(birth_delay_s())
                self._due |= dict.fromkeys((*self._announcements, *self._live))
                self._something.set()

    def _renew_alarms(self) -> None:
        """What the broker keeps for us must not expire while it is true."""
        now_s = self._clock_s()
        for topic, message in self._live.items():
            if message.expiry_s == ALARM_EXPIRY_S and now_s - self._told_s.get(topic, now_s) >= PERIOD_S:
                self._due[topic] = None

    async def _tell_all(self, client: _Client) -> None:
        while self._due or self._events:
            while self._due:
                topic = next(iter(self._due))
                message = self._announcements.get(topic) or self._live[topic]
                await self._tell(client, message)
                self._told_s[topic] = self._clock_s()
                if topic in self._announcements:
                    self._due.pop(topic, None)
                elif self._live[topic] is message:  # else a newer one came meanwhile and stays due
                    self._due.pop(topic, None)
                    if message.content is None:
                        del self._live[topic], self._told_s[topic]
            if self._events:
                event = self._events[0]
                await self._tell(client, event)
                if self._events and self._events[0] is event:
                    self._events.popleft()

    async def _tell(self, client: _Client, message: _Message) -> None:
        try:
            text = _text(message.content)
        except (TypeError, ValueError) as error:
            self._log.error("mqtt: not JSON, given up", topic=message.topic, reason=str(error))
            return
        properties = Properties(PacketTypes.PUBLISH)
        if message.expiry_s and text:
            properties.MessageExpiryInterval = message.expiry_s
        await client.publish(message.topic, text.encode(), qos=1, retain=message.retain, properties=properties)
        if client.refused_code:
            self.refused += 1
            if self.refused == 1:
                self._log.error("mqtt: the broker refuses", topic=message.topic, code=client.refused_code)
            client.refused_code = 0

    def _tell_down(self, reason: str) -> None:
        if not self._told_down:
            self._told_down = True
            place = {"host": self._broker.host, "port": self._broker.port}
            self._log.warning("mqtt: no broker; the daemon goes on without", reason=reason, **place)


def _text(content: Mapping[str, Any] | str | None) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    return json.dumps(content, allow_nan=False)
