"""Messages to try the codec on: drawn by hypothesis, drawn by a seed, and a few written out.

Refuses to know bytes. Field ranges come from the naive reading, not from the codec.
"""

from __future__ import annotations

import random
import struct
from typing import get_args

from hypothesis import strategies as st

from protocols.companion.messages import Message, Start, Status
from protocols.companion.vocabulary import NO_FLOW_SENSOR_UL, Alarm, PumpState, StatusFlag
from tests.protocols.companion import naive

CLASSES: dict[int, type[Message]] = {message.TYPE: message for message in get_args(Message)}
UNNUMBERED = (0x0A, 0x8A, 0xC0)  # STOP, STOPPED, NOTICE: session 0, sequence 0

START = Start(b"\x01\x02\x03\x04\x05\x06\x07\x08", 0x1122334455667788)
STATUS = Status(
    uptime_ms=3_600_000,
    boot_count=7,
    state=PumpState.INFUSING,
    flags=StatusFlag.MOTOR_MOVING | StatusFlag.ON_BATTERY,
    program_id=b"\xff\x00\x00\x10\x20\x30\x40\x50",
    commanded_flow_ul_h=10_000,
    measured_flow_ul_h=9_990,
    motor_ul=10_050,
    encoder_ul=10_049,
    flow_ul=NO_FLOW_SENSOR_UL,
    program_ul=10_000,
    pressure_mmhg=-12,
    reservoir_ul=90_000,
    battery_permille=800,
    alarms=Alarm.RESERVOIR_LOW | Alarm.SELF_TEST,
    event_count=5,
    lease_left_ms=59_000,
    refused_count=2,
    dropped_frames=1,
)


def build(kind: int, fields: naive.Fields) -> Message:
    """The codec's message for what the naive reading says."""
    return CLASSES[kind](**fields)  # pyright: ignore[reportArgumentType]  # the tables agree or the test is red


def fields_of(message: Message) -> naive.Fields:
    """The naive reading's fields of a message."""
    return {wire.name: getattr(message, wire.name) for wire in naive.MESSAGES[message.TYPE]}


def limits(wire: naive.Wire) -> tuple[int, int]:
    """The least and the greatest value of an integer field."""
    if wire.allowed is not None:
        return wire.allowed[0], wire.allowed[-1]
    bits = 8 * struct.calcsize("<" + wire.code)
    return (-(1 << bits - 1), (1 << bits - 1) - 1) if wire.code == "h" else (0, (1 << bits) - 1)


def _drawn_value(wire: naive.Wire) -> st.SearchStrategy[naive.Value]:
    if wire.name in naive.TEXTS:
        return st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=16)
    if wire.code.endswith("s"):
        width = struct.calcsize(wire.code)
        return st.binary(min_size=width, max_size=width)
    return st.integers(*limits(wire))


@st.composite
def told(draw: st.DrawFn) -> naive.Told:
    """Any legal message in any legal envelope."""
    kind = draw(st.sampled_from(sorted(naive.MESSAGES)))
    number = st.just(0) if kind in UNNUMBERED else st.integers(0, 0xFFFF_FFFF)
    fields = {wire.name: draw(_drawn_value(wire)) for wire in naive.MESSAGES[kind]}
    return kind, draw(number), draw(number), fields


def told_by(source: random.Random) -> naive.Told:
    """The same by a seed, many times faster."""
    kind = source.choice(sorted(naive.MESSAGES))
    top = 0 if kind in UNNUMBERED else 0xFFFF_FFFF
    return (
        kind,
        source.randint(0, top),
        source.randint(0, top),
        {w.name: _value_by(source, w) for w in naive.MESSAGES[kind]},
    )


def _value_by(source: random.Random, wire: naive.Wire) -> naive.Value:
    if wire.name in naive.TEXTS:
        return "".join(chr(source.randint(0x20, 0x7E)) for _ in range(source.randint(0, 16)))
    if wire.code.endswith("s"):
        return source.randbytes(struct.calcsize(wire.code))
    least, greatest = limits(wire)
    return source.choice((least, greatest, source.randint(least, greatest)))
