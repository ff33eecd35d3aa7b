"""The guard as it runs: real processes, real ptys, real signals.

Times are upper bounds but where a wait is the claim.
"""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import stat
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from protocols.companion.codec import STOP_FRAME, STOPPED_FRAME, encode
from protocols.companion.framing import Garbage
from protocols.companion.messages import Start
from pumpctl.guard.slot import StoppedByGuard, read_slot
from pumpctl.guard.wire import SLOT_NAME, SOCKET_NAME
from tests.conftest import PtyPair
from tests.guard.rig import Asker, Daemon, PumpPeer, ask, ended

StartDaemon = Callable[[], Daemon]
StartPeer = Callable[..., PumpPeer]
HALF_START = encode(Start(program_id=b"\x01" * 8, token=1), session=1, sequence=9)[:20]


def let_pass(seconds: float) -> None:
    """Time that is the subject of the test itself."""
    threading.Event().wait(seconds)


# --- (a) a stop was asked for ---------------------------------------------------------------------------------


def test_a_stop_that_the_daemon_writes_is_left_to_it(daemon: StartDaemon, peer: StartPeer, pty_pair: PtyPair) -> None:
    pump = peer(pty_pair.master_fd)
    running = daemon().serves("a", pty_pair.slave_path, lease=True)
    running.send("ask_and_write", "a")
    assert running.event("answer")["body"] == {"outcomes": {"a": "written_by_daemon"}}
    assert not pump.wait(lambda p: bool(p.received), 1.0)
    assert running.process.poll() is None


@pytest.mark.hazard("H46")
def test_a_hung_daemon_is_killed_and_the_pump_stopped(
    daemon: StartDaemon, peer: StartPeer, pty_pair: PtyPair, tmp_path: Path
) -> None:
    pump = peer(pty_pair.master_fd)
    running = daemon().serves("a", pty_pair.slave_path, lease=False)
    running.tell("write", "a", HALF_START.hex())  # and the other half never leaves
    running.pause()
    asked_s = time.monotonic()
    assert ask(tmp_path, stop="a") == {"outcomes": {"a": "stopped"}}
    assert pump.stops_s[0] - asked_s < 1.5
    assert running.process.wait(5) == -signal.SIGKILL
    assert len(pump.stops_s) == 1
    # The half START died by the delimiter before STOP, or was flushed before it left.
    assert all(isinstance(other, Garbage) for other in pump.others)
    assert pump.received.removeprefix(HALF_START) == b"\x00" + STOP_FRAME
    (entry,) = recorded(tmp_path)
    assert entry.reason == "a stop was asked for and the daemon did not write it in time"
    assert (entry.channel, entry.proven) == ("a", True)


def test_an_old_answer_on_the_line_proves_nothing(
    daemon: StartDaemon, peer: StartPeer, pty_pair: PtyPair, tmp_path: Path
) -> None:
    pump = peer(pty_pair.master_fd, answers_from=3)
    running = daemon().serves("a", pty_pair.slave_path, lease=False)
    os.write(pty_pair.master_fd, STOPPED_FRAME)
    running.pause()
    assert ask(tmp_path, stop=None) == {"outcomes": {"a": "stopped"}}
    assert len(pump.stops_s) == 3


