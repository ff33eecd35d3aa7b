"""Messages to frames and back (SPEC.md sections 1 and 3). Refuses to know who is asking and when."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass, replace
from typing import TypeVar, get_args

from protocols.companion import layout
from protocols.companion.framing import MIN_CONTENT_BYTES, VERSION, encode_frame
from protocols.companion.layout import Layout
from protocols.companion.messages import Load, Message, Notice, Program, Request, Stop, Stopped
from protocols.companion.vocabulary import LinkLoss, Phase
from protocols.errors import LocalProtocolError, RemoteProtocolError

ANSWER_BIT = 0x80  # the answer to request type t is type t | 80
HEAD = struct.Struct(layout.HEAD)
LAYOUTS: dict[int, Layout[Message]] = {message.TYPE: Layout(message) for message in get_args(Message)}
REQUEST_TYPES = frozenset(message.TYPE for message in get_args(Request))
UNNUMBERED = (Notice, Stop, Stopped)  # they belong to no request: session 0, sequence 0


@dataclass(frozen=True, slots=True)
class Envelope:
    """One whole, well-formed frame."""

    session: int
    sequence: int
    message: Message


def encode(message: Message, session: int, sequence: int) -> bytes:
    """The frame of `message`. Notice, Stop and Stopped take session 0 and sequence 0 and nothing else."""
    if isinstance(message, UNNUMBERED) and (session or sequence):
        raise LocalProtocolError(f"{type(message).__name__} carries session 0 and sequence 0")
    try:
        content = LAYOUTS[message.TYPE].content((VERSION, message.TYPE, session, sequence), message)
    except (struct.error, ValueError, TypeError) as wrong:
        raise LocalProtocolError(f"{type(message).__name__} cannot be sent: {wrong}") from wrong
    return encode_frame(content)


def decode(content: bytes) -> Envelope:
    """What the content of a whole frame says, or RemoteProtocolError. Never anything else."""
    if len(content) < MIN_CONTENT_BYTES:
        raise RemoteProtocolError(f"{len(content)} bytes are no message")
    version, message_type, session, sequence = HEAD.unpack_from(content)
    if version != VERSION:
        raise RemoteProtocolError(f"version {version} is not spoken here")
    known = LAYOUTS.get(message_type)
    if known is None:
        raise RemoteProtocolError(f"message type {message_type:02X} is unknown")
    body = content[MIN_CONTENT_BYTES:]
    if len(body) != known.body_bytes:
        raise RemoteProtocolError(f"type {message_type:02X} with {len(body)} body bytes, not {known.body_bytes}")
    try:
        message = known.message(body)
    except ValueError as wrong:
        raise RemoteProtocolError(f"type {message_type:02X}: {wrong}") from wrong
    return Envelope(session, sequence, message)


STOP_FRAME = encode(Stop(), 0, 0)
STOPPED_FRAME = encode(Stopped(), 0, 0)

# What READ_PROGRAM gets from a pump without a program: 54 zero bytes.
NO_PROGRAM = Program(bytes(8), bytes(16), Phase.LOADING, 0, 0, 0, 0, LinkLoss.FINISH_LOADED, 0, 0)

_DIGESTED_HEAD = slice(MIN_CONTENT_BYTES, MIN_CONTENT_BYTES + 8)
_DIGESTED_TAIL = slice(MIN_CONTENT_BYTES + 24, None)
_Programmed = TypeVar("_Programmed", Load, Program)


def program_digest(program: Load | Program) -> bytes:
    """The digest that the fields of `program` must carry; the one it does carry plays no part."""
    content = LAYOUTS[program.TYPE].content((VERSION, program.TYPE, 0, 0), program)
    return hashlib.sha256(content[_DIGESTED_HEAD] + content[_DIGESTED_TAIL]).digest()[:16]


def sealed(program: _Programmed) -> _Programmed:
    """`program` with the digest that fits it."""
    return replace(program, digest=program_digest(program))
