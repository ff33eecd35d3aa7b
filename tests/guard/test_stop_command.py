"""`pumpctl stop`: what a person is told, and the exit code, for every pair of answers."""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pumpctl.cli.app import main
from pumpctl.shell import stop_request
from tests.conftest import PtyPair
from tests.guard.rig import Daemon, PumpPeer

PROVEN = {"jsonrpc": "2.0", "id": 1, "result": {"stopped": ["a"], "proven": True}}
UNPROVEN = {"jsonrpc": "2.0", "id": 1, "error": {"code": 5, "message": "a has not proven it", "data": {"exit_code": 5}}}
NO_SUCH = {"jsonrpc": "2.0", "id": 1, "error": {"code": 4, "message": "no channel b", "data": {"exit_code": 4}}}
LEFT_TO_DAEMON = {"outcomes": {"a": "written_by_daemon"}}
STOPPED = {"outcomes": {"a": "stopped"}}


class Scripted:
    """A socket that answers each line with one answer; None: it takes the line and says nothing."""

    def __init__(self, path: Path, answer: object) -> None:
        self.asked: list[Any] = []
        self._answer = answer
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(path))
        self._listener.listen()
        self._connections: list[socket.socket] = []
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def end(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        for each in (self._listener, *self._connections):
            each.close()

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return  # the test is over
            self._connections.append(connection)
            with connection.makefile("rb") as lines:
                self.asked.append(json.loads(lines.readline()))
            if self._answer is not None:
                connection.sendall(json.dumps(self._answer).encode() + b"\n")


Script = Callable[[str, object], Scripted]
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def scripted(tmp_path: Path) -> Iterator[Script]:
    started: list[Scripted] = []

    def start(name: str, answer: object) -> Scripted:
        started.append(Scripted(tmp_path / name, answer))
        return started[-1]

    yield start
    for each in started:
        each.end()


@pytest.fixture
def pumpctl(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["pumpctl", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        out, err = capsys.readouterr()
        return int(end.value.code or 0), out, err

    return run


@pytest.mark.parametrize(
    ("daemon", "guard", "code", "told"),
    [
        (PROVEN, LEFT_TO_DAEMON, 0, "stopped: a"),
        (UNPROVEN, LEFT_TO_DAEMON, 5, "a has not proven it"),
        (NO_SUCH, {"outcomes": {"a": "no_port"}}, 4, "no channel b"),
        (UNPROVEN, {"outcomes": {"a": "not_armed"}}, 5, "which pump is there is not known"),
        ([], STOPPED, 0, "the pump answered that it has stopped"),
        ([], {"outcomes": {"a": "not_proven"}}, 5, "the pump did not answer"),
        ([], {"outcomes": {}}, 5, "no port is open"),
        ([], [], 5, "not understood"),
        ({"result": {"stopped": ["a"]}}, LEFT_TO_DAEMON, 5, "NOT PROVEN STOPPED"),
        ({"result": []}, {"outcomes": []}, 5, "not understood"),
    ],
)
@pytest.mark.parametrize("channel", [["a"], []])
def test_only_a_proof_from_one_of_the_two_is_a_stop(
    scripted: Script,
    pumpctl: Run,
    tmp_path: Path,
    daemon: object,
    guard: object,
    code: int,
    told: str,
    channel: list[str],
) -> None:
    scripted("control.sock", daemon)
    scripted("stop.sock", guard)
    exit_code, out, err = pumpctl("stop", *channel, "--socket", str(tmp_path / "control.sock"))
    assert exit_code == code
    assert told in out + err
    assert ("clamp the line" in err) is (code != 0)


def test_all_means_all(scripted: Script, pumpctl: Run, tmp_path: Path) -> None:
    scripted("stop.sock", {"outcomes": {"a": "stopped", "b": "not_proven"}})
    socket_path = str(tmp_path / "control.sock")
    assert pumpctl("stop", "--socket", socket_path)[0] == 5
    assert pumpctl("stop", "a", "--socket", socket_path)[0] == 0
    assert pumpctl("stop", "b", "--socket", socket_path)[0] == 5


def test_what_each_is_asked(scripted: Script, pumpctl: Run, tmp_path: Path) -> None:
    control, guard = scripted("control.sock", PROVEN), scripted("stop.sock", LEFT_TO_DAEMON)
    pumpctl("stop", "a", "--socket", str(tmp_path / "control.sock"))
    pumpctl("stop", "--socket", str(tmp_path / "control.sock"))
    request = {"jsonrpc": "2.0", "id": 1, "method": "stop"}
    assert control.asked == [request | {"params": {"channel": "a"}}, request | {"params": {"channel": None}}]
    assert guard.asked == [{"stop": "a"}, {"stop": None}]


def test_nobody_there(pumpctl: Run, tmp_path: Path) -> None:
    code, out, err = pumpctl("stop", "--socket", str(tmp_path / "control.sock"))
    assert (code, out.count("not running")) == (5, 2)
    assert "clamp the line" in err


def test_silence_of_both_ends_and_is_no_stop(
    scripted: Script, pumpctl: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stop_request, "DAEMON_WAIT_S", 1)
    monkeypatch.setattr(stop_request, "GUARD_WAIT_S", 1)
    monkeypatch.setattr(stop_request, "OVERDUE_S", 0.1)
    scripted("control.sock", None)
    scripted("stop.sock", None)
    code, out, err = pumpctl("stop", "--socket", str(tmp_path / "control.sock"))
    assert (code, out.count("no answer in 1 s")) == (5, 2)
    assert "not proven stopped yet" in err  # told while waiting


def test_json(scripted: Script, pumpctl: Run, tmp_path: Path) -> None:
    scripted("control.sock", PROVEN)
    code, out, _ = pumpctl("stop", "--json", "--socket", str(tmp_path / "control.sock"))
    told = json.loads(out)
    assert (code, told["stopped"], told["daemon"]["stopped"]) == (0, True, ["a"])
    assert "not running" in told["guard"]["silence"]
    code, out, _ = pumpctl("stop", "b", "--json", "--socket", str(tmp_path / "control.sock"))
    assert (code, json.loads(out)["stopped"]) == (5, False)


def test_the_settings_need_only_their_state_directory(
    scripted: Script, pumpctl: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted("control.sock", PROVEN)
    settings = tmp_path / "settings.toml"
    settings.write_text(f'state_dir = "{tmp_path}"\nmode = "no such mode"\nunknown = 1\n')
    assert pumpctl("stop", "a", "--config", str(settings))[0] == 0
    settings.write_text('state_dir = "elsewhere"\n')
    monkeypatch.setenv("PUMPCTL_STATE_DIR", str(tmp_path))
    assert pumpctl("stop", "a", "--config", str(settings))[0] == 0


@pytest.mark.parametrize("content", [None, "", "state_dir = 1", "state_dir ="])
def test_settings_that_name_no_directory_still_say_what_to_do(
    pumpctl: Run, tmp_path: Path, content: str | None
) -> None:
    settings = tmp_path / "settings.toml"
    if content is not None:
        settings.write_text(content)
    code, _, err = pumpctl("stop", "--config", str(settings))
    assert code == 2
    assert "clamp the line" in err


def test_which_daemon_must_be_said(pumpctl: Run) -> None:
    code, _, err = pumpctl("stop")
    assert code == 2
    assert "--config" in err


@pytest.mark.hazard("H46")
def test_a_hung_daemon_does_not_hold_up_the_person(
    daemon: Callable[[], Daemon],
    peer: Callable[..., PumpPeer],
    scripted: Script,
    pumpctl: Run,
    pty_pair: PtyPair,
    tmp_path: Path,
) -> None:
    scripted("control.sock", None)
    pump = peer(pty_pair.master_fd)
    running = daemon().serves("a", pty_pair.slave_path, lease=False)
    running.pause()
    asked_s = time.monotonic()
    code, out, _ = pumpctl("stop", "a", "--socket", str(tmp_path / "control.sock"))
    assert code == 0
    assert "guard: a: STOP was written by the guard and the pump answered" in out
    assert pump.stops_s[0] - asked_s < 1.5
    assert time.monotonic() - asked_s < 3.5
