"""Daemon and pump as real processes: kill -9, a pulled cable, and what a stranger gets wrong."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import PtyPair
from tests.system.real_pair import SCRIPTS, RealPair, pumpctl

RECOVERED_WITHIN_S = 5.0


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[RealPair]:
    subject = RealPair(tmp_path)
    yield subject
    subject.clean_up()


@pytest.mark.hazard("H44")
def test_kill_9_in_mid_infusion_and_a_daemon_that_supervises_on(pair: RealPair):
    pair.infuse()
    pair.wait("a tenth is in", lambda: pair.truth["program_ul"] > 10_000)
    pair.kill_daemon()
    before_ul = pair.truth["program_ul"]
    pair.wait("it runs on", lambda: pair.truth["program_ul"] > before_ul + 5_000)
    pair.start_daemon()
    took_s = pair.wait("supervised again", lambda: pair.state["state"] == "infusing")
    assert took_s < RECOVERED_WITHIN_S
    told = pair.state
    assert told["delivered_least_ml"] * 1000 >= before_ul - 100
    pair.wait("more is in", lambda: pair.truth["program_ul"] > before_ul + 15_000)
    truth = pair.truth
    assert (truth["starts"], truth["stops_received"]) == (1, 0)
    assert pair.state["latched"] == []


@pytest.mark.hazard("H44")
def test_killed_for_good_the_pump_finishes_what_it_holds_and_no_more(pair: RealPair):
    pair.infuse()
    pair.kill_daemon()
    pair.wait("completed", lambda: pair.truth["state"] == "completed", 40)
    truth = pair.truth
    assert truth["starts"] == 1
    assert 99_000 <= truth["delivered_ul"] <= 100_000
    pair.start_daemon()
    pair.wait_for_state("completed")
    assert pair.state["delivered_least_ml"] == 100.0
    assert pair.truth["starts"] == 1


@pytest.mark.hazard("H52")
def test_a_pulled_cable_is_noticed_and_taken_up_again_without_a_restart(pair: RealPair):
    pair.infuse()
    pair.pump("inject", fault="unplug", after_ns=0)
    pair.wait("noticed", lambda: pair.state["link"] != "up", 3)
    assert pair.state["flow_ml_h"] is None
    pair.pump("heal", fault="unplug")
    took_s = pair.wait("up again", lambda: pair.state["link"] == "up" and pair.state["state"] == "infusing")
    assert took_s < RECOVERED_WITHIN_S
    truth = pair.truth
    assert (truth["starts"], truth["stops_received"]) == (1, 0)


def _one_clear_line(done: subprocess.CompletedProcess[str], *wanted: str) -> None:
    """A cause and a next step, on one line, and nothing of our insides."""
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    for word in wanted:
        assert word in lines[0], lines[0]


@pytest.mark.parametrize(
    ("content", "wanted"),
    [(None, "No such file"), ("{", "order.json"), ('{"colour": "red"}', "colour"), ("\x00\x01", "order.json")],
    ids=["missing", "not_json", "unknown_key", "binary"],
)
def test_an_unreadable_order(tmp_path: Path, content: str | None, wanted: str):
    order = tmp_path / "order.json"
    if content is not None:
        order.write_text(content)
    done = pumpctl("check", str(order))
    assert done.returncode == 2
    _one_clear_line(done, wanted)


def test_an_unknown_key_in_the_settings(tmp_path: Path):
    subject = RealPair(tmp_path, top="colour = 'red'")
    done = pumpctl("run", "--config", str(subject.settings))
    subject.clean_up()
    assert done.returncode == 2
    _one_clear_line(done, "colour")


def test_settings_that_are_not_there(tmp_path: Path):
    done = pumpctl("run", "--config", str(tmp_path / "none.toml"))
    assert done.returncode == 2
    _one_clear_line(done, "none.toml")


@pytest.mark.hazard("H70")
def test_a_journal_that_cannot_be_written(tmp_path: Path):
    subject = RealPair(tmp_path, top="")
    subject.settings.write_text(subject.settings.read_text().replace(str(subject.state_dir), "/proc/sys"))
    done = pumpctl("run", "--config", str(subject.settings))
    subject.clean_up()
    assert done.returncode in {1, 2}
    _one_clear_line(done, "/proc/sys")


def test_a_second_daemon_on_the_same_state(pair: RealPair):
    pair.start_pump()
    pair.start_daemon()
    done = pumpctl("run", "--config", str(pair.settings))
    assert done.returncode != 0
    assert pair.daemon is not None
    _one_clear_line(done, str(pair.daemon.pid))


@pytest.mark.parametrize(
    "words",
    [("status",), ("order", "list"), ("pause",), ("clear",), ("order", "submit", "ORDER")],
    ids="_".join,
)
def test_no_daemon(tmp_path: Path, words: tuple[str, ...]):
    subject = RealPair(tmp_path)
    done = subject.pumpctl(*(str(subject.order) if word == "ORDER" else word for word in words))
    subject.clean_up()
    assert done.returncode == 5
    _one_clear_line(done, "pumpctl run")


def test_no_daemon_and_somebody_wants_to_stop(tmp_path: Path):
    subject = RealPair(tmp_path)
    done = subject.pumpctl("stop")
    subject.clean_up()
    assert done.returncode == 5
    assert "clamp the line" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def _prepared(subject: RealPair) -> subprocess.CompletedProcess[str]:
    return subject.pumpctl("order", "submit", str(subject.order), "--override", "Q31=pharmacist:case report", "--json")


def test_no_pump_is_said_in_the_status_and_nothing_is_prepared(pair: RealPair):
    pair.start_daemon()
    pair.wait("the reason is known", lambda: str(pair.port) in pair.state["link_reason"])
    assert pair.state["link"] == "down"
    done = _prepared(pair)
    assert done.returncode == 0  # the order stands; the pump can be had later
    assert '"prepared": null' in done.stdout
    assert "identity_unproven" in done.stdout
    pair.start_pump()
    pair.wait("found", lambda: pair.state["link"] == "up")


@pytest.mark.hazard("H47")
def test_a_port_that_another_process_holds_is_named_with_its_holder(tmp_path: Path, pty_pair: PtyPair):
    subject = RealPair(tmp_path)
    os.close(pty_pair.slave_fd)
    pty_pair.slave_fd = -1
    holder = subprocess.Popen(
        [SCRIPTS / "python", "-c", _HOLD, pty_pair.slave_path], stdout=subprocess.PIPE, stdin=subprocess.PIPE
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    subject.port.symlink_to(pty_pair.slave_path)
    subject.start_daemon()
    try:
        subject.wait("the holder is named", lambda: str(holder.pid) in subject.state["link_reason"])
    finally:
        subject.clean_up()
        holder.communicate()


_HOLD = """
import serial, sys
held = serial.Serial(sys.argv[1], exclusive=True)
print("held", flush=True)
sys.stdin.read()
"""


def test_without_a_broker_it_runs_and_says_so_once(tmp_path: Path):
    subject = RealPair(tmp_path, tables='[mqtt]\nhost = "127.0.0.1"\nport = 1\n')
    try:
        subject.start_pump()
        subject.start_daemon()
        subject.wait("the link is up", lambda: subject.state["link"] == "up")
        subject.wait("said", lambda: "mqtt" in subject.log.read_text())
        told = [line for line in subject.log.read_text().splitlines() if "mqtt" in line.lower()]
        assert len(told) == 1, told
        assert "Traceback" not in subject.log.read_text()
    finally:
        subject.clean_up()
