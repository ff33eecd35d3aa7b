"""How long an intent takes to be durable (journal and anchor), against one append and its fdatasync in C.

Refuses to leave the disk of the checkout: a tmpfs would flatter both.
"""

from __future__ import annotations

import queue
import shutil
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from time import perf_counter_ns

from pumpctl.effects import Record
from pumpctl.events import Recorded, RecordFailed
from pumpctl.shell.journal import Journal
from tests.bench.harness import Subject, compiled

ROUNDS = 20
RECORDS_A_ROUND = 25
WAIT_S = 30.0


@contextmanager
def durable_intent(build: Path) -> Generator[Subject, None, None]:
    floor_program = compiled("append_fdatasync.c", build)
    folder = build / "journal"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    told: queue.SimpleQueue[Recorded | RecordFailed] = queue.SimpleQueue()
    journal, content = Journal.open(folder)
    journal.start(told.put)
    numbers = count(len(content.records) + 1)
    yield Subject(
        name="durable intent / append + fdatasync",
        unit="us",
        goal=5.0,
        rounds=ROUNDS,
        ours=lambda: [_intent_us(journal, told, next(numbers)) for _ in range(RECORDS_A_ROUND)],
        floor=lambda: _floor_us(floor_program, folder / "floor"),
    )
    journal.close()
    shutil.rmtree(folder)


def _intent_us(journal: Journal, told: queue.SimpleQueue[Recorded | RecordFailed], seq: int) -> float:
    body = {"channel": "bed-1", "command": "start", "program_id": "00112233445566ff", "flow_rate_ul_h": 10_000}
    before = perf_counter_ns()
    journal.append(Record(seq=seq, kind="intent", body=body, utc_ms=1_764_612_000_000 + seq))
    event = told.get(timeout=WAIT_S)
    after = perf_counter_ns()
    assert isinstance(event, Recorded), event.reason
    return (after - before) / 1e3


def _floor_us(program: Path, file: Path) -> list[float]:
    command = [str(program), str(file), str(RECORDS_A_ROUND)]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [int(line) / 1e3 for line in told.split()]
