"""A daemon and a simulated pump with a tap on their wire: every frame that the daemon sends, by kind.

Refuses to judge what it hears, and to touch a byte of it.
"""

from __future__ import annotations

import contextlib
import json
import selectors
import socket
import subprocess
import threading
from collections import Counter
from pathlib import Path

from protocols.companion.codec import decode
from protocols.companion.framing import FrameDecoder
from tests.system.real_pair import SCRIPTS, SPEED, RealPair

SLOW = 20  # ten hours of infusion in half an hour, and a poll every 50 ms


class Tap:
    """Between the daemon, which connects here, and the pump's own port."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        self.pump_port = 0
        self._kinds: Counter[str] = Counter()
        self._more = threading.Condition()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join()

    @property
    def kinds(self) -> Counter[str]:
        """Frames so far. What is no frame counts as such."""
        with self._more:
            return self._kinds.copy()

    def wait_for(self, kind: str, count: int, within_s: float) -> None:
        """Until so many more of this kind have passed."""
        with self._more:
            wanted = self._kinds[kind] + count
            assert self._more.wait_for(lambda: self._kinds[kind] >= wanted, within_s), dict(self._kinds)

    def _serve(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                daemon, _ = self._server.accept()
                with daemon, socket.create_connection(("127.0.0.1", self.pump_port)) as pump:
                    self._relay(daemon, pump)

    def _relay(self, daemon: socket.socket, pump: socket.socket) -> None:
        """Until one of them hangs up."""
        frames = FrameDecoder()
        with selectors.DefaultSelector() as ready:
            ready.register(daemon, selectors.EVENT_READ, pump)
            ready.register(pump, selectors.EVENT_READ, daemon)
            while True:
                for key, _ in ready.select():
                    read: socket.socket = daemon if key.data is pump else pump
                    content = read.recv(65_536)
                    if not content:
                        return
                    if read is daemon:
                        self._count(frames, content)
                    key.data.sendall(content)

    def _count(self, frames: FrameDecoder, content: bytes) -> None:
        with self._more:
            for piece in frames.receive(content):
                told = decode(piece).message if isinstance(piece, bytes) else piece
                self._kinds[type(told).__name__] += 1
            self._more.notify_all()


class TappedPair(RealPair):
    """As its parent, slower, over TCP."""

    def __init__(self, folder: Path, *, tables: str) -> None:
        super().__init__(folder, tables=tables)
        self.tap = Tap()
        text = self.settings.read_text().replace(f"speed = {SPEED}", f"speed = {SLOW}")
        self.settings.write_text(text.replace(str(self.port), f"socket://127.0.0.1:{self.tap.port}"))

    def start_pump(self) -> None:
        options = ["--dialect", "companion", "--tcp", "127.0.0.1:0", "--control", str(self.pump_socket)]
        options += ["--speed", str(SLOW), "--epoch-boottime-ns", str(self.epoch_ns)]
        self.simulator = subprocess.Popen([SCRIPTS / "pumpsim", "serve", *options], stdout=subprocess.PIPE)
        assert self.simulator.stdout is not None
        ready = json.loads(self.simulator.stdout.readline())
        self.tap.pump_port = int(ready["tcp"].rpartition(":")[2])

    def clean_up(self) -> None:
        super().clean_up()
        self.tap.close()
