"""One port kept open: opened in a thread, lost, waited for, opened again, for ever.

Refuses to know what is said over it. Giving up after some tries, and minutes between them, are what people hate
most in such daemons: the wait grows from 0.25 s to 5 s and stays there. A reason is told once, not at each try.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass

from pumpctl.shell.chance import spread
from pumpctl.shell.port import OpenPort, PortUnusable, only_of_this_host, open_port

FIRST_WAIT_S = 0.25
LONGEST_WAIT_S = 5.0
STEADY_S = 5.0  # a port that held this long is tried again at once when it is lost


@dataclass(frozen=True, slots=True)
class PortSettings:
    """Where the port is and how fast its line is. `baud` means nothing to a socket or a pty."""

    url: str
    baud: int
    simulated_only: bool = False


class SupervisedPort:
    """`opened` and `lost` are called from the loop; between the two, `port` is the open one."""

    def __init__(self, settings: PortSettings, opened: Callable[[OpenPort], None], lost: Callable[[str], None]) -> None:
        self.port: OpenPort | None = None
        self._settings = settings
        self._opened = opened
        self._lost = lost
        self._loop = asyncio.get_running_loop()
        self._wait_s = FIRST_WAIT_S
        self._told = ""
        self._opened_s = 0.0
        self._retry: asyncio.TimerHandle | None = None
        self._closed = False

    def start(self) -> None:
        """Begin to open."""
        self._retry = None
        threading.Thread(target=self._open_in_thread, name=f"open {self._settings.url}", daemon=True).start()

    def lose(self, reason: str) -> None:
        """The owner found the port dead: close it, tell, try again later."""
        if self.port is None:
            return
        if self._loop.time() - self._opened_s >= STEADY_S:
            self._wait_s = FIRST_WAIT_S
        self._give_up_descriptor()
        self._told = reason
        self._retry_later()
        self._lost(reason)

    def close(self) -> None:
        """For good. Queued output is left to the line."""
        self._closed = True
        if self._retry is not None:
            self._retry.cancel()
        if self.port is not None:
            self._give_up_descriptor()

    def _open_in_thread(self) -> None:
        outcome: OpenPort | PortUnusable
        try:
            outcome = open_port(self._settings.url, self._settings.baud)
            if self._settings.simulated_only:
                outcome = only_of_this_host(outcome, self._settings.url)
        except PortUnusable as error:
            outcome = error
        except Exception as error:  # a driver's bug is one more reason why it did not open, never a dead supervisor
            outcome = PortUnusable(f"port {self._settings.url}: {type(error).__name__}: {error}; please report this")
        try:
            self._loop.call_soon_threadsafe(self._take, outcome)
        except RuntimeError:  # the loop ended while we were opening
            if isinstance(outcome, OpenPort):
                outcome.close()

    def _take(self, outcome: OpenPort | PortUnusable) -> None:
        if isinstance(outcome, PortUnusable):
            if not self._closed:
                self._retry_later()
                self._tell_once(str(outcome))
        elif self._closed:
            outcome.close()
        else:
            self.port = outcome
            self._opened_s = self._loop.time()
            self._told = ""
            self._opened(outcome)

    def _tell_once(self, reason: str) -> None:
        if reason != self._told:
            self._told = reason
            self._lost(reason)

    def _retry_later(self) -> None:
        if not self._closed:
            self._retry = self._loop.call_later(spread(self._wait_s), self.start)
            self._wait_s = min(2 * self._wait_s, LONGEST_WAIT_S)

    def _give_up_descriptor(self) -> None:
        if self.port is not None:
            self._loop.remove_reader(self.port.fd)
            self._loop.remove_writer(self.port.fd)
            self.port.close()
            self.port = None
