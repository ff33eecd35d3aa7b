"""Exchanges about a program: loading, the button, start, pause, resume, lease, completion.

Refuses to know any pump and any codec but the naive one; what is expected stands in SPEC.md sections 3 to 6.
"""

from tests.protocols.companion import refusals as no
from tests.protocols.companion.exchange_script import PROGRAM_ID, Exchange, Script, program
from tests.protocols.companion.link_exchanges import HELD, LOADED_REPLY, NO_TOKEN, NOTHING_HELD
from tests.protocols.companion.naive_frames import Fields
from tests.protocols.companion.tiny_pump import (
    ALARM_RAISED,
    COMPLETED,
    CONFIRMED,
    HALTED,
    IDLE,
    INFUSING,
    LEASE_ENDED,
    LOADED,
    NO_PROGRAM,
    PAUSED,
    PROGRAM_LOADED,
    STARTED,
    STOPPED,
    TOKEN_DRAWN,
)

OTHER_ID = "ffffffffffffffff"


def load_to_stop() -> Exchange:
    script = Script("load_to_stop", "load, read back, press, confirmation, start, stop")
    script.open()
    script.ask("LOAD", program(), "LOADED", LOADED_REPLY)
    script.ask("READ_PROGRAM", {}, "PROGRAM", program(), about="all 54 bytes as loaded")
    script.status(state=LOADED, program_id=PROGRAM_ID, commanded_flow_ul_h=0, program_ul=0, event_count=2)
    script.ask("GET_CONFIRMATION", {}, "CONFIRMATION", NO_TOKEN)
    script.refused("START", {**HELD, "token": 1}, no.BAD_STATE, "nobody has pressed the button")
    script.draw(CONFIRMED)
    script.ask("GET_CONFIRMATION", {}, "CONFIRMATION", {"purpose": 1, **HELD}, save="t1")
    script.refused("START", {"program_id": OTHER_ID, "token": "$t1"}, no.WRONG_PROGRAM, "uses no token up")
    script.ask("START", {**HELD, "token": "$t1"}, "STARTED", HELD)
    script.status(state=INFUSING, program_id=PROGRAM_ID, commanded_flow_ul_h=100_000, lease_left_ms=0)
    script.ask("GET_CONFIRMATION", {}, "CONFIRMATION", NO_TOKEN, about="START has used it up")
    script.refused("START", {**HELD, "token": "$t1"}, no.BAD_STATE, "infusing already")
    script.refused("LOAD", program(), no.BAD_STATE, "infusing")
    script.stop()
    script.status(state=STOPPED, program_id=NO_PROGRAM, commanded_flow_ul_h=0, event_count=5)
    for index, (kind, detail) in enumerate(((PROGRAM_LOADED, 100_000), (TOKEN_DRAWN, 1), (STARTED, 0)), start=1):
        script.ask("GET_EVENT", {"index": index}, "EVENT", {"index": index, "kind": kind, "detail": detail, **HELD})
    return script.exchange


