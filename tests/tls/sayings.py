"""What somebody with the widest rights at the broker could say, made to be mistaken for a command.

Refuses to know what the daemon listens to: topics and payloads are of every shape that such programs have had.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from itertools import product

from protocols.companion.codec import encode
from protocols.companion.messages import Load, Pause, Prime, Resume, Start, Stop
from protocols.mqtt.contract import ROWS
from protocols.mqtt.topics import HOME_ASSISTANT_STATUS
from pumpctl.supervision.operating import METHODS
from tests.controller.orders import golden

BASE, INSTANCE, CHANNEL = "pumpctl", "pair", "a"
HUGE_BYTES = 60_000  # the broker's message_size_limit is a little more


def contract_topics() -> list[str]:
    """Every topic of docs/mqtt.md, and Home Assistant's."""
    named = [
        row.topic.replace("BASE", BASE).replace("INSTANCE", INSTANCE).replace("CHANNEL", CHANNEL).replace("CODE", "air")
        for row in ROWS
    ]
    return [*named, HOME_ASSISTANT_STATUS, f"homeassistant/device/{BASE}_{CHANNEL}/config"]


def other_topics(chance: random.Random) -> list[str]:
    """Where commands have been in other programs, and some that nobody has thought of."""
    verbs = sorted({*METHODS, "start", "run", "bolus", "set", "rate", "emergency"})
    shapes = (
        "{b}/{c}/{v}",
        "{b}/{c}/cmd/{v}",
        "{b}/{c}/{v}/set",
        "{b}/{i}/{v}",
        "cmd/{v}",
        "homeassistant/button/{c}/{v}",
    )
    made = [shape.format(b=BASE, i=INSTANCE, c=CHANNEL, v=verb) for shape, verb in product(shapes, verbs)]
    letters = "abcpump/ 01_-.$\u00e9\u2603"
    strange = ["".join(chance.choices(letters, k=chance.randint(1, 40))) for _ in range(40)]
    return [*made, *(topic for topic in strange if topic.strip("/"))]


def payloads(chance: random.Random, program_id: bytes) -> list[bytes]:
    """Commands in every tongue, states that are not so, and no commands at all."""
    order = golden()
    calls = [
        {"jsonrpc": "2.0", "id": 1, "method": verb, "params": {"channel": CHANNEL, "person": "nurse", "order": order}}
        for verb in sorted(METHODS)
    ]
    states = [{"channel": CHANNEL, "state": "idle", "link": "up", "seq": 2**53, "flow_ml_h": 0}, {"state": "stopped"}]
    words = [
        "start",
        "START",
        "stop",
        "STOP",
        "PRESS",
        "ON",
        "OFF",
        "1",
        "true",
        "null",
        "online",
        "offline",
        "down",
        "",
    ]
    raw = (
        *(Start(program_id, 0), Resume(program_id, 0), Pause(program_id), Prime(5_000, 100_000, 1)),
        Load(program_id, bytes(16), 1, 1_200_000, 250_000, 1_200_000, 0, 0, 0, 100_000_000),
    )
    frames = [encode(Stop(), 0, 0), *(encode(message, 1, 1) for message in raw)]
    noise = [chance.randbytes(chance.choice((1, 7, 300))) for _ in range(6)]
    extreme = [b"[" * 5_000, b"\xff\xfe\x00", b'{"a":' * 900, chance.randbytes(HUGE_BYTES), b"9" * HUGE_BYTES]
    told = [json.dumps(each).encode() for each in (*calls, *states, {"command": "start"}, order)]
    return [*told, *(word.encode() for word in words), *frames, *noise, *extreme]


def sayings(chance: random.Random, program_id: bytes, others: int) -> Iterator[tuple[str, bytes, bool]]:
    """Topic, payload, retained: every payload on every topic of the contract, and on `others` drawn from the rest."""
    said = payloads(chance, program_id)
    for topic, payload in product(contract_topics(), said):
        yield topic, payload, chance.random() < 0.3
    rest = list(product(other_topics(chance), said))
    for topic, payload in chance.sample(rest, min(others, len(rest))):
        yield topic, payload, chance.random() < 0.3
