"""A seeded slice of the damage campaign, and that the campaign can fail."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from pumpctl.configuration import JournalCondition, JournalContent
from pumpctl.shell import chain
from pumpctl.shell.chain import ANCHOR_FILE, JOURNAL_FILE
from pumpctl.shell.journal import Journal
from tests.damage.campaign import NO_DOSE, Case, allowed_ug, every_case, judge
from tests.damage.material import LEAST_BYTES, WAL_FILE, Material, lived_records, made

SLICE = 300
KILLED, CLOSED = 0, 1


@pytest.fixture(scope="module")
def materials(tmp_path_factory: pytest.TempPathFactory) -> tuple[Material, ...]:
    return made(tmp_path_factory.mktemp("made"), lived_records())


@pytest.mark.hazard("H69")
def test_a_slice_of_every_damage_is_reported_or_harmless(materials: tuple[Material, ...], tmp_path: Path, seed: int):
    cases = random.Random(seed).sample(list(every_case(materials, seed)), SLICE)
    tally = judge(materials, cases, tmp_path)
    assert tally.wrong == []
    assert tally.cases == SLICE == tally.reported + tally.harmless
    assert tally.reported > 0
    assert tally.harmless > 0


def test_the_material_is_what_the_campaign_promises(materials: tuple[Material, ...]):
    for material in materials:
        assert sum(len(content) for content in material.files.values()) >= LEAST_BYTES
        assert {"dosing_intent", "settled", "order_accepted", "progress"} <= {past.kind for past in material.records}
    assert set(materials[KILLED].files) == {JOURNAL_FILE, WAL_FILE, ANCHOR_FILE}
    assert set(materials[CLOSED].files) == {JOURNAL_FILE, ANCHOR_FILE}
    assert materials[KILLED].records == materials[CLOSED].records


@pytest.mark.parametrize("state", [KILLED, CLOSED])
def test_the_ends_of_every_file(materials: tuple[Material, ...], tmp_path: Path, state: int):
    """Nothing left of a file, one byte less of it, its first and its last byte."""
    cases = [
        Case(state, name, at, mask)
        for name, content in materials[state].files.items()
        for at, mask in ((0, 0), (len(content) - 1, 0), (0, 1), (len(content) - 1, 128))
    ]
    assert judge(materials, cases, tmp_path).wrong == []


def _in_the_newest_body(materials: tuple[Material, ...]) -> list[Case]:
    """A digit of the last settled dose, in the closed database."""
    at = materials[CLOSED].files[JOURNAL_FILE].rindex(b'"most_ul":') + len(b'"most_ul":')
    return [Case(CLOSED, JOURNAL_FILE, at, 1)]


def test_damaged_text_in_the_schema_is_reported(materials: tuple[Material, ...], tmp_path: Path):
    """SQLite quotes it in its error, and the error is then no UTF-8: the daemon must come up all the same."""
    content = materials[CLOSED].files[JOURNAL_FILE]
    words = b"CREATE TABLE journal ("
    begin = content.index(words)
    cases = [Case(CLOSED, JOURNAL_FILE, at, 0x80) for at in range(begin, begin + len(words))]
    tally = judge(materials, cases, tmp_path)
    assert (tally.wrong, tally.reported) == ([], len(words))


def test_without_the_chain_the_campaign_is_red(
    materials: tuple[Material, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    cases = _in_the_newest_body(materials)
    assert judge(materials, cases, tmp_path).reported == 1
    monkeypatch.setattr(chain, "_verdict", lambda *_: "")
    assert judge(materials, cases, tmp_path).wrong_count == 1


def test_without_the_anchor_a_torn_tail_is_red(
    materials: tuple[Material, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    cases = [Case(KILLED, WAL_FILE, len(materials[KILLED].files[WAL_FILE]) - 5_000, 0)]
    assert judge(materials, cases, tmp_path).reported == 1
    monkeypatch.setattr(chain, "_verdict", lambda walked, *_: walked.fault)
    assert judge(materials, cases, tmp_path).wrong_count == 1


def test_a_daemon_that_does_not_come_up_is_red(
    materials: tuple[Material, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def bursts(_: Path) -> object:
        raise RecursionError

    monkeypatch.setattr(Journal, "open", staticmethod(bursts))
    tally = judge(materials, [Case(CLOSED, ANCHOR_FILE, 0, 1)], tmp_path)
    assert tally.wrong == ["closed journal.anchor: byte 0 xor 0x01: RecursionError: "]


def test_less_used_is_more_allowed_and_damage_allows_nothing(materials: tuple[Material, ...]):
    lived = materials[CLOSED].records
    whole = allowed_ug(JournalContent(JournalCondition.SOUND, "", lived), lived)
    forgetful = allowed_ug(JournalContent(JournalCondition.SOUND, "", lived[:10]), lived)
    assert NO_DOSE < whole < forgetful
    assert allowed_ug(JournalContent(JournalCondition.DAMAGED, "torn", lived), lived) == NO_DOSE
