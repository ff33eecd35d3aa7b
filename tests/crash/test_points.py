"""The points: which are listed, and that a process dies at the wanted one and at no other."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.crash.points import Passages, Point, Side, enumerated, read_life


def test_first_middle_and_last_on_both_sides():
    found = enumerated(["commit"] * 5)
    assert [str(point) for point in found] == [
        f"{side} commit #{number}" for number in (1, 3, 5) for side in ("before", "after")
    ]


def test_what_comes_once_is_one_point_and_bytes_can_be_torn():
    assert [point.side for point in enumerated(["write Start"])] == [Side.BEFORE, Side.TORN, Side.AFTER]
    assert [point.occurrence for point in enumerated(["a", "a"])] == [1, 1, 2, 2]


@pytest.mark.parametrize(("side", "done"), [(Side.BEFORE, "12"), (Side.TORN, "12h"), (Side.AFTER, "123")], ids=str)
def test_it_dies_at_the_wanted_passage(tmp_path: Path, side: Side, done: str):
    log, work = tmp_path / "log", tmp_path / "work"
    command = [sys.executable, "-c", _WORK, log, work, side.value]
    ended = subprocess.run(command, cwd=Path(__file__).parents[2], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert work.read_text() == done
    life = read_life(log)
    assert life.steps == ("work",) * 3
    assert life.died_at == f"{side.value} work #3"


def test_another_step_and_another_count_live_on(tmp_path: Path):
    passages = Passages(tmp_path / "log", Point("work", 2, Side.AFTER))
    with passages.step("work"), passages.step("other"), passages.step("other"):
        passages.note("ledger_ug", 7)
    assert read_life(tmp_path / "log").ended is None
    passages.note("ended", 0)
    life = read_life(tmp_path / "log")
    assert (life.died_at, life.ledger_ug, life.ended) == (None, 7, 0)
    assert life.steps == ("work", "other", "other")


def test_what_was_written_to_the_pump_is_read_from_the_log(tmp_path: Path):
    passages = Passages(tmp_path / "log", None)
    for step in ("write Identify", "commit intent", "write Start"):
        with passages.step(step):
            assert passages.passed(step) == 1
    assert read_life(tmp_path / "log").written == ("Identify", "Start")


_WORK = """
import sys
from pathlib import Path
from tests.crash.points import Passages, Point, Side
log, work, side = sys.argv[1:]
passages, done = Passages(Path(log), Point("work", 3, Side(side))), Path(work)
for number in range(1, 6):
    def half():
        done.write_text(done.read_text() + "h")
    with passages.step("work", half):
        done.write_text((done.read_text() if done.exists() else "") + str(number))
"""
