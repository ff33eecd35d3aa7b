"""The judges' own decoder against the vectors of the link: the same bytes, whole, one by one and after dirt."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from protocols.companion.codec import decode
from protocols.companion.framing import FrameDecoder, Garbage
from simulator.rig.invariants import naive
from simulator.rig.invariants.naive import Ear, Said

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "protocols" / "companion" / "vectors.json").read_text(encoding="utf-8")
)
FRAMES: list[dict[str, Any]] = VECTORS["frames"]


def expected(vector: dict[str, Any]) -> Said:
    return Said(vector["type"], vector["session"], vector["sequence"], bytes.fromhex(vector["payload_hex"])[10:-4])


@pytest.mark.parametrize("vector", FRAMES, ids=lambda vector: vector["name"])
def test_a_frame_is_read_whole_in_pieces_and_after_dirt(vector: dict[str, Any]):
    frame = bytes.fromhex(vector["frame_hex"])
    for received in (
        [frame],
        [bytes([each]) for each in frame],
        [b"\0\0" + frame],
        [b"dirt\0", frame],
        [bytes(7), frame],
    ):
        ear = Ear()
        assert [said for part in received for said in ear.hear(part)] == [expected(vector)]


def test_frames_on_end_are_read_one_by_one():
    whole = b"".join(bytes.fromhex(vector["frame_hex"]) for vector in FRAMES)
    assert Ear().hear(whole) == [expected(vector) for vector in FRAMES]


@pytest.mark.parametrize("vector", VECTORS["malformed"], ids=lambda vector: vector["name"])
def test_what_a_receiver_drops_is_dropped(vector: dict[str, Any]):
    assert Ear().hear(bytes.fromhex(vector["bytes_hex"])) == []


def test_after_too_many_bytes_everything_up_to_the_next_delimiter_is_dropped():
    frame = bytes.fromhex(FRAMES[0]["frame_hex"])
    ear = Ear()
    assert ear.hear(b"\1" * 254 + frame) == []
    assert ear.hear(frame) == [expected(FRAMES[0])]
    assert ear.hear(b"\1" * 300) == []
    assert ear.hear(b"\1" * 10 + b"\0" + frame) == [expected(FRAMES[0])]


def test_fields_are_those_of_the_vectors():
    by_type = {vector["type"]: vector for vector in FRAMES}
    status = by_type[naive.STATUS]
    told = naive.status_said(expected(status).body)
    assert told is not None
    assert told._asdict() == {
        "boot_count": status["fields"]["boot_count"],
        "state": status["fields"]["state"],
        "program_id": bytes.fromhex(status["fields"]["program_id"]),
        "alarms": status["fields"]["alarms"],
    }
    load = by_type[naive.LOAD]
    program = naive.program_said(expected(load).body)
    assert program is not None
    assert program.program_id.hex() == load["fields"]["program_id"]
    for field in ("flow_ul_h", "vtbi_ul", "kvo_ul_h", "dose_ug"):
        assert getattr(program, field) == load["fields"][field]
    notice = by_type[naive.NOTICE]
    assert naive.notice_said(expected(notice).body) == (notice["fields"]["state"], notice["fields"]["alarms"])


def test_it_hears_no_more_and_no_less_than_the_daemons_decoder():
    for seed in range(300):
        chance = Random(seed)
        stream = bytearray()
        for vector in chance.choices(FRAMES, k=6):
            stream += bytes.fromhex(vector["frame_hex"])
        for _ in range(chance.randrange(6)):
            stream[chance.randrange(len(stream))] ^= 1 << chance.randrange(8)
        pieces = FrameDecoder().receive(bytes(stream))
        theirs = 0
        for piece in pieces:
            theirs += not isinstance(piece, Garbage) and decode(piece) is not None
        assert len(Ear().hear(bytes(stream))) == theirs, seed
