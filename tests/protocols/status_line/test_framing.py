"""The status line's codec: golden bytes fed whole, byte by byte and dirty, against a naive second reading."""

from __future__ import annotations

import json
import random
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import LocalProtocolError
from protocols.status_line import framing
from protocols.status_line.framing import (
    MAX_LINE_BYTES,
    Garbage,
    GarbageReason,
    LineDecoder,
    Piece,
    State,
    encode_line,
)
from tests.protocols.status_line import naive

VECTORS = Path(framing.__file__).with_name("vectors.json")
GOLDEN: list[dict[str, str]] = json.loads(VECTORS.read_text(encoding="utf-8"))["lines"]
IDLE = encode_line({"channel": "a", "state": "idle"})
LONGEST = encode_line({"filler": "x" * (MAX_LINE_BYTES - 23)})
R = GarbageReason


def state(**payload: object) -> State:
    return State(payload)


A_IDLE = state(channel="a", state="idle")

# (what is on the line after an empty line, what comes out of it)
CASES: dict[str, tuple[bytes, list[Piece]]] = {
    "nothing": (b"", []),
    "line feeds alone": (b"\n\n\n", []),
    "one line": (IDLE, [A_IDLE]),
    "two lines": (IDLE * 2, [A_IDLE, A_IDLE]),
    "not ended yet": (IDLE[:-1], []),
    "cut, then ended by the writer": (IDLE[:12] + b"\n" + IDLE, [Garbage(R.NO_CRC, 12), A_IDLE]),
    "cut, and the next begins at once": (IDLE[:12] + IDLE, [Garbage(R.WRONG_CRC, 12 + len(IDLE) - 1)]),
    "digits in upper case": (naive.line("{}").replace(b"a", b"A") + IDLE, [Garbage(R.NO_CRC, 11), A_IDLE]),
    "seven digits": (b"{} 1234567\n", [Garbage(R.NO_CRC, 10)]),
    "a wrong digit": (IDLE[:-2] + b"0\n", [Garbage(R.WRONG_CRC, len(IDLE) - 1)]),
    "a carriage return": (IDLE[:-1] + b"\r\n", [Garbage(R.NO_CRC, len(IDLE))]),
    "noise before it": (b"\0\xff" + IDLE, [Garbage(R.WRONG_CRC, len(IDLE) + 1)]),
    "a list": (naive.line("[1]"), [Garbage(R.NOT_A_STATE, 12)]),
    "no JSON": (naive.line("idle"), [Garbage(R.NOT_A_STATE, 13)]),
    "NaN": (naive.line('{"flow":NaN}'), [Garbage(R.NOT_A_STATE, 21)]),
    "no ASCII": (b'{"a":"\xc3\xa9"} 20f000a5\n', [Garbage(R.NOT_A_STATE, 19)]),
    "nested without end": (naive.line("[" * 9000), [Garbage(R.NOT_A_STATE, 9009)]),
    "the longest": (LONGEST, [state(filler="x" * (MAX_LINE_BYTES - 23))]),
    "one byte longer": (b"x" + LONGEST + IDLE, [Garbage(R.TOO_LONG, MAX_LINE_BYTES), A_IDLE]),
    "all up to the line feed": (b"x" * 200_000 + b"\n" + IDLE, [Garbage(R.TOO_LONG, MAX_LINE_BYTES), A_IDLE]),
}


def fed(parts: list[bytes]) -> list[Piece]:
    decoder = LineDecoder()
    assert decoder.receive(b"\n") == []
    return [piece for part in parts for piece in decoder.receive(part)]