def load_refusals() -> Exchange:
    script = Script("load_refusals", "each check of LOAD, on both sides of its edge, and the first one wins")
    script.open()
    cases: list[tuple[Fields, int, str]] = [
        ({"digest": "00" * 16}, no.WRONG_DIGEST, "digest of zeros"),
        ({"program_id": NO_PROGRAM}, no.WRONG_PROGRAM, "program_id of zeros"),
        ({"phase": 2}, no.BAD_VALUE, "phase 2"),
        ({"link_loss": 2}, no.BAD_VALUE, "link_loss 2"),
        ({"flow_ul_h": 0}, no.FLOW_OUT_OF_RANGE, "flow 0"),
        ({"flow_ul_h": 99}, no.FLOW_OUT_OF_RANGE, "below the minimum"),
        ({"flow_ul_h": 1_200_100, "flow_limit_ul_h": 2_000_000}, no.FLOW_OUT_OF_RANGE, "above the maximum"),
        ({"flow_limit_ul_h": 99_999}, no.FLOW_ABOVE_LIMIT, "flow above its limit by 1 µL/h"),
        ({"flow_limit_ul_h": 0}, no.FLOW_ABOVE_LIMIT, "a limit of 0 allows nothing"),
        ({"flow_ul_h": 100_050}, no.NOT_SETTABLE, "between two steps: refused, not rounded"),
        ({"vtbi_ul": 0}, no.NOT_SETTABLE, "VTBI 0"),
        ({"vtbi_ul": 250_001}, no.VTBI_ABOVE_RESERVOIR, "more than the reservoir can hold"),
        ({"kvo_ul_h": 1}, no.KVO_NOT_ZERO, "KVO"),
        ({"lease_ms": 1}, no.LEASE_OUT_OF_RANGE, "a lease without link_loss 1"),
        ({"link_loss": 1}, no.LEASE_OUT_OF_RANGE, "link_loss 1 without a lease"),
        ({"link_loss": 1, "lease_ms": 600_001}, no.LEASE_OUT_OF_RANGE, "longer than the longest lease"),
        ({"digest": "00" * 16, "flow_ul_h": 0}, no.WRONG_DIGEST, "digest before flow"),
        ({"program_id": NO_PROGRAM, "phase": 2}, no.WRONG_PROGRAM, "program_id before phase"),
        ({"phase": 2, "flow_ul_h": 0}, no.BAD_VALUE, "phase before flow"),
        ({"flow_ul_h": 99, "flow_limit_ul_h": 1}, no.FLOW_OUT_OF_RANGE, "range before limit"),
        ({"flow_ul_h": 120_050}, no.FLOW_ABOVE_LIMIT, "limit before step"),
        ({"flow_ul_h": 100_050, "vtbi_ul": 250_001}, no.NOT_SETTABLE, "step before reservoir"),
        ({"vtbi_ul": 250_001, "kvo_ul_h": 1}, no.VTBI_ABOVE_RESERVOIR, "reservoir before KVO"),
        ({"kvo_ul_h": 1, "lease_ms": 1}, no.KVO_NOT_ZERO, "KVO before lease"),
    ]
    for other, reason, about in cases:
        script.refused("LOAD", program(**other), reason, about)
    script.status("nothing of all this was loaded", state=IDLE, program_id=NO_PROGRAM, refused_count=len(cases))
    script.ask("READ_PROGRAM", {}, "PROGRAM", NOTHING_HELD)
    edges: list[Fields] = [
        {"flow_ul_h": 100, "flow_limit_ul_h": 100, "vtbi_ul": 1, "phase": 0},
        {"flow_ul_h": 1_200_000, "flow_limit_ul_h": 1_200_000, "vtbi_ul": 250_000, "dose_ug": (1 << 64) - 1},
        {"link_loss": 1, "lease_ms": 1, "flow_limit_ul_h": 0xFFFFFFFF},
        {"link_loss": 1, "lease_ms": 600_000},
    ]
    for other in edges:
        asked = program(**other)
        script.ask("LOAD", asked, "LOADED", {**HELD, "digest": asked["digest"]}, about="just within its limits")
        script.ask("READ_PROGRAM", {}, "PROGRAM", asked)
    return script.exchange


def load_replaces() -> Exchange:
    script = Script("load_replaces", "LOAD replaces the loaded program and voids its token")
    script.open()
    script.ask("LOAD", program(), "LOADED", LOADED_REPLY)
    script.draw(CONFIRMED)
    script.ask("GET_CONFIRMATION", {}, "CONFIRMATION", {"purpose": 1, **HELD}, save="t1")
    script.refused("LOAD", program(phase=2), no.BAD_VALUE, "a refused LOAD changes nothing")
    script.ask("GET_CONFIRMATION", {}, "CONFIRMATION", {"purpose": 1, **HELD, "token": "$t1"})
    other = program(program_id=OTHER_ID, flow_ul_h=50_000)
    script.ask("LOAD", other, "LOADED", {"program_id": OTHER_ID, "digest": other["digest"]})
    script.status(state=LOADED, program_id=OTHER_ID)
    script.ask("GET_CONFIRMATION", {}, "CONFIRMATION", NO_TOKEN)
    script.draw(CONFIRMED)
    script.refused("START", {**HELD, "token": "$t1"}, no.WRONG_PROGRAM, "the program of before")
    script.refused("START", {"program_id": OTHER_ID, "token": "$t1"}, no.WRONG_TOKEN, "the token of before")
    return script.exchange


