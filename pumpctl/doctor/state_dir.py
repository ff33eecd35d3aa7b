"""The state directory: is it there, whose is it, who else may look, can it be synced, is there room.

Refuses to leave anything in it: what is synced is a file without a name, which is gone when it is closed.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from pumpctl.configuration import Mode
from pumpctl.doctor.finding import Finding, doubt, fault, fine
from pumpctl.doctor.host import Host, text_of
from pumpctl.shell.journal import FLOOR_BYTES
from pumpctl.shell.settings import Settings

MIB = 1024 * 1024
SOON_FULL_BYTES = 4 * FLOOR_BYTES
# SQLite's WAL needs shared memory of one host; a lock on these may hold on one of two hosts only.
NETWORK_KINDS = frozenset({"nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "glusterfs", "ceph"})
MEMORY_KINDS = frozenset({"tmpfs", "ramfs"})
_MAKE = "sudo install -d -m 0750 -o {user} {path}"


def state_dir(settings: Settings, host: Host) -> Iterator[Finding]:
    """What the journal needs of its directory."""
    path = settings.state_dir
    try:
        status = path.stat()
    except OSError as error:
        step = f"make it for the daemon's user: {_MAKE.format(user=host.user_name(), path=path)}"
        yield fault("state_dir", f"{path}: {error.strerror}", step)
        return
    if not stat.S_ISDIR(status.st_mode):
        yield fault("state_dir", f"{path}: not a directory", "correct state_dir in the settings")
        return
    trouble = [*_access(path, status, host), *_file_system(path, settings.mode, host)]
    yield from trouble
    if not trouble:
        owner, mode = host.user_name(status.st_uid), stat.S_IMODE(status.st_mode)
        yield fine("state_dir", f"{path}: of {owner}, mode {mode:04o}, can be synced")


def disk(settings: Settings, host: Host) -> Iterator[Finding]:
    """Room for the journal: below its floor nothing may be started (H68)."""
    if not settings.state_dir.is_dir():
        return  # said above
    try:
        free = host.free_bytes(settings.state_dir)
    except OSError as error:
        yield fault("disk", f"{settings.state_dir}: {error.strerror}", "look at the disk (dmesg)")
        return
    told = f"{free // MIB} MiB are free where the journal is"
    if free < FLOOR_BYTES:
        yield fault("disk", f"{told}, at least {FLOOR_BYTES // MIB} are needed: no start is allowed", "free some space")
    elif free < SOON_FULL_BYTES:
        yield doubt("disk", f"{told}; below {FLOOR_BYTES // MIB} no start is allowed", "free some space")
    else:
        yield fine("disk", told)


def _access(path: Path, status: os.stat_result, host: Host) -> Iterator[Finding]:
    owner, user = host.user_name(status.st_uid), host.user_name()
    if status.st_uid != host.user_id:
        told = f"{path} belongs to {owner}, and {user} is looking: what is said of rights holds for {user}"
        yield doubt("state_dir", told, f"look as the daemon's user: sudo -u {owner} pumpctl doctor --config F")
    if not host.may(status, 0o7):
        told = f"{path}: {user} may not write there (it belongs to {owner})"
        yield fault("state_dir", told, f"sudo chown {user} {path}, or run the daemon as {owner}")
    if status.st_mode & stat.S_IWOTH:
        told = f"{path}: everybody may write there, so everybody can forge the journal"
        yield fault("state_dir", told, f"sudo chmod 0750 {path}")
    elif status.st_mode & stat.S_IXOTH:
        told = f"{path}: everybody may look into it (mode {stat.S_IMODE(status.st_mode):04o})"
        yield doubt("state_dir", told, f"sudo chmod 0750 {path}")


def _file_system(path: Path, mode: Mode, host: Host) -> Iterator[Finding]:
    kind = _kind_of(path.resolve(), host)
    if kind in NETWORK_KINDS:
        told = f"{path} is on a network file system ({kind}): the journal's locks and syncs do not hold there"
        yield fault("state_dir", told, "put state_dir on a disk of this host")
    if kind in MEMORY_KINDS and mode is Mode.THERAPY:
        told = f"{path} is in memory ({kind}): a power cut takes every dose that was remembered"
        yield fault("state_dir", told, "put state_dir on a disk of this host")
    reason = _sync_trouble(path) if host.may(path.stat(), 0o7) else ""
    if reason:
        yield fault("state_dir", f"{path}: nothing can be made durable there: {reason}", "look at the disk (dmesg)")


def _kind_of(path: Path, host: Host) -> str:
    """Of the mount with the longest name that leads to it (proc(5), mountinfo)."""
    longest, kind = "", ""
    for line in text_of(host.proc / "self" / "mountinfo").splitlines():
        before, _, after = line.partition(" - ")
        words = before.split()
        mounted = words[4].replace("\\040", " ") if len(words) > 4 else ""
        if mounted and path.is_relative_to(mounted) and len(mounted) >= len(longest):
            longest, kind = mounted, after.split(" ", 1)[0]
    return kind


def _sync_trouble(path: Path) -> str:
    try:
        descriptor = os.open(path, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)  # it knows no nameless files
    try:
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            os.write(descriptor, b"\0")
        os.fsync(descriptor)
    except OSError as error:
        return error.strerror or str(error)
    finally:
        os.close(descriptor)
    return ""
