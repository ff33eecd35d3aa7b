"""What the payload of a packet says: an address and a command one way, an address, a state and a word the other.

Refuses to know what a command does. Replies repeat the address and not the command: what was asked decides how the
body is read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from protocols.errors import LocalProtocolError, RemoteProtocolError

MAX_ADDRESS = 99
_REQUEST = re.compile(r"(\*?)([0-9]{0,2})([^0-9].*)?", re.DOTALL)
_REPLY = re.compile(r"([0-9]{2})(?:A\?([A-Z])|([A-Z]))(.*)", re.DOTALL)


class Prompt(Enum):
    """What the pump does."""

    INFUSING = "I"
    WITHDRAWING = "W"
    STOPPED = "S"
    PAUSED = "P"
    TIMED_PAUSE = "T"
    AWAITS_TRIGGER = "U"
    PURGING = "X"


class AlarmKind(Enum):
    """What stands instead of the prompt until it was told once in reply to a command, which is not carried out."""

    RESET = "R"  # power was interrupted
    STALLED = "S"
    TIMED_OUT = "T"  # safe mode: nothing valid was heard for the set time
    PROGRAM_ERROR = "E"
    PHASE_OUT_OF_RANGE = "O"


class Refusal(Enum):
    """Why a command was not carried out: the body begins with `?`."""

    UNKNOWN = ""
    NOT_APPLICABLE = "NA"
    OUT_OF_RANGE = "OOR"
    BAD_PACKET = "COM"
    IGNORED = "IGN"


State: TypeAlias = Prompt | AlarmKind
_PROMPTS = {prompt.value: prompt for prompt in Prompt}
_ALARMS = {alarm.value: alarm for alarm in AlarmKind}
_REFUSALS = {refusal.value: refusal for refusal in Refusal}


@dataclass(frozen=True, slots=True)
class Request:
    """`command` without spaces, in upper case; "" asks for the state. `for_all`: whatever the address."""

    address: int
    command: str
    for_all: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """`body` is what a question was answered with; empty for a command that was carried out."""

    address: int
    state: State
    body: str = ""

    @property
    def refusal(self) -> Refusal | None:
        """Why not, if it was not."""
        return _REFUSALS.get(self.body[1:], Refusal.UNKNOWN) if self.body.startswith("?") else None


def request_payload(address: int, command: str) -> bytes:
    """`12RUN`. The address stands there even when it is 0: a line may hold more pumps than one."""
    if not 0 <= address <= MAX_ADDRESS or command[:1].isdigit():
        raise LocalProtocolError(f"no request: address {address}, command {command!r}")
    return f"{address}{command}".encode()


def parse_request(payload: bytes) -> Request:
    """As the pump reads it: spaces and control characters do not count, nor does the case; no address is address 0."""
    text = "".join(chr(byte) for byte in payload if byte > 0x20 and byte != 0x7F).upper()
    found = _REQUEST.fullmatch(text)
    if found is None:
        raise RemoteProtocolError(f"no request: {text!r}")
    star, address, command = found.groups()
    return Request(int(address or 0), command or "", for_all=bool(star))


def reply_payload(reply: Reply) -> bytes:
    """`00S`, `12A?R`, `00I?NA`."""
    state = f"A?{reply.state.value}" if isinstance(reply.state, AlarmKind) else reply.state.value
    return f"{reply.address:02}{state}{reply.body}".encode()


def parse_reply(payload: bytes) -> Reply:
    """Raises RemoteProtocolError for what no such pump says."""
    found = _REPLY.fullmatch(payload.decode("ascii", "replace"))
    if found is None:
        raise RemoteProtocolError(f"no reply: {payload!r}")
    address, alarm, prompt, body = found.groups()
    state = _ALARMS.get(alarm) if alarm else _PROMPTS.get(prompt)
    if state is None or (alarm and body):
        raise RemoteProtocolError(f"no state of this pump: {payload!r}")
    return Reply(int(address), state, body)
