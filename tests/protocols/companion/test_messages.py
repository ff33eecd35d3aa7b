"""Messages against SPEC.md: its tables, its constant frames, its digest, and bytes pinned by the naive reading."""

from __future__ import annotations

import hashlib
import re
import struct
from dataclasses import replace
from enum import IntEnum, IntFlag
from pathlib import Path

import pytest
from hypothesis import example, given

from protocols.companion import codec, vocabulary
from protocols.companion.codec import NO_PROGRAM, STOP_FRAME, STOPPED_FRAME, Envelope, decode, encode
from protocols.companion.framing import FrameDecoder
from protocols.companion.messages import GetStatus, Load, Message, Program, Refused, Stop, Stopped
from protocols.companion.vocabulary import Alarm, LinkLoss, Phase, RefusalReason
from tests.protocols.companion import naive
from tests.protocols.companion.speech import CLASSES, START, STATUS, build, fields_of, told

SPEC = Path(codec.__file__).with_name("SPEC.md").read_text(encoding="utf-8")
LOAD = Load(b"\1\2\3\4\5\6\7\x08", bytes(16), 1, 10_000, 100_000, 12_000, 0, 0, 0, 2_000_000)


def content_of(frame: bytes) -> bytes:
    """What a receiver's framing hands to decode."""
    [content] = FrameDecoder().receive(frame)
    assert isinstance(content, bytes)
    return content


@given(told())
@example((0x82, 1, 0xFFFF_FFFF, fields_of(STATUS)))
def test_every_message_comes_back(said: naive.Told) -> None:
    kind, session, sequence, fields = said
    message = build(kind, fields)
    frame = encode(message, session, sequence)
    assert 16 <= len(frame) <= 202
    assert decode(content_of(frame)) == Envelope(session, sequence, message)


@pytest.mark.parametrize("kind", sorted(CLASSES))
def test_types_names_and_lengths_are_those_of_the_table(kind: int) -> None:
    row = re.search(rf"^\| {kind:02X} \| ([A-Z_]+) \| (companion|pump) \| (\d+) \|", SPEC, re.MULTILINE)
    assert row is not None
    assert row[1] == re.sub(r"(?<!^)([A-Z])", r"_\1", CLASSES[kind].__name__).upper()
    assert codec.LAYOUTS[kind].body_bytes == int(row[3])
    assert (kind in codec.REQUEST_TYPES) == (row[2] == "companion")


def test_the_table_has_no_other_types() -> None:
    assert {int(row, 16) for row in re.findall(r"^\| ([0-9A-F]{2}) \| [A-Z_]+ \|", SPEC, re.MULTILINE)} == set(CLASSES)


@pytest.mark.parametrize("kind", [0x03, 0x81, 0x82, 0x84, 0x85, 0xC0])
def test_fields_stand_at_the_offsets_of_the_tables(kind: int) -> None:
    section = re.search(rf"^### [^\n]*\b{kind:02X} [A-Z]+.*?(?=^### )", SPEC, re.MULTILINE | re.DOTALL)
    assert section is not None
    widths = [struct.calcsize("<" + wire.code) for wire in naive.MESSAGES[kind]]
    offsets = [str(sum(widths[:place])) for place in range(len(widths))]
    rows = re.findall(r"^\| (\d+) \| (\w+) \|", section[0], re.MULTILINE)
    assert rows == list(zip(offsets, CLASSES[kind].__match_args__, strict=True))


SECTIONS: dict[type[IntEnum | IntFlag], str] = {
    vocabulary.PumpState: "## 4",
    vocabulary.EventKind: "### 0B",
    vocabulary.RefusalReason: "### BF",
    vocabulary.Alarm: "## 5",
}


@pytest.mark.parametrize("enum", SECTIONS)
def test_named_numbers_are_those_of_the_tables(enum: type[IntEnum | IntFlag]) -> None:
    _, _, after = SPEC.partition("\n" + SECTIONS[enum])
    rows = re.findall(r"\| (\d+) \| ([a-z_]+) (?=\|)", after.partition("\n#")[0])
    numbers = {name.upper(): 1 << int(number) if enum is Alarm else int(number) for number, name in rows}
    assert {member.name: member.value for member in enum} == numbers


