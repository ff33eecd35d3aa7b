"""Rows in a file: added as they come, taken up again, never mixed with another campaign's."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulator.rig.campaign.keeping import Heading, Kept, Unkept
from simulator.rig.campaign.outcome import Broken, Outcome, Row
from simulator.rig.campaign.summary import summed

HEADING = Heading(seed=1, kinds=("loss", "kill"))


def row(index: int, *, started: bool = True, broken: tuple[Broken, ...] = ()) -> Row:
    return Row(
        index=index,
        outcome=Outcome(
            digest=f"{index:064x}",
            started=started,
            ended="completed",
            is_live=True,
            pump_ms=3_600_000,
            fired={"loss": index},
            excess_ul={"siphon": 10 * index},
            broken=broken,
        ),
    )


def kept_in(path: Path, *rows: Row) -> Kept:
    kept = Kept(HEADING, path)
    for each in rows:
        kept.add(each)
    kept.close()
    return kept


def test_what_was_kept_is_there_again_and_more_can_be_added(tmp_path: Path):
    path = tmp_path / "new" / "rows.jsonl"
    kept_in(path, row(2), row(0, broken=(Broken(invariant="I3", at_ns=5, detail="ü"),)))
    assert kept_in(path, row(1)).rows == {2: row(2), 0: row(0, broken=(Broken(invariant="I3", at_ns=5, detail="ü"),)),
                                          1: row(1)}  # fmt: skip
    assert sorted(kept_in(path).rows) == [0, 1, 2]


@pytest.mark.parametrize("cut", [1, 20, 150])
def test_a_last_line_that_was_cut_is_dropped_and_written_over(tmp_path: Path, cut: int):
    path = tmp_path / "rows.jsonl"
    kept_in(path, row(0), row(1))
    path.write_bytes(path.read_bytes()[:-cut])
    assert sorted(kept_in(path, row(5)).rows) == [0, 5]
    assert sorted(kept_in(path).rows) == [0, 5]


@pytest.mark.parametrize("text", ["not rows\n", "not rows", '{"campaign": 1}\n', "\x00\xff\n"])
def test_another_file_is_left_alone(tmp_path: Path, text: str):
    path = tmp_path / "letter.txt"
    path.write_text(text)
    with pytest.raises(Unkept, match=r"letter\.txt"):
        kept_in(path, row(0))
    assert path.read_text() == text


@pytest.mark.parametrize("other", [Heading(seed=2, kinds=HEADING.kinds), Heading(seed=1, kinds=("loss",))])
def test_another_campaign_is_refused(tmp_path: Path, other: Heading):
    path = tmp_path / "rows.jsonl"
    kept_in(path, row(0))
    before = path.read_text()
    with pytest.raises(Unkept, match="name another file"):
        Kept(other, path)
    assert path.read_text() == before


def test_a_folder_is_no_file(tmp_path: Path):
    with pytest.raises(Unkept):
        Kept(HEADING, tmp_path)


def test_the_digest_depends_on_the_rows_and_not_on_their_order():
    rows = {index: row(index) for index in range(4)}
    digest = summed(1, HEADING.kinds, rows).digest
    assert summed(1, HEADING.kinds, dict(reversed(rows.items()))).digest == digest
    assert summed(1, HEADING.kinds, {index: rows[index] for index in range(3)}).digest != digest
    assert (
        summed(1, HEADING.kinds, rows | {3: row(3).model_copy(update={"index": 3, "outcome": row(2).outcome})}).digest
        != digest
    )


def test_faults_count_only_where_something_was_started():
    broken = (Broken(invariant="I6", at_ns=1_500_000_000, detail="a start after a stop"),)
    summary = summed(9, ("loss", "kill"), {1: row(1), 2: row(2, broken=broken), 3: row(3, started=False)})
    assert summary.fired == {"loss": 3, "kill": 0}
    assert (summary.runs, summary.counting) == (3, 2)
    assert summary.violations == (
        {"seed": "9/2", "invariant": "I6", "at_s": 1.5, "detail": "a start after a stop"},
    )  # fmt: skip
    assert summary.excess_ul == {"siphon": 30}
