"""One simulated pump and the lives of its daemon, as real processes on a real pty, in scaled time.

Refuses to judge. The processes come from a fork server that has imported the product, so that a life costs no second
of imports; from there on they are processes like any other, with a guard of their own, and die by real signals.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from pumpctl import daemon
from pumpctl.shell.control_client import ControlClient, NoDaemon
from simulator import cli, serve
from simulator.control import request
from simulator.failure import Failure
from tests.crash.points import Life, Passages, Point, read_life
from tests.crash.seams import Seams
from tests.system.real_pair import SETTINGS

WITHIN_S = 20.0
LOOK_S = 0.02
FORKED = multiprocessing.get_context("forkserver")
FORKED.set_forkserver_preload(["tests.crash.pair", serve.__name__])  # the command line imports it late


class Died(Exception):
    """The daemon is gone: whatever a person was about to do has no counterpart any more."""


class Stuck(Exception):
    """What had to come did not."""


@dataclass(frozen=True, slots=True)
class Setting:
    """How fast, and by which library."""

    speed: int
    library: str | None = None


class Pair:
    """`lives` holds the log of each daemon that was started."""

    def __init__(self, setting: Setting) -> None:
        self._short = tempfile.TemporaryDirectory(prefix="crash-")
        self.folder = Path(self._short.name)
        self.state_dir = self.folder / "state"
        self.state_dir.mkdir()
        self.port, self.pump_socket = self.folder / "pump", self.folder / "pump.sock"
        self.settings = self.folder / "settings.toml"
        self._speed = setting.speed
        self._epoch_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        self._began = datetime.now(UTC)
        top = ""
        if setting.library is not None:
            library = self.folder / "library.toml"
            library.write_text(setting.library)
            top = f'library = "{library}"'
        self.settings.write_text(
            SETTINGS.format(
                state_dir=self.state_dir, speed=self._speed, epoch_ns=self._epoch_ns, port=self.port, top=top, tables=""
            )
        )
        self._logs: list[Path] = []
        self._daemon: BaseProcess | None = None
        self._pump: BaseProcess | None = None

    @property
    def therapy_utc(self) -> datetime:
        """The calendar that the daemon counts by."""
        passed_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - self._epoch_ns
        return self._began + timedelta(microseconds=passed_ns * self._speed // 1000)

    @property
    def lives(self) -> tuple[Life, ...]:
        return tuple(read_life(log) for log in self._logs)

    @property
    def said(self) -> str:
        """The end of the last daemon's own log."""
        own = self._logs[-1].with_suffix(".stderr") if self._logs else None
        return own.read_text()[-1_500:] if own is not None and own.exists() else ""

    def start_pump(self) -> None:
        words = ["serve", "--dialect", "companion", "--pty", str(self.port), "--control", str(self.pump_socket)]
        words += ["--speed", str(self._speed), "--epoch-boottime-ns", str(self._epoch_ns)]
        self._pump = FORKED.Process(target=_serve_pump, args=(words, self.folder / "pump.log"))
        self._pump.start()
        self.wait("the pump answers", lambda: bool(self.truth), alive=False)

    def start_daemon(self, wanted: Point | None) -> None:
        """A new life, which dies at `wanted`."""
        log = self.folder / f"life-{len(self._logs) + 1}"
        self._logs.append(log)
        self._daemon = FORKED.Process(target=_serve_daemon, args=(self.settings, log, wanted))
        self._daemon.start()

    def adopt_daemon(self) -> None:
        """One that somebody else has started, and who will tell when it died."""
        self.wait("the daemon answers", lambda: bool(self.ask("status")), alive=False)

    def pump(self, command: str, **more: object) -> Mapping[str, Any]:
        """One command of the simulator's own control socket."""
        return request(self.pump_socket, {"command": command, **more})

    @property
    def truth(self) -> Mapping[str, Any]:
        return self.pump("state")

    def ask(self, method: str, **params: object) -> Mapping[str, Any]:
        """Raises Died, Refused."""
        try:
            with ControlClient(self.state_dir / "control.sock", wait_s=5) as client:
                return client.call(method, params)
        except NoDaemon:
            self._must_live(grace_s=1.0)
            raise

    @property
    def state(self) -> Mapping[str, Any]:
        told: Mapping[str, Any] = self.ask("status")["channels"]["a"]
        return told

    def wait(self, wanted: str, reached: Callable[[], bool], *, alive: bool = True, within_s: float = WITHIN_S) -> None:
        """Until it is so. Raises Died or Stuck."""
        deadline_s = time.monotonic() + within_s
        while time.monotonic() < deadline_s:
            if alive:
                self._must_live()
            with contextlib.suppress(NoDaemon, Failure):
                if reached():
                    return
            time.sleep(LOOK_S)
        raise Stuck(f"not within {within_s} s: {wanted}")

    def wait_for_death(self, within_s: float = WITHIN_S) -> bool:
        """Whether it died by SIGKILL by then."""
        assert self._daemon is not None
        self._daemon.join(within_s)
        return self._daemon.exitcode == -signal.SIGKILL

    def end_daemon(self) -> int | None:
        """By SIGTERM; its exit code, as it said itself: a fork server may miss one."""
        assert self._daemon is not None
        assert self._daemon.pid is not None
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._daemon.pid, signal.SIGTERM)
        self._daemon.join(WITHIN_S)
        return self.lives[-1].ended

    def clean_up(self) -> None:
        """Leave no process behind: daemon, pump, and the guard that outlived its daemon."""
        for process in (self._daemon, self._pump):
            if process is not None and process.pid is not None:
                process.kill()
                process.join(WITHIN_S)
                process.close()
        kill_guards(self.state_dir)
        self._short.cleanup()

    def _must_live(self, grace_s: float = 0.0) -> None:
        if self._daemon is None:
            return  # adopted
        self._daemon.join(grace_s)
        if not self._daemon.is_alive():
            raise Died


def kill_guards(state_dir: Path) -> None:
    """The lock file names the one that is there; its command line proves it."""
    with contextlib.suppress(OSError, ValueError):
        pid = int((state_dir / "guard.lock").read_text())
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        if b"pumpctl.guard" in words and str(state_dir).encode() in words:
            os.kill(pid, signal.SIGKILL)


def _serve_daemon(settings: Path, log: Path, wanted: Point | None) -> None:
    speak_to(log.with_suffix(".stderr"))
    passages = Passages(log, wanted)
    Seams(passages).install()
    code = daemon.run(settings)
    passages.note("ended", code)
    sys.exit(code)


def _serve_pump(words: list[str], log: Path) -> None:
    speak_to(log)
    sys.argv = ["pumpsim", *words]
    sys.exit(cli.main())


def speak_to(log: Path) -> None:
    """Standard output and error into a file."""
    fd = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(fd, 1)
    os.dup2(fd, 2)
    os.close(fd)
