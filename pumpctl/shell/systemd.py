"""What systemd wants to hear: ready, status, still alive.

Refuses to know when the daemon is healthy: a pass of the loop says so, never a timer of its own. Without systemd
every word goes nowhere.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable

US_PER_S = 1_000_000


class Systemd:
    """The notification socket of the unit, if there is one. Never waits, never fails."""

    def __init__(self, clock_s: Callable[[], float]) -> None:
        address = os.environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._clock_s = clock_s
        # Four words in each watchdog period: one may be late.
        self._period_s = int(os.environ.get("WATCHDOG_USEC", "0") or "0") / US_PER_S / 4
        self._fed_s = -self._period_s
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)

    def ready(self, status: str) -> None:
        """The daemon serves."""
        self._say(f"READY=1\nSTATUS={status}")

    def status(self, status: str) -> None:
        """One line for `systemctl status`."""
        self._say(f"STATUS={status}")

    def feed(self) -> None:
        """The loop has passed."""
        if self._period_s and self._clock_s() - self._fed_s >= self._period_s:
            self._fed_s = self._clock_s()
            self._say("WATCHDOG=1")

    def stopping(self) -> None:
        """The daemon ends in order."""
        self._say("STOPPING=1")

    def close(self) -> None:
        """Give the descriptor back."""
        self._socket.close()

    def _say(self, words: str) -> None:
        if not self._address:
            return
        try:
            self._socket.sendto(words.encode(), self._address)
        except OSError:
            # systemd is busy or gone: its own watchdog decides what that means
            return
