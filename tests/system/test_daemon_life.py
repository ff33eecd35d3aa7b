"""The daemon as a process: how it starts, how it ends, what it leaves behind, and who stops the pump if it cannot."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from pumpctl.configuration import JournalCondition
from pumpctl.guard.wire import SLOT_NAME
from pumpctl.shell.chain import JOURNAL_FILE, verify_journal
from pumpctl.shell.control_client import NoDaemon
from tests.conftest import Broker, PtyPair
from tests.system.daemon_process import SCRIPTED, DaemonProcess, read_now, read_until
from tests.system.scripted_daemon import STOP, STOPPED


@pytest.fixture
def daemon(tmp_path: Path, pty_pair: PtyPair) -> Iterator[DaemonProcess]:
    subject = DaemonProcess(tmp_path, pty_pair.slave_path)
    yield subject
    subject.clean_up()


def log_of(daemon: DaemonProcess) -> list[dict[str, object]]:
    lines = daemon.log.read_text().splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]


def test_it_serves_talks_to_the_pump_and_ends_without_a_byte_to_it(daemon: DaemonProcess, pty_pair: PtyPair) -> None:
    daemon.start()
    seen = daemon.ask_until("up a")
    assert seen.index("guard True") < seen.index("up a"), "no port opens before the guard is there"
    assert read_until(pty_pair, b"HELLO\x00") == b"HELLO\x00"
    os.write(pty_pair.master_fd, b"status")
    assert read_until(pty_pair, b"echo status") == b"echo status"
    assert daemon.ask("record")["durable"] == 1
    assert daemon.end() == 0
    assert read_now(pty_pair) == b""
    assert not (daemon.state_dir / "control.sock").exists()
    assert not (daemon.state_dir / f"{JOURNAL_FILE}-wal").exists()
    assert verify_journal(daemon.state_dir).condition is JournalCondition.SOUND


@pytest.mark.hazard("H44")
def test_kill_9_sends_nothing_and_the_next_start_has_the_past(daemon: DaemonProcess, pty_pair: PtyPair) -> None:
    daemon.start()
    daemon.ask_until("up a")
    read_until(pty_pair, b"HELLO\x00")
    for number in range(1, 6):
        assert daemon.ask("record")["durable"] == number
    assert daemon.end(signal.SIGKILL) == -signal.SIGKILL
    daemon.start()
    daemon.ask_until("up a")
    assert read_until(pty_pair, b"HELLO\x00") == b"HELLO\x00", "an absent companion sends nothing"
    assert daemon.ask("seen")["past"] == {"condition": "sound", "reason": ""}
    assert daemon.ask("record")["durable"] == 6
    assert daemon.end() == 0


@pytest.mark.hazard("H51")
def test_an_exception_has_the_guard_stop_the_pump_and_ends_the_daemon(daemon: DaemonProcess, pty_pair: PtyPair) -> None:
    daemon.start()
    daemon.ask_until("up a")
    read_until(pty_pair, b"HELLO\x00")
    with pytest.raises(NoDaemon):
        daemon.ask("crash")
    assert daemon.ended() in {1, -signal.SIGKILL}  # its own end, or the guard was quicker
    assert read_until(pty_pair, STOP).lstrip(b"\x00").startswith(STOP), "nothing but the stop"
    os.write(pty_pair.master_fd, STOPPED)
    assert any(line["event"] == "uncaught exception: stopping" for line in log_of(daemon))
    daemon.start()
    daemon.ask_until("guard fired ('a',)")
    assert daemon.ask("record")["durable"] == 2, "the guard's stop is the first record"
    assert daemon.end() == 0
    assert not (daemon.state_dir / SLOT_NAME).exists() or b'"a"' not in (daemon.state_dir / SLOT_NAME).read_bytes()


@pytest.mark.hazard("H48")
def test_three_crashes_in_ten_minutes_come_up_able_to_stop_only(tmp_path: Path) -> None:
    daemon = DaemonProcess(tmp_path, str(tmp_path / "no-pump"))  # nothing armed: each end is quick
    try:
        for crashes in range(3):
            daemon.start()
            assert daemon.ask("seen")["past"]["condition"] == "sound", crashes
            with pytest.raises(NoDaemon):
                daemon.ask("crash")
            assert daemon.ended() == 1
        daemon.start()
        past = daemon.ask("seen")["past"]
        assert (past["condition"], "three ends" in past["reason"]) == ("damaged", True)
        assert daemon.end() == 0
    finally:
        daemon.clean_up()


@pytest.mark.hazard("H47")
def test_a_second_daemon_is_one_clear_line_with_the_pid_of_the_first(daemon: DaemonProcess) -> None:
    daemon.start()
    assert daemon.process is not None
    second = subprocess.run(
        [sys.executable, SCRIPTED, daemon.settings], capture_output=True, text=True, timeout=20, check=False
    )
    assert f"another daemon holds it (pid {daemon.process.pid})" in second.stderr
    assert second.stderr.rstrip().endswith("[4]")
    assert daemon.ask("record")["durable"] == 1
    assert daemon.end() == 0


def test_a_guard_that_dies_is_told_and_comes_back(daemon: DaemonProcess, pty_pair: PtyPair) -> None:
    daemon.start()
    daemon.ask_until("up a")
    guards = [entry for entry in Path("/proc").iterdir() if entry.name.isdecimal() and daemon._is_our_guard(entry)]
    assert len(guards) == 1
    os.kill(int(guards[0].name), signal.SIGKILL)
    seen = daemon.ask_until("guard False")
    while seen.count("guard True") < 2:
        seen = daemon.ask_until("guard False")
    assert daemon.end() == 0


def test_systemd_hears_ready_alive_and_stopping(daemon: DaemonProcess, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as unit:
        unit.settimeout(10)
        unit.bind(str(tmp_path / "notify"))
        daemon.start(environment={"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "400000"})
        said = [unit.recv(1000).decode() for _ in range(4)]
        assert said[0].startswith("READY=1\nSTATUS=1 channel(s), journal sound") or said[0] == "WATCHDOG=1"
        assert said.count("WATCHDOG=1") >= 2
        assert daemon.end() == 0
        while said[-1] != "STOPPING=1":
            said.append(unit.recv(1000).decode())


def test_telemetry_leaves_by_broker_and_status_line_and_the_will_speaks_for_a_killed_daemon(
    tmp_path: Path, pty_pair: PtyPair, mosquitto: Broker
) -> None:
    tables = (
        f'[mqtt]\nhost = "{mosquitto.host}"\nport = {mosquitto.port}\n[status_line]\nport = "{pty_pair.slave_path}"\n'
    )
    daemon = DaemonProcess(tmp_path, str(tmp_path / "no-pump"), tables=tables)
    subscribe = ["mosquitto_sub", "-h", mosquitto.host, "-p", str(mosquitto.port), "-t", "pumpctl/#", "-v", "-q", "1"]
    try:
        daemon.start()
        with subprocess.Popen(subscribe, stdout=subprocess.PIPE, text=True) as monitor:
            assert monitor.stdout is not None
            assert monitor.stdout.readline() == "pumpctl/a/link down\n"
            assert monitor.stdout.readline() == "pumpctl/rig/availability online\n"
            daemon.ask("alarm")
            daemon.ask("publish")
            told = {monitor.stdout.readline().strip() for _ in range(2)}
            assert told == {
                'pumpctl/a/alarm/air {"priority": "high"}',
                'pumpctl/a/state {"channel": "a", "seq": 0, "state": "idle"}',
            }
            line = read_until(pty_pair, b"idle").strip()
            body, crc = line.rsplit(b" ", 1)
            assert crc == b"%08x" % zlib.crc32(body)
            assert daemon.end(signal.SIGKILL) == -signal.SIGKILL
            assert monitor.stdout.readline() == "pumpctl/rig/availability offline\n"
            monitor.terminate()
    finally:
        daemon.clean_up()


@pytest.mark.hazard("H46")
def test_stop_is_written_while_the_broker_hangs_and_requests_pile_up(
    tmp_path: Path, pty_pair: PtyPair, mosquitto: Broker
) -> None:
    tables = f'[mqtt]\nhost = "{mosquitto.host}"\nport = {mosquitto.port}\n'
    daemon = DaemonProcess(tmp_path, pty_pair.slave_path, tables=tables)
    try:
        daemon.start()
        daemon.ask_until("up a")
        read_until(pty_pair, b"HELLO\x00")
        assert mosquitto._process is not None
        os.kill(mosquitto._process.pid, signal.SIGSTOP)
        for _ in range(100):
            daemon.ask("publish")
        assert daemon.ask("stop") == {"stopped": ["a"]}
        assert read_until(pty_pair, STOP, within_s=5).endswith(STOP)
        assert daemon.end() == 0
    finally:
        assert mosquitto._process is not None
        os.kill(mosquitto._process.pid, signal.SIGCONT)
        daemon.clean_up()
