"""How often the daemon has ended by an uncaught exception of late (H48).

Refuses to know why. A poison record or order would end each start after the first; the third within ten minutes
brings the daemon up able to stop and to nothing else. One short file, whose damage counts as no crash.
"""

from __future__ import annotations

from pathlib import Path

FILE = "crashes"
TOO_MANY = 3
WITHIN_MS = 600_000


def note_crash(state_dir: Path, utc_ms: int) -> None:
    """Remember this one; only the last few matter."""
    ends = [*_ends(state_dir), utc_ms][-TOO_MANY:]
    (state_dir / FILE).write_text("".join(f"{end}\n" for end in ends), encoding="ascii")


def crashes_too_often(state_dir: Path, utc_ms: int) -> bool:
    """Whether the last three are all within ten minutes of now."""
    recent = [end for end in _ends(state_dir) if abs(utc_ms - end) <= WITHIN_MS]
    return len(recent) >= TOO_MANY


def _ends(state_dir: Path) -> list[int]:
    try:
        lines = (state_dir / FILE).read_text(encoding="ascii").split()
    except (OSError, UnicodeDecodeError):
        return []
    return [int(line) for line in lines if line.isdecimal() and len(line) < 16]
