"""Writes protocols/companion/vectors.json: frames, byte strings to drop, and exchanges, for authors of firmware.

Refuses to know the product's codec: every byte comes from the naive encoder. `python -m
tests.protocols.companion.make_vectors` from the root of the repository writes the file again.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final, TypedDict

from tests.protocols.companion import naive_frames as naive
from tests.protocols.companion.exchange_script import SESSION, Exchange, program
from tests.protocols.companion.link_exchanges import LINK_EXCHANGES
from tests.protocols.companion.malformed_bytes import malformed
from tests.protocols.companion.naive_frames import Fields
from tests.protocols.companion.program_exchanges import PROGRAM_EXCHANGES
from tests.protocols.companion.readings import REFERENCE
from tests.protocols.companion.stop_exchanges import STOP_EXCHANGES

VECTORS_PATH: Final = Path(__file__).parents[3] / "protocols" / "companion" / "vectors.json"
NO_REQUEST: Final = ("STOP", "STOPPED", "NOTICE")  # these carry session 0 and sequence 0
LARGEST: Final[Fields] = {  # where SPEC.md defines fewer values than the field can hold
    **dict.fromkeys(("phase", "link_loss"), 1),
    "purpose": 2,
    "state": 7,
    "kind": 12,
    "cause": 3,
    "reason": 18,
    "alarms": 0x1FFF,
    "not_connected": 0xA5,
}
FIRST_NAMED: Final[Fields] = {"kind": 1, "cause": 1, "reason": 1}  # where 0 has no name
LARGEST_FLAGS: Final = {"IDENTITY": 0b1111, "STATUS": 0b111111}
NOTE: Final = (
    "Vectors of the companion link, version 1; SPEC.md beside this file says what they mean. Written by the "
    "project's second reading of SPEC.md, not by its codec. Numbers are exact and need 64 bits. Fields bear "
    "SPEC.md's names: integers; text without its padding; byte fields as hex. frames: payload_hex runs from version "
    "to crc; frame_hex is what goes over the line, delimiter included. malformed: bytes_hex, given to a fresh "
    "receiver, yields no message; dropped is what it adds to dropped_frames. exchanges: each starts at power-on of a "
    "pump with the reference values of section 7, a full reservoir and no alarm, with the auto-confirm bit where "
    "auto_confirm is true and without it elsewhere. at_ms is the pump's uptime at the step. A step sends send_hex; "
    "or send, a frame to be encoded with the values in it; or presses the confirm button. expect lists all replies "
    "in their order, the pump having 100 ms; a reply's other fields are free. save keeps a field of the reply by a "
    'name; "$name" stands for that value later. notices lists NOTICEs that must come with this step or since the one '
    "before; others may come."
)


class FrameVector(TypedDict):
    name: str
    type: int
    session: int
    sequence: int
    fields: Fields
    payload_hex: str
    frame_hex: str


def _frame(name: str, message: str, session: int, sequence: int, fields: Fields) -> FrameVector:
    if message in NO_REQUEST:
        session = sequence = 0
    type_ = naive.type_number[message]
    return {
        "name": name,
        "type": type_,
        "session": session,
        "sequence": sequence,
        "fields": fields,
        "payload_hex": naive.payload(type_, session, sequence, naive.pack(message, fields)).hex(),
        "frame_hex": naive.frame(message, session, sequence, fields).hex(),
    }


def _least(message: str) -> Fields:
    zero = naive.unpack(message, bytes(naive.body_length(message)))
    return {field: FIRST_NAMED.get(field, value) for field, value in zero.items()}


def _largest(message: str) -> Fields:
    return {field: _largest_value(message, field, kind) for field, kind in naive.layout[message].items()}


def _largest_value(message: str, field: str, kind: str) -> int | str:
    if field == "flags":
        return LARGEST_FLAGS[message]
    if field in LARGEST and message != "ACKNOWLEDGE":
        return LARGEST[field]
    if kind[0] == "t":
        return ("~" * naive.size(kind))[: naive.size(kind)]
    if kind[0] == "x":
        return "ff" * naive.size(kind)
    return (1 << (8 * naive.size(kind) - (kind == "h"))) - 1


def frames() -> list[FrameVector]:
    made: list[FrameVector] = []
    for message in naive.type_number:
        lower = message.lower()
        if not naive.layout[message]:
            made.append(_frame(lower, message, SESSION, 1, {}))
            continue
        made.append(_frame(lower + "_least", message, 1, 1, _least(message)))
        made.append(_frame(lower + "_largest", message, 0xFFFFFFFF, 0xFFFFFFFF, _largest(message)))
    for pressure_mmhg in (-1, -32768):
        fields = {**_least("STATUS"), "pressure_mmhg": pressure_mmhg}
        made.append(_frame(f"status_pressure_{pressure_mmhg}", "STATUS", SESSION, 256, fields))
    idle: Fields = {**_least("IDENTITY"), **REFERENCE, "serial": "SIM-0001", "idle_pressure_mmhg": -5}
    made.append(_frame("identity_reference", "IDENTITY", SESSION, 2, idle))
    made.append(_frame("load_reference", "LOAD", SESSION, 3, program()))
    quiet = _least("NOTICE")
    return made + [_frame(f"notice_alarm_{bit}", "NOTICE", 0, 0, {**quiet, "alarms": 1 << bit}) for bit in range(13)]


def exchanges() -> list[Exchange]:
    return [write() for write in LINK_EXCHANGES + STOP_EXCHANGES + PROGRAM_EXCHANGES]


def text() -> str:
    """One frame, one byte string and one step a line: a change to one is a change of one line."""
    listed = ",\n  ".join(_exchange(one) for one in exchanges())
    return (
        f'{{\n "version": 1,\n "note": {json.dumps(NOTE)},\n "frames": {_lines(frames(), 1)},\n'
        f' "malformed": {_lines(malformed(), 1)},\n "exchanges": [\n  {listed}\n ]\n}}\n'
    )


def _exchange(one: Exchange) -> str:
    named = f'"name": {json.dumps(one["name"])}, "about": {json.dumps(one["about"])}'
    if "auto_confirm" in one:
        named += f', "auto_confirm": {json.dumps(one["auto_confirm"])}'
    return f'{{{named}, "steps": {_lines(one["steps"], 2)}}}'


def _lines(items: Sequence[object], depth: int) -> str:
    pad = " " * depth
    return "[\n" + ",\n".join(f"{pad} {json.dumps(item, ensure_ascii=False)}" for item in items) + f"\n{pad}]"


if __name__ == "__main__":
    VECTORS_PATH.write_text(text(), encoding="utf-8")
