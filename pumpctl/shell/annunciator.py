"""Alarms at this host: a line in the log, the terminal's bell, the `on_alarm` command.

Refuses to know which alarm matters. The command is started by a thread and never waited for; what it costs is
bounded in number, and a command that hangs can only ever silence itself.
"""

from __future__ import annotations

import os
import queue
import subprocess
import threading

from structlog.typing import FilteringBoundLogger

from pumpctl.effects import Annunciate
from pumpctl.shell.logs import LogWriter

WAITING_ALARMS = 64
RUNNING_COMMANDS = 4
END_S = 1.0


class Annunciator:
    """Rings. `ring` never waits."""

    def __init__(self, log: FilteringBoundLogger, writer: LogWriter, command: tuple[str, ...] | None) -> None:
        self._log = log
        self._writer = writer
        self._command = command
        self._waiting: queue.Queue[Annunciate | None] = queue.Queue(WAITING_ALARMS)
        self._running: list[subprocess.Popen[bytes]] = []
        self._thread = threading.Thread(target=self._spawn_until_closed, name="on_alarm", daemon=True)
        self._thread.start()

    def ring(self, alarm: Annunciate) -> None:
        """Announce one alarm, or that it is over."""
        told = {"channel": alarm.channel, "code": alarm.code, "priority": alarm.priority.value}
        if alarm.active:
            self._log.warning("alarm", message=alarm.message, **told)
            self._writer.ring()
        else:
            self._log.info("alarm over", message=alarm.message, **told)
        if self._command is not None:
            try:
                self._waiting.put_nowait(alarm)
            except queue.Full:
                self._log.error("on_alarm command not started: too many alarms wait", **told)

    def close(self) -> None:
        """No further command is started; those that run are left alone."""
        try:
            self._waiting.put_nowait(None)
        except queue.Full:
            return
        self._thread.join(END_S)

    def _spawn_until_closed(self) -> None:
        while (alarm := self._waiting.get()) is not None:
            self._running = [process for process in self._running if process.poll() is None]
            if len(self._running) >= RUNNING_COMMANDS:
                self._log.error("on_alarm command not started: the ones before still run", code=alarm.code)
                continue
            try:
                self._running += self._spawned(alarm)
            except OSError as error:
                self._log.error("on_alarm command cannot be started", reason=str(error))

    def _spawned(self, alarm: Annunciate) -> list[subprocess.Popen[bytes]]:
        if self._command is None:
            return []
        told = {
            "PUMPCTL_ALARM_CHANNEL": alarm.channel,
            "PUMPCTL_ALARM_CODE": alarm.code,
            "PUMPCTL_ALARM_PRIORITY": alarm.priority.value,
            "PUMPCTL_ALARM_ACTIVE": "1" if alarm.active else "0",
            "PUMPCTL_ALARM_MESSAGE": alarm.message,
        }
        quiet = subprocess.DEVNULL
        environment = {**os.environ, **told}
        return [
            subprocess.Popen(
                self._command, env=environment, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True
            )
        ]
