"""How a guard comes to be: asked of the porch, in a unit of its own, or started as a child of ours.

Refuses to go without one because the porch does not answer: then it is a child. It waits: ASK_S for the porch,
READY_WAIT_S for the guard, END_S for one that is to end. So with a port open it is called from a thread.
"""

from __future__ import annotations

import contextlib
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
from pumpctl.shell.unusable import REFUSED, Unusable

ASK_S = 2.0
READY_WAIT_S = 10.0
END_S = 10.0  # a process that SIGKILL does not end hangs in the kernel; the lock that it holds keeps the next one away
# Asked for so that 256 channels fit that open, or are armed, in one burst; the kernel gives up to twice its own limit.
UNREAD_BYTES = 1 << 20


class GuardUnavailable(Unusable):
    """There is no guard, so no port may open."""

    def __init__(self, what: str, next_step: str) -> None:
        super().__init__(what, next_step, REFUSED)


class GuardProcess(Protocol):
    """What the daemon may do to it as a process."""

    def kill(self) -> None:
        """SIGKILL, which a process may survive for as long as it hangs in the kernel. May be called again."""
        ...

    def wait_ended(self, wait_s: float) -> None:
        """Until it has ended, or the time is over: a guard that hangs still holds the ports and the lock."""
        ...

    def leave(self) -> None:
        """It outlives us on purpose."""
        ...


@dataclass(frozen=True, slots=True)
class StartedGuard:
    """One that has said that it is ready, and our ends of what leads to it; neither blocks."""

    process: GuardProcess
    messages: socket.socket
    beats: int

    def hang_up(self) -> None:
        self.messages.close()
        os.close(self.beats)

    def end(self, wait_s: float = END_S) -> None:
        self.hang_up()
        self.process.kill()
        self.process.wait_ended(wait_s)


def start_guard(state_dir: Path) -> StartedGuard:
    """Raises GuardUnavailable or OSError; then nothing of it is left, unless SIGKILL does not end it."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    reading, beats = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, UNREAD_BYTES)
        found = _asked(state_dir, theirs.fileno(), reading) or _child(state_dir, theirs.fileno(), reading)
    except BaseException:
        ours.close()
        os.close(beats)
        raise
    finally:
        theirs.close()
        os.close(reading)
    started = StartedGuard(found, ours, beats)
    if (trouble := _not_ready(ours)) is not None:
        started.end()
        raise trouble
    return started


def _not_ready(messages: socket.socket) -> GuardUnavailable | None:
    messages.settimeout(READY_WAIT_S)
    try:
        answer = decode(messages.recv(MESSAGE_LIMIT_BYTES))
    except OSError as error:
        answer = {"error": str(error)}
    messages.settimeout(0)
    match answer:
        case {"ready": True}:
            return None
        case {"error": str(reason)}:
            return GuardUnavailable(f"the guard did not start: {reason}", "end what holds it, then start again")
        case _:
            return GuardUnavailable("the guard ended while starting", "its own message is on standard error")


@dataclass(slots=True)
class _Child:
    process: subprocess.Popen[bytes]

    def kill(self) -> None:
        self.process.kill()

    def wait_ended(self, wait_s: float) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(wait_s)

    def leave(self) -> None:
        self.process.returncode = 0  # Popen would otherwise warn that nobody waited for it


@dataclass(slots=True)
class _Neighbour:
    """A child of the porch: known by a descriptor that cannot come to mean another process."""

    pidfd: int

    def kill(self) -> None:
        if self.pidfd >= 0:
            with contextlib.suppress(ProcessLookupError):  # it had ended
                signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)

    def wait_ended(self, wait_s: float) -> None:
        if self.pidfd >= 0 and select.select([self.pidfd], [], [], wait_s)[0]:
            self.leave()

    def leave(self) -> None:
        if self.pidfd >= 0:
            os.close(self.pidfd)
            self.pidfd = -1


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