def test_only_the_alarms_that_say_no_do_not_stop() -> None:
    going_on = {name for _, name in re.findall(r"\| (\d+) \| ([a-z_]+) \| no \|", SPEC)}
    assert {str(alarm.name).lower() for alarm in Alarm if alarm not in vocabulary.STOPPING_ALARMS} == going_on
    assert len(going_on) == 2


PINNED: dict[str, tuple[Message, int, int, str]] = {
    "stop": (Stop(), 0, 0, "03010a0101010101010105d689669900"),
    "stopped": (Stopped(), 0, 0, "03018a0101010101010105998933ff00"),
    "get_status": (GetStatus(), 0x11223344, 2, "0801024433221102010105928a0fab00"),
    "refused": (Refused(0x06, RefusalReason.WRONG_TOKEN), 7, 9, "0401bf0701010209010103060705b7e3f72300"),
    "start": (START, 7, 9, "040106070101020901011501020304050607088877665544332211b8ebbc0100"),
    "load": (
        LOAD,
        7,
        9,
        (
            "04010307010102090101090102030405060708010101010101010101010101010101040110270104"
            "a0860103e02e010101010101010101010480841e0101010105d9ab5e8000"
        ),
    ),
    "status": (
        STATUS,
        7,
        9,
        (
            "040182070101020901010480ee360101010102070101040318ff0108102030405010270103062701"
            "034227010341270107ffffffff10270106f4ff905f01052003201001020501010378e60102020201"
            "010105f21128e400"
        ),
    ),
}


@pytest.mark.parametrize("name", PINNED)
def test_bytes_are_pinned(name: str) -> None:
    message, session, sequence, frame_hex = PINNED[name]
    assert encode(message, session, sequence).hex() == frame_hex


def test_stop_and_stopped_are_constant_and_printed_in_the_specification() -> None:
    for name, frame in (("STOP", STOP_FRAME), ("STOPPED", STOPPED_FRAME)):
        assert re.search(rf"^ {name} +{frame.hex(' ').upper()}$", SPEC, re.MULTILINE)


def test_the_digest_is_sha256_of_bytes_0_to_7_and_24_to_53() -> None:
    numbers = [(1, 1), (10_000, 4), (100_000, 4), (12_000, 4), (0, 4), (0, 1), (0, 4), (2_000_000, 8)]
    body = bytes(range(1, 9)) + b"".join(value.to_bytes(width, "little") for value, width in numbers)
    assert codec.program_digest(LOAD) == hashlib.sha256(body).digest()[:16]
    assert codec.sealed(LOAD) == replace(LOAD, digest=codec.program_digest(LOAD))
    assert codec.program_digest(codec.sealed(LOAD)) == codec.program_digest(LOAD)


DIGESTED = [wire.name for wire in naive.MESSAGES[0x03] if wire.name != "digest"]


@pytest.mark.parametrize("name", DIGESTED)
def test_every_field_of_a_program_is_under_the_digest(name: str) -> None:
    value = getattr(LOAD, name)
    other = replace(LOAD, **{name: value + 1 if isinstance(value, int) else bytes(8)})
    assert codec.program_digest(other) != codec.program_digest(LOAD)


def test_a_read_back_has_the_layout_and_the_digest_of_what_was_loaded() -> None:
    load = codec.sealed(LOAD)
    fields = fields_of(load) | {"phase": Phase.INFUSION, "link_loss": LinkLoss.FINISH_LOADED}
    program = build(Program.TYPE, fields)
    assert isinstance(program, Program)
    assert codec.program_digest(program) == load.digest
    assert content_of(encode(program, 1, 2))[10:] == content_of(encode(load, 1, 2))[10:]


def test_no_program_is_54_zero_bytes() -> None:
    assert content_of(encode(NO_PROGRAM, 1, 2))[10:] == bytes(54)
