"""The host as the checks see it: where the kernel tells of processes and devices, which user looks, which clocks.

Refuses to judge. Everything is read, nothing is opened for writing; a test hands in another host.
"""

from __future__ import annotations

import ctypes
import grp
import os
import pwd
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pumpctl.shell.clock import wall_ms
from pumpctl.shell.port import PTY_MAJORS

_TIME_ERROR = 5  # adjtimex(2): the clock is not synchronised
_TIMEX_BYTES = 512  # struct timex has at most 208; zeros ask for nothing to be set


def clock_synchronised() -> bool | None:
    """What the kernel says of its clock; None where it may not be asked (some containers)."""
    asked = ctypes.create_string_buffer(_TIMEX_BYTES)
    try:
        state = int(ctypes.CDLL(None, use_errno=True).adjtimex(asked))
    except (OSError, AttributeError):
        return None
    return None if state < 0 else state != _TIME_ERROR


def free_bytes(path: Path) -> int:
    """What an ordinary user may still write there."""
    space = os.statvfs(path)
    return space.f_bavail * space.f_frsize


@dataclass(frozen=True, slots=True)
class Host:
    """This host, unless a test says otherwise."""

    proc: Path = Path("/proc")
    sysfs: Path = Path("/sys")
    by_id: Path = Path("/dev/serial/by-id")
    udev: Path = Path("/run/udev/data")
    user_id: int = field(default_factory=os.geteuid)
    groups: frozenset[int] = field(default_factory=lambda: frozenset({os.getegid(), *os.getgroups()}))
    python: tuple[int, int] = sys.version_info[:2]
    pty_majors: range = PTY_MAJORS
    utc_ms: Callable[[], int] = wall_ms
    clock_synchronised: Callable[[], bool | None] = clock_synchronised
    free_bytes: Callable[[Path], int] = free_bytes

    def processes(self) -> Iterator[tuple[int, str]]:
        """Process id and name of everything that runs and may be seen."""
        for entry in self.proc.glob("[0-9]*"):
            name = text_of(entry / "comm")
            if name and entry.name.isdecimal():
                yield int(entry.name), name

    def command_of(self, pid: int) -> tuple[str, ...]:
        """The words it was started with; none when it has ended."""
        return tuple(word for word in text_of(self.proc / str(pid) / "cmdline").split("\0") if word)

    def user_name(self, user_id: int | None = None) -> str:
        """The name people know, or the number."""
        number = self.user_id if user_id is None else user_id
        try:
            return pwd.getpwuid(number).pw_name
        except KeyError:
            return str(number)

    def group_name(self, group_id: int) -> str:
        """The name people know, or the number."""
        try:
            return grp.getgrgid(group_id).gr_name
        except KeyError:
            return str(group_id)

    def may(self, status: os.stat_result, wanted: int) -> bool:
        """Whether this user may do it, by owner, group and mode alone. `wanted`: bits of one `rwx` digit."""
        if self.user_id == 0:
            return True
        if status.st_uid == self.user_id:
            return (status.st_mode >> 6) & wanted == wanted
        if status.st_gid in self.groups:
            return (status.st_mode >> 3) & wanted == wanted
        return status.st_mode & wanted == wanted


def text_of(path: Path) -> str:
    """What a file of the kernel says, or nothing: it is not there, or not for us to see."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
