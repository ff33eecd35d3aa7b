"""What else befalls a journal: old copies, strangers, a directory in its place, lost rights, full and sick disks."""

from __future__ import annotations

import contextlib
import os
import queue
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from protocols.companion import messages as wire
from pumpctl.configuration import JournalCondition
from pumpctl.core.delivery import DeliveryState
from pumpctl.events import Recorded, RecordFailed
from pumpctl.shell import journal as journal_room
from pumpctl.shell.chain import ANCHOR_FILE, JOURNAL_FILE, proven_rows, read_past, verify_journal
from pumpctl.shell.journal import Journal
from tests.controller.orders import once
from tests.controller.scenes import loaded
from tests.damage.material import FILES, WAL_FILE
from tests.shell.journal_life import reopened, write
from tests.shell.journal_probe import record

PROBE = Path(__file__).parents[1] / "shell" / "journal_probe.py"
SOUND, DAMAGED = JournalCondition.SOUND, JournalCondition.DAMAGED
NOBODY = 65_534
AS_ROOT = os.geteuid() == 0


def _kept(state_dir: Path, aside: Path, *names: str) -> None:
    aside.mkdir()
    for name in names:
        shutil.copy(state_dir / name, aside / name)


def _restored(state_dir: Path, aside: Path) -> None:
    for kept in aside.iterdir():
        shutil.copy(kept, state_dir / kept.name)


@pytest.mark.hazard("H71")
@pytest.mark.parametrize(
    ("names", "condition", "why"),
    [
        ((JOURNAL_FILE,), DAMAGED, "ends at record 3, the anchor has seen 7"),
        ((ANCHOR_FILE,), SOUND, ""),  # the journal still has it all: nothing is lost
        ((JOURNAL_FILE, ANCHOR_FILE), SOUND, ""),  # the honest limit: see docs/journal.md
    ],
    ids=["journal", "anchor", "both"],
)
def test_an_older_copy_brought_back(
    tmp_path: Path, names: tuple[str, ...], condition: JournalCondition, why: str
) -> None:
    state_dir = tmp_path / "state"
    state_dir.mkdir()
    write(state_dir, range(1, 4))
    _kept(state_dir, tmp_path / "aside", *names)
    write(state_dir, range(4, 8))
    _restored(state_dir, tmp_path / "aside")
    content = reopened(state_dir)
    assert (content.condition, why in content.reason) == (condition, True)
    assert len(content.records) == (3 if JOURNAL_FILE in names else 7)


@pytest.mark.hazard("H71")
@pytest.mark.parametrize("name", [JOURNAL_FILE, ANCHOR_FILE])
def test_the_file_of_another_journal(tmp_path: Path, name: str) -> None:
    for each in ("ours", "theirs"):
        (tmp_path / each).mkdir()
        write(tmp_path / each, range(1, 4))
    shutil.copy(tmp_path / "theirs" / name, tmp_path / "ours" / name)
    assert "different epochs" in reopened(tmp_path / "ours").reason


@pytest.mark.hazard("H47")
def test_a_second_daemon_is_refused_and_the_first_one_writes_on(tmp_path: Path) -> None:
    journal, _ = Journal.open(tmp_path)
    said: queue.Queue[Recorded | RecordFailed] = queue.Queue()
    journal.start(said.put)
    for seq in (1, 2):
        done = subprocess.run([sys.executable, PROBE, tmp_path, "1"], capture_output=True, timeout=30, check=False)
        assert done.returncode == 1
        journal.append(record(seq))
        assert said.get(timeout=10) == Recorded(seq)
    journal.close()
    assert len(reopened(tmp_path).records) == 2


@pytest.mark.hazard("H69")
@pytest.mark.parametrize("garbage", [b"", b"\xff" * 32_768, b"nonsense" * 9])
def test_garbage_in_the_shared_memory_file_harms_nothing(tmp_path: Path, garbage: bytes) -> None:
    killed = tmp_path / "killed"
    killed.mkdir()
    journal, _ = Journal.open(killed)
    said: queue.Queue[Recorded | RecordFailed] = queue.Queue()
    journal.start(said.put)
    for seq in (1, 2, 3):
        journal.append(record(seq))
        assert said.get(timeout=10) == Recorded(seq)
    found = tmp_path / "found"
    found.mkdir()
    for name in FILES:
        shutil.copy(killed / name, found / name)
    journal.close()
    (found / f"{JOURNAL_FILE}-shm").write_bytes(garbage)
    assert verify_journal(found).records == 3
    content = reopened(found)
    assert (content.condition, len(content.records)) == (SOUND, 3)


@pytest.mark.hazard("H69")
@pytest.mark.parametrize("name", [JOURNAL_FILE, ANCHOR_FILE, WAL_FILE])
def test_a_directory_in_the_place_of_a_file(tmp_path: Path, name: str) -> None:
    write(tmp_path, [1, 2])
    (tmp_path / name).unlink(missing_ok=True)
    (tmp_path / name).mkdir()
    assert verify_journal(tmp_path).condition is DAMAGED
    assert reopened(tmp_path).condition is DAMAGED


