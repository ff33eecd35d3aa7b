"""The log: repeated lines are held back and counted, alarms and critical lines never; the clock is the test's own."""

from __future__ import annotations

import io
import json
import threading
from typing import Any

import pytest

from pumpctl.core.reason import Priority
from pumpctl.effects import Annunciate
from pumpctl.shell import logs
from pumpctl.shell.annunciator import Annunciator
from pumpctl.shell.log_limit import ALLOWED_LINES, WINDOW_NS
from pumpctl.shell.logs import QUEUE_LINES, URGENT_LINES, LogWriter, open_log

WAIT_S = 20.0


class Clock:
    def __init__(self) -> None:
        self.ns = 0

    def __call__(self) -> int:
        return self.ns


class Stuck(io.StringIO):
    """A reader that does not read until it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.reads, self.writes = threading.Event(), threading.Event()

    def write(self, text: str) -> int:
        self.writes.set()
        self.reads.wait(WAIT_S)
        return super().write(text)


class Noticing(io.StringIO):
    """Says when a line with a word has come."""

    def __init__(self, word: str) -> None:
        super().__init__()
        self._word, self.came = word, threading.Event()

    def write(self, text: str) -> int:
        written = super().write(text)
        if self._word in text:
            self.came.set()
        return written


def lines_of(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_that_repeats_itself_is_held_back_and_how_often_is_one_line() -> None:
    stream, clock = io.StringIO(), Clock()
    log, writer = open_log(stream, clock)
    for _ in range(ALLOWED_LINES + 37):
        log.warning("port not open", channel="a", reason="pulled")
    log.info("port open", channel="a")
    clock.ns = WINDOW_NS
    log.warning("port not open", channel="a", reason="pulled")
    writer.close()
    told = lines_of(stream)
    assert [line["event"] for line in told] == [
        *["port not open"] * ALLOWED_LINES,
        "port open",
        "lines held back",
        "port not open",
    ]
    held = told[-2]
    assert held.pop("timestamp").endswith("Z")
    of = {"of": "port not open", "level": "warning", "channel": "a"}
    assert held == {"event": "lines held back", "count": 37, "window_s": 60, **of}


def test_what_is_held_back_when_the_log_ends_is_said() -> None:
    stream = io.StringIO()
    log, writer = open_log(stream, Clock())
    for _ in range(ALLOWED_LINES + 1):
        log.error("unexpected", what="x")
    writer.close()
    assert lines_of(stream)[-1]["count"] == 1


def test_a_quiet_log_says_so_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "IDLE_S", 0.01)
    stream, clock = Noticing("held back"), Clock()
    log, writer = open_log(stream, clock)
    for _ in range(ALLOWED_LINES + 1):
        log.error("unexpected")
    assert not stream.came.is_set()
    clock.ns = WINDOW_NS
    assert stream.came.wait(WAIT_S)
    writer.close()
    assert lines_of(stream)[-1]["count"] == 1


@pytest.mark.hazard("H67")
def test_alarms_and_critical_lines_are_never_held_back() -> None:
    stream = io.StringIO()
    log, writer = open_log(stream, Clock())
    annunciator = Annunciator(log, writer, None)
    alarm = Annunciate("a", "air_in_line", Priority.HIGH, active=True, message="air")
    for _ in range(5 * ALLOWED_LINES):
        annunciator.ring(alarm)
        log.critical("uncaught exception: stopping")
    annunciator.close()
    writer.close()
    events = [line["event"] for line in lines_of(stream)]
    assert events.count("alarm") == events.count("uncaught exception: stopping") == 5 * ALLOWED_LINES


@pytest.mark.hazard("H46")
@pytest.mark.hazard("H67")
def test_an_alarm_has_its_place_when_nobody_reads_and_the_queue_is_full_of_other_lines() -> None:
    stream = Stuck()
    log, writer = open_log(stream, Clock())
    writer.write("{}")
    assert stream.writes.wait(WAIT_S)
    for _ in range(QUEUE_LINES + 5):
        writer.write("{}")
    for number in range(URGENT_LINES + 2):
        log.warning("alarm", code=f"code-{number}")
    stream.reads.set()
    closer = threading.Thread(target=writer.close)
    closer.start()
    closer.join(WAIT_S)
    writer._thread.join(WAIT_S)
    told = lines_of(stream)
    assert [line["code"] for line in told if line.get("event") == "alarm"] == [
        f"code-{number}" for number in range(URGENT_LINES)
    ]
    assert sum(line["count"] for line in told if line.get("event") == "log lines dropped") == 5 + 2


def test_a_reader_that_is_gone_ends_the_log_and_nothing_else() -> None:
    stream = io.StringIO()
    writer = LogWriter(stream)
    stream.close()
    writer.write("line")
    writer._thread.join(WAIT_S)
    assert not writer._thread.is_alive()
    writer.write("line")
