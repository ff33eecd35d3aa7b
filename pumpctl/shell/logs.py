"""The daemon's log: one JSON object a line on standard error, written by a thread of its own.

Refuses to know what is worth a line. A terminal that is scrolled back or a pipe that nobody reads blocks whoever
writes to it; that must never be the loop that can stop a pump (H46). So lines go through a bounded queue, and what
does not fit is counted and said when there is room again.
"""

from __future__ import annotations

import queue
import sys
import threading
from typing import TextIO

import structlog
from structlog.typing import FilteringBoundLogger

QUEUE_LINES = 1000
FLUSH_S = 1.0
BELL = "\a"


class LogWriter:
    """Takes lines without ever waiting; a daemon thread writes them."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lines: queue.Queue[str | None] = queue.Queue(QUEUE_LINES)
        self._dropped = 0
        self._thread = threading.Thread(target=self._write_until_closed, name="log", daemon=True)
        self._thread.start()

    def write(self, line: str) -> None:
        """Queue one line, or count it as dropped."""
        try:
            self._lines.put_nowait(line)
        except queue.Full:
            self._dropped += 1

    def ring(self) -> None:
        """The terminal's bell, where there is a terminal."""
        if self._stream.isatty():
            self.write(BELL)

    def close(self) -> None:
        """Give the thread a moment to write what is queued; a reader that does not read is left behind."""
        try:
            self._lines.put(None, timeout=FLUSH_S)
        except queue.Full:
            return
        self._thread.join(FLUSH_S)

    def _write_until_closed(self) -> None:
        while (line := self._lines.get()) is not None:
            dropped, self._dropped = self._dropped, 0
            note = f'{{"event": "log lines dropped", "count": {dropped}}}\n' if dropped else ""
            ending = "" if line == BELL else "\n"
            try:
                self._stream.write(f"{note}{line}{ending}")
                self._stream.flush()
            except (OSError, ValueError):
                return  # nobody can be told any more; the daemon goes on without a log


class _Logger:
    """What structlog calls with the rendered line, whatever its level."""

    def __init__(self, writer: LogWriter) -> None:
        self.debug = self.info = self.warning = self.error = self.critical = writer.write


def open_log(stream: TextIO | None = None) -> tuple[FilteringBoundLogger, LogWriter]:
    """The daemon's logger and the writer under it, which must be closed last."""
    writer = LogWriter(stream or sys.stderr)
    log = structlog.wrap_logger(
        _Logger(writer),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger("info"),
        cache_logger_on_first_use=True,
    )
    return log, writer
