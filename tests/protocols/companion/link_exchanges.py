"""Exchanges about the line itself: power-on, sessions, sequence numbers, the order of checks, echoes, noise.

Refuses to know any pump and any codec but the naive one; what is expected stands in SPEC.md sections 1 to 3.
"""

from tests.protocols.companion import naive_frames as naive
from tests.protocols.companion import refusals as no
from tests.protocols.companion.exchange_script import (
    PROGRAM_ID,
    SESSION,
    Exchange,
    Said,
    Script,
    program,
)
from tests.protocols.companion.naive_frames import Fields
from tests.protocols.companion.readings import REFERENCE
from tests.protocols.companion.tiny_pump import (
    CONFIRMED,
    IDLE,
    INFUSING,
    LOADED,
    NO_PROGRAM,
    POWER_ON,
)

OTHER_SESSION = 0xFFFFFFFF
HELD: Fields = {"program_id": PROGRAM_ID}
LOADED_REPLY: Fields = {"program_id": PROGRAM_ID, "digest": program()["digest"]}
NOTHING_HELD: Fields = naive.unpack("PROGRAM", bytes(54))
NO_TOKEN: Fields = {"purpose": 0, "program_id": NO_PROGRAM, "token": 0, "left_ms": 0}


def power_on() -> Exchange:
    script = Script("power_on", "what a reference pump says of itself before anything has happened")
    script.elsewhere("GET_STATUS", SESSION, 1, "no session is open yet")
    script.elsewhere("GET_STATUS", 0, 1, "and 0 is not the number of an open one")
    script.ask("IDENTIFY", {}, "IDENTITY", REFERENCE)
    script.status(state=IDLE, program_id=NO_PROGRAM, commanded_flow_ul_h=0, program_ul=0, motor_ul=0, event_count=1)
    script.ask("READ_PROGRAM", {}, "PROGRAM", NOTHING_HELD)
    script.ask("GET_CONFIRMATION", {}, "CONFIRMATION", NO_TOKEN)
    script.ask("GET_EVENT", {"index": 0}, "EVENT", {"index": 0, "kind": POWER_ON, "program_id": NO_PROGRAM})
    script.refused("GET_EVENT", {"index": 1}, no.NO_SUCH_EVENT, "index of the next event")
    script.press("nothing is loaded: the button draws no token")
    script.ask("GET_CONFIRMATION", {}, "CONFIRMATION", NO_TOKEN)
    for name, fields in (("START", {**HELD, "token": 1}), ("PAUSE", HELD), ("RESUME", {**HELD, "token": 1})):
        script.refused(name, fields, no.BAD_STATE, "in idle")
    script.refused("RENEW", {**HELD, "until_uptime_ms": 60_000}, no.BAD_STATE, "in idle")
    return script.exchange


def sessions() -> Exchange:
    script = Script("sessions", "only the session opened last is heard; IDENTIFY opens one whatever was open before")
    script.open()
    script.elsewhere("GET_STATUS", OTHER_SESSION, 7, "another session")
    script.status("the refusal used no sequence number of this session", state=IDLE, refused_count=1)
    script.open(OTHER_SESSION)
    script.elsewhere("GET_STATUS", SESSION, 9, "the session of before is not open any more")
    script.status(state=IDLE, refused_count=2)
    script.session, script.sequence = 5, 0xFFFFFFF0
    script.ask("IDENTIFY", {}, "IDENTITY", {}, about="a new session may begin at any number")
    script.status(state=IDLE)
    script.session, script.sequence = 6, -1
    script.ask("IDENTIFY", {}, "IDENTITY", {}, about="0 included")
    script.raw(naive.frame("IDENTIFY", 6, 0, {}), [], "IDENTIFY of the open session again: dropped")
    script.status(state=IDLE, refused_count=2)
    return script.exchange


def duplicates() -> Exchange:
    script = Script("duplicates", "a sequence number not above the last one accepted gets no reply and has no effect")
    script.open()
    script.raw(naive.frame("IDENTIFY", SESSION, 1, {}), [], "IDENTIFY again, same sequence: dropped")
    script.ask("LOAD", program(), "LOADED", LOADED_REPLY)
    script.raw(naive.frame("LOAD", SESSION, 2, program(flow_ul_h=200)), [], "sequence 2 again: dropped")
    script.raw(naive.frame("GET_STATUS", SESSION, 1, {}), [], "sequence 1, late: dropped")
    script.ask("READ_PROGRAM", {}, "PROGRAM", program(), about="still the first one")
    script.sequence = 1000
    script.status("numbers may be skipped", state=LOADED)
    script.refused("GET_EVENT", {"index": 99}, no.NO_SUCH_EVENT, "a refused request uses its number up")
    script.raw(naive.frame("GET_STATUS", SESSION, script.sequence, {}), [], "that number again: dropped")
    script.raw(naive.frame("IDENTIFY", SESSION, 3, {}), [], "IDENTIFY of the open session, late: dropped")
    script.status(state=LOADED)
    return script.exchange


