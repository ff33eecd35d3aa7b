"""A damaged journal put aside: nothing lost, nothing gained, and damaged until the very end."""

from __future__ import annotations

from pathlib import Path

import pytest

from pumpctl.configuration import JournalCondition
from pumpctl.shell.chain import ANCHOR_FILE, JOURNAL_FILE
from pumpctl.shell.journal import Journal
from pumpctl.shell.retirement import KIND, Retirement, retire_journal
from pumpctl.shell.unusable import Unusable
from tests.shell.journal_life import reopened, write

SOUND, DAMAGED = JournalCondition.SOUND, JournalCondition.DAMAGED
STAMP = "20261201T180000Z"
UTC_MS = 1_796_148_000_000


def _retired(state_dir: Path) -> Retirement:
    return retire_journal(state_dir, ("A. Nurse", "B. Doctor"), "disk was changed", UTC_MS, STAMP)


def _damage_row(state_dir: Path) -> None:
    path = state_dir / JOURNAL_FILE
    content = bytearray(path.read_bytes())
    content[content.rindex(b'{"number":') + 10] ^= 1
    path.write_bytes(content)


def _anchor_of_another(state_dir: Path) -> None:
    (state_dir / ANCHOR_FILE).write_bytes(bytes(8192))


def _directory_for_journal(state_dir: Path) -> None:
    (state_dir / JOURNAL_FILE).unlink()
    (state_dir / JOURNAL_FILE).mkdir()


DAMAGE = {
    "row": _damage_row,
    "anchor": _anchor_of_another,
    "no_anchor": lambda state_dir: (state_dir / ANCHOR_FILE).unlink(),
    "no_journal": lambda state_dir: (state_dir / JOURNAL_FILE).unlink(),
    "directory": _directory_for_journal,
}


@pytest.fixture(params=DAMAGE)
def damaged(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    write(tmp_path, [1, 2, 3])
    DAMAGE[request.param](tmp_path)
    return tmp_path


@pytest.mark.hazard("H69")
@pytest.mark.hazard("H71")
def test_a_new_journal_begins_by_saying_so_and_the_old_one_is_kept(damaged: Path) -> None:
    before = {path.name: path.read_bytes() for path in damaged.iterdir() if path.is_file()}
    retired = _retired(damaged)
    assert retired.moved_to == damaged / f"retired-{STAMP}"
    for name in (JOURNAL_FILE, ANCHOR_FILE):
        if name in before:
            assert (retired.moved_to / name).read_bytes() == before[name]
    content = reopened(damaged)
    assert (content.condition, content.reason) == (SOUND, "")
    (first,) = content.records
    assert (first.seq, first.kind, first.utc_ms) == (1, KIND, UTC_MS)
    assert first.body["by"] == ["A. Nurse", "B. Doctor"]
    assert first.body["reason"] == "disk was changed"
    assert first.body["damage"] == retired.damage != ""
    assert not (retired.moved_to / "new").exists()
    write(damaged, [2, 3])
    assert [past.seq for past in reopened(damaged).records] == [1, 2, 3]


def test_twice_in_a_second_takes_two_directories(tmp_path: Path) -> None:
    write(tmp_path, [1, 2, 3])
    _damage_row(tmp_path)
    first = _retired(tmp_path)
    (tmp_path / ANCHOR_FILE).unlink()
    second = _retired(tmp_path)
    assert first.moved_to != second.moved_to
    assert (first.moved_to / JOURNAL_FILE).exists()
    assert (second.moved_to / JOURNAL_FILE).exists()


def test_a_sound_journal_is_not_retired(tmp_path: Path) -> None:
    write(tmp_path, [1])
    with pytest.raises(Unusable, match="nothing to retire") as refused:
        _retired(tmp_path)
    assert refused.value.exit_code == 4
    assert len(reopened(tmp_path).records) == 1


def test_where_there_never_was_one_there_is_nothing_to_retire(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        _retired(tmp_path)


@pytest.mark.hazard("H47")
def test_not_while_a_daemon_runs(tmp_path: Path) -> None:
    write(tmp_path, [1, 2, 3])
    _damage_row(tmp_path)
    journal, _ = Journal.open(tmp_path)
    with pytest.raises(Unusable, match="another daemon holds it"):
        _retired(tmp_path)
    journal.close()
    assert reopened(tmp_path).condition is DAMAGED


class PowerCut(BaseException):
    """Nothing of ours catches it."""


STEPS = 4  # the new anchor, the old WAL or what is beside, the old journal, the new journal; no one takes more


@pytest.mark.hazard("H69")
@pytest.mark.parametrize("step", range(STEPS))
def test_whatever_ends_it_half_way_the_journal_is_still_damaged_and_it_can_be_done_again(
    damaged: Path, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename, left = Path.rename, [step]

    def cut(path: Path, target: Path) -> Path:
        if left[0] == 0:
            raise PowerCut
        left[0] -= 1
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", cut)
    try:
        _retired(damaged)
    except PowerCut:
        monkeypatch.setattr(Path, "rename", rename)
        assert reopened(damaged).condition is DAMAGED
        _retired(damaged)
    monkeypatch.setattr(Path, "rename", rename)
    assert reopened(damaged).condition is SOUND
    assert list(damaged.glob("retired-*"))
