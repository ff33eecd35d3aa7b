"""Counts the MQTT messages of one pump: `python -m simulator.rig.counters.mqtt HOST PORT CHANNEL`.

Refuses to know what they say. It subscribes like any other client of the broker; a lost connection ends it.
"""

from __future__ import annotations

import asyncio
import sys

import aiomqtt

from simulator.rig.counters.tally import Tally, say, say_until_ended

WAITING_MESSAGES = 10_000


async def count(host: str, port: int, channel: str) -> None:
    """Until told to end."""
    tally = Tally()
    client = aiomqtt.Client(
        host, port, protocol=aiomqtt.ProtocolVersion.V5, max_queued_incoming_messages=WAITING_MESSAGES
    )
    async with client:
        await client.subscribe(f"pumpctl/{channel}/#", qos=1)
        say({"ready": True})
        listening = asyncio.create_task(_listen(client, tally))
        ending = asyncio.create_task(say_until_ended(tally))
        await asyncio.wait([listening, ending], return_when=asyncio.FIRST_COMPLETED)
        listening.cancel()
        if not ending.done():
            ending.cancel()
            raise aiomqtt.MqttError("the broker has gone")


async def _listen(client: aiomqtt.Client, tally: Tally) -> None:
    async for message in client.messages:
        tally.good_one(f"{message.topic} {message.payload.decode(errors='replace')}")


def main() -> int:
    host, port, channel = sys.argv[1:]
    try:
        asyncio.run(count(host, int(port), channel))
    except aiomqtt.MqttError as error:
        sys.stderr.write(f"mqtt counter: {host}:{port}: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
