"""Journal: every kind of damage is found at the next start, and at each one after it."""

from __future__ import annotations

import os
import queue
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from pumpctl.configuration import JournalCondition
from pumpctl.events import Recorded, RecordFailed
from pumpctl.shell.anchor import SLOT_BYTES
from pumpctl.shell.chain import ANCHOR_FILE, JOURNAL_FILE, verify_journal
from pumpctl.shell.journal import Journal
from tests.shell.journal_life import reopened, write
from tests.shell.journal_probe import record

PROBE = Path(__file__).with_name("journal_probe.py")
SOUND, DAMAGED = JournalCondition.SOUND, JournalCondition.DAMAGED


@pytest.mark.hazard("H69")
def test_a_torn_tail_that_sqlite_drops_without_a_word_is_found_by_the_anchor(tmp_path: Path) -> None:
    source = tmp_path / "killed"
    source.mkdir()
    command = [sys.executable, PROBE, source, "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for _ in range(10):
            process.stdout.readline()
        process.kill()
    wal = source / f"{JOURNAL_FILE}-wal"
    os.truncate(wal, wal.stat().st_size - 5000)
    content = reopened(source)
    assert content.condition is DAMAGED
    assert "records are gone" in content.reason
    assert [past.seq for past in content.records] == list(range(1, len(content.records) + 1)), "the rest still chains"


@pytest.mark.hazard("H69")
@pytest.mark.hazard("H74")
@pytest.mark.parametrize(
    "change",
    [
        "UPDATE journal SET body = replace(body, '2', '3') WHERE seq = 2",
        "UPDATE journal SET utc_ms = utc_ms + 1 WHERE seq = 2",
        "UPDATE journal SET kind = 'other' WHERE seq = 2",
        "UPDATE journal SET boot_id = 'other' WHERE seq = 2",
        "UPDATE journal SET hash = zeroblob(32) WHERE seq = 2",
        "UPDATE journal SET previous = zeroblob(32) WHERE seq = 2",
        "UPDATE journal SET body = '[]' WHERE seq = 2",
        "UPDATE journal SET utc_ms = 'noon' WHERE seq = 2",
        "UPDATE journal SET seq = 9 WHERE seq = 2",
        "DELETE FROM journal WHERE seq = 2",
        "DELETE FROM journal WHERE seq = 5",
        "DELETE FROM journal WHERE seq = 1",
        "DELETE FROM journal",
        "UPDATE identity SET epoch = zeroblob(16)",
        "DELETE FROM identity",
        "DROP TABLE journal",
    ],
)
def test_an_edit_a_deletion_a_reordering_is_found(tmp_path: Path, change: str) -> None:
    write(tmp_path, range(1, 6))
    connection = sqlite3.connect(tmp_path / JOURNAL_FILE)
    connection.execute(change)
    connection.commit()
    connection.close()
    assert verify_journal(tmp_path).condition is DAMAGED
    assert reopened(tmp_path).condition is DAMAGED
    assert reopened(tmp_path).condition is DAMAGED, "damage is found again at each start"


@pytest.mark.hazard("H69")
def test_a_flipped_byte_anywhere_never_gives_a_sound_journal_with_other_content(tmp_path: Path) -> None:
    write(tmp_path, range(1, 4))
    past = reopened(tmp_path).records
    original = (tmp_path / JOURNAL_FILE).read_bytes()
    found = 0
    for at in range(0, len(original), 61):
        flipped = bytearray(original)
        flipped[at] ^= 0x10
        (tmp_path / JOURNAL_FILE).write_bytes(flipped)
        try:
            report = verify_journal(tmp_path)
        except sqlite3.Error:
            found += 1
            continue
        if report.condition is SOUND:
            assert report.records == len(past)
        else:
            found += 1
    assert found > 0


@pytest.mark.hazard("H71")
def test_an_older_copy_is_found_and_stays_found_although_it_is_written_to(tmp_path: Path) -> None:
    write(tmp_path, range(1, 4))
    shutil.copy(tmp_path / JOURNAL_FILE, tmp_path / "backup")
    write(tmp_path, range(4, 8))
    shutil.copy(tmp_path / "backup", tmp_path / JOURNAL_FILE)
    content = write(tmp_path, range(4, 12), body={"another": "future"})
    assert content.condition is DAMAGED
    assert "ends at record 3, the anchor has seen 7" in content.reason
    assert "not the one that the anchor has seen" in reopened(tmp_path).reason


@pytest.mark.hazard("H71")
def test_a_missing_journal_is_not_a_first_start(tmp_path: Path) -> None:
    write(tmp_path, range(1, 4))
    (tmp_path / JOURNAL_FILE).unlink()
    assert "missing" in reopened(tmp_path).reason
    assert reopened(tmp_path).condition is DAMAGED


@pytest.mark.hazard("H71")
def test_a_missing_anchor_of_a_journal_with_records_is_damage_and_of_an_empty_one_is_not(tmp_path: Path) -> None:
    write(tmp_path, [])
    (tmp_path / ANCHOR_FILE).unlink()
    assert reopened(tmp_path).condition is SOUND
    write(tmp_path, [1])
    (tmp_path / ANCHOR_FILE).unlink()
    for _ in range(2):
        content = reopened(tmp_path)
        assert (content.condition, "anchor is missing" in content.reason) == (DAMAGED, True)
    assert not (tmp_path / ANCHOR_FILE).exists()


def test_one_damaged_anchor_slot_is_borne_two_are_not(tmp_path: Path) -> None:
    write(tmp_path, [1, 2, 3])
    content = bytearray((tmp_path / ANCHOR_FILE).read_bytes())
    for slot, condition in ((0, SOUND), (1, DAMAGED)):
        content[slot * SLOT_BYTES + 30] ^= 1
        (tmp_path / ANCHOR_FILE).write_bytes(content)
        assert reopened(tmp_path).condition is condition


def test_a_file_that_is_no_database_is_damage_and_nothing_can_be_recorded(tmp_path: Path) -> None:
    write(tmp_path, [1])
    (tmp_path / JOURNAL_FILE).write_bytes(b"not a database at all" * 500)
    journal, content = Journal.open(tmp_path)
    assert content.condition is DAMAGED
    said: queue.Queue[Recorded | RecordFailed] = queue.Queue()
    journal.start(said.put)
    journal.append(record(1))
    journal.append(record(2))
    journal.close()
    assert [type(event) for event in list(said.queue)] == [RecordFailed]