def order_of_checks() -> Exchange:
    script = Script("order_of_checks", "session, sequence, type, length, state, fields")
    script.open()

    def odd(type_: int, session: int, sequence: int, body: bytes, reason: int | None, about: str) -> None:
        refusal: Fields = {"request_type": type_, "reason": reason or 0}
        reply: Said = {"type": "REFUSED", "session": session, "sequence": sequence, "fields": refusal}
        sent = naive.stuff(naive.payload(type_, session, sequence, body)) + b"\0"
        script.raw(sent, [] if reason is None else [reply], about)

    odd(0x7F, OTHER_SESSION, 2, b"", no.WRONG_SESSION, "unknown type, wrong session")
    odd(0x7F, SESSION, 1, b"", None, "unknown type, used number: dropped")
    odd(0x7F, SESSION, 2, b"", no.UNKNOWN_REQUEST, "unknown type")
    odd(0x00, SESSION, 3, b"", no.UNKNOWN_REQUEST, "the lowest type")
    odd(0x7F, SESSION, 4, bytes(186), no.UNKNOWN_REQUEST, "a payload of 200 bytes is the longest")
    odd(0x06, SESSION, 5, bytes(15), no.WRONG_LENGTH, "START, one byte short, in a state without START")
    odd(0x06, SESSION, 6, bytes(17), no.WRONG_LENGTH, "START, one byte long")
    odd(0x02, SESSION, 7, bytes(1), no.WRONG_LENGTH, "GET_STATUS with a body")
    odd(0x06, SESSION, 8, bytes(16), no.BAD_STATE, "START in idle, wrong program and token")
    script.sequence = 8
    script.status(state=IDLE, refused_count=8, dropped_frames=0)
    return script.exchange


def echoes() -> Exchange:
    script = Script("echoes", "types from 80 up are dropped: an echo of the line must not be answered")
    script.open()
    said = naive.frame("REFUSED", SESSION, 2, {"request_type": 0x7F, "reason": no.UNKNOWN_REQUEST})
    script.raw(said * 3, [], "REFUSED of this session, three times")
    script.raw(naive.frame("STATUS", 7, 2, naive.unpack("STATUS", bytes(72))), [], "STATUS of another session")
    script.raw(naive.frame("STOPPED", 0, 0, {}), [], "STOPPED")
    for type_ in (0x80, 0x9A, 0xFF):
        sent = naive.stuff(naive.payload(type_, SESSION, 2, b"")) + b"\0"
        script.raw(sent, [], f"type {type_:02X}, which has no name")
    script.status("2 is not used up, and nothing was counted", refused_count=0, dropped_frames=0, event_count=1)
    return script.exchange


def noise() -> Exchange:
    script = Script("noise", "what a receiver drops, what it counts, and that it hears the frame after it")
    script.open()
    script.raw(b"\0\0\0", [], "empty frames are not counted")
    script.status(dropped_frames=0)
    broken = bytearray(naive.frame("GET_STATUS", SESSION, 3, {}))
    broken[-2] ^= 1
    script.raw(bytes(broken), [], "one bit of the CRC is wrong: counted, and the number is not used up")
    script.status(dropped_frames=1)
    script.raw(naive.frame("GET_STATUS", SESSION, 4, {})[:9], [], "half a frame, and its end does not come")
    script.raw(b"\0", [], "a lone delimiter ends it: counted")
    script.status(dropped_frames=2)
    script.raw(b"\x55" * 253 + b"\0", [], "253 bytes and a delimiter: one bad frame")
    script.status(dropped_frames=3)
    script.raw(b"\x55" * 300, [], "300 bytes without a delimiter")
    script.raw(naive.frame("GET_STATUS", SESSION, 99, {}), [], "dropped with them, up to the delimiter")
    script.status("99 is not used up", state=IDLE)
    two = naive.frame("GET_STATUS", SESSION, 7, {}) + naive.frame("GET_CONFIRMATION", SESSION, 8, {})
    replies: list[Said] = [
        {"type": "STATUS", "session": SESSION, "sequence": 7, "fields": {"state": IDLE}},
        {"type": "CONFIRMATION", "session": SESSION, "sequence": 8, "fields": NO_TOKEN},
    ]
    script.raw(two, replies, "two requests at once are answered in the order of arrival")
    return script.exchange


def new_session() -> Exchange:
    script = Script("new_session", "a new session changes nothing but the session")
    script.open()
    script.ask("LOAD", program(), "LOADED", LOADED_REPLY)
    script.open(2)
    script.ask("READ_PROGRAM", {}, "PROGRAM", program())
    script.draw(CONFIRMED)
    script.ask("GET_CONFIRMATION", {}, "CONFIRMATION", {"purpose": 1, **HELD}, save="t1")
    script.open(3)
    script.ask("GET_CONFIRMATION", {}, "CONFIRMATION", {"purpose": 1, "token": "$t1"})
    script.ask("START", {**HELD, "token": "$t1"}, "STARTED", HELD)
    script.open(4)
    script.status(state=INFUSING, program_id=PROGRAM_ID, commanded_flow_ul_h=100_000)
    script.ask("PAUSE", HELD, "PAUSED", HELD)
    return script.exchange


LINK_EXCHANGES = (power_on, sessions, duplicates, order_of_checks, echoes, noise, new_session)
