"""A guard in a unit of its own: started by the porch, it outlives both the daemon and what started it."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest

from pumpctl.guard import porch as porch_room
from pumpctl.guard.porch import GUARDS, Porch
from pumpctl.guard.wire import PORCH_NAME, decode, encode
from tests.conftest import PtyPair
from tests.guard.rig import WAIT_S, Daemon, PumpPeer, ask, ended

StartDaemon = Callable[[], Daemon]
StartPeer = Callable[..., PumpPeer]


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])


class Notified:
    """systemd's end: what a unit says of itself."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "notify"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.settimeout(WAIT_S)
        self._socket.bind(str(self.path))

    def word(self) -> str:
        return self._socket.recv(4096).decode()

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Notified]:
    notified = Notified(tmp_path)
    yield notified
    notified.close()


@pytest.fixture
def porch(tmp_path: Path, systemd: Notified) -> Iterator[subprocess.Popen[bytes]]:
    words = {"NOTIFY_SOCKET": str(systemd.path), "WATCHDOG_USEC": "400000"}
    command = [sys.executable, "-P", "-m", "pumpctl.guard.porch", "--state-dir", str(tmp_path)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, env={**os.environ, **words})
    assert systemd.word().startswith("READY=1\n")
    yield process
    process.terminate()
    assert process.wait(WAIT_S) == 0
    assert process.stderr is not None
    process.stderr.close()
    assert not (tmp_path / PORCH_NAME).exists()


def asked(state_dir: Path, message: dict[str, object], descriptors: list[int]) -> dict[str, object]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as asking:
        asking.settimeout(WAIT_S)
        asking.connect(str(state_dir / PORCH_NAME))
        socket.send_fds(asking, [encode(message)], descriptors)
        answer, received, _, _ = socket.recv_fds(asking, 4096, 1)
    for descriptor in received:
        os.close(descriptor)
    return decode(answer)


@pytest.mark.hazard("H46")
def test_a_guard_of_the_porch_kills_a_hung_daemon_and_stops_the_pump(
    porch: subprocess.Popen[bytes], daemon: StartDaemon, peer: StartPeer, pty_pair: PtyPair, tmp_path: Path
) -> None:
    pump = peer(pty_pair.master_fd)
    running = daemon().serves("a", pty_pair.slave_path, lease=False)
    assert parent_of(running.guard_pid) == porch.pid
    running.pause()
    assert ask(tmp_path, stop="a") == {"outcomes": {"a": "stopped"}}
    assert running.process.wait(WAIT_S) == -signal.SIGKILL
    assert pump.wait_stops(1)


@pytest.mark.hazard("H51")
def test_a_guard_of_the_porch_outlives_daemon_and_porch_and_gives_the_ports_to_the_next(
    porch: subprocess.Popen[bytes], daemon: StartDaemon, peer: StartPeer, pty_pair: PtyPair, tmp_path: Path
) -> None:
    pump = peer(pty_pair.master_fd)
    first = daemon().serves("a", pty_pair.slave_path, lease=True)
    first.process.kill()
    first.process.wait(WAIT_S)
    porch.terminate()
    assert porch.wait(WAIT_S) == 0
    assert not ended(first.guard_pid, 0)
    assert ask(tmp_path, stop=None) == {"outcomes": {"a": "stopped"}}
    assert pump.wait_stops(1)
    second = daemon()
    assert ended(first.guard_pid)
    assert parent_of(second.guard_pid) == second.process.pid  # without a porch the guard is a child, as ever
    assert second.first["fired"][0] == ["a"]


def test_who_claims_a_guard_whose_daemon_lives_is_told_the_daemon_s_process(
    porch: subprocess.Popen[bytes], daemon: StartDaemon, tmp_path: Path
) -> None:
    running = daemon()
    assert ask(tmp_path, claim=True)["daemon_pid"] == running.process.pid


def test_a_guard_of_the_porch_that_dies_is_replaced_by_another_one_of_its(
    porch: subprocess.Popen[bytes], daemon: StartDaemon
) -> None:
    running = daemon()
    os.kill(running.guard_pid, signal.SIGKILL)
    assert running.event("guard_died")["alive"] is False
    running.tell("restart")
    running.guard_pid = int((running.state_dir / "guard.lock").read_text())
    assert parent_of(running.guard_pid) == porch.pid


def test_the_porch_tells_systemd_that_it_lives(porch: subprocess.Popen[bytes], systemd: Notified) -> None:
    assert porch.poll() is None
    assert [systemd.word() for _ in range(3)] == ["WATCHDOG=1"] * 3


@pytest.mark.parametrize("message", [{}, {"do": "guard"}, {"do": "else"}])
def test_what_is_no_daemon_gets_a_reason_and_no_guard(
    porch: subprocess.Popen[bytes], tmp_path: Path, message: dict[str, object]
) -> None:
    descriptor = os.pidfd_open(os.getpid())
    try:
        refusal = asked(tmp_path, message, [descriptor])
    finally:
        os.close(descriptor)
    assert "message socket, heartbeat pipe and pidfd" in str(refusal["error"])
    assert porch.poll() is None


@pytest.fixture
def sleepers() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Guards that never end by themselves."""
    started = [subprocess.Popen(["sleep", "600"]) for _ in range(GUARDS)]
    yield started
    for each in started:
        each.kill()
        each.wait(WAIT_S)


@contextlib.contextmanager
def serving(state_dir: Path, guards: list[subprocess.Popen[bytes]]) -> Generator[None]:
    """A porch in a thread of ours."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(str(state_dir / PORCH_NAME))
        listener.listen()
        porch = Porch(state_dir, listener, feed_ms=50, guards=guards)
        thread = threading.Thread(target=porch.run)
        thread.start()
        try:
            yield
        finally:
            porch.ended = True
            thread.join(WAIT_S)


def refusal(state_dir: Path) -> str:
    descriptors = [os.pidfd_open(os.getpid()) for _ in range(3)]
    try:
        return str(asked(state_dir, {"do": "guard"}, descriptors)["error"])
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def test_the_guards_of_one_porch_are_bounded(sleepers: list[subprocess.Popen[bytes]], tmp_path: Path) -> None:
    with serving(tmp_path, list(sleepers)):
        assert f"{GUARDS} guards are there already" in refusal(tmp_path)


def test_a_daemon_of_another_user_gets_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: ours + 1)
    with serving(tmp_path, []):
        assert "of another user" in refusal(tmp_path)


def test_a_daemon_that_the_guard_could_not_end_gets_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel tells process 0 of a peer whose process ids are of another namespace."""
    monkeypatch.setattr(porch_room, "_peer", lambda _: (0, os.getuid(), os.getgid()))
    with serving(tmp_path, []):
        assert "its guard must share them" in refusal(tmp_path)


def test_a_porch_that_does_not_answer_costs_a_moment_and_no_guard(daemon: StartDaemon, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as hung:
        hung.bind(str(tmp_path / PORCH_NAME))
        hung.listen()
        running = daemon()
        assert select.select([hung], [], [], 0)[0]
    assert parent_of(running.guard_pid) == running.process.pid
