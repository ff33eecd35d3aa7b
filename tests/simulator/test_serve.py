"""`pumpsim serve` as its users see it: a process, a line, a control socket."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

import pytest

from protocols.companion import messages as m
from protocols.companion.codec import STOP_FRAME
from protocols.companion.vocabulary import Alarm, IdentityFlag, NoticeCause, PumpState
from simulator.control import ANSWER_WITHIN_S, MAX_CLIENTS, MAX_LINE_BYTES
from simulator.failure import REFUSED, Failure
from tests.simulator.desk import PROGRAM_ID, program
from tests.simulator.served import WITHIN_S, Line, Served, serving


def start(line: Line, load: m.Load) -> None:
    """With the auto-confirm bit the pump presses its own button."""
    line.ask(m.Identify(), m.Identity)
    line.ask(load, m.Loaded)
    assert line.notice().cause is NoticeCause.TOKEN
    token = line.ask(m.GetConfirmation(), m.Confirmation).token
    line.ask(m.Start(PROGRAM_ID, token), m.Started)


def test_ready_line_and_identity(tmp_path: Path):
    with serving(tmp_path, "--serial", "SIM-7", "--seed", "3") as served:
        assert served.ready["ready"] is True
        assert served.ready["pty"] == str(served.link)
        assert served.ready["control"] == str(served.control)
        line = Line.of_pty(served.link)
        assert not line.has_echo()
        identity = line.ask(m.Identify(), m.Identity)
        assert identity.serial == "SIM-7"
        assert identity.flags & IdentityFlag.SIMULATED
        assert not identity.flags & IdentityFlag.AUTO_CONFIRM
        line.close()
    assert not served.link.is_symlink()
    assert not served.control.exists()


def test_ten_hours_in_a_minute_are_ten_hours(tmp_path: Path):
    with serving(tmp_path, "--speed", "36000", "--auto-confirm") as served:
        line = Line.of_pty(served.link)
        start(line, program(flow_ul_h=10_000, vtbi_ul=100_000))
        done = line.notice()
        assert (done.cause, done.state) == (NoticeCause.STATE, PumpState.COMPLETED)
        state = served.state(trace=True)
        assert state["delivered_ul"] == pytest.approx(100_000, abs=0.25)
        assert state["starts"] == 1
        times_ms = [point[0] for point in state["trace"]]
        assert times_ms == sorted(times_ms)
        assert state["trace"][-1][1] == pytest.approx(100_000, abs=1)
        line.close()


def test_both_ends_share_an_epoch(tmp_path: Path):
    epoch_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - 5_000_000_000
    with serving(tmp_path, "--speed", "10", "--epoch-boottime-ns", str(epoch_ns)) as served:
        state = served.state()
        assert state["therapy_ns"] == 10 * (state["link_ns"] - epoch_ns)


def test_the_line_survives_closing_and_opening(tmp_path: Path):
    with serving(tmp_path, "--auto-confirm") as served:
        first = Line.of_pty(served.link)
        start(first, program())
        first.close()
        for session in (2, 3):
            line = Line.of_pty(served.link, session)
            line.ask(m.Identify(), m.Identity)
            assert line.ask(m.GetStatus(), m.Status).state is PumpState.INFUSING
            assert not line.has_echo()
            line.close()


def test_what_was_not_read_is_not_kept_for_the_next_one(tmp_path: Path):
    with serving(tmp_path) as served:
        line = Line.of_pty(served.link)
        line.ask(m.Identify(), m.Identity)
        served.tell("inject", fault="air")
        assert line.becomes_readable()
        line.close()
        deadline_s = time.monotonic() + WITHIN_S
        while not (line := Line.of_pty(served.link)).is_silent():
            line.close()
            assert time.monotonic() < deadline_s
        line.close()


def test_one_who_writes_and_leaves_is_heard(tmp_path: Path):
    with serving(tmp_path, "--auto-confirm") as served:
        line = Line.of_pty(served.link)
        start(line, program())
        line.close()
        assert served.state()["state"] == "infusing"  # by now it has seen the line close
        hasty = os.open(served.link, os.O_RDWR | os.O_NOCTTY)
        os.write(hasty, b"\0" + STOP_FRAME)
        os.close(hasty)
        deadline_s = time.monotonic() + WITHIN_S
        while served.state()["state"] != "stopped":
            assert time.monotonic() < deadline_s
        assert served.state()["stops_received"] == 1


@pytest.mark.hazard("H52")
def test_unplug_hangs_up_and_replug_brings_a_new_pty_at_the_same_link(tmp_path: Path):
    with serving(tmp_path, "--auto-confirm") as served:
        line = Line.of_pty(served.link)
        start(line, program())
        served.tell("inject", fault="unplug")
        assert line.hangs_up()
        assert not served.link.is_symlink()
        line.close()
        assert served.state()["state"] == "infusing"
        served.tell("heal", fault="unplug")
        again = Line.of_pty(served.link, session=2)
        again.ask(m.Identify(), m.Identity)
        assert again.ask(m.GetStatus(), m.Status).program_id == PROGRAM_ID
        again.close()


def test_faults_and_buttons_show_on_the_line_and_in_the_truth(tmp_path: Path):
    with serving(tmp_path) as served:
        line = Line.of_pty(served.link)
        line.ask(m.Identify(), m.Identity)
        line.ask(program(), m.Loaded)
        served.tell("press", button="confirm")
        assert line.notice().cause is NoticeCause.TOKEN
        token = line.ask(m.GetConfirmation(), m.Confirmation).token
        line.ask(m.Start(PROGRAM_ID, token), m.Started)
        served.tell("press", button="pause")
        assert line.notice().state is PumpState.PAUSED
        asked_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        served.tell("inject", fault="air")
        notice = line.notice()
        heard_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        assert (notice.alarms, notice.state) == (Alarm.AIR_IN_LINE, PumpState.STOPPED)
        line.stop()
        state = served.state()
        assert asked_ns < state["alarm_notice_sent_ns"] < heard_ns < state["stop_received_ns"]
        assert (state["alarms"], state["faults"]) == (["air_in_line"], ["air"])
        line.close()


def test_a_scheduled_fault_needs_no_visitor(tmp_path: Path):
    scenario = tmp_path / "s.toml"
    scenario.write_text('[[fault]]\nwhat = "door"\nat = "10m"\n')
    with serving(tmp_path, "--speed", "600", "--scenario", str(scenario)) as served:
        line = Line.of_pty(served.link)
        line.ask(m.Identify(), m.Identity)
        assert line.notice().alarms is Alarm.DOOR_OPEN
        assert served.state()["therapy_ns"] >= 600 * 10**9
        line.close()


def test_tcp_takes_one_companion_at_a_time(tmp_path: Path):
    with serving(tmp_path, tcp=True) as served:
        line = Line.of_tcp(served.ready["tcp"])
        line.ask(m.Identify(), m.Identity)
        second = Line.of_tcp(served.ready["tcp"])
        assert second.hangs_up()
        second.close()
        line.ask(m.GetStatus(), m.Status)
        served.tell("inject", fault="unplug")
        assert line.hangs_up()
        line.close()
        with pytest.raises(ConnectionRefusedError):
            Line.of_tcp(served.ready["tcp"])
        served.tell("heal", fault="unplug")
        again = Line.of_tcp(served.ready["tcp"], session=2)
        again.ask(m.Identify(), m.Identity)
        again.close()


def test_a_dead_link_and_a_dead_socket_are_replaced(tmp_path: Path):
    (tmp_path / "pump").symlink_to("/dev/pts/99999999")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
        dead.bind(str(tmp_path / "c.sock"))
    with serving(tmp_path) as served:
        line = Line.of_pty(served.link)
        line.ask(m.Identify(), m.Identity)
        line.close()


def test_a_line_that_cannot_come_back_ends_the_simulator_with_a_line(tmp_path: Path):
    served = Served(tmp_path)
    try:
        served.tell("inject", fault="unplug")
        served.link.write_text("precious")
        with pytest.raises(Failure, match="hung up"):
            served.tell("heal", fault="unplug")
        _, complaints = served.process.communicate(timeout=WITHIN_S)
        assert (served.process.returncode, complaints.count("\n")) == (REFUSED, 1)
        assert "exists and is not a link of pumpsim" in complaints
        assert served.link.read_text() == "precious"
        assert not served.control.exists()
    finally:
        served.process.kill()
        served.process.communicate()


def raw_control(served: Served) -> socket.socket:
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    client.settimeout(ANSWER_WITHIN_S)
    client.connect(str(served.control))
    return client


def test_the_control_socket_bears_nonsense(tmp_path: Path):
    with serving(tmp_path) as served:
        for nonsense, complaint in (
            (b"\xff\n", "not JSON"),
            (b"[" * 30_000 + b"\n", "not JSON"),
            (b"[1]\n", "not a JSON object"),
            (b"{}\n", "unknown command"),
            (b'{"command":"inject"}\n', "no fault"),
            (b'{"command":"inject","fault":"door","after_ns":-1}\n', "nanoseconds"),
            (b'{"command":"inject","fault":"door","for_ns":true}\n', "nanoseconds"),
            (b'{"command":"heal","fault":7}\n', "no fault"),
            (b'{"command":"press","button":"x"}\n', "no button"),
        ):
            with raw_control(served) as client:
                client.sendall(nonsense)
                assert complaint in client.recv(MAX_LINE_BYTES).decode()
        with raw_control(served) as client:
            client.sendall(b" " * (MAX_LINE_BYTES + 1))
            assert client.recv(1) == b""
        assert served.state()["faults"] == []


def test_so_many_clients_and_no_more(tmp_path: Path):
    with serving(tmp_path) as served:
        clients = [raw_control(served) for _ in range(MAX_CLIENTS)]
        for client in clients:  # each is in: it gets its answer
            client.sendall(b'{"command":"state"}\n')
            assert client.recv(MAX_LINE_BYTES)
        with raw_control(served) as one_more:
            assert one_more.recv(1) == b""
        for client in clients:
            client.close()
