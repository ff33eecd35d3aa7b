"""Exchanges about the line itself: power-on, sessions, sequence numbers, the order of checks, noise, STOP.

Refuses to know any pump and any codec but the naive one; what is expected stands in SPEC.md sections 1 to 3.
"""

from tests.protocols.companion import naive_frames as naive
from tests.protocols.companion import refusals as no
from tests.protocols.companion.exchange_script import (
    PROGRAM_ID,
    SESSION,
    STOPPED_REPLY,
    Exchange,
    Said,
    Script,
    program,
)
from tests.protocols.companion.naive_frames import Fields
from tests.protocols.companion.readings import REFERENCE
from tests.protocols.companion.tiny_pump import (
    COMPLETED,
    CONFIRMED,
    IDLE,
    INFUSING,
    LOADED,
    NO_PROGRAM,
    PAUSED,
    POWER_ON,
    STOPPED,
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
    odd(0x82, SESSION, 3, bytes(72), no.UNKNOWN_REQUEST, "an answer is no request")
    odd(0x7F, SESSION, 4, bytes(186), no.UNKNOWN_REQUEST, "a payload of 200 bytes is the longest")
    odd(0x06, SESSION, 5, bytes(15), no.WRONG_LENGTH, "START, one byte short, in a state without START")
    odd(0x06, SESSION, 6, bytes(17), no.WRONG_LENGTH, "START, one byte long")
    odd(0x02, SESSION, 7, bytes(1), no.WRONG_LENGTH, "GET_STATUS with a body")
    odd(0x06, SESSION, 8, bytes(16), no.BAD_STATE, "START in idle, wrong program and token")
    script.sequence = 8
    script.status(state=IDLE, refused_count=8, dropped_frames=0)
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


def stop() -> Exchange:
    script = Script("stop", "STOP needs nothing, voids program and token, and may be repeated; a late START is refused")
    script.stop("before any session; idle stays idle")
    script.open()
    script.status(state=IDLE)
    script.ask("LOAD", program(), "LOADED", LOADED_REPLY)
    script.stop("in loaded")
    script.status(state=STOPPED, program_id=NO_PROGRAM)
    script.ask("READ_PROGRAM", {}, "PROGRAM", NOTHING_HELD)
    script.ask("LOAD", program(), "LOADED", LOADED_REPLY)
    script.draw(CONFIRMED)
    script.ask("GET_CONFIRMATION", {}, "CONFIRMATION", {"purpose": 1, **HELD}, save="early")
    script.stop("in confirmed")
    script.ask("GET_CONFIRMATION", {}, "CONFIRMATION", NO_TOKEN)
    script.refused("START", {**HELD, "token": "$early"}, no.BAD_STATE, "late START")
    script.start()
    script.stop("in infusing")
    script.status(state=STOPPED, program_id=NO_PROGRAM, commanded_flow_ul_h=0, lease_left_ms=0)
    script.ask("READ_PROGRAM", {}, "PROGRAM", NOTHING_HELD)
    script.refused("START", {**HELD, "token": "$t1"}, no.BAD_STATE, "late START")
    script.refused("RESUME", {**HELD, "token": "$t1"}, no.BAD_STATE, "late RESUME")
    stop_bytes = naive.frame("STOP", 0, 0, {})
    script.raw(stop_bytes * 3, [STOPPED_REPLY] * 3, "each STOP gets its STOPPED")
    script.raw(b"\x03\x01\x0a\0" + stop_bytes, [STOPPED_REPLY], "a delimiter ends half a frame; STOP is heard")
    script.start("t2")
    script.ask("PAUSE", HELD, "PAUSED", HELD)
    script.draw(PAUSED)
    script.ask("GET_CONFIRMATION", {}, "CONFIRMATION", {"purpose": 2, **HELD}, save="t3")
    script.stop("in paused")
    script.refused("RESUME", {**HELD, "token": "$t3"}, no.BAD_STATE, "late RESUME")
    script.start("t4", vtbi_ul=30)
    script.wait(5_000)
    script.status("30 µL at 100 mL/h are over after 1.08 s", state=COMPLETED)
    script.noticed(state=COMPLETED)
    script.stop("in completed: stays completed")
    script.status(state=COMPLETED, program_id=PROGRAM_ID)
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


LINK_EXCHANGES = (power_on, sessions, duplicates, order_of_checks, noise, stop, new_session)
