"""The slot: durable, bounded, and never taken for empty when it cannot be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from pumpctl.guard.slot import SlotDamaged, SlotWriter, StoppedByGuard, clear_slot, read_slot

WAIT_S = 20.0


def entry(channel: str, *, proven: bool = False, utc_ms: int = 1) -> StoppedByGuard:
    return StoppedByGuard(channel, "why", proven, utc_ms)


def test_no_slot_is_nothing_stopped(tmp_path: Path) -> None:
    assert read_slot(tmp_path / "guard.slot") == ()


def test_the_newest_entry_of_a_channel_replaces_the_older_one_also_over_restarts(tmp_path: Path) -> None:
    path = tmp_path / "guard.slot"
    first = SlotWriter(path)
    first.put(entry("a"))
    assert first.unrecorded(WAIT_S) == ()
    first.put(entry("b"))
    assert first.unrecorded(WAIT_S) == ()
    second = SlotWriter(path)
    second.put(entry("a", proven=True, utc_ms=2))
    assert second.unrecorded(WAIT_S) == ()
    assert read_slot(path) == (entry("a", proven=True, utc_ms=2), entry("b"))


def test_a_cleared_slot_is_gone_and_clearing_twice_is_harmless(tmp_path: Path) -> None:
    path = tmp_path / "guard.slot"
    writer = SlotWriter(path)
    writer.put(entry("a"))
    assert writer.unrecorded(WAIT_S) == ()
    clear_slot(path)
    clear_slot(path)
    assert read_slot(path) == ()


def test_what_cannot_be_written_is_reported_and_not_tried_again(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    writer = SlotWriter(folder / "guard.slot")
    writer.put(entry("a"))
    assert writer.unrecorded(WAIT_S) == (entry("a"),)
    folder.mkdir()
    writer.put(entry("b"))
    assert writer.unrecorded(0.2) == (entry("a"), entry("b"))
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b'{"stopped":{}}',
        b'{"stopped":[1]}',
        b'{"stopped":[{"channel":"a","reason":"r","proven":1,"utc_ms":1}]}',
        b'{"stopped":[{"channel":"a","reason":"r","utc_ms":1}]}',
        b'{"stopped":[{"channel":"a"',
        b"\xff\xfe",
    ],
)
def test_a_damaged_slot_is_an_error_and_not_an_empty_one(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "guard.slot"
    path.write_bytes(content)
    with pytest.raises(SlotDamaged, match=r"guard\.slot"):
        read_slot(path)