def test_a_port_that_is_a_socket_is_stopped_as_well(daemon: StartDaemon, peer: StartPeer, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as box:
        running = daemon()
        running.tell("connect", "a", box.getsockname()[1])
        line, _ = box.accept()
        with line:
            pump = peer(line.fileno())
            running.arm("a", lease=False)
            running.tell("write", "a", HALF_START.hex())
            running.pause()
            assert ask(tmp_path, stop="a") == {"outcomes": {"a": "stopped"}}
            assert [type(other) for other in pump.others] == [Garbage]
            pump.end()


def test_no_byte_reaches_a_channel_that_is_not_armed(
    daemon: StartDaemon, peer: StartPeer, pty_pair: PtyPair, tmp_path: Path
) -> None:
    pump = peer(pty_pair.master_fd)
    running = daemon()
    running.tell("open", "a", pty_pair.slave_path)
    running.pause()
    assert ask(tmp_path, stop="a") == {"outcomes": {"a": "not_armed"}}
    running.resume()
    running.arm("a", lease=True)
    running.tell("disarm", "a")
    running.pause()
    assert ask(tmp_path, stop="a") == {"outcomes": {"a": "not_armed"}}
    assert not pump.wait(lambda p: bool(p.received), 1.5)
    assert not ended(running.process.pid, 0)
    assert not (tmp_path / SLOT_NAME).exists()


@pytest.mark.hazard("H56")
def test_a_pump_that_never_answers_gets_stops_for_ten_seconds_and_is_recorded_as_unproven(
    daemon: StartDaemon, peer: StartPeer, pty_pair: PtyPair, tmp_path: Path
) -> None:
    pump = peer(pty_pair.master_fd, answers_from=None)
    running = daemon().serves("a", pty_pair.slave_path, lease=False)
    running.pause()
    assert ask(tmp_path, stop="a") == {"outcomes": {"a": "not_proven"}}
    assert 36 <= len(pump.stops_s) <= 40
    assert 9.5 < pump.stops_s[-1] - pump.stops_s[0] < 10.2
    assert "clamp the line" in running.notice("NOT PROVEN")
    assert [entry.proven for entry in recorded(tmp_path)] == [False]


# --- (b) the loop is silent -----------------------------------------------------------------------------------


@pytest.mark.hazard("H46")
def test_a_stalled_loop_ends_in_a_stop_on_a_lease_channel_only(
    daemon: StartDaemon, peer: StartPeer, pty_pair: PtyPair, tmp_path: Path
) -> None:
    pump = peer(pty_pair.master_fd)
    running = daemon().serves("a", pty_pair.slave_path, lease=True)
    stalled_s = time.monotonic()
    running.send("stall", 60)
    assert pump.wait_stops(1)
    assert 0.9 < pump.stops_s[0] - stalled_s < 2.0
    assert running.process.wait(5) == -signal.SIGKILL
    (entry,) = recorded(tmp_path)
    assert "did not report" in entry.reason
    assert entry.proven


def test_a_stalled_loop_only_alarms_on_the_other_channels(
    daemon: StartDaemon, peer: StartPeer, pty_pair: PtyPair
) -> None:
    pump = peer(pty_pair.master_fd)
    running = daemon().serves("a", pty_pair.slave_path, lease=False)
    running.send("stall", 2)
    assert "\a" in running.notice("did not report")
    running.event("stalling")
    running.event("done")
    assert pump.received == b""
    assert running.process.poll() is None


# --- its own pauses -------------------------------------------------------------------------------------------


def test_after_a_pause_of_its_own_it_waits_a_fresh_second(
    daemon: StartDaemon, peer: StartPeer, pty_pair: PtyPair
) -> None:
    pump = peer(pty_pair.master_fd)
    running = daemon().serves("a", pty_pair.slave_path, lease=True)
    os.kill(running.guard_pid, signal.SIGSTOP)
    running.pause()
    let_pass(2)
    os.kill(running.guard_pid, signal.SIGCONT)
    resumed_s = time.monotonic()
    assert pump.wait_stops(1)
    assert pump.stops_s[0] - resumed_s > 0.95


def test_a_host_that_slept_and_woke_is_no_hung_daemon(daemon: StartDaemon, peer: StartPeer, pty_pair: PtyPair) -> None:
    pump = peer(pty_pair.master_fd)
    running = daemon().serves("a", pty_pair.slave_path, lease=True)
    os.kill(running.guard_pid, signal.SIGSTOP)
    running.pause()
    let_pass(2)
    os.kill(running.guard_pid, signal.SIGCONT)
    let_pass(0.3)
    running.resume()
    assert not pump.wait(lambda p: bool(p.received), 2.0)
    assert running.process.poll() is None


# --- an absent companion, and the next one --------------------------------------------------------------------


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


# --- stop.sock ------------------------------------------------------------------------------------------------


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


def recorded(state_dir: Path) -> tuple[StoppedByGuard, ...]:
    """What is in the slot when the guard has left: it waits for its disk before it says so."""
    assert ask(state_dir, claim=True) == {"released": True, "unrecorded": []}
    return read_slot(state_dir / SLOT_NAME)


def guard_pid(state_dir: Path) -> int:
    return int((state_dir / "guard.lock").read_text())
