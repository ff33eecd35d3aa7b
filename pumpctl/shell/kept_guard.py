"""The guard, kept: started again when it dies, told of every port and arming, asked for a stop when we cannot go on.

Refuses to decide when to stop. That no guard is there is an event like any other; what it forbids is decided elsewhere.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping
from pathlib import Path

from structlog.typing import FilteringBoundLogger

from pumpctl.events import Event, GuardChanged
from pumpctl.guard.wire import SOCKET_NAME, encode
from pumpctl.shell.event_loop import Pump
from pumpctl.shell.guard_link import GuardLink
from pumpctl.shell.unusable import Unusable

RETRY_S = (0.1, 1.0, 5.0, 30.0, 60.0)  # then each minute
ASK_S = 0.5


class KeptGuard:
    """Stands between the loop, the ports and GuardLink."""

    def __init__(
        self, link: GuardLink, state_dir: Path, log: FilteringBoundLogger, post: Callable[[Event], None]
    ) -> None:
        self._link = link
        self._state_dir = state_dir
        self._log = log
        self._post = post
        self._stop_frames: dict[str, bytes] = {}
        self._deaths = 0
        self._retry: asyncio.TimerHandle | None = None
        link.on_death(self._died)

    @property
    def alive(self) -> bool:
        return self._link.alive

    def announce(self) -> None:
        """Tell the controller that a guard is there, and what an earlier one has stopped."""
        self._post(GuardChanged(alive=self._link.alive))
        fired = self._link.fired_slot()
        if fired is not None:
            self._log.warning("the guard has stopped pumps", channels=fired.channels, reason=fired.reason)
            self._post(fired)

    def port_opened(self, channel: str, fd: int, line: str = "") -> None:
        self._link.port_opened(channel, fd, line)

    def port_closed(self, channel: str) -> None:
        self._stop_frames.pop(channel, None)
        self._link.port_closed(channel)

    def arm(self, channel: str, stop_frame: bytes, stopped_frame: bytes, lease: bool, proven: bool) -> None:
        self._stop_frames[channel] = stop_frame
        self._link.arm(channel, stop_frame, stopped_frame, lease, proven)

    def disarm(self, channel: str) -> None:
        self._stop_frames.pop(channel, None)
        self._link.disarm(channel)

    def stop_written(self, channel: str) -> None:
        self._link.stop_written(channel)

    def heartbeat(self) -> None:
        self._link.heartbeat()

    def acknowledge_slot(self) -> None:
        """The journal has it. A note that cannot be removed latches once more at the next start, no more."""
        try:
            self._link.acknowledge_slot()
        except OSError as error:
            self._log.error("the guard's note cannot be removed", reason=error.strerror)

    def stop_armed(self, pumps: Mapping[str, Pump]) -> None:
        """The daemon cannot go on: whoever can still write stops what is armed.

        The guard proves its stops, so it goes first and we write nothing: our own STOP would tell it that all is well.
        """
        if not self._stop_frames or (self._link.alive and self._guard_took_it()):
            return
        for channel, frame in self._stop_frames.items():
            try:
                pumps[channel].write(frame, is_stop=True)
            except Exception as error:  # whatever it is, the other pumps must be stopped as well
                self._log.error("STOP cannot be written: clamp the line", channel=channel, reason=repr(error))

    def close(self) -> None:
        """The daemon ends; an armed guard stays and serves stop.sock."""
        if self._retry is not None:
            self._retry.cancel()
        self._link.close()

    def _guard_took_it(self) -> bool:
        try:
            with socket.socket(socket.AF_UNIX) as asking:
                asking.settimeout(ASK_S)
                asking.connect(str(self._state_dir / SOCKET_NAME))
                asking.sendall(encode({"stop": None}))
        except OSError as error:
            self._log.error("the guard cannot be asked to stop", reason=str(error))
            return False
        return True

    def _died(self, reason: str) -> None:
        self._log.error("guard lost", reason=reason)
        self._post(GuardChanged(alive=False))
        self._retry_later()

    def _retry_later(self) -> None:
        wait_s = RETRY_S[min(self._deaths, len(RETRY_S) - 1)]
        self._deaths += 1
        self._retry = asyncio.get_running_loop().call_later(wait_s, self._restart)

    def _restart(self) -> None:
        self._link.restart(self._restarted)

    def _restarted(self, trouble: Unusable | OSError | None) -> None:
        if trouble is not None:
            self._log.error("the guard does not start", reason=str(trouble))
            self._retry_later()
            return
        self._log.info("guard back")
        self._post(GuardChanged(alive=True))
