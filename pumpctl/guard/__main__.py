"""Starts the guard: lock, socket, then the loop. Started for a daemon only (shell/guard_start.py, guard/porch.py).

Refuses to run beside another guard of the same state directory (H47).
"""

from __future__ import annotations

import argparse
import fcntl
import os
import signal
import socket
from pathlib import Path

from pumpctl.guard.askers import UMASK, Askers
from pumpctl.guard.companion import Companion
from pumpctl.guard.notice import Notices
from pumpctl.guard.process import Guard
from pumpctl.guard.wire import LOCK_NAME, SOCKET_NAME, encode


class LockHeld(Exception):
    """Another guard is there."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="pumpctl.guard", description="Started by `pumpctl run`, not by hand.")
    parser.add_argument("--state-dir", type=Path, required=True)
    parser.add_argument("--messages", type=int, required=True, help="descriptor of the message socket")
    parser.add_argument("--heartbeats", type=int, required=True, help="descriptor of the heartbeat pipe")
    parser.add_argument("--daemon", type=int, required=True, help="process id of the daemon")
    parser.add_argument("--daemon-pidfd", type=int, help="its own descriptor, when it is not our parent")
    arguments = parser.parse_args()
    os.umask(UMASK)
    messages = socket.socket(fileno=arguments.messages)
    try:
        lock = _locked(arguments.state_dir / LOCK_NAME)
        askers = Askers(arguments.state_dir / SOCKET_NAME)
    except (OSError, LockHeld) as error:
        messages.send(encode({"error": str(error)}))
        return 1
    companion = Companion(messages, arguments.heartbeats, arguments.daemon, arguments.daemon_pidfd)
    guard = Guard(arguments.state_dir, companion, askers, lock, Notices())
    signal.signal(signal.SIGTERM, guard.end_if_alone)
    messages.send(encode({"ready": True}))
    guard.run()
    return 0


def _locked(path: Path) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o660)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.read(descriptor, 32).decode("ascii", "replace").strip() or "unknown"
        raise LockHeld(f"the guard with process id {holder} holds {path}") from error
    os.ftruncate(descriptor, 0)
    os.write(descriptor, f"{os.getpid()}\n".encode("ascii"))
    return descriptor


if __name__ == "__main__":
    raise SystemExit(main())
