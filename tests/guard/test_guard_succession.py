"""Daemons and guards that come and go: real processes, and one line that only one of them may hold."""

from __future__ import annotations

import fcntl
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from pumpctl.guard.wire import SLOT_NAME, SOCKET_NAME
from tests.conftest import PtyPair
from tests.guard.rig import Asker, Daemon, PumpPeer, ask, ended

StartDaemon = Callable[[], Daemon]
StartPeer = Callable[..., PumpPeer]


@pytest.mark.hazard("H44")
def test_a_crashed_daemon_is_no_reason_to_stop_but_a_person_still_can(
    daemon: StartDaemon, peer: StartPeer, pty_pair: PtyPair, tmp_path: Path
) -> None:
    pump = peer(pty_pair.master_fd)
    running = daemon().serves("a", pty_pair.slave_path, lease=True)
    running.process.kill()
    assert not pump.wait(lambda p: bool(p.received), 1.5)
    assert ask(tmp_path, stop=None) == {"outcomes": {"a": "stopped"}}
    assert len(pump.stops_s) == 1


@pytest.mark.hazard("H56")
@pytest.mark.parametrize("anew", [False, True])
def test_a_daemon_that_ends_right_after_its_stop_leaves_the_proof_to_the_guard(
    daemon: StartDaemon, peer: StartPeer, pty_pair: PtyPair, anew: bool
) -> None:
    pump = peer(pty_pair.master_fd, answers_from=2)
    running = daemon().serves("a", pty_pair.slave_path, lease=False)
    running.send("ask_and_write", "a")  # it says so; the line has swallowed it
    assert running.event("answer")["body"] == {"outcomes": {"a": "written_by_daemon"}}
    if anew:
        running.event("done")
        running.arm("a", lease=False, proven=False)
    running.process.kill()
    assert pump.wait_stops(2)
    assert "the pump answered" in daemon().first["fired"][1]


def test_a_daemon_that_proved_its_stop_leaves_nothing_to_the_guard(
    daemon: StartDaemon, peer: StartPeer, pty_pair: PtyPair, tmp_path: Path
) -> None:
    pump = peer(pty_pair.master_fd)
    running = daemon().serves("a", pty_pair.slave_path, lease=False)
    running.send("ask_and_write", "a")
    running.event("answer")
    running.event("done")
    running.arm("a", lease=False, proven=True)
    running.process.kill()
    running.process.wait()
    assert ask(tmp_path, stop="a") == {"outcomes": {"a": "stopped"}}
    assert len(pump.stops_s) == 1
    assert "no daemon was running" in daemon().first["fired"][1]  # not the stop of before


def test_the_next_daemon_claims_the_port_and_learns_what_was_stopped(
    daemon: StartDaemon, peer: StartPeer, pty_pair: PtyPair, tmp_path: Path
) -> None:
    peer(pty_pair.master_fd)
    first = daemon().serves("a", pty_pair.slave_path, lease=False)
    first.pause()
    ask(tmp_path, stop="a")
    second = daemon()
    assert ended(first.guard_pid, 0)
    channels, reason = second.first["fired"]
    assert channels == ["a"]
    assert "the pump answered stopped" in reason
    second.serves("a", pty_pair.slave_path, lease=False)  # takes the lock of the port, or fails
    second.end()
    third = daemon()
    assert third.first["fired"] == [channels, reason]  # until it is acknowledged
    third.tell("acknowledge")
    third.end()
    assert daemon().first["fired"] is None


def test_what_the_disk_refused_is_told_to_the_next_daemon(
    daemon: StartDaemon, peer: StartPeer, pty_pair: PtyPair, tmp_path: Path
) -> None:
    peer(pty_pair.master_fd)
    first = daemon().serves("a", pty_pair.slave_path, lease=False)
    (tmp_path / "guard.new").mkdir()  # where the slot is written before it is renamed
    first.pause()
    assert ask(tmp_path, stop="a") == {"outcomes": {"a": "stopped"}}
    assert daemon().first["fired"][0] == ["a"]
    assert not (tmp_path / SLOT_NAME).exists()


