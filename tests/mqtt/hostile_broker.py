"""A broker that means no good: a real socket, an MQTT 5 CONNACK, and then whatever its mood is.

Refuses to be a broker: it reads what comes and knows one packet of it, CONNECT.
"""

from __future__ import annotations

import asyncio
import random
from enum import Enum

CONNACK = bytes.fromhex("20 03 00 00 00")
TAKEN_OVER = bytes.fromhex("e0 02 8e 00")
PART_BYTES = 4096


class Mood(Enum):
    """What comes after CONNACK; SILENT does not even say that."""

    SILENT = "silent"
    NO_ANSWER = "no answer to what is published"
    GARBAGE = "garbage"
    GIANT = "one packet of 200 MB"
    FLOOD = "births without end"
    FOREIGN = "a message on a topic that nobody asked for"
    HOARD = "messages at QoS 2, never released"
    TAKEN_OVER = "another client has our name"


class HostileBroker:
    """On a loopback port from `start` to `close`; `mood` may change between connections."""

    def __init__(self, mood: Mood, seed: int) -> None:
        self.mood = mood
        self.port = 0
        self.connections = 0
        self._chance = random.Random(seed)
        self._server: asyncio.Server | None = None
        self._writers: list[asyncio.StreamWriter] = []

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        try:
            connect = await reader.read(PART_BYTES)
            if self.mood is not Mood.SILENT:
                writer.write(CONNACK)
            if b"-probe" not in connect and self.mood not in {Mood.SILENT, Mood.NO_ANSWER}:
                self.connections += 1
                await self._speak(writer)
            while await reader.read(PART_BYTES):
                pass
        except OSError:
            return
        finally:
            writer.transport.abort()

    async def _speak(self, writer: asyncio.StreamWriter) -> None:
        number = 0
        while not writer.transport.is_closing():
            number += 1
            writer.write(self._words(number))
            await writer.drain()
            await asyncio.sleep(0)  # its turn is over: the link under test shares this loop

    def _words(self, number: int) -> bytes:
        match self.mood:
            case Mood.GARBAGE:
                return self._chance.randbytes(PART_BYTES)
            case Mood.GIANT:
                return bytes.fromhex("30 80 84 af 5f") if number == 1 else bytes(PART_BYTES)
            case Mood.FLOOD:
                return _publish(0, b"homeassistant/status", b"", b"online") * 16
            case Mood.FOREIGN:
                return _publish(0, b"pumpctl/a/stop", b"", b"{}")
            case Mood.HOARD:
                return _publish(2, b"homeassistant/status", (number % 65_535 + 1).to_bytes(2), b"online")
            case Mood.TAKEN_OVER:
                return TAKEN_OVER
            case _:
                raise AssertionError(self.mood)


def _publish(qos: int, topic: bytes, packet_id: bytes, payload: bytes) -> bytes:
    body = len(topic).to_bytes(2) + topic + packet_id + b"\0" + payload
    return bytes([0x30 | qos << 1, len(body)]) + body
