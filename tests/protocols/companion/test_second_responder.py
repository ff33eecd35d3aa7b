"""The second reading of SPEC.md agrees with itself, with vectors.json on disk, and with bytes pinned from outside."""

import json
from typing import Final

import pytest

from tests.protocols.companion import make_vectors
from tests.protocols.companion import naive_frames as naive
from tests.protocols.companion.exchange_runner import run_exchange
from tests.protocols.companion.exchange_script import PROGRAM_ID, SESSION, Exchange, program
from tests.protocols.companion.make_vectors import FrameVector
from tests.protocols.companion.malformed_bytes import Malformed
from tests.protocols.companion.naive_frames import Fields
from tests.protocols.companion.second_responder import SecondResponder
from tests.protocols.companion.tiny_pump import BY_TOKEN

ON_DISK: Final = json.loads(make_vectors.VECTORS_PATH.read_text(encoding="utf-8"))
FRAMES: Final[list[FrameVector]] = ON_DISK["frames"]
MALFORMED: Final[list[Malformed]] = ON_DISK["malformed"]
EXCHANGES: Final[list[Exchange]] = ON_DISK["exchanges"]


def test_vectors_on_disk_are_those_that_the_generator_writes():
    assert make_vectors.VECTORS_PATH.read_text(encoding="utf-8") == make_vectors.text()


def test_every_message_type_has_a_frame():
    assert {one["type"] for one in FRAMES} == set(naive.type_name)


def test_names_are_unique():
    for section in (FRAMES, MALFORMED, EXCHANGES):
        names = [one["name"] for one in section]
        assert len(names) == len(set(names))


# Section 3's table of body lengths, typed in once more: a field missing in a layout cannot hide.
BODY_LENGTHS: Final = {
    0x01: 0,
    0x02: 0,
    0x03: 54,
    0x04: 0,
    0x05: 0,
    0x06: 16,
    0x07: 8,
    0x08: 16,
    0x09: 16,
    0x0A: 0,
    0x0B: 4,
    0x0C: 4,
    0x0D: 9,
    0x81: 98,
    0x82: 72,
    0x83: 24,
    0x84: 54,
    0x85: 21,
    0x86: 8,
    0x87: 8,
    0x88: 8,
    0x89: 8,
    0x8A: 0,
    0x8B: 25,
    0x8C: 4,
    0x8D: 0,
    0xBF: 3,
    0xC0: 18,
}


def test_layouts_have_the_lengths_of_the_table():
    assert {naive.type_number[name]: naive.body_length(name) for name in naive.layout} == BODY_LENGTHS


@pytest.mark.parametrize("vector", FRAMES, ids=lambda vector: vector["name"])
def test_frame_vector_encodes_and_decodes(vector: FrameVector):
    name = naive.type_name[vector["type"]]
    encoded = naive.frame(name, vector["session"], vector["sequence"], vector["fields"])
    assert encoded.hex() == vector["frame_hex"]
    assert encoded.count(0) == 1
    assert len(encoded) <= 255
    plain = naive.unstuff(encoded[:-1])
    assert plain is not None
    assert plain.hex() == vector["payload_hex"]
    receiver = naive.Receiver()
    heard = [frame for at in range(len(encoded)) for frame in receiver.feed(encoded[at : at + 1])]
    assert [(one.type, one.session, one.sequence) for one in heard] == [
        (vector["type"], vector["session"], vector["sequence"])
    ]
    assert naive.unpack(name, heard[0].body) == vector["fields"]


@pytest.mark.parametrize("vector", MALFORMED, ids=lambda vector: vector["name"])
def test_malformed_bytes_yield_no_message_and_do_not_deafen(vector: Malformed):
    receiver = naive.Receiver()
    assert receiver.feed(bytes.fromhex(vector["bytes_hex"])) == []
    assert receiver.dropped == vector["dropped"]
    receiver.feed(b"\0")
    assert len(receiver.feed(naive.frame("STOP", 0, 0, {}))) == 1


@pytest.mark.parametrize("exchange", EXCHANGES, ids=lambda exchange: exchange["name"])
def test_second_responder_passes_the_exchange(exchange: Exchange):
    pump = SecondResponder(serial="SIM-0002", auto_confirm=exchange.get("auto_confirm", False))
    run_exchange(exchange, pump)


def test_a_notice_that_a_request_brings_about_follows_its_answer():
    pump = SecondResponder(serial="SIM-0002")
    held: Fields = {"program_id": PROGRAM_ID, "token": 0}
    opened = naive.frame("IDENTIFY", SESSION, 1, {}) + naive.frame("LOAD", SESSION, 2, program())
    pump.receive(opened, 0)
    pump.press_confirm(1)
    asked = naive.frame("START", SESSION, 3, held) + naive.frame("GET_STATUS", SESSION, 4, {})
    heard = naive.Receiver().feed(pump.receive(asked, 2))
    assert [naive.type_name[frame.type] for frame in heard] == ["REFUSED", "NOTICE", "STATUS"]
    assert naive.unpack("NOTICE", heard[1].body)["cause"] == BY_TOKEN


class SilentPump:
    def receive(self, data: bytes, uptime_ms: int) -> bytes:
        del data, uptime_ms
        return b""

    def press_confirm(self, uptime_ms: int) -> bytes:
        del uptime_ms
        return b""


@pytest.mark.parametrize("exchange", EXCHANGES, ids=lambda exchange: exchange["name"])
def test_runner_notices_a_pump_that_says_nothing(exchange: Exchange):
    with pytest.raises(AssertionError, match=exchange["name"]):
        run_exchange(exchange, SilentPump())


# The examples of Cheshire and Baker's coding as published in encyclopaedias, not made by our encoder.
@pytest.mark.parametrize(
    ("plain", "stuffed"),
    [
        ("00", "0101"),
        ("0000", "010101"),
        ("00110000", "0102110101"),
        ("11220033", "0311220233"),
        ("11223344", "0511223344"),
        ("11000000", "0211010101"),
        (bytes(range(1, 255)).hex(), "ff" + bytes(range(1, 255)).hex()),
        (bytes(range(255)).hex(), "01ff" + bytes(range(1, 255)).hex()),
    ],
)
def test_stuffing_agrees_with_published_examples(plain: str, stuffed: str):
    decoded = naive.unstuff(bytes.fromhex(stuffed))
    assert decoded == bytes.fromhex(plain)
    assert naive.stuff(bytes.fromhex(plain)).hex() in (stuffed, stuffed + "01")


def test_stop_frame_begins_as_the_specification_prints_it():
    assert naive.frame("STOP", 0, 0, {}).hex(" ").startswith("03 01 0a 01 01 01 01 01 01 01 05 ")


def test_crc_is_the_common_one():
    """The check value that catalogues give for CRC-32 of the digits 1 to 9."""
    assert naive.checksum(b"123456789").hex() == "2639f4cb"
