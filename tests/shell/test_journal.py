"""Journal: durable before said so, in order, and every kind of damage found at the next start."""

from __future__ import annotations

import os
import queue
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from pumpctl.configuration import JournalCondition, JournalContent
from pumpctl.events import Recorded, RecordFailed
from pumpctl.shell.anchor import SLOT_BYTES, Anchor, Head
from pumpctl.shell.chain import ANCHOR_FILE, JOURNAL_FILE, canonical_json, export_rows, verify_journal
from pumpctl.shell.journal import QUEUE_RECORDS, Journal
from pumpctl.shell.unusable import Unusable
from tests.shell.journal_probe import record

PROBE = Path(__file__).with_name("journal_probe.py")
SOUND, DAMAGED = JournalCondition.SOUND, JournalCondition.DAMAGED


def write(
    directory: Path, seqs: Iterable[int], *, anchored: bool = True, body: dict[str, object] | None = None
) -> JournalContent:
    """One daemon's life: open, write, wait for each, close. Returns what it found at opening."""
    journal, content = Journal.open(directory)
    said: queue.Queue[Recorded | RecordFailed] = queue.Queue()
    journal.start(said.put)
    for seq in seqs:
        journal.append(record(seq, anchored=anchored, body=body))
        assert said.get(timeout=10) == Recorded(seq)
    journal.close()
    return content


def reopened(directory: Path) -> JournalContent:
    journal, content = Journal.open(directory)
    journal.start(lambda _event: None)
    journal.close()
    return content


def test_a_first_start_creates_both_files_and_the_next_reads_what_was_said_durable(tmp_path: Path) -> None:
    first = write(tmp_path, range(1, 6))
    assert first == JournalContent(SOUND, "", ())
    content = write(tmp_path, [6])
    assert content.condition is SOUND
    assert [(past.seq, past.kind, past.body) for past in content.records] == [
        (seq, "probe", {"number": seq}) for seq in range(1, 6)
    ]
    assert content.records[0].utc_ms == 1_780_000_000_001
    assert not (tmp_path / f"{JOURNAL_FILE}-wal").exists(), "a clean end folds the WAL in"
    report = verify_journal(tmp_path)
    assert (report.condition, report.records, report.anchored_seq) == (SOUND, 6, 6)


def test_a_group_is_said_durable_once_by_its_last_number(tmp_path: Path) -> None:
    journal, _ = Journal.open(tmp_path)
    said: queue.Queue[Recorded | RecordFailed] = queue.Queue()
    for seq in range(1, 601):
        journal.append(record(seq, anchored=False))
    journal.start(said.put)
    journal.close()
    numbers = [event.seq for event in list(said.queue) if isinstance(event, Recorded)]
    assert numbers == [256, 512, 600]
    assert len(reopened(tmp_path).records) == 600


def test_an_unanchored_record_leaves_the_anchor_where_it_was(tmp_path: Path) -> None:
    write(tmp_path, [1], anchored=True)
    write(tmp_path, [2, 3], anchored=False)
    report = verify_journal(tmp_path)
    assert (report.condition, report.records, report.anchored_seq) == (SOUND, 3, 1)


