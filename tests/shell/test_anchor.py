"""Anchor: two slots, one of which survives whatever happens to the other."""

from __future__ import annotations

from pathlib import Path

import pytest

from pumpctl.shell.anchor import SLOT_BYTES, Anchor, AnchorUnreadable, Head, read_head

EPOCH = b"e" * 16


def head(seq: int) -> Head:
    return Head(seq, bytes([seq % 256]) * 32, EPOCH)


def anchored(path: Path, *seqs: int) -> None:
    anchor = Anchor.create(path, head(0))
    for seq in seqs:
        anchor.write(head(seq))
    anchor.close()


def damage(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 0x01
    path.write_bytes(content)


def test_the_newest_head_is_read_back_and_writing_goes_on_after_reopening(tmp_path: Path) -> None:
    path = tmp_path / "anchor"
    anchored(path, 1, 2, 3)
    anchor, newest = Anchor.open(path)
    assert newest == head(3)
    anchor.write(head(4))
    anchor.write(head(5))
    anchor.close()
    assert read_head(path) == head(5)


@pytest.mark.parametrize("writes", [(7,), (7, 8)])
def test_a_damaged_newest_slot_leaves_the_one_before(tmp_path: Path, writes: tuple[int, ...]) -> None:
    path = tmp_path / "anchor"
    anchored(path, *writes)
    newest_slot = (2 + len(writes)) % 2
    damage(path, newest_slot * SLOT_BYTES + 20)
    assert read_head(path).seq == (*(0, *writes),)[-2]


def test_every_flipped_byte_of_a_slot_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "anchor"
    anchored(path, 1)  # generation 3: slot 1 holds record 1, slot 0 the empty journal
    used = 8 + 8 + 8 + 32 + 16 + 4
    for at in range(used):
        damage(path, SLOT_BYTES + at)
        assert read_head(path) == head(0), f"byte {at}"
        damage(path, SLOT_BYTES + at)
    assert read_head(path) == head(1)


def test_two_unreadable_slots_are_said_so(tmp_path: Path) -> None:
    path = tmp_path / "anchor"
    anchored(path, 1)
    damage(path, 0)
    damage(path, SLOT_BYTES)
    with pytest.raises(AnchorUnreadable):
        read_head(path)


@pytest.mark.parametrize("length", [0, 10, SLOT_BYTES])
def test_a_truncated_file_is_read_as_far_as_it_holds(tmp_path: Path, length: int) -> None:
    path = tmp_path / "anchor"
    anchored(path, 1, 2)  # generation 4: slot 0 holds record 2
    path.write_bytes(path.read_bytes()[:length])
    if length == SLOT_BYTES:
        assert read_head(path) == head(2)
    else:
        with pytest.raises(AnchorUnreadable):
            read_head(path)


def test_a_slot_of_zeros_is_not_a_head(tmp_path: Path) -> None:
    path = tmp_path / "anchor"
    path.write_bytes(bytes(2 * SLOT_BYTES))
    with pytest.raises(AnchorUnreadable):
        read_head(path)
