"""A serial device as the kernel and udev show it, without opening it.

Refuses to judge: what is missing is empty or None.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from pumpctl.doctor.host import Host, text_of

NAMED_LIMIT = 8  # devices named in one line
_IGNORED = frozenset({"E:ID_MM_DEVICE_IGNORE=1", "E:ID_MM_PORT_IGNORE=1"})
# Names that the kernel gives out in the order in which things are plugged in.
_IN_ORDER_OF_PLUGGING = re.compile(r"tty(USB|ACM)[0-9]+")


@dataclass(frozen=True, slots=True)
class Device:
    """What stands behind the path of a port."""

    path: Path
    real: Path
    status: os.stat_result
    is_pty: bool
    stable: Path | None  # its name below by-id
    latency_ms: int | None  # of an FTDI chip
    left_by_modem_manager: bool
    group: str

    @property
    def may_change_name(self) -> bool:
        """The path of the settings is one that another device may get at the next plugging."""
        return _IN_ORDER_OF_PLUGGING.fullmatch(self.path.name) is not None or self.path == self.real != self.stable


def device_at(path: str, host: Host) -> Device | None:
    """None when it is no character device. Raises OSError when there is nothing, or nothing for us."""
    status = Path(path).stat()
    if not stat.S_ISCHR(status.st_mode):
        return None
    real = Path(path).resolve()
    latency = text_of(host.sysfs / "class" / "tty" / real.name / "device" / "latency_timer")
    number = f"c{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}"
    return Device(
        path=Path(path),
        real=real,
        status=status,
        is_pty=os.major(status.st_rdev) in host.pty_majors,
        stable=next((entry for entry in by_id(host) if entry.resolve() == real), None),
        latency_ms=int(latency) if latency.isdecimal() else None,
        left_by_modem_manager=not _IGNORED.isdisjoint(text_of(host.udev / number).splitlines()),
        group=host.group_name(status.st_gid),
    )


def by_id(host: Host) -> tuple[Path, ...]:
    """The names that stay, whatever is plugged in before or after."""
    try:
        return tuple(sorted(host.by_id.iterdir()))[:NAMED_LIMIT]
    except OSError:
        return ()
