"""How a guard comes to be: asked of the porch, in a unit of its own, or started as a child of ours.

Refuses to go without one because the porch does not answer: then it is a child. Nothing here waits longer than ASK_S.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pumpctl
from pumpctl.guard.wire import MESSAGE_LIMIT_BYTES, PORCH_NAME, decode, encode

ASK_S = 2.0
END_S = 10.0  # a process that SIGKILL does not end hangs in the kernel


class GuardProcess(Protocol):
    """What the daemon may do to it as a process."""

    def end(self) -> None:
        """SIGKILL, and wait: a guard that hangs still holds the ports and the lock."""
        ...

    def leave(self) -> None:
        """It outlives us on purpose."""
        ...


def start_guard(state_dir: Path, messages: int, heartbeats: int) -> GuardProcess:
    """`messages` and `heartbeats` are its ends of the two; the caller closes them."""
    return _asked(state_dir, messages, heartbeats) or _child(state_dir, messages, heartbeats)


@dataclass(slots=True)
class _Child:
    process: subprocess.Popen[bytes]

    def end(self) -> None:
        self.process.kill()
        self.process.wait()

    def leave(self) -> None:
        self.process.returncode = 0  # Popen would otherwise warn that nobody waited for it


@dataclass(slots=True)
class _Neighbour:
    """A child of the porch: known by a descriptor that cannot come to mean another process."""

    pidfd: int

    def end(self) -> None:
        try:
            signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)
            select.select([self.pidfd], [], [], END_S)
        except ProcessLookupError:
            return  # it had ended
        finally:
            self.leave()

    def leave(self) -> None:
        os.close(self.pidfd)


def _asked(state_dir: Path, messages: int, heartbeats: int) -> _Neighbour | None:
    try:
        ourselves = os.pidfd_open(os.getpid())
    except (AttributeError, OSError):
        return None  # Linux before 5.3: the porch could not tell us from another process
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as asking:
            asking.settimeout(ASK_S)
            asking.connect(str(state_dir / PORCH_NAME))
            socket.send_fds(asking, [encode({"do": "guard"})], [messages, heartbeats, ourselves])
            answer, descriptors, _, _ = socket.recv_fds(asking, MESSAGE_LIMIT_BYTES, 1)
    except OSError:
        return None  # no porch, or one that hangs
    finally:
        os.close(ourselves)
    return _Neighbour(descriptors[0]) if descriptors and "pid" in decode(answer) else None


def _child(state_dir: Path, messages: int, heartbeats: int) -> _Child:
    """Without site packages and in a session of its own: neither Ctrl-C nor a broken installation reaches it."""
    arguments = ["--state-dir", str(state_dir.absolute()), "--messages", str(messages)]
    arguments += ["--heartbeats", str(heartbeats), "--daemon", str(os.getpid())]
    return _Child(
        subprocess.Popen(
            [sys.executable, "-S", "-P", "-m", "pumpctl.guard", *arguments],
            env={"PYTHONPATH": str(Path(pumpctl.__file__).parents[1])},
            cwd="/",
            stdin=subprocess.DEVNULL,
            pass_fds=(messages, heartbeats),
            start_new_session=True,
        )
    )
