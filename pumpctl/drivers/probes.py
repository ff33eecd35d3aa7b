"""Who answers on a line: one harmless question after the other for each dialect, and what an answer says.

Refuses to ask for more than identity: nothing here can move a motor, change a mode or take control. What even such a
question does is said: a companion pump counts a new session, a New Era pump takes every question for the
acknowledgement of an alarm that it holds back, and in safe mode counts the silence from it, after which it stops. Bytes
come and go elsewhere (shell/probing.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from protocols.alaris import messages as alaris
from protocols.alaris.session import AlarisSession, Replied
from protocols.companion.messages import Identify, Identity
from protocols.companion.session import CompanionSession, Reply
from protocols.companion.vocabulary import IdentityFlag
from protocols.errors import RemoteProtocolError
from protocols.miva.requests import SIMULATED_SERIAL
from protocols.miva.session import MivaSession
from protocols.miva.session import Reply as MivaReply
from protocols.new_era.framing import Mode, Packet, ReplyDecoder, encode_request
from protocols.new_era.messages import AlarmKind, parse_reply, request_payload

_ALARIS_SIMULATED = "SIM-"
# The time of safe mode stands still after a power-on until the first valid packet (docs/dialects/new_era.md section 5).
_TIMER = {
    Mode.BASIC: "",
    Mode.SAFE: "; its silence timer runs from now: it stops unless somebody speaks to it",
}
_NEW_ERA_VERSION = re.compile(r"(NE[0-9]+[A-Z0-9]*)V([0-9.]+)")


@dataclass(frozen=True, slots=True)
class Found:
    """What a pump says of itself; "" and None: its dialect has no word for it, or it did not say."""

    dialect: str
    serial: str = ""
    model: str = ""
    firmware: str = ""
    simulated: bool | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """`read`: what was found before, and every byte since this question left; None: that is no answer to it."""

    asks: bytes
    read: Callable[[Found, bytes], Found | None]


@dataclass(frozen=True, slots=True)
class Probe:
    """Questions in their order; the first decides whether the others are asked. `baud`: as its pumps are delivered."""

    dialect: str
    baud: int
    questions: tuple[Question, ...]


def probes(session: int) -> tuple[Probe, ...]:
    """New Era first: the lone CR before a question to an Alaris would acknowledge its alarm, and nobody would say so.

    `session`: a fresh number other than 0.
    """
    return (*_new_era(), _alaris(), _companion(session), _miva())


def _companion(session: int) -> Probe:
    def read(found: Found, received: bytes) -> Found | None:
        link = CompanionSession(session)
        link.request(Identify())
        replies = [heard.message for heard in link.receive(received) if isinstance(heard, Reply)]
        if not replies or not isinstance(replies[0], Identity):
            return None
        who = replies[0]
        told = replace(found, serial=who.serial, model=who.model, firmware=who.firmware)
        return replace(told, simulated=IdentityFlag.SIMULATED in who.flags)

    return Probe("companion", 115_200, (Question(CompanionSession(session).request(Identify()), read),))


def _alaris() -> Probe:
    def asked(query: alaris.Query, taken: Callable[[Found, alaris.Reply], Found | None]) -> Question:
        def read(found: Found, received: bytes) -> Found | None:
            link = AlarisSession()
            link.request(query)
            replies = [heard.reply for heard in link.receive(received) if isinstance(heard, Replied)]
            return taken(found, replies[0]) if replies else None

        return Question(AlarisSession().request(query), read)

    def serial(found: Found, reply: alaris.Reply) -> Found | None:
        if not isinstance(reply, alaris.Serial):
            return None
        return replace(found, serial=reply.serial, simulated=reply.serial.startswith(_ALARIS_SIMULATED))

    def protocol(found: Found, reply: alaris.Reply) -> Found | None:
        return replace(found, firmware=reply.text) if isinstance(reply, alaris.ProtocolName) else None

    return Probe("alaris", 38_400, (asked(alaris.Query.SERIAL, serial), asked(alaris.Query.PROTOCOL, protocol)))


def _new_era() -> tuple[Probe, ...]:
    """VER to address 0, as basic and as safe packet. A pump of another address does not answer."""

    def read(found: Found, received: bytes) -> Found | None:
        packets = [piece for piece in ReplyDecoder().receive(received) if isinstance(piece, Packet)]
        return next((told for packet in packets if (told := _new_era_told(found, packet)) is not None), None)

    payload = request_payload(0, "VER")
    return tuple(
        Probe("new_era", 19_200, (Question(encode_request(payload, mode), read),)) for mode in (Mode.BASIC, Mode.SAFE)
    )


def _new_era_told(found: Found, packet: Packet) -> Found | None:
    try:
        reply = parse_reply(packet.payload)
    except RemoteProtocolError:
        return None
    told = replace(found, note=f"{packet.mode.value} mode, address {reply.address}{_TIMER[packet.mode]}")
    if isinstance(reply.state, AlarmKind):
        held = f"it held back the alarm A?{reply.state.value}, which this question acknowledged"
        return replace(told, note=f"{told.note}; {held}")
    version = _NEW_ERA_VERSION.fullmatch(reply.body)
    return replace(told, model=version[1], firmware=version[2]) if version else None


def _miva() -> Probe:
    def asked(request: str, taken: Callable[[Found, str], Found]) -> Question:
        def read(found: Found, received: bytes) -> Found | None:
            link = MivaSession()
            link.ask(request)
            replies = [heard.values[0] for heard in link.receive(received) if isinstance(heard, MivaReply)]
            return taken(found, replies[0]) if replies else None

        return Question(MivaSession().ask(request), read)

    def serial(found: Found, value: str) -> Found:
        return replace(found, serial=value, simulated=value.startswith(SIMULATED_SERIAL))

    def firmware(found: Found, value: str) -> Found:
        return replace(found, firmware=value)

    return Probe("miva", 9_600, (asked("RN", serial), asked("RS", firmware)))
