"""The codec against vectors.json, which was written from SPEC.md by a hand that had not seen the codec."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from protocols.companion import codec
from protocols.companion.codec import decode, encode
from protocols.companion.framing import FrameDecoder, Garbage
from protocols.companion.messages import Message
from tests.protocols.companion.speech import CLASSES, build

VECTORS = json.loads(Path(codec.__file__).with_name("vectors.json").read_text(encoding="utf-8"))
FRAMES: dict[str, dict[str, Any]] = {vector["name"]: vector for vector in VECTORS["frames"]}
MALFORMED: dict[str, dict[str, Any]] = {vector["name"]: vector for vector in VECTORS["malformed"]}


def as_told(message: Message) -> dict[str, object]:
    """Fields in the form of the vectors: numbers, text, and hex for bytes."""
    values = {name: getattr(message, name) for name in type(message).__match_args__}
    return {name: value.hex() if isinstance(value, bytes) else value for name, value in values.items()}


def from_told(like: Message, fields: dict[str, Any]) -> dict[str, Any]:
    """The vector's own values, not those decoded, in the types that a message takes."""
    return {
        name: bytes.fromhex(value) if isinstance(getattr(like, name), bytes) else value
        for name, value in fields.items()
    }


def content_of(vector: dict[str, Any]) -> bytes:
    frame = bytes.fromhex(vector["frame_hex"])
    [content] = FrameDecoder().receive(frame)
    assert isinstance(content, bytes)
    assert content == bytes.fromhex(vector["payload_hex"])[:-4]
    return content


def test_every_type_has_a_vector() -> None:
    assert {vector["type"] for vector in FRAMES.values()} == set(CLASSES)


@pytest.mark.parametrize("name", FRAMES)
def test_frame(name: str) -> None:
    vector = FRAMES[name]
    envelope = decode(content_of(vector))
    assert (envelope.message.TYPE, envelope.session, envelope.sequence) == (
        vector["type"],
        vector["session"],
        vector["sequence"],
    )
    assert as_told(envelope.message) == vector["fields"]
    message = build(vector["type"], from_told(envelope.message, vector["fields"]))
    assert encode(message, vector["session"], vector["sequence"]).hex() == vector["frame_hex"]


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed(name: str) -> None:
    line = bytes.fromhex(MALFORMED[name]["bytes_hex"])
    for pieces in ([line], [line[place : place + 1] for place in range(len(line))]):
        decoder = FrameDecoder()
        found = [found for piece in pieces for found in decoder.receive(piece)]
        assert all(isinstance(piece, Garbage) for piece in found)
        assert decoder.dropped_frames == MALFORMED[name]["dropped"]
