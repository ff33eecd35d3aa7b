"""The record of crashes: three within ten minutes, and never a start fewer or a second more."""

from __future__ import annotations

from pathlib import Path

import pytest

from pumpctl.shell.crash_record import FILE, TOO_MANY, WITHIN_MS, crashes_too_often, note_crash

FIRST_MS = 1_780_000_000_000


@pytest.mark.hazard("H48")
def test_the_third_crash_within_ten_minutes_is_one_too_many(tmp_path: Path) -> None:
    for number in range(TOO_MANY):
        assert not crashes_too_often(tmp_path, FIRST_MS + number), number
        note_crash(tmp_path, FIRST_MS + number)
    assert crashes_too_often(tmp_path, FIRST_MS + WITHIN_MS)
    assert not crashes_too_often(tmp_path, FIRST_MS + WITHIN_MS + 1), "the first is more than ten minutes ago"


@pytest.mark.hazard("H48")
def test_only_the_last_ones_are_kept_and_what_cannot_be_read_is_no_crash(tmp_path: Path) -> None:
    for number in range(5 * TOO_MANY):
        note_crash(tmp_path, FIRST_MS + number)
    assert len((tmp_path / FILE).read_text(encoding="ascii").split()) == TOO_MANY
    (tmp_path / FILE).write_bytes(b"1780000000000\nsoon\n-5\n\xff")
    assert not crashes_too_often(tmp_path, FIRST_MS)
