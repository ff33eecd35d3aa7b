"""A journal as a daemon leaves it behind: real records of several infusions, in the two states that files are found in.

Refuses to know what will be done to it. `killed`: the older half folded into the database, the newer half in the WAL,
as after a kill -9. `closed`: all of it in the database, as after a clean end.
"""

from __future__ import annotations

import json
import queue
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pumpctl.configuration import PastRecord
from pumpctl.core.delivery import DeliveryState
from pumpctl.effects import Record
from pumpctl.events import Recorded, RecordFailed
from pumpctl.shell.chain import ANCHOR_FILE, JOURNAL_FILE, read_past
from pumpctl.shell.journal import Journal
from tests.controller.desk import BEGIN_NS, A, Desk, S
from tests.controller.orders import once
from tests.controller.scenes import infusing

WAL_FILE = f"{JOURNAL_FILE}-wal"
FILES = (JOURNAL_FILE, WAL_FILE, ANCHOR_FILE)
LEAST_BYTES = 64 * 1024
ORDERS_A_DAY = 2
DAY_NS = 86_400 * S
TAIL_RECORDS = 10  # of the killed journal, in its WAL: each commit writes whole pages


@dataclass(frozen=True, slots=True)
class Material:
    """The files by name, and the records that they hold."""

    state: str
    files: dict[str, bytes]
    records: tuple[PastRecord, ...]


def lived_records() -> list[Record]:
    """Four days, off at night: an infusion to its end, one stopped, one never confirmed, one that still runs.

    Each day brings orders for the next: long records, so that 64 KiB are read in little time.
    """
    first = infusing(once("to-its-end", dose="50 mg", volume="2.5 mL", duration="15 min"))
    first.must_be(DeliveryState.COMPLETED, 1_000_000)
    _orders_for_tomorrow(first, 1)
    second = _next_day(first, 1)
    second.press(token=101)
    second.must_be(DeliveryState.INFUSING, 5_000)
    second.run_for(600_000)
    _stopped_and_cleared(second)
    _orders_for_tomorrow(second, 2)
    third = _next_day(second, 2)
    _stopped_and_cleared(third)
    _orders_for_tomorrow(third, 3)
    fourth = _next_day(third, 3)
    fourth.press(token=103)
    fourth.must_be(DeliveryState.INFUSING, 5_000)
    fourth.run_for(300_000)
    return [record for desk in (first, second, third, fourth) for record in desk.records]


def made(folder: Path, records: Iterable[Record]) -> tuple[Material, Material]:
    """(killed, closed): the same records, the same chain."""
    lived = list(records)
    _write(folder, lived[:-TAIL_RECORDS]).close()
    journal = _write(folder, lived[-TAIL_RECORDS:])
    killed = _found(folder, "killed")
    journal.close()
    return killed, _found(folder, "closed")


def _next_day(desk: Desk, day: int) -> Desk:
    desk.link_ns = BEGIN_NS + day * DAY_NS
    again = desk.restarted()
    again.plug_in()
    again.run_for(5_000)
    again.submit(once(f"day-{day}", at=f"2026-12-{day + 1:02}T18:00:00Z"))
    again.must_be(DeliveryState.AWAITING_CONFIRMATION, 10_000)
    return again


def _orders_for_tomorrow(desk: Desk, day: int) -> None:
    for number in range(ORDERS_A_DAY):
        order = once(f"day-{day}-{number}", at=f"2026-12-{day + 1:02}T18:00:00Z")
        desk.given(desk.ask_and_wait("order.submit", text=json.dumps(order), channel=A))


def _stopped_and_cleared(desk: Desk) -> None:
    desk.given(desk.ask_and_wait("stop"))
    if desk.state is DeliveryState.STOPPED:
        desk.given(desk.ask_and_wait("clear", persons=["nurse", "doctor"]))


def _write(folder: Path, records: list[Record]) -> Journal:
    """One commit a record, as a daemon at work does it."""
    journal, _ = Journal.open(folder)
    said: queue.Queue[Recorded | RecordFailed] = queue.Queue()
    journal.start(said.put)
    for record in records:
        journal.append(record)
        event = said.get(timeout=10)
        if not isinstance(event, Recorded):
            raise OSError(event.reason)
    return journal


def _found(folder: Path, state: str) -> Material:
    files = {name: (folder / name).read_bytes() for name in FILES if (folder / name).exists()}
    return Material(state, files, read_past(folder).content.records)
