"""One daemon with up to sixteen patients, each at a pump and a pty of its own, and the person who asks it to stop.

Refuses to wait in more than one place: pumps, control socket and guard are served by one loop of one thread, so that
nothing of the measuring side competes with what is measured.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path
from time import perf_counter_ns
from typing import Any

from pumpctl import daemon
from pumpctl.controller import Controller
from pumpctl.core.instant import NS_PER_S, Now
from pumpctl.effects import Effect
from pumpctl.events import Event, OperatorRequest
from pumpctl.guard.wire import SOCKET_NAME
from simulator.instant import SimNow
from simulator.rig.bag_check import bag_check
from tests.crash.pair import FORKED, kill_guards, speak_to
from tests.crash.wrapping import Function, wrap
from tests.latency.line import RecordedLine

SPEED = 2  # a status twice a second, and sixteen pumps are asked
WITHIN_S = 30.0
STALL = "stall"
CHANNEL = """
[[channel]]
name = "{name}"
dialect = "companion"
port = "{port}"
serial = "{serial}"
patient_id = "{name}"
"""


class Ward:
    """`names` are channels and patients alike."""

    def __init__(self, names: Sequence[str]) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="stop-")
        folder = Path(self._folder.name)
        self.state_dir, self._log, self._settings = folder / "state", folder / "log", folder / "settings.toml"
        self.state_dir.mkdir()
        self._epoch_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        self._began = datetime.now(UTC)
        self.lines = {name: RecordedLine(f"SIM-{name}", SPEED, self._now) for name in names}
        top = f'state_dir = "{self.state_dir}"\nmode = "rig"\nspeed = {SPEED}\nepoch_boottime_ns = {self._epoch_ns}\n'
        channels = [CHANNEL.format(name=name, port=line.path, serial=line.serial) for name, line in self.lines.items()]
        self._settings.write_text(top + "".join(channels))
        self._selector = selectors.DefaultSelector()
        for line in self.lines.values():
            self._selector.register(line.master_fd, selectors.EVENT_READ, line.read)
        self._daemon: BaseProcess | None = None
        self._asked = 0

    # The daemon.

    def start_daemon(self) -> None:
        """Until it answers."""
        self._daemon = FORKED.Process(target=_serve, args=(self._settings, self._log))
        self._daemon.start()
        self.serve_until("the daemon answers", self._answers)

    def freeze(self) -> None:
        """SIGSTOP: a process that will not run again by itself."""
        self._signal(signal.SIGSTOP)

    @property
    def killed(self) -> bool:
        """Whether the daemon was ended by SIGKILL: the guard's doing, here."""
        assert self._daemon is not None
        self._daemon.join(0)
        return self._daemon.exitcode == -signal.SIGKILL

    @property
    def said(self) -> str:
        return self._log.read_text()[-2_000:] if self._log.exists() else ""

    def status(self) -> Mapping[str, Any]:
        """The channels as the daemon tells them."""
        return self.ask("status")["channels"]

    def ask(self, method: str, **params: object) -> Mapping[str, Any]:
        """An answer that must be a yes."""
        with contextlib.closing(self.begin("control.sock", self._request(method, params))) as voice:
            self.serve_until(f"an answer to {method}", lambda: voice.line is not None)
            assert voice.line is not None
            answer = json.loads(voice.line)
        assert "result" in answer, (method, answer)
        return answer["result"]

    def begin(self, name: str, request: Mapping[str, object]) -> Voice:
        """A question whose answer nobody waits for here."""
        return Voice(self.state_dir / name, request, self._selector)

    def stop(self, channel: str) -> tuple[int, list[Voice]]:
        """What `pumpctl stop` does: daemon and guard are asked at once. The instant before the first byte."""
        began_ns = perf_counter_ns()
        return began_ns, [
            self.begin("control.sock", self._request("stop", {"channel": channel})),
            self.begin(SOCKET_NAME, {"stop": channel}),
        ]

    def stall(self, seconds: int) -> Voice:
        """The loop sleeps in the middle of a request."""
        return self.begin("control.sock", self._request(STALL, {"seconds": seconds}))

    # The patients.

    def infuse(self, order_for: Callable[[str], dict[str, Any]]) -> None:
        """An order for each, confirmed at its pump, and running."""
        self.serve_until("the links are up", lambda: self._all("state", "idle"))
        for name, line in self.lines.items():
            order = order_for(name)
            check = bag_check(order, at=self._therapy_utc(), bag=f"BAG-{name}")
            self.ask("order.submit", text=json.dumps(order), channel=name, overrides=[], check=json.dumps(check))
            self.serve_until("the program is shown", lambda line=line: line.state == "loaded")
        self.serve_until("they wait for the button", lambda: self._all("state", "awaiting_confirmation"))
        for line in self.lines.values():
            line.press()
        self.serve_until("infusing", lambda: self._all("state", "infusing"))

    def serve_until(self, wanted: str, reached: Callable[[], bool], within_s: float = WITHIN_S) -> None:
        """Serve pumps and sockets until it is so."""
        deadline_s = time.monotonic() + within_s
        while not reached():
            if time.monotonic() > deadline_s:
                raise AssertionError(f"not within {within_s} s: {wanted}\n{self.said}")
            self._serve_once(deadline_s)

    def serve_for(self, seconds: float) -> None:
        """Let time pass at the pumps."""
        deadline_s = time.monotonic() + seconds
        while time.monotonic() < deadline_s:
            self._serve_once(deadline_s)

    def clean_up(self) -> None:
        """Leave nothing behind."""
        if self._daemon is not None and self._daemon.pid is not None:
            self._daemon.kill()
            self._daemon.join(WITHIN_S)
            self._daemon.close()
        kill_guards(self.state_dir)
        self._selector.close()
        for line in self.lines.values():
            line.close()
        self._folder.cleanup()

    def _serve_once(self, deadline_s: float) -> None:
        link_ns = self._now().link_ns
        due_ns = min(line.due_ns for line in self.lines.values())
        wait_s = max(0.0, min((due_ns - link_ns) / NS_PER_S, deadline_s - time.monotonic()))
        for key, _ in self._selector.select(wait_s):
            key.data()
        link_ns = self._now().link_ns
        for line in self.lines.values():
            if line.due_ns <= link_ns:
                line.advance()

    def _all(self, key: str, wanted: str) -> bool:
        return all(told[key] == wanted and told["link"] == "up" for told in self.status().values())

    def _answers(self) -> bool:
        try:
            self.begin("control.sock", self._request("status", {})).close()
        except OSError:
            self.serve_for(0.02)
            return False
        return True

    def _request(self, method: str, params: Mapping[str, object]) -> Mapping[str, object]:
        self._asked += 1
        return {"jsonrpc": "2.0", "id": self._asked, "method": method, "params": params}

    def _signal(self, number: signal.Signals) -> None:
        assert self._daemon is not None
        assert self._daemon.pid is not None
        os.kill(self._daemon.pid, number)

    def _now(self) -> SimNow:
        link_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        return SimNow(link_ns, SPEED * (link_ns - self._epoch_ns))

    def _therapy_utc(self) -> datetime:
        return self._began + timedelta(microseconds=self._now().therapy_ns // 1000)


class Voice:
    """One question on a connection of its own; `line` is the answer when it has come, empty when the other end left."""

    def __init__(self, path: Path, request: Mapping[str, object], selector: selectors.BaseSelector) -> None:
        self.line: bytes | None = None
        self.began_ns = perf_counter_ns()
        self._content = b""
        self._selector = selector
        self._socket = socket.socket(socket.AF_UNIX)
        try:
            self._socket.connect(str(path))
            self._socket.sendall(json.dumps(request).encode() + b"\n")
        except OSError:
            self._socket.close()
            raise
        self._socket.settimeout(0)
        selector.register(self._socket, selectors.EVENT_READ, self._read)

    def close(self) -> None:
        if self._socket.fileno() >= 0:
            self._selector.unregister(self._socket)
            self._socket.close()

    def _read(self) -> None:
        try:
            received = self._socket.recv(65_536)
        except ConnectionResetError:
            received = b""
        self._content += received
        if not received or self._content.endswith(b"\n"):
            self.line = self._content
            self.close()


def _serve(settings: Path, log: Path) -> None:
    """The daemon, with one more thing that can be asked of it: to hang."""
    speak_to(log)

    def stalling(handle: Function) -> Function:
        def stalled(made: Controller, event: Event, now: Now) -> tuple[Effect, ...]:
            if isinstance(event, OperatorRequest) and event.method == STALL:
                time.sleep(int(event.params["seconds"]))
            return handle(made, event, now)

        return stalled

    wrap(Controller, "handle", stalling)
    sys.exit(daemon.run(settings))
