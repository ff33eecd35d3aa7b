"""Exchanges about STOP and what it leaves behind, and about priming, which only STOP cuts short.

Refuses to know any pump and any codec but the naive one; what is expected stands in SPEC.md sections 3 and 4.
"""

from tests.protocols.companion import naive_frames as naive
from tests.protocols.companion import refusals as no
from tests.protocols.companion.exchange_script import (
    PROGRAM_ID,
    SESSION,
    STOPPED_REPLY,
    Exchange,
    Script,
    program,
)
from tests.protocols.companion.link_exchanges import HELD, LOADED_REPLY, NO_TOKEN, NOTHING_HELD
from tests.protocols.companion.naive_frames import Fields
from tests.protocols.companion.tiny_pump import (
    COMPLETED,
    CONFIRMED,
    HALTED,
    IDLE,
    INFUSING,
    NO_PROGRAM,
    PAUSED,
    PRIMED,
    PRIMING,
    STOPPED,
)


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
    return script.exchange


def stop_wins() -> Exchange:
    script = Script("stop_wins", "a whole frame of type 0A stops the motor, whatever else is in it")
    script.open()
    numbers = ((0, 0), (SESSION, 1), (SESSION, 0xFFFFFFFF), (SESSION + 1, 9))
    for session, sequence in numbers:
        for length in (0, 1, 186):
            script.start(vtbi_ul=10_000)
            sent = naive.stuff(naive.payload(0x0A, session, sequence, bytes(length))) + b"\0"
            script.raw(sent, [STOPPED_REPLY], f"session {session}, sequence {sequence}, {length} bytes of body")
            script.status(state=STOPPED, program_id=NO_PROGRAM, commanded_flow_ul_h=0, refused_count=0)
    return script.exchange


def stop_leaves() -> Exchange:
    script = Script("stop_leaves", "after STOP nothing of a program is left, also in completed; the counters stay")
    script.open()
    nothing: Fields = {"program_id": NO_PROGRAM, "program_ul": 0, "commanded_flow_ul_h": 0, "lease_left_ms": 0}
    script.start(vtbi_ul=10_000, link_loss=1, lease_ms=60_000)
    script.status(state=INFUSING, program_ul=27, motor_ul=27, lease_left_ms=59_000)
    script.stop("after 2 s")
    script.ask("GET_STATUS", {}, "STATUS", {"state": STOPPED, "motor_ul": 55, "event_count": 5, **nothing})
    script.ask("READ_PROGRAM", {}, "PROGRAM", NOTHING_HELD)
    script.stop("with nothing left to stop")
    script.status("records nothing", event_count=5)
    script.start("t2", vtbi_ul=30)
    script.wait(1_000)
    script.status("30 µL at 100 mL/h are over after 1.08 s", state=COMPLETED, program_ul=30, event_count=9)
    script.noticed(state=COMPLETED, cause=3)
    script.status("and the program is still named", program_id=PROGRAM_ID)
    script.ask("READ_PROGRAM", {}, "PROGRAM", program(vtbi_ul=30))
    script.stop("in completed: stays completed")
    script.ask("GET_STATUS", {}, "STATUS", {"state": COMPLETED, "motor_ul": 85, "event_count": 10, **nothing})
    script.ask("READ_PROGRAM", {}, "PROGRAM", NOTHING_HELD)
    script.ask("GET_EVENT", {"index": 9}, "EVENT", {"kind": HALTED, "detail": 85, **HELD})
    script.stop("in completed without a program")
    script.status("records nothing", state=COMPLETED, event_count=10)
    return script.exchange


def priming() -> Exchange:
    script = Script("priming", "PRIME only with nobody connected, at most 5 mL, and not with a program loaded")
    script.open()
    good: Fields = {"volume_ul": 100, "flow_ul_h": 100_000, "not_connected": 0xA5}
    cases: list[tuple[Fields, int, str]] = [
        ({"not_connected": 1}, no.PRIME_REFUSED, "not said that nobody is connected"),
        ({"volume_ul": 0}, no.PRIME_REFUSED, "no volume"),
        ({"volume_ul": 5_001}, no.PRIME_REFUSED, "too much"),
        ({"flow_ul_h": 0}, no.PRIME_REFUSED, "flow 0"),
        ({"flow_ul_h": 1_200_100}, no.PRIME_REFUSED, "too fast"),
        ({"flow_ul_h": 100_050}, no.NOT_SETTABLE, "between two steps"),
    ]
    for other, reason, about in cases:
        script.refused("PRIME", {**good, **other}, reason, about)
    script.ask("PRIME", good, "PRIMED", {}, about="100 µL: 3.6 s")
    script.status(state=PRIMING, program_id=NO_PROGRAM, program_ul=0)
    script.refused("PRIME", good, no.BAD_STATE, "priming already")
    script.refused("LOAD", program(), no.BAD_STATE, "priming")
    script.wait(2_000)
    script.status(state=IDLE, commanded_flow_ul_h=0, motor_ul=100, program_ul=0)
    script.noticed(state=IDLE, cause=3)
    script.ask("GET_EVENT", {"index": 1}, "EVENT", {"kind": PRIMED, "detail": 100, "program_id": NO_PROGRAM})
    script.ask("PRIME", {**good, "volume_ul": 5_000}, "PRIMED", {}, about="5 mL: 180 s")
    script.status(state=PRIMING, commanded_flow_ul_h=100_000, lease_left_ms=0, event_count=2)
    script.stop("ends it: 2 s")
    script.status(state=STOPPED, commanded_flow_ul_h=0, motor_ul=155, event_count=3)
    script.ask("GET_EVENT", {"index": 2}, "EVENT", {"kind": HALTED, "detail": 155, "program_id": NO_PROGRAM})
    script.ask("PRIME", good, "PRIMED", {}, about="in stopped")
    script.wait(3_000)
    script.status(state=IDLE, motor_ul=255)
    script.ask("LOAD", program(), "LOADED", LOADED_REPLY)
    script.refused("PRIME", good, no.BAD_STATE, "loaded")
    script.draw(CONFIRMED)
    script.refused("PRIME", good, no.BAD_STATE, "confirmed")
    script.start("t1", vtbi_ul=30)
    script.refused("PRIME", good, no.BAD_STATE, "infusing")
    script.wait(1_000)
    script.status(state=COMPLETED, program_id=PROGRAM_ID, program_ul=30, motor_ul=285)
    script.ask("PRIME", good, "PRIMED", {}, about="in completed: its program is void")
    script.status(state=PRIMING, program_id=NO_PROGRAM, program_ul=0)
    script.ask("READ_PROGRAM", {}, "PROGRAM", NOTHING_HELD)
    script.wait(2_000)
    script.status(state=IDLE, program_id=NO_PROGRAM, program_ul=0, motor_ul=385)
    return script.exchange


STOP_EXCHANGES = (stop, stop_wins, stop_leaves, priming)