def token_expires() -> Exchange:
    script = Script("token_expires", "a token lives 60 s of uptime; then confirmed is loaded again")
    script.open()
    script.ask("LOAD", program(vtbi_ul=10_000), "LOADED", HELD)
    script.draw(CONFIRMED)
    script.ask("GET_CONFIRMATION", {}, "CONFIRMATION", {"purpose": 1, **HELD}, save="t1")
    script.wait(57_500)
    script.ask("GET_CONFIRMATION", {}, "CONFIRMATION", {"token": "$t1"}, about="0.5 s before its end")
    script.refused("START", {**HELD, "token": "$t1"}, no.BAD_STATE, "0.5 s after its end: state is loaded again")
    script.noticed(state=LOADED, cause=2)
    script.ask("GET_CONFIRMATION", {}, "CONFIRMATION", NO_TOKEN)
    script.draw(CONFIRMED, "a new press")
    script.ask("GET_CONFIRMATION", {}, "CONFIRMATION", {"purpose": 1, **HELD}, save="t2")
    script.ask("START", {**HELD, "token": "$t2"}, "STARTED", HELD)
    script.ask("PAUSE", HELD, "PAUSED", HELD)
    script.draw(PAUSED)
    script.ask("GET_CONFIRMATION", {}, "CONFIRMATION", {"purpose": 2, **HELD}, save="t3")
    script.wait(58_500)
    script.refused("RESUME", {**HELD, "token": "$t3"}, no.TOKEN_EXPIRED, "0.5 s after its end")
    script.noticed(state=PAUSED, cause=2)
    script.refused("RESUME", {**HELD, "token": "$t2"}, no.WRONG_TOKEN, "not the last one drawn")
    script.refused("RESUME", {**HELD, "token": "$t3"}, no.TOKEN_EXPIRED, "a refusal has changed nothing")
    script.draw(PAUSED)
    script.refused("RESUME", {**HELD, "token": "$t3"}, no.WRONG_TOKEN, "not the last one drawn any more")
    script.status(state=PAUSED, program_id=PROGRAM_ID)
    return script.exchange


def wrong_token() -> Exchange:
    script = Script("wrong_token", "START and RESUME use a token up, also when the token they carry is wrong")
    script.open()
    script.ask("LOAD", program(), "LOADED", LOADED_REPLY)
    script.draw(CONFIRMED)
    script.ask("GET_CONFIRMATION", {}, "CONFIRMATION", {"purpose": 1, **HELD}, save="t1")
    script.refused("START", {**HELD, "token": 0}, no.WRONG_TOKEN, "0 is never drawn")
    script.noticed(state=LOADED, cause=2)
    script.ask("GET_CONFIRMATION", {}, "CONFIRMATION", NO_TOKEN, about="used up")
    script.status(state=LOADED)
    script.refused("START", {**HELD, "token": "$t1"}, no.BAD_STATE, "the right one, too late")
    script.draw(CONFIRMED)
    script.ask("GET_CONFIRMATION", {}, "CONFIRMATION", {"purpose": 1, **HELD}, save="t2")
    script.draw(CONFIRMED, "a second press draws anew")
    script.refused("START", {**HELD, "token": "$t2"}, no.WRONG_TOKEN, "voided by the second press")
    script.draw(CONFIRMED)
    script.ask("GET_CONFIRMATION", {}, "CONFIRMATION", {"purpose": 1, **HELD}, save="t3")
    script.ask("START", {**HELD, "token": "$t3"}, "STARTED", HELD)
    script.status(state=INFUSING)
    return script.exchange


