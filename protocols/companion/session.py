"""The companion's side of the link: which answer belongs to which request (SPEC.md section 2).

Refuses to know the clock, the port and what any answer means for a patient. One request may be outstanding; STOP may
be sent at any moment and never waits. Whatever does not answer the outstanding request is reported as what it is, so
that a late or repeated answer can never be taken for a newer one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from protocols.companion import messages
from protocols.companion.codec import ANSWER_BIT, REQUEST_TYPES, STOP_FRAME, Envelope, decode, encode
from protocols.companion.framing import DELIMITER, FRAMED_BYTES, FrameDecoder, Garbage, GarbageReason
from protocols.companion.messages import Answer, Notice, Request, Stopped
from protocols.companion.vocabulary import RefusalReason
from protocols.errors import LocalProtocolError, RemoteProtocolError

LAST_NUMBER = 0xFFFF_FFFF  # session and sequence are u32


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to the outstanding request; its type is the one that the request asks for."""

    request: Request
    message: Answer


@dataclass(frozen=True, slots=True)
class Refused:
    """The pump did not do what `request` asked; all that may have changed is the token that WRONG_TOKEN uses up."""

    request: Request
    reason: RefusalReason


@dataclass(frozen=True, slots=True)
class Unasked:
    """The pump spoke up by itself."""

    notice: Notice


@dataclass(frozen=True, slots=True)
class Stray:
    """A whole frame that answers nothing: late, repeated, of another session, or of the wrong type."""

    envelope: Envelope


# `Stopped` stands for itself: it belongs to no request, and the motor is proven still.
Heard: TypeAlias = Reply | Refused | Unasked | Stopped | Stray | Garbage


class CompanionSession:
    """One opening of the link. `session` is a fresh random number other than 0 for each."""

    __slots__ = ("_opening", "_outstanding", "_sequence", "decoder", "session")

    def __init__(self, session: int) -> None:
        if not 1 <= session <= LAST_NUMBER:
            raise LocalProtocolError(f"session {session} is not a number from 1 to {LAST_NUMBER}")
        self.session = session
        self.decoder = FrameDecoder()
        self._sequence = 0
        self._outstanding: Request | None = None
        self._opening = DELIMITER  # goes out once, before the first frame (section 1)

    @property
    def outstanding(self) -> Request | None:
        """The request that still waits for its answer."""
        return self._outstanding

    def request(self, request: Request) -> bytes:
        """The bytes that ask for `request`, which is outstanding from now on."""
        if self._outstanding is not None:
            raise LocalProtocolError(f"{type(self._outstanding).__name__} is still outstanding")
        if request.TYPE not in REQUEST_TYPES:
            raise LocalProtocolError(f"{type(request).__name__} is not asked for with a sequence number")
        if self._sequence == LAST_NUMBER:
            raise LocalProtocolError("sequence numbers are used up; open a new session")
        frame = encode(request, self.session, self._sequence + 1)
        self._sequence += 1
        self._outstanding = request
        return self._opened() + frame

    def stop(self) -> bytes:
        """STOP, behind a delimiter so that a half-written frame before it dies instead of swallowing it."""
        self._opening = b""
        return DELIMITER + STOP_FRAME

    def expire(self) -> Request | None:
        """Give up on the outstanding request: should its answer still come, it is a Stray."""
        request, self._outstanding = self._outstanding, None
        return request

    def receive(self, received: bytes) -> list[Heard]:
        """What the pump said, in the order in which it said it."""
        return [piece if isinstance(piece, Garbage) else self._hear(piece) for piece in self.decoder.receive(received)]

    def _opened(self) -> bytes:
        opening, self._opening = self._opening, b""
        return opening

    def _hear(self, content: bytes) -> Heard:
        try:
            envelope = decode(content)
        except RemoteProtocolError:
            return Garbage(GarbageReason.MALFORMED, len(content) + FRAMED_BYTES)
        message = envelope.message
        if envelope.session == 0 and envelope.sequence == 0:
            return _unnumbered(envelope)
        request = self._outstanding
        if request is None or (envelope.session, envelope.sequence) != (self.session, self._sequence):
            return Stray(envelope)
        if isinstance(message, messages.Refused) and message.request_type == request.TYPE:
            self._outstanding = None
            return Refused(request, message.reason)
        if message.TYPE != request.TYPE | ANSWER_BIT or not isinstance(message, Answer):
            return Stray(envelope)
        self._outstanding = None
        return Reply(request, message)


def _unnumbered(envelope: Envelope) -> Heard:
    match envelope.message:
        case Stopped() as stopped:
            return stopped
        case Notice() as notice:
            return Unasked(notice)
        case _:
            return Stray(envelope)
