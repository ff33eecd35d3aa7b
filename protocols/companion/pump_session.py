"""The pump's side of the link: which request is new, and which never reaches the pump (SPEC.md sections 2 and 3).

Refuses to know pumps: it judges session, sequence, type and length, in this order, and hands on what passes; a STOP
passes before any of them. Whether the state and the fields allow a request is the firmware's to judge; it answers by
`answer` or `refuse`.
After power-on a pump makes a new PumpSession: no session is open and all counts are 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from protocols.companion.codec import (
    ANSWER_BIT,
    HEAD,
    LAYOUTS,
    REQUEST_TYPES,
    STOPPED_FRAME,
    decode,
    encode,
)
from protocols.companion.framing import MIN_CONTENT_BYTES, FrameDecoder, Garbage
from protocols.companion.messages import Answer, Identify, Refused, Request, Stop
from protocols.companion.vocabulary import RefusalReason
from protocols.errors import LocalProtocolError

REFUSED_COUNT_LIMIT = 0xFFFF  # STATUS refused_count stops there


@dataclass(frozen=True, slots=True)
class Asked:
    """A request for the firmware to judge: new, of the open session, of a known type, of the right length."""

    session: int
    sequence: int
    message: Request


@dataclass(frozen=True, slots=True)
class Answered:
    """A request that went no further; `frame` is the REFUSED to send."""

    frame: bytes
    reason: RefusalReason


Arrival: TypeAlias = Asked | Answered


class PumpSession:
    """From power-on to power-off: at most one session is open at a time."""

    __slots__ = ("_decoder", "_last_sequence", "_session", "refused_count")

    def __init__(self) -> None:
        self.refused_count = 0
        self._decoder = FrameDecoder()
        self._session = 0  # none is open
        self._last_sequence = 0

    @property
    def dropped_frames(self) -> int:
        """Broken frames (section 1). A duplicate and an echo are whole, so they are not among them."""
        return self._decoder.dropped_frames

    def receive(self, received: bytes) -> list[Arrival]:
        """What to answer, in order. Garbage, echoes and duplicates are already gone."""
        arrivals: list[Arrival] = []
        for piece in self._decoder.receive(received):
            if isinstance(piece, Garbage):
                continue
            arrival = self._judge(piece)
            if arrival is not None:
                arrivals.append(arrival)
        return arrivals

    def answer(self, asked: Asked, message: Answer) -> bytes:
        """The frame that answers `asked`."""
        if message.TYPE != asked.message.TYPE | ANSWER_BIT:
            raise LocalProtocolError(f"{type(message).__name__} does not answer {type(asked.message).__name__}")
        if isinstance(asked.message, Stop):
            return STOPPED_FRAME
        return encode(message, asked.session, asked.sequence)

    def refuse(self, asked: Asked, reason: RefusalReason) -> bytes:
        """The frame that refuses `asked`, which counts as refused."""
        if isinstance(asked.message, Stop):
            raise LocalProtocolError("STOP needs nothing and is never refused")
        return self._refused(asked.session, asked.sequence, asked.message.TYPE, reason).frame

    def _judge(self, content: bytes) -> Arrival | None:
        _, request_type, session, sequence = HEAD.unpack_from(content)
        if request_type == Stop.TYPE:
            return Asked(session, sequence, Stop())  # whatever else the frame says
        if request_type >= ANSWER_BIT:
            return None  # an echo of the line: an answer to it could come back as the next one
        if not self._admits(session, request_type):
            return self._refused(session, sequence, request_type, RefusalReason.WRONG_SESSION)
        if session == self._session and not self._uses_up(sequence):
            return None
        if request_type not in REQUEST_TYPES:
            return self._refused(session, sequence, request_type, RefusalReason.UNKNOWN_REQUEST)
        if len(content) - MIN_CONTENT_BYTES != LAYOUTS[request_type].body_bytes:
            return self._refused(session, sequence, request_type, RefusalReason.WRONG_LENGTH)
        if request_type == Identify.TYPE:
            self._session, self._last_sequence = session, sequence
        return Asked(session, sequence, _as_request(content))

    def _admits(self, session: int, request_type: int) -> bool:
        """IDENTIFY brings its own session, all else needs the open one. 0 is never a session."""
        return session != 0 and (request_type == Identify.TYPE or session == self._session)

    def _uses_up(self, sequence: int) -> bool:
        """Whether `sequence` is new in the open session; it is used from now on, whatever becomes of the request."""
        if sequence <= self._last_sequence:
            return False
        self._last_sequence = sequence
        return True

    def _refused(self, session: int, sequence: int, request_type: int, reason: RefusalReason) -> Answered:
        self.refused_count = min(self.refused_count + 1, REFUSED_COUNT_LIMIT)
        return Answered(encode(Refused(request_type, reason), session, sequence), reason)


def _as_request(content: bytes) -> Request:
    """Type and length are checked and a request has no enums, so a request always decodes."""
    message = decode(content).message
    if not isinstance(message, Request):
        raise AssertionError(f"{type(message).__name__} is not a request")  # noqa: TRY004
    return message
