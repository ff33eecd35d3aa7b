"""How a trace of system calls is read: on lines as strace writes them."""

from __future__ import annotations

import pytest

from protocols.companion.codec import encode
from protocols.companion.messages import GetStatus, Start
from tests.crash.trace import Unordered, ordered

WAL, ANCHOR, TTY = "/state/journal.sqlite-wal", "/state/journal.anchor", "/dev/pts/3"
START = encode(Start(program_id=b"\x01" * 8, token=7), session=1, sequence=9)


def _hex(content: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in content)


def _call(name: str, path: str, content: bytes = b"", ending: str = ") = 0", thread: int = 11) -> str:
    shown = f', "{_hex(content)}", {len(content)}' if content else ""
    return f"{thread}  {name}(7<{_hex(path.encode())}>{shown}{ending}"


INTENT = _call("pwrite64", WAL, b"..dosing_intent..", ", 4120) = 17", 12)
WAL_SYNC = _call("fdatasync", WAL, thread=12)
HEAD = _call("pwrite64", ANCHOR, b"pumpanc1", ", 0) = 8", 12)
ANCHOR_SYNC = _call("fdatasync", ANCHOR, thread=12)
POLL = _call("write", TTY, encode(GetStatus(), session=1, sequence=8), ") = 16")
THE_START = _call("write", TTY, START, f") = {len(START)}")
GOOD = [POLL, INTENT, WAL_SYNC, HEAD, ANCHOR_SYNC, POLL, THE_START]


def test_in_order():
    wal, anchor, start = ordered("\n".join(GOOD))
    assert (wal.entered, anchor.entered, start.entered) == (3, 5, 7)
    assert "journal.sqlite-wal" in str(wal)


@pytest.mark.parametrize("missing", [INTENT, WAL_SYNC, HEAD, ANCHOR_SYNC, THE_START])
def test_each_of_them_is_needed(missing: str):
    with pytest.raises(Unordered):
        ordered("\n".join(line for line in GOOD if line != missing))


@pytest.mark.parametrize("late", [INTENT, WAL_SYNC, HEAD, ANCHOR_SYNC])
def test_each_of_them_comes_first(late: str):
    with pytest.raises(Unordered):
        ordered("\n".join([*(line for line in GOOD if line != late), late]))


def test_a_sync_that_failed_is_none():
    failed = ANCHOR_SYNC.replace("= 0", "= -1 EIO (Input/output error)")
    with pytest.raises(Unordered, match="sync of the anchor"):
        ordered("\n".join([*GOOD[:4], failed, THE_START]))


@pytest.mark.parametrize("start_first", [False, True])
def test_a_call_counts_from_where_it_returned(start_first: bool):
    begun = _call("fdatasync", ANCHOR, ending=" <unfinished ...>", thread=12)
    resumed = "12  <... fdatasync resumed>) = 0"
    ending = [THE_START, resumed] if start_first else [resumed, THE_START]
    lines = "\n".join([*GOOD[:4], begun, *ending])
    if start_first:
        with pytest.raises(Unordered, match="sync of the anchor"):
            ordered(lines)
    else:
        assert ordered(lines)[1].returned == 6


def test_a_sync_from_before_the_intent_was_written_is_not_its_sync():
    with pytest.raises(Unordered, match="sync of the intent"):
        ordered("\n".join([WAL_SYNC, INTENT, HEAD, ANCHOR_SYNC, THE_START]))
