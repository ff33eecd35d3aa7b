"""How one declaration of a message becomes its bytes, in both directions (SPEC.md section 3).

Refuses to know any message: it reads the annotations of a dataclass once, at import, and works from what it found.
A field's annotation names its wire type, for instance `flow_ul_h: U32` or `state: Annotated[PumpState, "B"]`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import fields
from enum import IntEnum, IntFlag
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeAlias, TypeVar, get_args, get_type_hints

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

U8: TypeAlias = Annotated[int, "B"]
U16: TypeAlias = Annotated[int, "H"]
U32: TypeAlias = Annotated[int, "I"]
U64: TypeAlias = Annotated[int, "Q"]
I16: TypeAlias = Annotated[int, "h"]
ProgramId: TypeAlias = Annotated[bytes, "8s"]
Digest: TypeAlias = Annotated[bytes, "16s"]
Text16: TypeAlias = Annotated[str, "16s"]

WIDEST_FLAGS = 1 << 13  # combinations of the 13 alarm bits: the bound of what a flag field remembers
HEAD = "<BBII"  # version, type, session, sequence; all integers are little-endian

Convert: TypeAlias = Callable[[Any], Any]
_Message = TypeVar("_Message", bound="DataclassInstance")


class Layout(Generic[_Message]):
    """The body of one message type. `pack` and `unpack` raise ValueError, TypeError or struct.error."""

    __slots__ = ("_incoming", "_message_class", "_names", "_outgoing", "body", "body_bytes", "frame_content")

    def __init__(self, message_class: type[_Message]) -> None:
        hints = get_type_hints(message_class, include_extras=True)
        self._message_class = message_class
        self._names = tuple(field.name for field in fields(message_class))
        kinds = [get_args(hints[name]) for name in self._names]
        codes = "".join(code for _, code in kinds)
        self.body = struct.Struct("<" + codes)
        self.body_bytes = self.body.size
        self.frame_content = struct.Struct(HEAD + codes)
        converters = [(place, *_converters(kind, code)) for place, (kind, code) in enumerate(kinds) if kind is not int]
        self._outgoing = tuple((place, outgoing) for place, outgoing, _ in converters)
        self._incoming = tuple((place, incoming) for place, _, incoming in converters)

    def content(self, head: tuple[int, int, int, int], message: _Message) -> bytes:
        """Head and body of `message`; a value that its field cannot hold is refused, never cut."""
        values = [getattr(message, name) for name in self._names]
        for place, outgoing in self._outgoing:
            values[place] = outgoing(values[place])
        return self.frame_content.pack(*head, *values)

    def message(self, body: bytes) -> _Message:
        """The message in `body`, whose length the caller has checked."""
        values = list(self.body.unpack(body))
        for place, incoming in self._incoming:
            values[place] = incoming(values[place])
        return self._message_class(*values)


def _converters(kind: type[Any], code: str) -> tuple[Convert, Convert]:
    """(to the wire, from the wire) for a field that is not a plain integer."""
    if kind is bytes:
        width = struct.calcsize(code)
        return _exact_bytes(width), bytes
    if kind is str:
        width = struct.calcsize(code)
        return _padded_text(width), _plain_text
    if issubclass(kind, (IntEnum, IntFlag)):
        named = _named(kind)
        return named, named
    raise TypeError(f"no wire form for {kind.__name__}")


def _named(kind: type[IntEnum] | type[IntFlag]) -> Convert:
    @lru_cache(maxsize=WIDEST_FLAGS)
    def to_member(value: int) -> int:
        member = kind(value)  # ValueError when a value or a bit has no name
        if member != value:  # a negative number would stand for all bits but some
            raise ValueError(f"{value} is not a valid {kind.__name__}")
        return member

    return to_member


def _exact_bytes(width: int) -> Convert:
    def to_wire(value: bytes) -> bytes:
        if len(value) != width:  # struct would cut or pad in silence
            raise ValueError(f"{len(value)} bytes in a field of {width}")
        return value

    return to_wire


def _padded_text(width: int) -> Convert:
    def to_wire(value: str) -> bytes:
        encoded = value.encode("ascii")
        if len(encoded) > width:
            raise ValueError(f"{value!r} is longer than its field of {width}")
        return _printable(encoded)

    return to_wire


def _plain_text(raw: bytes) -> str:
    return _printable(raw.rstrip(b"\0")).decode("ascii")


def _printable(text: bytes) -> bytes:
    """Refuses NUL inside a text and control characters, which a terminal would obey."""
    if not all(0x20 <= byte <= 0x7E for byte in text):
        raise ValueError(f"{text!r} is not printable ASCII")
    return text
