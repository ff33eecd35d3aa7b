"""A writing process of its own, to be killed, starved or locked out by the tests of the journal.

`python journal_probe.py DIRECTORY FIRST_SEQ [MAX_FILE_BYTES]`: appends for ever, prints each durable number.
"""

from __future__ import annotations

import queue
import resource
import sys
from pathlib import Path

from pumpctl.effects import Record
from pumpctl.events import Recorded, RecordFailed
from pumpctl.shell.journal import Journal


def record(seq: int, *, body: dict[str, object] | None = None) -> Record:
    return Record(seq, "probe", {"number": seq} if body is None else body, 1_780_000_000_000 + seq)


def main() -> None:
    directory, seq = Path(sys.argv[1]), int(sys.argv[2])
    journal, content = Journal.open(directory)
    print(content.condition.value, len(content.records), flush=True)
    if len(sys.argv) > 3:
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), int(sys.argv[3])))
    said: queue.Queue[Recorded | RecordFailed] = queue.Queue()
    journal.start(said.put)
    while True:
        journal.append(record(seq))
        seq += 1
        match _next(said):
            case Recorded(durable):
                print(durable, flush=True)
            case RecordFailed(reason):
                print(f"failed: {reason}", flush=True)
                break
    for later in range(seq, seq + 10):
        journal.append(record(later))
    journal.close()
    print("said after the failure:", said.qsize(), flush=True)


def _next(said: queue.Queue[Recorded | RecordFailed]) -> Recorded | RecordFailed:
    """The warning of a disk that gets full is not yet its end."""
    event = said.get(timeout=10)
    while isinstance(event, RecordFailed) and "MiB are free" in event.reason:
        event = said.get(timeout=10)
    return event


if __name__ == "__main__":
    main()
