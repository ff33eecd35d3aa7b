"""What of ours runs already: the daemon of this state directory, its guard, and what a guard has stopped.

Refuses to ask more than `status`, and says nothing to the guard: at its socket every word may be a stop.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from pumpctl.configuration import Mode
from pumpctl.doctor.finding import Finding, doubt, fault, fine
from pumpctl.doctor.host import Host, text_of
from pumpctl.guard.slot import SlotDamaged, read_slot
from pumpctl.guard.wire import PORCH_NAME, SLOT_NAME, SOCKET_NAME
from pumpctl.shell.control_client import ControlClient, NoDaemon, Refused
from pumpctl.shell.control_socket import SOCKET_FILE
from pumpctl.shell.journal import LOCK_FILE
from pumpctl.shell.settings import Settings

ASK_S = 1.0  # within the two seconds of a check


@dataclass(frozen=True, slots=True)
class Running:
    """The daemon of one state directory, and its guard. `links`: channels, with what the daemon says of their ports."""

    answers: bool = False
    pid: int | None = None
    guard_pid: int | None = None
    links: Mapping[str, str] = field(default_factory=dict[str, str])
    library_hash: str = ""
    guard: str = ""

    @property
    def may_hold_ports(self) -> bool:
        """A daemon, even one that hangs, or the guard that an ended one has left."""
        return self.answers or self.pid is not None or self.guard_pid is not None


def running_daemon(state_dir: Path, host: Host) -> Running:
    """Who holds the directory, as far as its socket and its lock file tell."""
    pid, guard_pid = _lock_holder(state_dir, host), _listener(state_dir / SOCKET_NAME)
    try:
        with ControlClient(state_dir / SOCKET_FILE, ASK_S) as client:
            told = client.call("status", {})
    except (NoDaemon, Refused):
        return Running(pid=pid, guard_pid=guard_pid)
    channels = cast("Mapping[str, Mapping[str, object]]", told["channels"])
    links = {name: str(state.get("link")) for name, state in channels.items()}
    daemon = cast("Mapping[str, object]", told["daemon"])
    return Running(
        answers=True,
        pid=pid,
        guard_pid=guard_pid,
        links=links,
        library_hash=str(daemon.get("library_hash")),
        guard=str(daemon.get("guard")),
    )


def daemon(settings: Settings, running: Running) -> Iterator[Finding]:
    """Is one there, does it answer, does it run on these settings?"""
    who = f"pid {running.pid}" if running.pid is not None else "its process is not to be seen from here"
    if not running.answers and running.pid is not None:
        told = f"a daemon ({who}) holds {settings.state_dir} and does not answer"
        yield fault("daemon", told, "`pumpctl stop` still works; look at its log, then restart it")
    elif not running.answers:
        yield fine("daemon", f"none runs on {settings.state_dir}")
    elif set(running.links) != (wanted := {channel.name for channel in settings.channel}):
        told = f"the one that runs ({who}) has the channels {_names(running.links)}, the settings {_names(wanted)}"
        yield doubt("daemon", told, "restart it when no infusion runs, or name the settings that it runs on")
    else:
        yield fine("daemon", f"runs ({who}) and answers")


def guard(settings: Settings, running: Running) -> Iterator[Finding]:
    """The second way to stop: there when a daemon runs; left alone by an ended one, it holds the ports."""
    pid = running.guard_pid
    if pid is None and running.answers:
        told = f"the daemon runs without a guard ({running.guard}): nothing may be started"
        yield fault("guard", told, "look at the daemon's log; it starts a new guard within a minute")
    elif pid is not None and not running.answers and running.pid is None:
        told = f"the guard (pid {pid}) of an ended daemon is still there and holds the ports"
        yield doubt("guard", told, "start the daemon: it takes the ports over; until then `pumpctl stop` works")
    else:
        yield fine("guard", "none, as no daemon runs" if pid is None else f"alive (pid {pid})")
    if settings.mode is Mode.THERAPY and not (settings.state_dir / PORCH_NAME).is_socket():
        told = "nothing waits at guard.sock: the daemon starts its guard itself, within its own unit"
        yield doubt("guard", told, "sudo systemctl enable --now pumpctl-guard (deploy/systemd/)")
    yield from _stopped_by_guard(settings.state_dir / SLOT_NAME)


def _stopped_by_guard(slot: Path) -> Iterator[Finding]:
    try:
        entries = read_slot(slot)
    except SlotDamaged as damage:
        yield fault("guard", str(damage), "look at every pump, then remove this file")
        return
    for entry in entries:
        proof = "the pump answered stopped" if entry.proven else "NOT proven stopped"
        told = f"the guard stopped channel {entry.channel}: {entry.reason}; {proof}"
        yield doubt("guard", told, "look at the pump; the next start of the daemon records it")


def _lock_holder(state_dir: Path, host: Host) -> int | None:
    """The lock itself is not tried: holding it for an instant could keep a daemon from starting."""
    number = text_of(state_dir / LOCK_FILE)
    if not number.isdecimal():
        return None
    words = host.command_of(int(number))  # after a restart of the host the number may be anybody's
    is_daemon = "run" in words and any(Path(word).name == "pumpctl" for word in words)
    return int(number) if is_daemon else None


def _listener(path: Path) -> int | None:
    """The process that listens there; None when nobody does."""
    with socket.socket(socket.AF_UNIX) as asking:
        asking.settimeout(ASK_S)
        try:
            asking.connect(str(path))
            credentials = asking.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        except OSError:
            return None
    return struct.unpack("3i", credentials)[0]


def _names(names: Mapping[str, object] | set[str]) -> str:
    return ", ".join(sorted(names)) or "none"
