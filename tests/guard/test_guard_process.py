"""The guard as it runs: real processes, real ptys, real signals.

Times are upper bounds but where a wait is the claim.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from protocols.companion.codec import STOP_FRAME, STOPPED_FRAME, encode
from protocols.companion.framing import Garbage
from protocols.companion.messages import Start
from pumpctl.guard.slot import StoppedByGuard, read_slot
from pumpctl.guard.wire import SLOT_NAME
from tests.conftest import PtyPair
from tests.guard.rig import Daemon, PumpPeer, ask, ended

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


def recorded(state_dir: Path) -> tuple[StoppedByGuard, ...]:
    """What is in the slot when the guard has left: it waits for its disk before it says so."""
    assert ask(state_dir, claim=True) == {"released": True, "unrecorded": []}
    return read_slot(state_dir / SLOT_NAME)
