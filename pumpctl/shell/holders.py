"""Who has a device open, by process id and name, as far as /proc lets this user see.

Refuses to end anybody.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

HOLDERS_NAMED = 3


@dataclass(frozen=True, slots=True)
class Holder:
    """One process that has the device open."""

    pid: int
    name: str

    def __str__(self) -> str:
        return f"pid {self.pid} ({self.name})"


def holders_of(path: str) -> tuple[Holder, ...]:
    """The first few of them."""
    device = os.path.realpath(path)
    found: list[Holder] = []
    for process in Path("/proc").iterdir():
        if process.name.isdecimal() and len(found) < HOLDERS_NAMED and _has_open(process, device):
            found.append(Holder(int(process.name), _name(process)))
    return tuple(found)


def named(holders: tuple[Holder, ...]) -> str:
    """For people, also when the kernel does not show them."""
    return ", ".join(map(str, holders)) or "a process that this user may not see (`fuser -v` as root names it)"


def _has_open(process: Path, device: str) -> bool:
    try:
        return any(_target(entry) == device for entry in (process / "fd").iterdir())
    except OSError:
        return False  # it has ended, or belongs to another user


def _target(entry: Path) -> str:
    try:
        return str(entry.readlink())
    except OSError:
        return ""  # closed since the listing


def _name(process: Path) -> str:
    try:
        return (process / "comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return "ended"
