"""The host's side of the link: which reply belongs to which request (docs/dialects/alaris.md).

Refuses to know the clock, the port and what any reply means for a patient. There is no sequence number: replies are
matched by name, and one request may be outstanding. A late reply of the same name could therefore be taken for a
newer one; whoever asks puts a request of another name between, whose reply the pump gives after the late one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from protocols.alaris import messages as m
from protocols.alaris.codec import SEPARATOR, encode, name_of
from protocols.alaris.framing import END, FRAMED_BYTES, FrameDecoder, Garbage, GarbageReason
from protocols.alaris.reading import reply_of
from protocols.errors import LocalProtocolError, RemoteProtocolError


@dataclass(frozen=True, slots=True)
class Replied:
    """The reply to the outstanding request, by its name."""

    request: m.Request
    reply: m.Reply


@dataclass(frozen=True, slots=True)
class Stray:
    """A whole frame that answers nothing: late, repeated, or of another name."""

    reply: m.Reply


Heard: TypeAlias = Replied | Stray | Garbage


class AlarisSession:
    """One opening of the link."""

    __slots__ = ("_name", "_opening", "_outstanding", "decoder")

    def __init__(self) -> None:
        self.decoder = FrameDecoder()
        self._outstanding: m.Request | None = None
        self._name = ""  # of the outstanding request
        self._opening = END  # goes out once: what somebody else left half-written ends here

    @property
    def outstanding(self) -> m.Request | None:
        """The request that still waits for its reply."""
        return self._outstanding

    def request(self, request: m.Request) -> bytes:
        """The bytes that ask for `request`, which is outstanding from now on."""
        if self._outstanding is not None:
            raise LocalProtocolError(f"{self._name} is still outstanding")
        frame = encode(request)
        self._outstanding, self._name = request, name_of(request)
        opening, self._opening = self._opening, b""
        return opening + frame

    def expire(self) -> m.Request | None:
        """Give up on the outstanding request."""
        request, self._outstanding = self._outstanding, None
        return request

    def receive(self, received: bytes) -> list[Heard]:
        """What the pump said, in the order in which it said it."""
        return [piece if isinstance(piece, Garbage) else self._hear(piece) for piece in self.decoder.receive(received)]

    def _hear(self, text: str) -> Heard:
        try:
            reply = reply_of(text)
        except RemoteProtocolError:
            return Garbage(GarbageReason.MALFORMED, len(text) + FRAMED_BYTES)
        request = self._outstanding
        if request is None or text.partition(SEPARATOR)[0] != self._name:
            return Stray(reply)
        self._outstanding = None
        return Replied(request, reply)
