"""A subscriber that comes back whenever the broker does, and holds each message against the contract as it comes.

Refuses to keep what it has judged: of events it keeps number and text, of the rest only how many there were.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections import Counter

import aiomqtt

from protocols.mqtt.events import Event
from protocols.mqtt.payloads import Alarm, AuditHead, Availability, LinkText, State

AGAIN_S = 0.05


class Subscriber:
    """Listens in a thread of its own from `start` to `close`."""

    def __init__(self, host: str, port: int) -> None:
        self.events: list[tuple[int, str]] = []
        self.heard: Counter[str] = Counter()
        self.retained: dict[str, str] = {}  # since the last connection
        self.newest_state = ""
        self.faults: list[str] = []
        self.online = 0
        self._host, self._port = host, port
        self._loop = asyncio.new_event_loop()
        self._over = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="subscriber", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(30)

    def _run(self) -> None:
        self._loop.run_until_complete(self._until_over())
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    async def _until_over(self) -> None:
        listening = asyncio.create_task(self._listen())
        await self._over.wait()
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)

    async def _listen(self) -> None:
        while True:
            try:
                await self._while_connected()
            except aiomqtt.MqttError:
                await asyncio.sleep(AGAIN_S)

    async def _while_connected(self) -> None:
        client = aiomqtt.Client(self._host, self._port, protocol=aiomqtt.ProtocolVersion.V5, timeout=5)
        async with client:
            self.retained = {}
            # Not at QoS 1: the library drops what it has not read yet when it cannot write an acknowledgement any more.
            await client.subscribe("pumpctl/#", qos=0)
            async for message in client.messages:
                self._take(message)

    def _take(self, message: aiomqtt.Message) -> None:
        topic, text = str(message.topic), bytes(message.payload).decode()  # type: ignore[arg-type] - it asked for bytes
        if message.retain:
            self.retained[topic] = text
        try:
            self._judge(topic.split("/"), text)
        except ValueError as error:  # of JSON, of a model, of an Enum
            self.faults.append(f"{topic}: {error}: {text}")

    def _judge(self, levels: list[str], text: str) -> None:
        kind = levels[2]
        self.heard[kind] += 1
        match kind:
            case "event":
                self.events.append((Event.model_validate_json(text).seq, text))
            case "state":
                self.newest_state = State.model_validate_json(text).state
            case "alarm":
                alarm = Alarm.model_validate_json(text) if text else None
                if alarm is not None and (alarm.channel, alarm.code) != (levels[1], levels[3]):
                    raise ValueError("told on another topic than its own")
            case "audit-head":
                AuditHead.model_validate_json(text)
            case "availability":
                self.online += Availability(text) is Availability.ONLINE
            case "link":
                LinkText(text)
            case _:
                raise ValueError("a topic that is not in the contract")


def differences(heard: list[tuple[int, str]], recorded: list[tuple[int, str]]) -> list[str]:
    """What a subscriber missed, heard in another order or in other words. The same number again is the same event."""
    found: list[str] = []
    first: dict[int, str] = {}
    for seq, text in heard:
        if seq not in first and first and seq < max(first):
            found.append(f"{seq} came after {max(first)}")
        if json.loads(first.setdefault(seq, text)) != json.loads(text):
            found.append(f"{seq} was told in two ways")
    told = {seq: json.loads(text) for seq, text in recorded}
    found += [f"{seq} was never told" for seq in told if seq not in first]
    found += [f"{seq} is not in the journal" for seq in first if seq not in told]
    found += [f"{seq} says something else" for seq in told if seq in first and json.loads(first[seq]) != told[seq]]
    return found