@pytest.mark.hazard("H71")
def test_verify_and_export_know_a_journal_that_was_taken_away(tmp_path: Path) -> None:
    write(tmp_path, [1, 2])
    (tmp_path / JOURNAL_FILE).unlink()
    assert "missing although the anchor has seen record 2" in read_past(tmp_path).content.reason
    with pytest.raises(Exception, match="missing although"):
        list(proven_rows(tmp_path))


@pytest.fixture
def open_to_all() -> Iterator[Path]:
    """A directory that a process without privileges can enter and own."""
    with tempfile.TemporaryDirectory(prefix="journal-") as folder:
        state_dir = Path(folder) / "state"
        state_dir.mkdir()
        Path(folder).chmod(0o755)
        yield state_dir


@contextlib.contextmanager
def _without_privileges() -> Iterator[None]:
    """Root may read anything: as nobody for a while."""
    if AS_ROOT:
        os.seteuid(NOBODY)
    yield
    if AS_ROOT:
        os.seteuid(0)


@pytest.mark.hazard("H69")
@pytest.mark.parametrize("name", [JOURNAL_FILE, ANCHOR_FILE])
def test_permission_lost_is_reported(open_to_all: Path, name: str) -> None:
    write(open_to_all, [1, 2])
    for file in (open_to_all, *open_to_all.iterdir()):
        if AS_ROOT:
            os.chown(file, NOBODY, NOBODY)
    with _without_privileges():
        assert reopened(open_to_all).condition is SOUND
        (open_to_all / name).chmod(0)
        assert reopened(open_to_all).condition is DAMAGED
        assert verify_journal(open_to_all).condition is DAMAGED


@pytest.mark.hazard("H68")
def test_a_journal_that_may_only_be_read_fails_at_its_first_record(open_to_all: Path) -> None:
    write(open_to_all, [1, 2])
    for file in (open_to_all, *open_to_all.iterdir()):
        if AS_ROOT:
            os.chown(file, NOBODY, NOBODY)
    (open_to_all / JOURNAL_FILE).chmod(0o440)
    with _without_privileges():
        journal, _ = Journal.open(open_to_all)
        said: queue.Queue[Recorded | RecordFailed] = queue.Queue()
        journal.start(said.put)
        journal.append(record(3))
        assert isinstance(said.get(timeout=10), RecordFailed)
        journal.close()


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own with next to no room, where mounting one is allowed."""
    place = tmp_path / "tiny"
    place.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", place], capture_output=True, check=False)
    yield place if done.returncode == 0 else tmp_path
    if done.returncode == 0:
        subprocess.run(["umount", place], check=True)


@pytest.mark.hazard("H68")
def test_a_full_disk(tiny_disk: Path) -> None:
    """A real ENOSPC on a tmpfs of 256 KiB; without the right to mount, the limit of a file's size takes its place."""
    limit = [] if tiny_disk.is_mount() else ["60000"]
    command = [sys.executable, PROBE, tiny_disk, "1", *limit]
    run = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    *_, failed, after = run.stdout.splitlines()
    durable = [int(line) for line in run.stdout.splitlines() if line.isdecimal()]
    assert failed.startswith("failed: the journal cannot write record")
    assert after == "said after the failure: 0"
    content = reopened(tiny_disk)
    assert content.condition is SOUND, content.reason
    assert content.records[-1].seq == durable[-1]


@pytest.mark.hazard("H68")
def test_a_start_whose_record_became_durable_below_the_floor_is_not_sent() -> None:
    desk = loaded(once())
    desk.holds_records = True
    desk.press()
    desk.must_be(DeliveryState.STARTING, 3_000)
    desk.tell(RecordFailed("less than 32 MiB are free where the journal is"))
    desk.release_records()
    desk.run_for(3_000)
    assert desk.written(wire.Start) == 0


class FailingOnce(sqlite3.Connection):
    """A connection whose COMMIT fails once, as it does when the kernel could not sync the WAL."""

    failures = 0

    def execute(self, sql: str, *parameters: object) -> sqlite3.Cursor:  # pyright: ignore[reportIncompatibleMethodOverride]
        if sql == "COMMIT" and FailingOnce.failures:
            FailingOnce.failures -= 1
            raise sqlite3.OperationalError("disk I/O error")
        return super().execute(sql, *parameters)  # pyright: ignore[reportArgumentType]


@pytest.mark.hazard("H70")
def test_one_failed_sync_of_the_database_is_final(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The seam is the connection's class: no file system of this kernel fails a sync on demand."""
    connect: Callable[..., sqlite3.Connection] = sqlite3.connect
    monkeypatch.setattr(
        journal_room.sqlite3, "connect", lambda *args, **more: connect(*args, **more, factory=FailingOnce)
    )
    journal, _ = Journal.open(tmp_path)
    said: queue.Queue[Recorded | RecordFailed] = queue.Queue()
    journal.start(said.put)
    journal.append(record(1))
    assert said.get(timeout=10) == Recorded(1)
    FailingOnce.failures = 1
    journal.append(record(2))
    failed = said.get(timeout=10)
    assert isinstance(failed, RecordFailed)
    assert "disk I/O error" in failed.reason
    journal.append(record(3))
    journal.close()
    assert said.empty()
    assert [past.seq for past in reopened(tmp_path).records] == [1]