def test_the_port_is_free_when_the_guard_says_so(daemon: StartDaemon, pty_pair: PtyPair, tmp_path: Path) -> None:
    daemon().serves("a", pty_pair.slave_path, lease=True).end()
    assert ask(tmp_path, claim=True)["released"]
    port = os.open(pty_pair.slave_path, os.O_RDWR | os.O_NOCTTY)
    fcntl.flock(port, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(port)


def test_a_claim_waits_for_a_stop_that_is_under_way(
    daemon: StartDaemon, peer: StartPeer, pty_pair: PtyPair, tmp_path: Path
) -> None:
    pump = peer(pty_pair.master_fd, answers_from=4)
    first = daemon().serves("a", pty_pair.slave_path, lease=False)
    first.pause()
    asker = Asker(tmp_path).ask(stop="a")
    assert pump.wait_stops(1)
    second = daemon()
    assert len(pump.stops_s) == 4
    assert "the pump answered stopped" in second.first["fired"][1]
    assert asker.answer() == {"outcomes": {"a": "stopped"}}
    asker.close()


@pytest.mark.hazard("H47")
def test_a_second_daemon_does_not_get_the_ports_of_a_living_one(daemon: StartDaemon, pty_pair: PtyPair) -> None:
    first = daemon().serves("a", pty_pair.slave_path, lease=True)
    second = daemon()
    assert second.first["event"] == "refused"
    assert f"process id {first.process.pid}" in second.first["reason"]
    first.arm("a", lease=True)
    assert not ended(first.guard_pid, 0)


@pytest.mark.hazard("H47")
def test_two_guards_never_share_a_state_directory(daemon: StartDaemon, pty_pair: PtyPair, tmp_path: Path) -> None:
    first = daemon().serves("a", pty_pair.slave_path, lease=True)
    (tmp_path / SOCKET_NAME).unlink()  # so that nobody can be asked: the lock alone must hold
    second = daemon()
    assert second.first["event"] == "refused"
    assert f"process id {first.guard_pid}" in second.first["reason"]


def test_a_guard_with_nothing_to_guard_leaves_with_its_daemon(daemon: StartDaemon, pty_pair: PtyPair) -> None:
    running = daemon().serves("a", pty_pair.slave_path, lease=True)
    running.tell("shut", "a")
    running.tell("end")
    assert ended(running.guard_pid)


def test_a_guard_outlives_a_daemon_that_ended_with_a_channel_armed(
    daemon: StartDaemon, peer: StartPeer, pty_pair: PtyPair, tmp_path: Path
) -> None:
    peer(pty_pair.master_fd)
    running = daemon().serves("a", pty_pair.slave_path, lease=False)
    running.tell("end")
    assert running.process.wait(5) == 0
    assert ask(tmp_path, stop="a") == {"outcomes": {"a": "stopped"}}
    os.kill(running.guard_pid, signal.SIGTERM)  # alone, it may be sent away
    assert ended(running.guard_pid)


def test_sigterm_does_not_end_a_guard_on_duty(daemon: StartDaemon, peer: StartPeer, pty_pair: PtyPair) -> None:
    pump = peer(pty_pair.master_fd)
    running = daemon().serves("a", pty_pair.slave_path, lease=True)
    os.kill(running.guard_pid, signal.SIGTERM)
    assert not ended(running.guard_pid, 0.5)
    running.pause()
    assert pump.wait_stops(1)


# --- the guard itself is lost ---------------------------------------------------------------------------------


@pytest.mark.hazard("H51")
def test_a_dead_guard_is_noticed_and_its_successor_knows_the_ports(
    daemon: StartDaemon, peer: StartPeer, pty_pair: PtyPair, tmp_path: Path
) -> None:
    pump = peer(pty_pair.master_fd)
    running = daemon().serves("a", pty_pair.slave_path, lease=True)
    os.kill(running.guard_pid, signal.SIGKILL)
    assert running.event("guard_died", 2)["alive"] is False
    running.tell("restart")
    running.guard_pid = guard_pid(tmp_path)
    running.pause()
    assert pump.wait_stops(1)


@pytest.mark.hazard("H51")
def test_a_hung_guard_counts_as_dead_and_is_ended(daemon: StartDaemon) -> None:
    running = daemon()
    os.kill(running.guard_pid, signal.SIGSTOP)
    event = running.event("guard_died", 10)
    assert "did not report" in event["reason"]
    assert ended(running.guard_pid, 0)


def guard_pid(state_dir: Path) -> int:
    return int((state_dir / "guard.lock").read_text())
