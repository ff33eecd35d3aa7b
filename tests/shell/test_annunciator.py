"""Annunciator and log: alarms are told, commands are started, and nothing is ever waited for."""

from __future__ import annotations

import io
import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pumpctl.core.reason import Priority
from pumpctl.effects import Annunciate
from pumpctl.shell.annunciator import RUNNING_COMMANDS, Annunciator
from pumpctl.shell.logs import FLUSH_S, QUEUE_LINES, LogWriter, open_log

OCCLUSION = Annunciate("a", "occlusion_downstream", Priority.HIGH, active=True, message="occlusion: clamp the line")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Stuck(io.StringIO):
    """A reader that does not read until it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = threading.Event()

    def write(self, text: str) -> int:
        self.reads.wait(20)
        return super().write(text)


@pytest.fixture
def fifo(tmp_path: Path) -> Iterator[tuple[Path, int]]:
    path = tmp_path / "told"
    os.mkfifo(path)
    fd = os.open(path, os.O_RDWR)
    yield path, fd
    os.close(fd)


def test_an_alarm_is_a_line_and_a_bell() -> None:
    stream = Terminal()
    log, writer = open_log(stream)
    annunciator = Annunciator(log, writer, None)
    annunciator.ring(OCCLUSION)
    annunciator.ring(Annunciate("a", "occlusion_downstream", Priority.HIGH, active=False, message="over"))
    annunciator.close()
    writer.close()
    first, bell_and_second = stream.getvalue().splitlines()
    told = json.loads(first)
    assert (told["event"], told["level"], told["code"], told["priority"]) == (
        "alarm",
        "warning",
        "occlusion_downstream",
        "high",
    )
    assert bell_and_second.startswith("\a")
    assert json.loads(bell_and_second[1:])["event"] == "alarm over"


@pytest.mark.hazard("H67")
def test_the_command_learns_the_alarm_from_its_environment(fifo: tuple[Path, int]) -> None:
    path, fd = fifo
    script = "import os,sys; print(os.environ['PUMPCTL_ALARM_CODE'], os.environ['PUMPCTL_ALARM_ACTIVE'], "
    script += "file=open(sys.argv[1],'w'))"
    log, writer = open_log(io.StringIO())
    annunciator = Annunciator(log, writer, (sys.executable, "-c", script, str(path)))
    annunciator.ring(OCCLUSION)
    assert os.read(fd, 100) == b"occlusion_downstream 1\n"
    annunciator.close()
    writer.close()
    for process in annunciator._running:
        process.wait(10)


def test_commands_that_hang_are_bounded_in_number_and_never_waited_for(fifo: tuple[Path, int]) -> None:
    path, fd = fifo
    stream = io.StringIO()
    log, writer = open_log(stream)
    command = (sys.executable, "-c", "import sys,time; open(sys.argv[1],'w').write('x'); time.sleep(60)", str(path))
    annunciator = Annunciator(log, writer, command)
    started_s = time.monotonic()
    for _ in range(RUNNING_COMMANDS + 3):
        annunciator.ring(OCCLUSION)
    assert time.monotonic() - started_s < 1
    running = b""
    while len(running) < RUNNING_COMMANDS:
        running += os.read(fd, 10)
    annunciator.close()
    writer.close()
    assert len(annunciator._running) == RUNNING_COMMANDS
    assert stream.getvalue().count("the ones before still run") == 3
    for process in annunciator._running:
        process.kill()
        process.wait(10)


def test_a_command_that_cannot_be_started_is_said_so() -> None:
    stream = io.StringIO()
    log, writer = open_log(stream)
    annunciator = Annunciator(log, writer, ("/nowhere/ring",))
    annunciator.ring(OCCLUSION)
    annunciator.close()
    writer.close()
    assert "cannot be started" in stream.getvalue()


@pytest.mark.hazard("H46")
def test_a_log_that_nobody_reads_delays_nobody_and_says_what_it_lost() -> None:
    stream = Stuck()
    writer = LogWriter(stream)  # no limit on repeated lines above it
    started_s = time.monotonic()
    for number in range(QUEUE_LINES + 500):
        writer.write(f'{{"number": {number}}}')
    assert time.monotonic() - started_s < 5
    stream.reads.set()
    # A thread that started late has said part of it before it got stuck: what counts is the sum.
    while _lines_lost(stream) < 400:
        writer.write("{}")
        time.sleep(0.01)
    writer.close()
    assert 400 <= _lines_lost(stream) <= 600


def _lines_lost(stream: Stuck) -> int:
    lines = stream.getvalue().splitlines()
    return sum(json.loads(line)["count"] for line in lines if "log lines dropped" in line)


def test_closing_a_log_that_hangs_takes_a_moment_at_most() -> None:
    stream = Stuck()
    writer = LogWriter(stream)
    for _ in range(3):
        writer.write("line")
    started_s = time.monotonic()
    writer.close()
    assert time.monotonic() - started_s < 2 * FLUSH_S + 0.5
    stream.reads.set()
    writer._thread.join(10)