def pause_and_resume() -> Exchange:
    script = Script("pause_and_resume", "RESUME needs a token of its own")
    script.open()
    script.start(vtbi_ul=10_000)
    script.refused("PAUSE", {"program_id": OTHER_ID}, no.WRONG_PROGRAM, "another program")
    script.refused("RESUME", {**HELD, "token": "$t1"}, no.BAD_STATE, "infusing")
    script.press("infusing: the button draws no token")
    script.ask("GET_CONFIRMATION", {}, "CONFIRMATION", NO_TOKEN)
    script.ask("PAUSE", HELD, "PAUSED", HELD)
    script.status(state=PAUSED, program_id=PROGRAM_ID, commanded_flow_ul_h=0)
    script.refused("PAUSE", HELD, no.BAD_STATE, "paused already")
    script.refused("LOAD", program(), no.BAD_STATE, "paused")
    script.refused("RESUME", {**HELD, "token": "$t1"}, no.WRONG_TOKEN, "the token of START is used up")
    script.refused("RESUME", {**HELD, "token": 0}, no.WRONG_TOKEN, "0 is no token, also while none is alive")
    script.draw(PAUSED)
    script.ask("GET_CONFIRMATION", {}, "CONFIRMATION", {"purpose": 2, **HELD}, save="t2")
    script.refused("START", {**HELD, "token": "$t2"}, no.BAD_STATE, "START is not RESUME; the token lives on")
    script.refused("RESUME", {"program_id": OTHER_ID, "token": "$t2"}, no.WRONG_PROGRAM, "uses no token up")
    script.refused("RESUME", {**HELD, "token": "$t1"}, no.WRONG_TOKEN, "uses the living one up")
    script.noticed(state=PAUSED, cause=2)
    script.ask("GET_CONFIRMATION", {}, "CONFIRMATION", NO_TOKEN)
    script.refused("RESUME", {**HELD, "token": "$t2"}, no.WRONG_TOKEN, "the right one, too late")
    script.draw(PAUSED)
    script.ask("GET_CONFIRMATION", {}, "CONFIRMATION", {"purpose": 2, **HELD}, save="t2")
    script.ask("RESUME", {**HELD, "token": "$t2"}, "RESUMED", HELD)
    script.status(state=INFUSING, commanded_flow_ul_h=100_000)
    script.ask("PAUSE", HELD, "PAUSED", HELD)
    script.refused("RESUME", {**HELD, "token": "$t2"}, no.WRONG_TOKEN, "used up")
    return script.exchange


def lease() -> Exchange:
    script = Script("lease", "a lease of 20 s: RENEW moves its end, nothing else does, and its end stops the pump")
    script.open()
    script.start(vtbi_ul=10_000, link_loss=1, lease_ms=20_000)
    script.refused("RENEW", {"program_id": OTHER_ID, "until_uptime_ms": 10_000}, no.WRONG_PROGRAM, "another program")
    script.refused("RENEW", {**HELD, "until_uptime_ms": 0}, no.LEASE_OUT_OF_RANGE, "an instant in the past")
    ahead_ms = script.at_ms + 22_000
    script.refused("RENEW", {**HELD, "until_uptime_ms": ahead_ms}, no.LEASE_OUT_OF_RANGE, "21 s ahead")
    until_ms = script.at_ms + 20_000
    script.ask("RENEW", {**HELD, "until_uptime_ms": until_ms}, "RENEWED", {"until_uptime_ms": until_ms})
    script.ask("PAUSE", HELD, "PAUSED", HELD)
    until_ms = script.at_ms + 11_000
    renewed: Fields = {"until_uptime_ms": until_ms}
    script.ask("RENEW", {**HELD, **renewed}, "RENEWED", renewed, about="earlier, and while paused")
    script.wait(8_500)
    script.status("0.5 s before its end; STATUS renews nothing", state=PAUSED, alarms=0)
    script.status("0.5 s after its end", state=STOPPED, alarms=LEASE_ENDED, program_id=NO_PROGRAM, lease_left_ms=0)
    script.noticed(state=STOPPED, alarms=LEASE_ENDED, cause=1)
    for index, (kind, detail) in enumerate(((ALARM_RAISED, LEASE_ENDED), (HALTED, 138)), start=5):
        script.ask("GET_EVENT", {"index": index}, "EVENT", {"kind": kind, "detail": detail, **HELD})
    script.refused("LOAD", program(), no.ALARM_ACTIVE, "the alarm latches")
    script.refused("LOAD", program(lease_ms=1), no.LEASE_OUT_OF_RANGE, "lease before alarm")
    script.ask("ACKNOWLEDGE", {"alarms": 1}, "ACKNOWLEDGED", {"alarms": LEASE_ENDED}, about="another bit")
    script.ask("ACKNOWLEDGE", {"alarms": 0xFFFFFFFF}, "ACKNOWLEDGED", {"alarms": 0}, about="unnamed bits are ignored")
    script.noticed(state=STOPPED, alarms=0, cause=1)
    script.start("t2")
    until_ms = script.at_ms + 2_000
    script.refused("RENEW", {**HELD, "until_uptime_ms": until_ms}, no.LEASE_OUT_OF_RANGE, "a program without a lease")
    return script.exchange


