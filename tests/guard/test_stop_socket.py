"""stop.sock: whoever may open it may stop, and can do nothing else."""

from __future__ import annotations

import socket
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from pumpctl.guard.wire import SOCKET_NAME
from tests.conftest import PtyPair
from tests.guard.rig import Asker, Daemon, PumpPeer, ask

StartDaemon = Callable[[], Daemon]
StartPeer = Callable[..., PumpPeer]


def test_the_socket_is_for_owner_and_group(daemon: StartDaemon, tmp_path: Path) -> None:
    daemon()
    assert stat.S_IMODE((tmp_path / SOCKET_NAME).stat().st_mode) == 0o660


@pytest.mark.parametrize(
    "line", [b"\n", b"xx\n", b"[]\n", b'{"stop": 1}\n', b'{"start": "a"}\n', b"\xff\n", b"[" * 3000 + b"\n"]
)
def test_what_is_no_request_gets_one_line_and_does_nothing(daemon: StartDaemon, tmp_path: Path, line: bytes) -> None:
    running = daemon()
    asker = Asker(tmp_path)
    asker.socket.sendall(line)
    assert "ask" in asker.answer()["error"]
    assert asker.ask(stop="b").answer() == {"outcomes": {"b": "no_port"}}
    asker.close()
    assert running.process.poll() is None


def test_a_line_without_end_is_cut_off(daemon: StartDaemon, tmp_path: Path) -> None:
    daemon()
    asker = Asker(tmp_path)
    asker.socket.sendall(b"x" * 5000)
    assert "at most 4096" in asker.answer()["error"]
    assert asker.answer() == {}
    asker.close()


def test_a_crowd_of_idle_connections_keeps_nobody_from_stopping(
    daemon: StartDaemon, peer: StartPeer, pty_pair: PtyPair, tmp_path: Path
) -> None:
    peer(pty_pair.master_fd)
    running = daemon().serves("a", pty_pair.slave_path, lease=False)
    running.pause()
    crowd = [Asker(tmp_path) for _ in range(40)]
    assert ask(tmp_path, stop="a") == {"outcomes": {"a": "stopped"}}
    assert crowd[0].socket.recv(1, socket.MSG_DONTWAIT) == b""  # the oldest made room
    assert crowd[-1].ask(stop="b").answer() == {"outcomes": {"b": "no_port"}}
    for each in crowd:
        each.close()
