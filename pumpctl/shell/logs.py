"""The daemon's log: one JSON object a line on standard error, written by a thread of its own.

Refuses to know what is worth a line. A terminal that is scrolled back or a pipe that nobody reads blocks whoever
writes to it; that must never be the loop that can stop a pump (H46). So lines go through a bounded queue, and what
does not fit is counted and said when there is room again. Lines that repeat themselves are held back (log_limit.py) and
counted too. Alarms and critical lines are never held back, and have places in the queue that no other line takes.
"""

from __future__ import annotations

import json
import queue
import sys
import threading
from collections.abc import Callable
from typing import TextIO

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, WrappedLogger

from pumpctl.shell.clock import boottime_ns
from pumpctl.shell.log_limit import WINDOW_NS, HeldBack, Kind, LogLimit

QUEUE_LINES = 1000
URGENT_LINES = 1000  # beside them
FLUSH_S = 1.0
IDLE_S = 5.0  # a quiet log is looked at this often, so that what was held back is said without a further line
BELL = "\a"
ALARM_EVENTS = frozenset({"alarm", "alarm over"})  # pumpctl/shell/annunciator.py


class LogWriter:
    """Takes lines without ever waiting; a daemon thread writes them."""

    def __init__(self, stream: TextIO, left_over: Callable[[bool], list[str]] = lambda _closing: []) -> None:
        self._stream = stream
        self._left_over = left_over
        self._lines: queue.Queue[str | None] = queue.Queue(QUEUE_LINES + URGENT_LINES)
        self._dropped = 0
        self._thread = threading.Thread(target=self._write_until_closed, name="log", daemon=True)
        self._thread.start()

    def write(self, line: str, *, urgent: bool = False) -> None:
        """Queue one line, or count it as dropped."""
        if not urgent and self._lines.qsize() >= QUEUE_LINES:
            self._dropped += 1
            return
        try:
            self._lines.put_nowait(line)
        except queue.Full:
            self._dropped += 1

    def ring(self) -> None:
        """The terminal's bell, where there is a terminal."""
        if self._stream.isatty():
            self.write(BELL, urgent=True)

    def close(self) -> None:
        """Give the thread a moment to write what is queued; a reader that does not read is left behind."""
        try:
            self._lines.put(None, timeout=FLUSH_S)
        except queue.Full:
            return
        self._thread.join(FLUSH_S)

    def _write_until_closed(self) -> None:
        try:
            while self._write_next():
                dropped, self._dropped = self._dropped, 0
                if dropped:
                    self._put_out(json.dumps({"event": "log lines dropped", "count": dropped}))
        except (OSError, ValueError):
            return  # nobody can be told any more; the daemon goes on without a log

    def _write_next(self) -> bool:
        """One line, or what was held back when none comes; False after the last."""
        try:
            line = self._lines.get(timeout=IDLE_S)
        except queue.Empty:
            self._put_out(*self._left_over(False))  # noqa: FBT003 (a callback's only argument)
            return True
        if line is None:
            self._put_out(*self._left_over(True))  # noqa: FBT003 (a callback's only argument)
            return False
        self._put_out(line)
        return True

    def _put_out(self, *lines: str) -> None:
        for line in lines:
            self._stream.write(line if line == BELL else f"{line}\n")
        self._stream.flush()


class _Repeats:
    """Stops a line that is one too many, and says of each kind how many were held back when its window is over."""

    def __init__(self, clock_ns: Callable[[], int]) -> None:
        self._clock_ns = clock_ns
        self._limit = LogLimit()
        self._lock = threading.Lock()  # lines come from the loop, the journal's thread and others
        self._stamp = structlog.processors.TimeStamper(fmt="iso", utc=True)
        self.writer: LogWriter | None = None

    def __call__(self, _logger: WrappedLogger, level: str, line: EventDict) -> EventDict:
        if _is_urgent(level, line):
            return line
        with self._lock:
            now_ns = self._clock_ns()
            over = self._limit.ended(now_ns)
            passes = self._limit.passes(Kind(str(line.get("event")), level, str(line.get("channel", ""))), now_ns)
        for each in over:
            if self.writer is not None:
                self.writer.write(self._told(each))
        if not passes:
            raise structlog.DropEvent
        return line

    def left_over(self, closing: bool) -> list[str]:
        """The lines that say so when no other line comes."""
        with self._lock:
            over = self._limit.ended(None if closing else self._clock_ns())
        return [self._told(each) for each in over]

    def _told(self, held: HeldBack) -> str:
        of = {"of": held.kind.event, "level": held.kind.level}
        channel = {"channel": held.kind.channel} if held.kind.channel else {}
        told = {
            "event": "lines held back",
            "count": held.count,
            "window_s": WINDOW_NS // 1_000_000_000,
            **of,
            **channel,
        }
        return json.dumps(self._stamp(None, held.kind.level, told))


class _Logger:
    """What structlog calls with the rendered line, whatever its level."""

    def __init__(self, writer: LogWriter) -> None:
        self.debug = self.info = self.warning = self.error = self.critical = writer.write


def open_log(
    stream: TextIO | None = None, clock_ns: Callable[[], int] = boottime_ns
) -> tuple[FilteringBoundLogger, LogWriter]:
    """The daemon's logger and the writer under it, which must be closed last."""
    repeats = _Repeats(clock_ns)
    repeats.writer = writer = LogWriter(stream or sys.stderr, repeats.left_over)
    log = structlog.wrap_logger(
        _Logger(writer),
        processors=[
            repeats,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _rendered,
        ],
        wrapper_class=structlog.make_filtering_bound_logger("info"),
        cache_logger_on_first_use=True,
    )
    return log, writer


_json = structlog.processors.JSONRenderer()


def _rendered(logger: WrappedLogger, level: str, line: EventDict) -> tuple[tuple[str], dict[str, bool]]:
    """What the writer is called with."""
    urgent = _is_urgent(level, line)
    return (str(_json(logger, level, line)),), {"urgent": urgent}


def _is_urgent(level: str, line: EventDict) -> bool:
    return level == "critical" or line.get("event") in ALARM_EVENTS
