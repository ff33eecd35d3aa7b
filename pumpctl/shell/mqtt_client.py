"""One MQTT 5 connection: what is told on it, what the broker answers to each message, and how little it may send us.

Refuses to know what is told and to connect again: a connection is lost once, with its cause. The broker is not
trusted: of what it sends, Home Assistant's birth message alone is looked at, and what is larger, more or other than
that ends the connection.
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import aiomqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from protocols.mqtt.topics import HOME_ASSISTANT_STATUS, OFFLINE, ONLINE, Topics
from pumpctl.shell.mqtt_settings import TlsFiles

if TYPE_CHECKING:
    from paho.mqtt import client as paho
    from paho.mqtt.reasoncodes import ReasonCode

KEEPALIVE_S = 15
REPLY_S = 10.0
NOBODY_LISTENS = 0x10  # MQTT 5: taken, and there was no subscriber
FAILURE_CODES = 0x80  # MQTT 5: reason codes from here on are failures
LARGEST_PACKET_BYTES = 4096  # acknowledgements and one word from Home Assistant
MESSAGES_A_MINUTE = 60  # a Home Assistant that is restarted once a second

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
# The library writes a line for each thing a hostile broker does; the cause that we raise is told once, by the link.
_UNHEARD = logging.getLogger("pumpctl.mqtt")
_UNHEARD.addHandler(logging.NullHandler())
_UNHEARD.propagate = False


@dataclass(frozen=True, slots=True)
class Broker:
    """Where the broker is and who we are there."""

    host: str
    port: int
    topics: Topics
    tls: TlsFiles | None = None

    @property
    def client_id(self) -> str:
        return f"pumpctl-{self.topics.instance}"


@dataclass(frozen=True, slots=True)
class Message:
    """`content` None clears what the broker retains. `expiry_s` 0: none. `boot_id`: of another boot than this one."""

    topic: str
    content: Mapping[str, Any] | str | None
    retain: bool
    expiry_s: int = 0
    boot_id: str = ""


class Connection(aiomqtt.Client):
    """Answers with the broker's reason code to each message: aiomqtt itself takes any PUBACK for success."""

    def __init__(self, broker: Broker, birth: Callable[[], None], context: ssl.SSLContext | None = None) -> None:
        super().__init__(
            broker.host,
            broker.port,
            identifier=broker.client_id,
            protocol=aiomqtt.ProtocolVersion.V5,
            will=aiomqtt.Will(broker.topics.availability, OFFLINE.encode(), qos=1, retain=True),
            clean_start=True,
            keepalive=KEEPALIVE_S,
            timeout=REPLY_S,
            tls_context=context,
            # Without it each acknowledged message may wait 44 ms for the one before it (performance.md section 2).
            socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
            logger=_UNHEARD,
        )
        self.fault = ""  # why we ended it, if we did
        self.has_listeners = False
        self._birth = birth
        self._boot_id = _BOOT_ID.read_text(encoding="ascii").strip()
        self._answers: dict[int, asyncio.Future[int]] = {}
        self._minute_s, self._messages = 0.0, 0
        # The library has no bound of its own on what it takes into memory, and no other place to set one.
        self._receive = self._client._sock_recv  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        self._client._sock_recv = self._receive_little  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]

    async def tell(self, message: Message) -> int:
        """Publish, and the broker's reason code for it. ValueError when it is no JSON, MqttError without an answer."""
        text = _text(message.content)
        info = self._client.publish(
            message.topic, text.encode(), qos=1, retain=message.retain, properties=self._properties_of(message, text)
        )
        if info.rc != 0:
            raise self._cause(aiomqtt.MqttCodeError(info.rc, "cannot publish"))
        answer = self._answers[info.mid] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(REPLY_S):
                code = await answer
        except TimeoutError:
            raise aiomqtt.MqttError(f"no acknowledgement within {REPLY_S:.0f} s") from None
        finally:
            del self._answers[info.mid]
        self.has_listeners = self.has_listeners or code == 0
        return code

    async def lost(self) -> None:
        """Wait until the connection is lost; raises why."""
        try:
            await anext(aiter(self.messages))  # nothing ever comes to this queue
        except aiomqtt.MqttError as error:
            raise self._cause(error.__cause__ or error) from None

    def _cause(self, error: BaseException) -> BaseException:
        """What the library noticed last, or what we noticed before that."""
        return aiomqtt.MqttError(self.fault) if self.fault else error

    def _properties_of(self, message: Message, text: str) -> Properties:
        properties = Properties(PacketTypes.PUBLISH)
        if not text:
            return properties
        if message.expiry_s:
            properties.MessageExpiryInterval = message.expiry_s
        properties.PayloadFormatIndicator = 1  # UTF-8
        if isinstance(message.content, Mapping):
            properties.ContentType = "application/json"
            told = {name: str(message.content[name]) for name in ("schema", "seq") if name in message.content}
            properties.UserProperty = [*told.items(), ("boot_id", message.boot_id or self._boot_id)]
        return properties

    def _on_publish(
        self, client: paho.Client, userdata: object, mid: int, reason_code: ReasonCode, properties: Properties
    ) -> None:
        del client, userdata, properties
        answer = self._answers.get(mid)
        if answer is not None and not answer.done():
            answer.set_result(reason_code.value)

    def _on_disconnect(
        self,
        client: paho.Client,
        userdata: object,
        flags: paho.DisconnectFlags,
        reason_code: ReasonCode,
        properties: Properties | None = None,
    ) -> None:
        super()._on_disconnect(client, userdata, flags, reason_code, properties)
        if self._disconnected.done():
            self._disconnected.exception()  # or asyncio says that nobody asked, when it is `tell` that noticed first

    def _on_message(self, client: paho.Client, userdata: object, message: paho.MQTTMessage) -> None:
        """Nothing that is said here is believed but that Home Assistant has come up, and that only makes us repeat."""
        del client, userdata
        now_s = asyncio.get_running_loop().time()
        if now_s - self._minute_s >= 60:
            self._minute_s, self._messages = now_s, 0
        self._messages += 1
        if message.topic != HOME_ASSISTANT_STATUS or self._messages > MESSAGES_A_MINUTE:
            self.fault = f"the broker sends what nobody asked for, or too much: {self._messages} messages in a minute"
        elif message.payload == ONLINE.encode() and not message.retain:
            self._birth()

    def _receive_little(self, bufsize: int) -> bytes:
        """The library reads a packet of up to 256 MB into memory, and keeps any number at QoS 2."""
        if bufsize > LARGEST_PACKET_BYTES:
            self.fault = f"the broker sends a packet of more than {LARGEST_PACKET_BYTES} bytes"
        elif self._client._in_messages:  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
            self.fault = "the broker sends at QoS 2, which nobody asked for"
        if self.fault:
            raise ConnectionAbortedError(self.fault)
        return self._receive(bufsize)


def _text(content: Mapping[str, Any] | str | None) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    return json.dumps(content, allow_nan=False)
