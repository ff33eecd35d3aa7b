"""Waits at guard.sock for a daemon and starts a guard for it, in a unit of its own (pumpctl-guard.service).

ADR 0009: what ends the daemon's unit must not end its guard. It refuses to know what a guard does, and to
start one for another user. Standard library only. Without it the daemon starts its guard itself (guard_start.py).
"""

from __future__ import annotations

import argparse
import os
import select
import signal
import socket
import struct
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from pumpctl.guard.wire import MESSAGE_LIMIT_BYTES, PORCH_DESCRIPTORS, PORCH_NAME, decode, encode

UMASK = 0o117  # the socket gets mode 0660
GUARDS = 4  # one at work, one that is just leaving: more is a daemon that starts guards in a loop
ASK_S = 1.0
US_PER_S, MS_PER_S = 1_000_000, 1000
LONGEST_SLEEP_MS = 2_000  # also how long a SIGTERM may go unheard


@dataclass(slots=True)
class Porch:
    """`feed_ms`: how often systemd wants to hear that we live."""

    state_dir: Path
    listener: socket.socket
    feed_ms: int = LONGEST_SLEEP_MS
    guards: list[subprocess.Popen[bytes]] = field(default_factory=list[subprocess.Popen[bytes]])
    ended: bool = False

    def run(self) -> None:
        """Until SIGTERM. The guards stay: they end with their daemon, or when the next one claims the ports."""
        poll = select.poll()
        poll.register(self.listener, select.POLLIN)
        while not self.ended:
            if poll.poll(self.feed_ms):
                self._meet()
            self.guards = [guard for guard in self.guards if guard.poll() is None]
            _tell_systemd("WATCHDOG=1")

    def end(self, _signal: int, _frame: object) -> None:
        self.ended = True

    def _meet(self) -> None:
        """One daemon at the door. What goes wrong with it is told to it, and never ends the porch."""
        try:
            asking, _ = self.listener.accept()
        except OSError:
            return  # it has left again
        with asking:
            asking.settimeout(ASK_S)
            try:
                self._serve(asking)
            except OSError as error:
                print(f"pumpctl guard: a daemon could not be served: {error}", file=sys.stderr)

    def _serve(self, asking: socket.socket) -> None:
        content, descriptors, _, _ = socket.recv_fds(asking, MESSAGE_LIMIT_BYTES, PORCH_DESCRIPTORS)
        try:
            refusal = self._refusal(asking, decode(content), descriptors)
            if refusal:
                asking.send(encode({"error": refusal}))
                return
            guard = self._started(_peer(asking)[0], *descriptors)
            self.guards.append(guard)
            descriptors.append(os.pidfd_open(guard.pid))
            socket.send_fds(asking, [encode({"pid": guard.pid})], descriptors[-1:])
        finally:
            for descriptor in descriptors:
                os.close(descriptor)

    def _refusal(self, asking: socket.socket, message: dict[str, object], descriptors: list[int]) -> str:
        pid, user, _ = _peer(asking)
        if user != os.getuid():
            return "a daemon of another user has a guard of its own"
        if pid == 0:  # what cannot be seen cannot be ended
            return "this daemon has process ids of its own (another container): its guard must share them"
        if message != {"do": "guard"} or len(descriptors) != PORCH_DESCRIPTORS:
            return 'ask {"do": "guard"} with message socket, heartbeat pipe and pidfd'
        return f"{GUARDS} guards are there already" if len(self.guards) >= GUARDS else ""

    def _started(self, daemon_pid: int, messages: int, heartbeats: int, pidfd: int) -> subprocess.Popen[bytes]:
        """Without site packages: a broken installation does not reach it."""
        arguments = ["--state-dir", str(self.state_dir), "--messages", str(messages), "--heartbeats", str(heartbeats)]
        arguments += ["--daemon", str(daemon_pid), "--daemon-pidfd", str(pidfd)]
        return subprocess.Popen(
            [sys.executable, "-S", "-P", "-m", "pumpctl.guard", *arguments],
            env={"PYTHONPATH": str(Path(__file__).parents[2])},
            cwd="/",
            stdin=subprocess.DEVNULL,
            pass_fds=(messages, heartbeats, pidfd),
            start_new_session=True,
        )


def main() -> int:
    parser = argparse.ArgumentParser(prog="pumpctl.guard.porch", description="Started by pumpctl-guard.service.")
    parser.add_argument("--state-dir", type=Path, required=True)
    state_dir: Path = parser.parse_args().state_dir
    os.umask(UMASK)
    path = state_dir / PORCH_NAME
    path.unlink(missing_ok=True)  # left by a dead one: systemd runs one of us
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK) as listener:
        listener.bind(str(path))
        listener.listen()
        porch = Porch(state_dir.absolute(), listener, _feed_ms())
        signal.signal(signal.SIGTERM, porch.end)
        _tell_systemd("READY=1\nSTATUS=waits for a daemon")
        porch.run()
    path.unlink(missing_ok=True)
    return 0


def _peer(asking: socket.socket) -> tuple[int, int, int]:
    """Process, user and group of who is at the door, by the kernel."""
    return struct.unpack("3i", asking.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")))


def _feed_ms() -> int:
    """Four words in each watchdog period: one may be late."""
    period_us = int(os.environ.get("WATCHDOG_USEC", "0") or "0")
    return min(LONGEST_SLEEP_MS, period_us * MS_PER_S // US_PER_S // 4) if period_us else LONGEST_SLEEP_MS


def _tell_systemd(words: str) -> None:
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as telling:
        try:
            telling.sendto(words.encode(), "\0" + address[1:] if address.startswith("@") else address)
        except OSError:
            return  # its own watchdog decides what that means


if __name__ == "__main__":
    raise SystemExit(main())
