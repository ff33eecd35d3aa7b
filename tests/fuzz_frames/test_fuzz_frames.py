"""A bounded slice of `make fuzz-frames`, and proof that it is red when a codec, a driver or a pump is spoilt.

Refuses to know any frame.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from protocols.alaris.framing import FrameDecoder
from pumpctl.drivers import pump
from pumpctl.drivers.alaris import AlarisDriver
from pumpctl.drivers.companion import CompanionDriver
from tests.fuzz_frames.judging import FRAMES_A_CHUNK, Tally, run
from tests.fuzz_frames.subject import Subject
from tests.fuzz_frames.subjects import SUBJECTS

SEED = 7
SLICE = range(4)
MOST_UNTIL_FOUND = range(20)


@pytest.mark.hazard("H53")
@pytest.mark.parametrize("name", SUBJECTS)
def test_damaged_frames_neither_crash_nor_dose_nor_make_anything_believed(name: str):
    print(f"seed {SEED}: make fuzz-frames FRAMES_ARGS='--codec {name} --seed {SEED} --frames 4000'")
    tally = run(SUBJECTS[name], SEED, SLICE)
    assert tally.findings == []
    assert tally.frames == len(SLICE) * FRAMES_A_CHUNK
    assert tally.whole > tally.frames // 10, "hardly any frame was whole: only the first check was tried"
    assert not SUBJECTS[name].drivers or tally.facts["LineNoise"] > 0


@pytest.mark.parametrize("name", SUBJECTS)
def test_the_same_seed_gives_the_same_frames(name: str):
    one, again, other = (run(SUBJECTS[name], seed, range(1)) for seed in (SEED, SEED, SEED + 1))
    assert (one.whole, one.facts) == (again.whole, again.facts)
    assert (one.whole, one.facts) != (other.whole, other.facts)


def kinds(subject: Subject) -> set[str]:
    """Of the first findings."""
    for chunk in MOST_UNTIL_FOUND:
        tally: Tally = run(subject, SEED, range(chunk, chunk + 1))
        if tally.findings:
            return {finding.kind for finding in tally.findings}
    return set()


class Believing(AlarisDriver):
    """Takes any whole frame for a proof that the motor is still."""

    def receive(self, received: bytes) -> list[pump.Fact]:
        facts = super().receive(received)
        return [*facts, pump.StopTaken()] if any(not isinstance(fact, pump.LineNoise) for fact in facts) else facts


class Starting(CompanionDriver):
    """Says START by itself when it has heard anything."""

    def outgoing(self, now: pump.Now) -> bytes:
        driver = CompanionDriver()
        driver.open(1)
        return super().outgoing(now) or driver.command(pump.Start(bytes(8), 1), now)


class Falling(CompanionDriver):
    """Cannot read what begins with the letter A."""

    def receive(self, received: bytes) -> list[pump.Fact]:
        if received[:1] == b"A":
            raise ValueError("A")
        return super().receive(received)


def test_a_driver_that_believes_too_much_is_found():
    def make() -> pump.Driver:
        driver = Believing()
        driver.open(1)
        driver.command(pump.Identify(), pump.Now(0, 0, 0))
        return driver

    assert "unfounded" in kinds(replace(SUBJECTS["alaris"], drivers={"believing": make}))


def test_a_driver_that_doses_by_itself_is_found():
    assert "dosing" in kinds(replace(SUBJECTS["companion"], drivers={"starting": Starting}))


def test_a_driver_that_falls_is_found():
    assert "crash" in kinds(replace(SUBJECTS["companion"], drivers={"falling": Falling}))


def test_a_pump_that_is_asked_for_flow_is_seen_to_dose():
    assert "dosing" in kinds(replace(SUBJECTS["alaris"], may_dose=lambda _: False, drivers={}))


def test_a_decoder_that_does_not_look_at_the_checksum_is_found(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("protocols.alaris.framing.checksum", lambda _: AnyDigits())
    assert "disagreement" in kinds(replace(SUBJECTS["alaris"], drivers={}, pumps={}))
    assert FrameDecoder().receive(b"!INF|0000\r") == ["INF"]


class AnyDigits:
    """Equal to every checksum."""

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0
