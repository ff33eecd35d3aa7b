"""What one and two wrong bits make of each kind of New Era packet, counted to the last case.

Refuses to judge: the numbers stand in docs/dialects/new_era.md and a test compares them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations

from protocols.new_era.framing import Mode, Packet, ReplyDecoder, RequestDecoder, encode_reply, encode_request

REQUESTS = {
    "status": b"0",
    "`STP`": b"0STP",
    "`RUN`": b"0RUN",
    "`RAT10MH`": b"0RAT10MH",
    "`VOL60`": b"0VOL60",
    "`SAF10`": b"0SAF10",
    "`DIA26.59`": b"0DIA26.59",
    "`PHN2`": b"0PHN2",
    "`FUNSTP`": b"0FUNSTP",
    "`DIRINF`": b"0DIRINF",
    "`CLDINF`": b"0CLDINF",
    "`VER`": b"0VER",
}
REPLIES = {
    "stopped": b"00S",
    "infusing": b"00I",
    "alarm": b"00A?S",
    "`DIS`": b"00II1.250W0.000ML",
    "`RAT`": b"00S10.00MH",
    "`DIA`": b"00S26.59",
    "`VOL`": b"00S60.00ML",
    "`FUN`": b"00SSTP",
    "`DIR`": b"00SINF",
    "`SAF`": b"00S10",
    "`VER`": b"00SNE1000V3.928",
}


@dataclass(frozen=True, slots=True)
class Tally:
    """`other`: cases that gave a packet with another meaning. `none`: cases that gave no packet at all."""

    tried: int
    other: int
    none: int


def count(payload: bytes, mode: Mode, *, from_pump: bool, wrong_bits: int) -> Tally:
    """Every case of so many wrong bits."""
    sent = (encode_reply if from_pump else encode_request)(payload, mode)
    tried = other = none = 0
    for received in _with_errors(sent, wrong_bits):
        tried += 1
        meanings = {_meaning(found, from_pump=from_pump) for found in _packets(received, mode, from_pump=from_pump)}
        none += not meanings
        other += bool(meanings - {_meaning(payload, from_pump=from_pump)})
    return Tally(tried, other, none)


def meanings(request: bytes, wrong_bits: int) -> set[str]:
    """All that a pump in basic mode could take this request for."""
    errors = _with_errors(encode_request(request, Mode.BASIC), wrong_bits)
    found = {packet for received in errors for packet in _packets(received, Mode.BASIC, from_pump=False)}
    return {_meaning(packet, from_pump=False) for packet in found}


def _with_errors(sent: bytes, wrong_bits: int) -> Iterable[bytes]:
    whole = int.from_bytes(sent, "big")
    for bits in combinations(range(8 * len(sent)), wrong_bits):
        wrong = whole
        for bit in bits:
            wrong ^= 1 << bit
        yield wrong.to_bytes(len(sent), "big")


def _packets(received: bytes, mode: Mode, *, from_pump: bool) -> list[bytes]:
    """Each end set to this mode; what is silent in between has expired."""
    decoder = ReplyDecoder(mode) if from_pump else RequestDecoder(mode)
    return [piece.payload for piece in decoder.receive(received) + decoder.expire() if isinstance(piece, Packet)]


def _meaning(payload: bytes, *, from_pump: bool) -> str:
    """The pump knows no case and no control characters."""
    text = payload.decode("latin-1")
    return text if from_pump else "".join(letter for letter in text if letter > " ").upper()


def table() -> str:
    """As it stands in the notes."""
    lines = [
        "| packet | mode | one wrong bit: cases | another packet | two: cases | another packet |",
        "|---|---|---|---|---|---|",
    ]
    for what, kinds, from_pump in (("to", REQUESTS, False), ("from", REPLIES, True)):
        for name, payload in kinds.items():
            for mode in Mode:
                one, two = (count(payload, mode, from_pump=from_pump, wrong_bits=bits) for bits in (1, 2))
                counted = f"{one.tried} | {_share(one)} | {two.tried} | {_share(two)}"
                lines.append(f"| {what} the pump, {name} | {mode.value} | {counted} |")
    return "\n".join(lines)


def _share(tally: Tally) -> str:
    return f"{tally.other} ({100 * tally.other / tally.tried:.1f} %)" if tally.other else "0"