@pytest.mark.hazard("H44")
def test_kill_9_of_the_writer_loses_nothing_that_was_said_durable(tmp_path: Path) -> None:
    first = 1
    for _ in range(3):
        process = subprocess.Popen([sys.executable, PROBE, tmp_path, str(first)], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline().startswith("sound")
        said = [int(process.stdout.readline()) for _ in range(25)]
        process.kill()
        said += [int(line) for line in process.stdout.read().split("\n")[:-1] if line]
        process.stdout.close()
        process.wait()
        content = reopened(tmp_path)
        assert content.condition is SOUND, content.reason
        assert content.records[-1].seq >= said[-1]
        assert [past.seq for past in content.records] == list(range(1, content.records[-1].seq + 1))
        first = content.records[-1].seq + 1


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


@pytest.mark.hazard("H68")
def test_a_full_disk_fails_once_and_nothing_is_said_durable_after(tmp_path: Path) -> None:
    command = [sys.executable, PROBE, tmp_path, "1", "60000"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    *_, failed, after = run.stdout.splitlines()
    durable = [int(line) for line in run.stdout.splitlines()[1:-2]]
    assert failed.startswith("failed: the journal cannot write record")
    assert after == "said after the failure: 0"
    content = reopened(tmp_path)
    assert content.condition is SOUND, content.reason
    assert content.records[-1].seq == durable[-1]


@pytest.mark.hazard("H70")
def test_one_failed_sync_of_the_anchor_is_final(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal, _ = Journal.open(tmp_path)
    said: queue.Queue[Recorded | RecordFailed] = queue.Queue()
    journal.start(said.put)
    journal.append(record(1))
    assert said.get(timeout=10) == Recorded(1)
    synced = Anchor.write

    def fails_once(_anchor: Anchor, _head: Head) -> None:
        monkeypatch.setattr(Anchor, "write", synced)
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Anchor, "write", fails_once)
    journal.append(record(2))
    failed = said.get(timeout=10)
    assert isinstance(failed, RecordFailed)
    assert "Input/output error" in failed.reason
    journal.append(record(3))
    journal.close()
    assert said.empty()


def test_a_number_that_does_not_rise_fails_the_journal(tmp_path: Path) -> None:
    journal, _ = Journal.open(tmp_path)
    said: queue.Queue[Recorded | RecordFailed] = queue.Queue()
    journal.start(said.put)
    journal.append(record(2))
    assert said.get(timeout=10) == Recorded(2)
    journal.append(record(2))
    assert isinstance(said.get(timeout=10), RecordFailed)
    journal.close()


def test_a_body_that_is_not_json_fails_the_journal(tmp_path: Path) -> None:
    journal, _ = Journal.open(tmp_path)
    said: queue.Queue[Recorded | RecordFailed] = queue.Queue()
    journal.start(said.put)
    journal.append(record(1, body={"rate": float("nan")}))
    assert isinstance(said.get(timeout=10), RecordFailed)
    journal.close()


@pytest.mark.hazard("H49")
def test_the_queue_is_bounded_and_a_disk_that_far_behind_has_failed(tmp_path: Path) -> None:
    journal, _ = Journal.open(tmp_path)
    said: queue.Queue[Recorded | RecordFailed] = queue.Queue()
    journal._post = said.put  # the writer has not started: nothing is taken from the queue
    for seq in range(1, QUEUE_RECORDS + 1):
        journal.append(record(seq))
    assert said.empty()
    journal.append(record(QUEUE_RECORDS + 1))
    assert isinstance(said.get_nowait(), RecordFailed)
    journal.append(record(QUEUE_RECORDS + 2))
    assert said.empty()
    journal.start(said.put)
    journal.close()
    assert said.empty()


@pytest.mark.hazard("H47")
def test_a_second_opener_is_told_the_pid_of_the_first(tmp_path: Path) -> None:
    journal, _ = Journal.open(tmp_path)
    command = [sys.executable, PROBE, tmp_path, "1"]
    second = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert second.returncode == 1
    assert f"another daemon holds it (pid {os.getpid()})" in second.stderr
    journal.close()
    assert reopened(tmp_path).condition is SOUND


def test_a_missing_directory_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(Unusable) as caught:
        Journal.open(tmp_path / "nowhere")
    assert "there is no such directory" in str(caught.value)
    assert caught.value.exit_code == 2


def test_the_export_is_what_was_written_and_a_reader_does_not_disturb_the_writer(tmp_path: Path) -> None:
    journal, _ = Journal.open(tmp_path)
    said: queue.Queue[Recorded | RecordFailed] = queue.Queue()
    journal.start(said.put)
    for seq in range(1, 50):
        journal.append(record(seq))
        assert said.get(timeout=10) == Recorded(seq)
        if seq % 10 == 0:
            assert verify_journal(tmp_path).condition is SOUND
            assert [row.body for row in export_rows(tmp_path)][-1] == canonical_json({"number": seq})
    journal.close()
