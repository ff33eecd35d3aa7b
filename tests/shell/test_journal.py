"""Journal: durable before said so, in order, and one failure is final."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from pumpctl.configuration import JournalCondition, JournalContent
from pumpctl.events import Recorded, RecordFailed
from pumpctl.shell.anchor import Anchor, Head, read_head
from pumpctl.shell.chain import ANCHOR_FILE, JOURNAL_FILE, canonical_json, proven_rows, verify_journal
from pumpctl.shell.journal import FLOOR_BYTES, QUEUE_RECORDS, Journal
from pumpctl.shell.unusable import Unusable
from tests.shell.journal_life import reopened, write
from tests.shell.journal_probe import record

PROBE = Path(__file__).with_name("journal_probe.py")
SOUND, DAMAGED = JournalCondition.SOUND, JournalCondition.DAMAGED


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
        journal.append(record(seq))
    journal.start(said.put)
    journal.close()
    numbers = [event.seq for event in list(said.queue) if isinstance(event, Recorded)]
    assert numbers == [256, 512, 600]
    assert len(reopened(tmp_path).records) == 600


def test_the_anchor_has_seen_whatever_was_said_durable(tmp_path: Path) -> None:
    journal, _ = Journal.open(tmp_path)
    anchored: list[int] = []
    done = threading.Event()

    def look(event: Recorded | RecordFailed) -> None:
        anchored.append(read_head(tmp_path / ANCHOR_FILE).seq)
        if event == Recorded(3):
            done.set()

    journal.start(look)
    for seq in (1, 2, 3):
        journal.append(record(seq))
    assert done.wait(10)
    assert anchored[-1] == 3
    journal.close()


@pytest.mark.hazard("H68")
def test_below_the_floor_no_start_may_follow_and_all_is_still_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = [FLOOR_BYTES]
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_bavail=free[0], f_frsize=1))
    journal, _ = Journal.open(tmp_path)
    said: queue.Queue[Recorded | RecordFailed] = queue.Queue()
    journal.start(said.put)
    journal.append(record(1))
    assert said.get(timeout=10) == Recorded(1)
    free[0] = FLOOR_BYTES - 1
    for seq in (2, 3):
        journal.append(record(seq))
    journal.close()
    told = list(said.queue)
    assert [event.seq for event in told if isinstance(event, Recorded)][-1] == 3
    (failed,) = [event for event in told if isinstance(event, RecordFailed)]
    assert "less than 32 MiB are free" in failed.reason
    assert len(reopened(tmp_path).records) == 3


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
            assert [row.body for row in proven_rows(tmp_path)][-1] == canonical_json({"number": seq})
    journal.close()


DIES = """
import os, signal, sys
from pathlib import Path
from pumpctl.shell.anchor import Anchor
from pumpctl.shell.journal import Journal
whole, left = Anchor.write, [int(sys.argv[2])]
def dies(anchor, head):
    left[0] -= 1
    if left[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    whole(anchor, head)
Anchor.write = dies
Journal.open(Path(sys.argv[1]))
"""


@pytest.mark.hazard("H44")
@pytest.mark.parametrize("write_number", [1, 2])
def test_a_death_while_the_first_anchor_is_made_leaves_a_journal_that_can_begin(
    tmp_path: Path, write_number: int
) -> None:
    died = subprocess.run([sys.executable, "-c", DIES, tmp_path, str(write_number)], check=False, timeout=30)
    assert died.returncode == -signal.SIGKILL
    assert write(tmp_path, [1]).condition is SOUND
    assert verify_journal(tmp_path).condition is SOUND