def lease_anew() -> Exchange:
    script = Script("lease_anew", "RESUME starts the lease anew: here of 60 s")
    script.open()
    script.start(vtbi_ul=10_000, link_loss=1, lease_ms=60_000)
    script.ask("PAUSE", HELD, "PAUSED", HELD)
    script.wait(40_000)
    script.draw(PAUSED)
    script.ask("GET_CONFIRMATION", {}, "CONFIRMATION", {"purpose": 2, **HELD}, save="t2")
    script.ask("RESUME", {**HELD, "token": "$t2"}, "RESUMED", HELD)
    script.wait(58_500)
    script.status("0.5 s before its end, 104 s after START", state=INFUSING, alarms=0)
    script.status("0.5 s after its end", state=STOPPED, alarms=LEASE_ENDED, commanded_flow_ul_h=0)
    return script.exchange


def completion() -> Exchange:
    script = Script("completion", "the pump stops itself at VTBI and remembers which program it was")
    script.open()
    script.start()
    script.wait(30_000)
    script.status("after 32 of 36 s", state=INFUSING)
    script.wait(9_000)
    script.status(state=COMPLETED, program_id=PROGRAM_ID, commanded_flow_ul_h=0, program_ul=1_000, event_count=5)
    script.noticed(state=COMPLETED, cause=3)
    script.refused("PAUSE", HELD, no.BAD_STATE, "completed")
    script.refused("START", {**HELD, "token": "$t1"}, no.BAD_STATE, "completed")
    script.ask("LOAD", program(), "LOADED", LOADED_REPLY)
    script.status(state=LOADED, program_ul=0)
    return script.exchange


def auto_confirm() -> Exchange:
    script = Script("auto_confirm", "a simulator with the bit presses its own button 500 ms after LOAD and after PAUSE")
    script.exchange["auto_confirm"] = True
    script.open()
    script.ask("LOAD", program(vtbi_ul=10_000), "LOADED", HELD)
    script.wait(-700)
    script.ask("GET_CONFIRMATION", {}, "CONFIRMATION", NO_TOKEN, about="300 ms later: not yet")
    script.ask("GET_CONFIRMATION", {}, "CONFIRMATION", {"purpose": 1, **HELD}, save="t1")
    script.noticed(state=CONFIRMED, cause=2)
    script.ask("START", {**HELD, "token": "$t1"}, "STARTED", HELD)
    script.ask("PAUSE", HELD, "PAUSED", HELD)
    script.wait(-700)
    script.ask("GET_CONFIRMATION", {}, "CONFIRMATION", NO_TOKEN, about="300 ms later: not yet")
    script.ask("GET_CONFIRMATION", {}, "CONFIRMATION", {"purpose": 2, **HELD}, save="t2")
    script.noticed(state=PAUSED, cause=2)
    script.ask("RESUME", {**HELD, "token": "$t2"}, "RESUMED", HELD)
    script.stop()
    script.ask("LOAD", program(vtbi_ul=10_000), "LOADED", HELD)
    script.wait(-900)
    script.stop("100 ms after LOAD")
    script.ask("GET_CONFIRMATION", {}, "CONFIRMATION", NO_TOKEN, about="stopped: the button draws nothing")
    return script.exchange


PROGRAM_EXCHANGES = (
    load_to_stop,
    load_refusals,
    load_replaces,
    token_expires,
    wrong_token,
    pause_and_resume,
    lease,
    lease_anew,
    completion,
    auto_confirm,
)
