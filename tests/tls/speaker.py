"""A client of MQTT 5 with a certificate, as anybody may write one: says anything, hears what it is let hear.

Refuses to be ours: it is the library that Home Assistant uses, without a line of pumpctl's link.
"""

from __future__ import annotations

import queue
import threading
from types import TracebackType
from typing import Self

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from tests.conftest import Broker
from tests.tls.house import House

WAIT_S = 20.0


class Speaker:
    """Connected on entering. `name`: whose certificate; None: plaintext."""

    def __init__(self, broker: Broker, house: House | None, name: str) -> None:
        self.heard: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self._codes: dict[int, int] = {}
        self._answered = threading.Condition()
        self._connected = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id=f"{name}-{id(self)}", protocol=paho.MQTTv5)
        self._client.max_inflight_messages_set(1_000)
        if house is not None:
            files = house.files(name)
            self._client.tls_set(str(files.ca), str(files.certificate), str(files.key))
        self._client.on_connect = lambda *_: self._connected.set()
        self._client.on_message = lambda _client, _user, message: self.heard.put((message.topic, message.payload))
        self._client.on_publish = self._on_answer
        self._client.on_subscribe = self._on_answer
        self._place = (broker.host, broker.port)

    def __enter__(self) -> Self:
        self._client.connect(*self._place)
        self._client.loop_start()
        assert self._connected.wait(WAIT_S)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def say(self, topic: str, payload: bytes = b"x", *, qos: int = 1, retain: bool = False) -> int:
        """Publish; `answer` has the code by what this returns."""
        return self._client.publish(topic, payload, qos=qos, retain=retain).mid

    def listen(self, pattern: str) -> int:
        """Subscribe."""
        _, mid = self._client.subscribe(pattern, qos=1)
        assert mid is not None
        return self.answer(mid)

    def answer(self, mid: int) -> int:
        """The broker's reason code."""
        with self._answered:
            assert self._answered.wait_for(lambda: mid in self._codes, WAIT_S)
            return self._codes[mid]

    def _on_answer(
        self, _client: paho.Client, _user: object, mid: int, codes: ReasonCode | list[ReasonCode], _more: Properties
    ) -> None:
        with self._answered:
            self._codes[mid] = (codes[0] if isinstance(codes, list) else codes).value
            self._answered.notify_all()
