"""Whose each reply is, on a line with several pumps: whole packets, by the address that they carry.

Refuses to know what a reply says, and to guess at half of one: what is no whole reply is nobody's.
"""

from __future__ import annotations

from protocols.errors import RemoteProtocolError
from protocols.new_era.framing import Garbage, Packet, ReplyDecoder, encode_reply
from protocols.new_era.messages import parse_reply


class ReplySplitter:
    """Owns the line's buffer, so that a reply may come in pieces and several in one."""

    def __init__(self) -> None:
        self._decoder = ReplyDecoder()

    def receive(self, received: bytes) -> list[tuple[int, bytes]]:
        """Address and bytes of every reply that is whole now, in order."""
        return _addressed(self._decoder.receive(received))

    def expire(self) -> list[tuple[int, bytes]]:
        """A question is about to be asked: what is half there never becomes whole, but may hide what came behind it."""
        return _addressed(self._decoder.expire())


def _addressed(pieces: list[Packet | Garbage]) -> list[tuple[int, bytes]]:
    packets = [piece for piece in pieces if isinstance(piece, Packet)]
    replies = [(_address(packet.payload), encode_reply(packet.payload, packet.mode)) for packet in packets]
    return [(address, reply) for address, reply in replies if address is not None]


def _address(payload: bytes) -> int | None:
    """None: no such pump says this."""
    try:
        return parse_reply(payload).address
    except RemoteProtocolError:
        return None
