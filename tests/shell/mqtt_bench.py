"""The MQTT link on a bench: its log and the time it believes in in the test's hand, and a subscriber of everything.

Refuses to sleep: whoever waits here waits for a message or for a line in the log, with a bound.
"""

from __future__ import annotations

import asyncio
import io
from dataclasses import dataclass

import aiomqtt

from protocols.mqtt.topics import BASE, Announcement, Topics
from pumpctl.effects import Publish
from pumpctl.shell.logs import open_log
from pumpctl.shell.mqtt_client import Broker
from pumpctl.shell.mqtt_link import MqttLink
from pumpctl.shell.mqtt_outbox import Tail
from tests import conftest

WAIT_S = 30.0


@dataclass(frozen=True, slots=True)
class Seen:
    topic: str
    content: bytes
    retained: bool
    expiry_s: int | None
    content_type: str | None
    told: dict[str, str]  # the user properties


class Monitor:
    """A subscriber of everything."""

    def __init__(self, client: aiomqtt.Client) -> None:
        self._client = client

    async def next(self, leaf: str = "") -> Seen:
        """The next message of which the topic ends so."""
        async with asyncio.timeout(WAIT_S):
            async for message in self._client.messages:
                if str(message.topic).endswith(leaf):
                    content, properties = message.payload, message.properties
                    assert isinstance(content, bytes)
                    return Seen(
                        str(message.topic),
                        content,
                        bool(message.retain),
                        getattr(properties, "MessageExpiryInterval", None),
                        getattr(properties, "ContentType", None),
                        dict(getattr(properties, "UserProperty", [])),
                    )
        raise AssertionError


def client_of(broker: conftest.Broker) -> aiomqtt.Client:
    return aiomqtt.Client(broker.host, broker.port, protocol=aiomqtt.ProtocolVersion.V5, timeout=WAIT_S)


class Bench:
    """The link under test and the time it believes in."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        announcements: tuple[Announcement, ...] = (),
        channels: tuple[str, ...] = (),
        journal: Tail | None = None,
    ) -> None:
        self.log = io.StringIO()
        log, self.writer = open_log(self.log)
        self.skipped_s = 0.0
        broker = Broker(host, port, Topics(BASE, "rig"))
        self.link = MqttLink(broker, log, self.now_s, announcements, channels, journal)

    def now_s(self) -> float:
        return asyncio.get_running_loop().time() + self.skipped_s

    def state(self, seq: int, *, changed: bool = True) -> None:
        self.link.publish(Publish("a", "state", {"seq": seq}, changed=changed))

    def says(self, words: str) -> bool:
        """The log does."""
        return words in self.log.getvalue()

    async def close(self) -> None:
        await self.link.close()
        self.writer.close()


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
