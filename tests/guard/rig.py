"""The two ends around a guard under test: a daemon that can be hung, and a pump that counts what it hears."""

from __future__ import annotations

import json
import os
import queue
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from protocols.companion.codec import STOPPED_FRAME, decode
from protocols.companion.framing import FrameDecoder, Garbage
from protocols.companion.messages import Stop
from pumpctl.guard.wire import LOCK_NAME, SOCKET_NAME

WAIT_S = 20.0  # for what must come; nothing waits that long unless it fails
DOUBLE = Path(__file__).with_name("daemon_double.py")


class PumpPeer:
    """Reads a line in a thread. Answers each STOP from the `answers_from`th on; None: never."""

    def __init__(self, descriptor: int, answers_from: int | None = 1) -> None:
        self.received = b""
        self.stops_s: list[float] = []
        self.others: list[object] = []  # garbage and messages that are not STOP
        self._descriptor = descriptor
        self._answers_from = answers_from
        self._decoder = FrameDecoder()
        self._changed = threading.Condition()
        self._wake_read, self._wake_write = os.pipe()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def wait(self, what: Callable[[PumpPeer], bool], timeout_s: float = WAIT_S) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: what(self), timeout_s)

    def wait_stops(self, count: int, timeout_s: float = WAIT_S) -> bool:
        return self.wait(lambda peer: len(peer.stops_s) >= count, timeout_s)

    def end(self) -> None:
        """Before the line is closed. May be called twice."""
        if self._wake_write >= 0:
            os.write(self._wake_write, b".")
            self._thread.join()
            os.close(self._wake_read)
            os.close(self._wake_write)
            self._wake_write = -1

    def _run(self) -> None:
        while True:
            ready, _, _ = select.select([self._descriptor, self._wake_read], [], [])
            if self._wake_read in ready:
                return
            try:
                received = os.read(self._descriptor, 4096)
            except OSError:
                return  # the other side has gone
            if not received:
                return
            with self._changed:
                self.received += received
                for piece in self._decoder.receive(received):
                    self._hear(piece)
                self._changed.notify_all()

    def _hear(self, piece: bytes | Garbage) -> None:
        message = piece if isinstance(piece, Garbage) else decode(piece).message
        if message != Stop():
            self.others.append(message)
            return
        self.stops_s.append(time.monotonic())
        if self._answers_from is not None and len(self.stops_s) >= self._answers_from:
            os.write(self._descriptor, STOPPED_FRAME)


class Daemon:
    """The double as a process."""

    def __init__(self, state_dir: Path) -> None:
        self.state_dir = state_dir
        self.process = subprocess.Popen(
            [sys.executable, str(DOUBLE), str(state_dir)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(DOUBLE.parents[2])},
        )
        self._events: queue.Queue[dict[str, Any]] = queue.Queue()
        self.notices: queue.Queue[str] = queue.Queue()
        self._threads = [
            threading.Thread(
                target=self._read, args=(self.process.stdout, lambda line: self._events.put(json.loads(line)))
            ),
            threading.Thread(target=self._read, args=(self.process.stderr, self.notices.put)),
        ]
        for thread in self._threads:
            thread.start()
        self.first = self._events.get(timeout=WAIT_S)
        self.guard_pid = int((state_dir / LOCK_NAME).read_text())

    def event(self, kind: str, timeout_s: float = WAIT_S) -> dict[str, Any]:
        """The next event, which must be of this kind."""
        try:
            event = self._events.get(timeout=timeout_s)
        except queue.Empty:
            raise AssertionError(f"no {kind}; exit code {self.process.poll()}; it said {self.said()}") from None
        assert event["event"] == kind, (event, self.said())
        return event

    def tell(self, *command: object) -> None:
        self.send(*command)
        self.event("done")

    def send(self, *command: object) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(command).encode() + b"\n")
        self.process.stdin.flush()

    def arm(self, channel: str, *, lease: bool, proven: bool = True) -> None:
        self.tell("arm", channel, lease, proven)

    def serves(self, channel: str, path: str, *, lease: bool) -> Daemon:
        self.tell("open", channel, path)
        self.arm(channel, lease=lease)
        return self

    def pause(self) -> None:
        self.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WNOWAIT)

    def resume(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def notice(self, part: str) -> str:
        """The next line on standard error with this in it."""
        while part not in (line := self.notices.get(timeout=WAIT_S)):
            continue
        return line

    def said(self) -> list[str]:
        return list(self.notices.queue)

    def end(self) -> None:
        """Whatever state the test left it in."""
        self.process.kill()
        self.process.wait()
        if self.process.stdin is not None:
            self.process.stdin.close()

    def end_reading(self) -> None:
        """After the guard, which holds the other end of standard error too."""
        for thread in self._threads:
            thread.join(WAIT_S)
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()

    @staticmethod
    def _read(stream: IO[bytes] | None, take: Callable[[str], None]) -> None:
        assert stream is not None
        for line in stream:
            take(line.decode())


class Asker:
    """A connection to stop.sock."""

    def __init__(self, state_dir: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", int(WAIT_S), 0))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", int(WAIT_S), 0))
        self.socket.connect(str(state_dir / SOCKET_NAME))
        self._lines = self.socket.makefile("rb")

    def ask(self, **body: object) -> Asker:
        self.socket.sendall(json.dumps(body).encode() + b"\n")
        return self

    def answer(self) -> dict[str, Any]:
        line = self._lines.readline()
        return json.loads(line) if line else {}

    def close(self) -> None:
        self._lines.close()
        self.socket.close()


def ask(state_dir: Path, **body: object) -> dict[str, Any]:
    asker = Asker(state_dir).ask(**body)
    try:
        return asker.answer()
    finally:
        asker.close()


def ended(pid: int, timeout_s: float = WAIT_S) -> bool:
    """Whether this process has run its last instruction by then."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], timeout_s)[0])
    finally:
        os.close(descriptor)
