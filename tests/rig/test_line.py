"""The hostile line: what goes in comes out later, or not quite the same, and always the same way for one seed."""

from __future__ import annotations

from random import Random

import pytest

from simulator.instant import NS_PER_MS, NS_PER_S
from simulator.rig.line import LATE_NS, MAX_WAITING, Line
from simulator.rig.mishaps import Mishap

WRITES = 400


def line(seed: int = 1, **traits: int) -> Line:
    made = Line(Random(seed), NS_PER_MS)
    made.traits = {Mishap(name): by for name, by in traits.items()}
    return made


def arrivals(made: Line, writes: int = WRITES) -> list[tuple[int, bytes]]:
    """One numbered write a 10 ms, and what came of them when."""
    due: set[int] = set()
    for number in range(writes):
        due.update(made.carry(number.to_bytes(2, "big") * 4, number * 10 * NS_PER_MS))
    return [(at_ns, made.take(at_ns)) for at_ns in sorted(due)]


def whole(made: Line) -> bytes:
    return b"".join(arrived for _, arrived in arrivals(made))


SENT = b"".join(number.to_bytes(2, "big") * 4 for number in range(WRITES))


def test_a_sound_line_is_a_delay():
    came = arrivals(line())
    assert came[5] == (51 * NS_PER_MS, b"\0\5" * 4)
    assert len(came) == WRITES


@pytest.mark.parametrize("traits", [{"delay": 200}, {"split": 500}, {"coalesce": 16}, {"baud_pacing": 9_600}])
def test_what_keeps_the_bytes_keeps_their_order(traits: dict[str, int]):
    assert whole(line(**traits)) == SENT


@pytest.mark.parametrize("trait", ["loss", "duplicate"])
def test_about_so_many_of_a_thousand(trait: str):
    arrived = len(whole(line(**{trait: 250}))) / len(SENT)
    assert abs(arrived - (0.75 if trait == "loss" else 1.25)) < 0.06
    assert len(whole(line(**{trait: 1000}))) == (0 if trait == "loss" else 2 * len(SENT))


def test_what_is_overtaken_arrives_late_and_whole():
    came = whole(line(reorder=300))
    assert came != SENT
    assert sorted(came[at : at + 8] for at in range(0, len(came), 8)) == sorted(
        SENT[at : at + 8] for at in range(0, len(SENT), 8)
    )


def test_a_flip_changes_one_to_three_bits():
    seen = set[int]()
    for number in range(200):
        made = line(number, bit_flip=1000)
        (at_ns,) = made.carry(bytes(20), 0)
        flipped = int.from_bytes(made.take(at_ns), "big").bit_count()
        assert flipped <= 3  # the same bit twice is no flip
        seen.add(flipped)
    assert {1, 2, 3} <= seen


def test_a_split_write_is_cut_somewhere_within():
    cuts = set[int]()
    for number in range(100):
        made = line(number, split=1000, delay=5)
        first, *_ = sorted(made.carry(bytes(10), 0))
        cuts.add(len(made.take(first)))
    assert {1, 9} <= cuts <= set(range(1, 11))


def test_pacing_takes_ten_bits_a_byte():
    made = line(baud_pacing=9_600)
    (first,) = made.carry(bytes(96), 0)
    (second,) = made.carry(bytes(96), 0)
    assert (first, second) == (NS_PER_S // 10 + NS_PER_MS, NS_PER_S // 5 + NS_PER_MS)


def test_a_latency_timer_hands_over_at_its_ticks():
    assert {at_ns % (16 * NS_PER_MS) for at_ns, _ in arrivals(line(coalesce=16))} == {0}
    assert len(arrivals(line(coalesce=16))) < WRITES


def test_the_latest_arrival_has_a_bound():
    made = line(reorder=1000, duplicate=1000)
    assert max(made.carry(b"x", 0)) <= NS_PER_MS + 2 * LATE_NS


def test_one_seed_is_one_fate():
    def fate(seed: int) -> list[tuple[int, bytes]]:
        return arrivals(line(seed, loss=200, duplicate=200, reorder=200, split=500, bit_flip=100, delay=100))

    assert fate(7) == fate(7) != fate(8)


def test_what_is_cut_never_arrives_and_what_is_too_much_neither():
    made = line()
    (at_ns,) = made.carry(b"x", 0)
    made.cut()
    assert made.take(at_ns) == b""
    for _ in range(MAX_WAITING):
        assert made.carry(b"x", 0)
    assert made.carry(b"x", 0) == ()
