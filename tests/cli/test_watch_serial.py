"""`pumpctl watch --serial` as a process, at the end of a wire of two real ptys; at its other end the real daemon."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import select
import signal
import subprocess
import sys
import threading
import tty
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from protocols.status_line.framing import encode_line
from pumpctl.cli.app import main
from tests.system.daemon_process import DaemonProcess

KILL_AFTER_S = 60.0
PUMPCTL = [sys.executable, "-c", "from pumpctl.cli.app import main; main()"]
INFUSING = {"channel": "a", "state": "infusing", "link": "up", "flow_ml_h": 10.0, "status_age_ms": 0, "alarms": []}


class Wire:
    """A display's adapter, which is pulled and plugged; `carry` joins it to another pty as a cable does."""

    def __init__(self, folder: Path) -> None:
        self.adapter = folder / "ttyUSB0"
        self._ended = threading.Event()
        self._carrier: threading.Thread | None = None
        self.plug()

    def plug(self) -> None:
        self.master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        self.adapter.symlink_to(os.ttyname(self._slave))

    def pull(self) -> None:
        self.adapter.unlink()
        os.close(self.master)
        os.close(self._slave)

    def send(self, content: bytes) -> None:
        os.write(self.master, content)

    def carry(self, master: int) -> None:
        """Whatever comes out of this master goes to the display."""
        self._carrier = threading.Thread(target=self._carry, args=(master,), daemon=True)
        self._carrier.start()

    def end(self) -> None:
        self._ended.set()
        if self._carrier is not None:
            self._carrier.join(KILL_AFTER_S)
        self.pull()

    def _carry(self, master: int) -> None:
        while not self._ended.is_set():
            if select.select([master], [], [], 0.05)[0]:
                os.write(self.master, os.read(master, 4096))


class Watcher:
    """The command, and what it has said so far on both streams."""

    def __init__(self, *words: str) -> None:
        self.process = subprocess.Popen(
            [*PUMPCTL, "watch", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def says(self, wanted: str) -> str:
        """The next line with this in it."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if wanted in line:
                return line
        pytest.fail(f"it ended ({self.process.wait()}) and never said {wanted!r}")

    def end(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait(KILL_AFTER_S)
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def wire(tmp_path: Path) -> Iterator[Wire]:
    subject = Wire(tmp_path)
    yield subject
    subject.end()


@pytest.fixture
def watch() -> Iterator[Callable[..., Watcher]]:
    begun: list[Watcher] = []

    def begin(*words: str) -> Watcher:
        begun.append(Watcher(*words))
        return begun[-1]

    yield begin
    for each in begun:
        each.end()


def send_until(wire: Wire, content: bytes, watcher: Watcher, wanted: str) -> str:
    """Send each 50 ms, as a daemon that repeats itself, until it is told."""
    told = threading.Event()

    def repeat() -> None:
        while not told.wait(0.05):
            wire.send(content)

    sender = threading.Thread(target=repeat, daemon=True)
    sender.start()
    try:
        return watcher.says(wanted)
    finally:
        told.set()
        sender.join(KILL_AFTER_S)


@pytest.mark.hazard("H66")
def test_it_shows_states_damage_silence_and_a_port_that_comes_back(wire: Wire, watch: Callable[..., Watcher]) -> None:
    watcher = watch("--serial", str(wire.adapter), "--baud", "9600")
    line = send_until(wire, encode_line(INFUSING), watcher, "a: infusing")
    assert line == "a: infusing, link up, flow 10 mL/h, unknown, given unknown of unknown\n"
    wire.send(b"\n" + encode_line(INFUSING)[:30] + b"\n" + encode_line(INFUSING))
    assert watcher.says("damaged").endswith(": 1 line damaged so far\n")
    assert watcher.says("no data").startswith("a: no data for 3 s, last infusing, link unknown, flow unknown")
    wire.pull()
    assert "it is tried again" in watcher.says("ttyUSB0: ")
    wire.plug()
    send_until(wire, encode_line(INFUSING), watcher, "a: infusing")


def test_with_json_every_state_is_a_line(wire: Wire, watch: Callable[..., Watcher]) -> None:
    watcher = watch("--serial", str(wire.adapter), "--json")
    assert json.loads(send_until(wire, encode_line(INFUSING), watcher, "{")) == INFUSING
    assert "no data for 3 s" in watcher.says("no data")


@pytest.mark.hazard("H44")
@pytest.mark.hazard("H66")
def test_a_daemon_that_is_killed_is_silence_and_one_that_is_back_is_shown(
    tmp_path: Path, wire: Wire, watch: Callable[..., Watcher]
) -> None:
    master, slave = pty.openpty()
    tty.setraw(slave)
    table = f'[status_line]\nport = "{os.ttyname(slave)}"\nbaud = 9600\n'
    daemon = DaemonProcess(tmp_path, str(tmp_path / "no-pump"), tables=table)
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    run = [*PUMPCTL, "run", "--config", str(daemon.settings)]
    wire.carry(master)
    watcher = watch("--serial", str(wire.adapter), "--baud", "9600")
    try:
        for _ in range(2):
            with daemon.log.open("ab") as log:
                daemon.process = subprocess.Popen(run, stderr=log, env=environment)
            watcher.says("a: unknown, link down")
            assert daemon.end(signal.SIGKILL) == -signal.SIGKILL
            assert watcher.says("no data").startswith("a: no data for 3 s, last unknown")
    finally:
        daemon.clean_up()
        wire.end()
        os.close(master)
        os.close(slave)
        wire.plug()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--serial", "/nowhere/tty"), 5, "no such device; plug it in"),
        (("--serial", "/dev/null"), 5, "it is no serial port"),
        (("--serial", "/dev/null", "--baud", "12345"), 2, "no standard rate"),
        (("--serial", "/dev/null", "--baud", "0"), 2, "no standard rate"),
        (("--serial", "socket://localhost:1"), 2, "only a tty can be listened to"),
        (("--serial", "/dev/null", "--socket", "s"), 2, "leave --config and --socket out"),
        (("--baud", "9600"), 2, "name the port with --serial"),
    ],
)
def test_what_cannot_be_watched_is_one_clear_line(
    words: tuple[str, ...], code: int, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["pumpctl", "watch", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    out, err = capsys.readouterr()
    assert (ended.value.code, out, len(err.splitlines())) == (code, "", 1)
    assert said in err


def test_the_help_says_whose_baud_it_is(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["pumpctl", "watch", "--help"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    assert "The status line's baud; default 115200." in " ".join(capsys.readouterr().out.replace("│", " ").split())
