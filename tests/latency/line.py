"""A simulated pump at the master of a pty, and every byte that came to it with the instant at which it was read.

Refuses to judge. The instant is taken right after the read, before anybody looks at the bytes.
"""

from __future__ import annotations

import os
import pty
import tty
from collections.abc import Callable
from time import perf_counter_ns

from protocols.companion.codec import decode
from protocols.companion.framing import FrameDecoder, Garbage
from protocols.companion.messages import Message, Resume, Start, Stop
from protocols.errors import RemoteProtocolError
from simulator.instant import SimNow
from simulator.pump import NEVER_NS, Button, SimPump

READ_BYTES = 4096
DOSING = (Start, Resume)


class RecordedLine:
    """`path` is what the daemon opens. Its slave stays open here, so that the line outlives each daemon."""

    def __init__(self, serial: str, speed: int, clock: Callable[[], SimNow]) -> None:
        self.master_fd, self._slave_fd = pty.openpty()
        tty.setraw(self.master_fd)
        tty.setraw(self._slave_fd)
        os.set_blocking(self.master_fd, False)
        self.path = os.ttyname(self._slave_fd)
        self.serial = serial
        self.heard: list[tuple[int, Message]] = []  # when its last byte was read, and what it was
        self._clock = clock
        self._pump = SimPump(serial=serial, seed=1, speed=speed, now=clock())
        self._decoder = FrameDecoder()

    @property
    def stops_ns(self) -> list[int]:
        """When the last byte of each STOP was read."""
        return [at_ns for at_ns, message in self.heard if isinstance(message, Stop)]

    @property
    def dosed_after_stop(self) -> int:
        """START and RESUME frames behind the first STOP: there may be none, ever."""
        first = next((at for at, (_, message) in enumerate(self.heard) if isinstance(message, Stop)), len(self.heard))
        return sum(isinstance(message, DOSING) for _, message in self.heard[first:])

    @property
    def starts(self) -> int:
        return sum(isinstance(message, Start) for _, message in self.heard)

    @property
    def state(self) -> str:
        """By the pump itself."""
        return self._pump.truth(self._clock()).state

    @property
    def due_ns(self) -> int:
        """Link time at which the pump wants to be looked at."""
        return min(self._pump.call_at(), NEVER_NS)

    def press(self) -> None:
        """A person confirms the program that is shown."""
        self._pump.press(Button.CONFIRM, self._clock())
        self.advance()

    def read(self) -> None:
        """What has come; the pump answers."""
        try:
            content = os.read(self.master_fd, READ_BYTES)
        except BlockingIOError:
            return
        at_ns = perf_counter_ns()
        for piece in self._decoder.receive(content):
            self._note(at_ns, piece)
        self._say(self._pump.receive(content, self._clock()))

    def advance(self) -> None:
        """Time has passed for the pump."""
        self._say(self._pump.advance(self._clock()))

    def close(self) -> None:
        os.close(self.master_fd)
        os.close(self._slave_fd)

    def _note(self, at_ns: int, piece: bytes | Garbage) -> None:
        if isinstance(piece, Garbage):
            return  # half a frame that a killed daemon left; a delimiter ended it
        try:
            self.heard.append((at_ns, decode(piece).message))
        except RemoteProtocolError as error:
            raise AssertionError(f"{self.serial}: a whole frame that says nothing: {error}") from error

    def _say(self, spoken: bytes) -> None:
        if spoken:
            os.write(self.master_fd, spoken)
