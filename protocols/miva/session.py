"""The companion's side of a MIVA link: one question at a time, and which answer is its own.

Refuses to know the clock, the port and what an answer means for a patient. The link has no sequence numbers: an
answer is matched by its name, its index where it has one, and its turn. After a question that went unanswered a late
answer may still come; so the next question that is asked must be another one (`fence`), and what comes before its
answer is dropped: a pump answers in the order in which it was asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from protocols.errors import LocalProtocolError
from protocols.miva.framing import FrameDecoder, Garbage, encode_frame
from protocols.miva.requests import KEY_DONE, RUN, STOP, answer_to

# Twice the same frame: its STX ends a half frame before it, and where it does not, that half frame swallows the first
# and the second is whole; a pump that can hold but one has the right one. No ETX in front: it could complete a RUN.
# Two answers, because one of them may be that of a RUN before.
STOP_FRAME = 2 * encode_frame(STOP)
STOPPED_FRAME = 2 * encode_frame(KEY_DONE)


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to the outstanding request; `values` as requests.answer_to reads them."""

    request: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KeyDone:
    """WT while no RUN is outstanding: a STOP was taken. It does not say that the motor is still."""


@dataclass(frozen=True, slots=True)
class Stray:
    """A whole frame that answers nothing: late, repeated, or of another name."""

    text: str


Heard: TypeAlias = Reply | KeyDone | Stray | Garbage


class MivaSession:
    """One opening of the link."""

    __slots__ = ("_outstanding", "decoder")

    def __init__(self) -> None:
        self.decoder = FrameDecoder()
        self._outstanding: str | None = None

    @property
    def outstanding(self) -> str | None:
        """The request that still waits for its answer."""
        return self._outstanding

    def ask(self, request: str) -> bytes:
        """The bytes that ask for `request`, which is outstanding from now on."""
        if self._outstanding is not None:
            raise LocalProtocolError(f"{self._outstanding} is still outstanding")
        answer_to(request, "")  # raises for what this link never asks
        self._outstanding = request
        return encode_frame(request)

    def expire(self) -> str | None:
        """Give up on the outstanding request: should its answer still come, it is a Stray."""
        expired, self._outstanding = self._outstanding, None
        return expired

    def receive(self, received: bytes) -> list[Heard]:
        """What the bytes say, in order. Whoever asks the next question in between stops reading here."""
        return [self._heard(piece) for piece in self.decoder.receive(received)]

    def _heard(self, piece: str | Garbage) -> Heard:
        if isinstance(piece, Garbage):
            return piece
        request = self._outstanding
        if piece == KEY_DONE and request != RUN:
            return KeyDone()
        values = None if request is None else answer_to(request, piece)
        if request is None or values is None:
            return Stray(piece)
        self._outstanding = None
        return Reply(request, values)


def fence(unanswered: str) -> str:
    """The harmless question after which no answer to `unanswered` can come any more."""
    return "RN" if unanswered == "RS" else "RS"