@pytest.mark.parametrize("name", CASES)
def test_case_whole_split_and_byte_by_byte(name: str) -> None:
    line, expected = CASES[name]
    assert fed([line]) == expected
    assert fed([line[at : at + 1] for at in range(len(line))]) == expected
    for cut in range(0, len(line) + 1, max(1, len(line) // 50)):
        assert fed([line[:cut], line[cut:]]) == expected
    assert [piece.payload for piece in expected if isinstance(piece, State)] == naive.states(line)


@pytest.mark.parametrize("vector", GOLDEN, ids=lambda vector: vector["name"])
def test_golden_bytes(vector: dict[str, str]) -> None:
    line = vector["line"].encode("ascii")
    told = json.loads(vector["json"])
    assert encode_line(told) == line
    assert naive.states(line) == [told]
    for parts in ([line], [line[at : at + 1] for at in range(len(line))]):
        assert fed(parts) == [State(told)]
    for dirt in (b"\xff\0", b"{", IDLE[:9], b"\r"):
        pieces = fed([dirt + b"\n" + line + dirt + b"\n" + line])
        assert [piece for piece in pieces if isinstance(piece, State)] == [State(told)] * 2
        assert sum(isinstance(piece, Garbage) for piece in pieces) == 2


def test_the_first_line_may_have_begun_before_anybody_listened() -> None:
    decoder = LineDecoder()
    assert decoder.receive(IDLE[5:] + IDLE) == [Garbage(R.CUT_OFF, len(IDLE) - 6), A_IDLE]
    assert (decoder.good_lines, decoder.damaged_lines) == (1, 0)
    assert decoder.receive(IDLE[5:]) == [Garbage(R.WRONG_CRC, len(IDLE) - 6)]
    assert (decoder.good_lines, decoder.damaged_lines) == (1, 1)
    assert LineDecoder().receive(IDLE) == [A_IDLE], "unless it is whole"


def test_each_wrong_bit_of_a_line_is_found() -> None:
    for bit in range(8 * (len(IDLE) - 1)):
        damaged = bytearray(IDLE)
        damaged[bit // 8] ^= 1 << bit % 8
        pieces = fed([bytes(damaged) + IDLE])
        assert pieces[-1] == A_IDLE
        assert all(isinstance(piece, Garbage) for piece in pieces[:-1])
        assert len(pieces) > 1


def test_a_state_that_is_no_line_is_refused() -> None:
    for payload in ({"flow": float("nan")}, {"flow": object()}, {"filler": "x" * MAX_LINE_BYTES}):
        with pytest.raises(LocalProtocolError):
            encode_line(payload)
    assert len(LONGEST) == MAX_LINE_BYTES
    with pytest.raises(LocalProtocolError):
        encode_line({"filler": "x" * (MAX_LINE_BYTES - 22)})


def test_a_hostile_line_costs_no_more_than_one_line_of_memory(seed: int) -> None:
    noise = random.Random(seed)
    decoder = LineDecoder()
    tracemalloc.start()
    for _ in range(200):
        decoder.receive(noise.randbytes(4096).replace(b"\n", b"x"))
        assert decoder.pending_bytes < MAX_LINE_BYTES
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 10 * MAX_LINE_BYTES
    assert decoder.receive(b"\n" + IDLE) == [A_IDLE]


PAYLOADS = st.dictionaries(
    st.text(max_size=8),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
        max_leaves=8,
    ),
    max_size=6,
)
STREAM = st.lists(
    PAYLOADS.map(encode_line)
    | st.binary(max_size=60)
    | PAYLOADS.map(lambda payload: encode_line(payload)[:-3])
    | st.just(b"\n"),
    max_size=8,
)


@given(PAYLOADS)
def test_what_is_encoded_is_decoded(payload: dict[str, object]) -> None:
    line = encode_line(payload)
    assert line.isascii()
    assert line.count(b"\n") == 1
    assert fed([line]) == [State(payload)]


@given(STREAM, st.integers(min_value=1, max_value=40))
def test_any_stream_in_any_pieces_gives_what_the_naive_reading_gives(stream: list[bytes], size: int) -> None:
    line = b"".join(stream)
    pieces = fed([line[at : at + size] for at in range(0, len(line), size)])
    assert [piece.payload for piece in pieces if isinstance(piece, State)] == naive.states(line)
    assert pieces == fed([line])
