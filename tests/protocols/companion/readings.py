"""The answers of SPEC.md section 3 that change nothing: identity, status, the read-back, the token on the display.

Refuses to change the pump it reads, and to know frames and sessions.
"""

from typing import Final

from tests.protocols.companion import naive_frames as naive
from tests.protocols.companion import refusals
from tests.protocols.companion.naive_frames import Fields
from tests.protocols.companion.refusals import number
from tests.protocols.companion.tiny_pump import EVENT_RING, HOUR_MS, NEVER, NO_PROGRAM, TOKEN_LIFE_MS, TinyPump

BOOT_COUNT: Final = 1
AUTO_CONFIRM: Final = 0b0010
REFERENCE: Final[Fields] = {  # section 7
    "min_flow_ul_h": refusals.MIN_FLOW_UL_H,
    "max_flow_ul_h": refusals.MAX_FLOW_UL_H,
    "flow_step_ul_h": refusals.FLOW_STEP_UL_H,
    "reservoir_ul": refusals.RESERVOIR_UL,
    "volume_step_ul": 1,
    "accuracy_permille": 50,
    "max_lease_ms": refusals.MAX_LEASE_MS,
    "token_life_ms": TOKEN_LIFE_MS,
    "event_ring": EVENT_RING,
}
OF_OUR_OWN: Final[Fields] = {  # what section 7 leaves open; flags: simulated, has a confirm button
    "model": "second reading",
    "firmware": "1",
    "flags": 0b0101,
    "boot_count": BOOT_COUNT,
    "idle_pressure_mmhg": 0,
    "kvo_min_ul_h": 0,
}


def identity(pump: TinyPump, serial: str) -> Fields:
    flags = number(OF_OUR_OWN, "flags") | (AUTO_CONFIRM if pump.auto_confirm else 0)
    return {**REFERENCE, **OF_OUR_OWN, "flags": flags, "serial": serial, "uptime_ms": pump.uptime_ms}


def status(pump: TinyPump, refused_count: int, dropped_frames: int) -> Fields:
    flow_ul_h = pump.flow_ul_h if pump.moving else 0
    leased = pump.lease_ends_ms != NEVER
    return {
        "uptime_ms": pump.uptime_ms,
        "boot_count": BOOT_COUNT,
        "state": pump.state,
        "alarms": pump.alarms,
        "flags": 4 * (pump.token != 0) + 16 * pump.moving,
        "program_id": pump.program_id(),
        "commanded_flow_ul_h": flow_ul_h,
        "measured_flow_ul_h": flow_ul_h,
        "motor_ul": pump.motor_ul,
        "encoder_ul": pump.motor_ul,
        "flow_ul": 0xFFFFFFFF,
        "pressure_mmhg": 0,
        "battery_permille": 1000,
        "program_ul": pump.moved // HOUR_MS if pump.program else 0,
        "event_count": pump.event_count,
        "reservoir_ul": pump.reservoir_left_ul,
        "lease_left_ms": pump.lease_ends_ms - pump.uptime_ms if leased else 0,
        "refused_count": refused_count,
        "dropped_frames": dropped_frames,
    }


def held_program(pump: TinyPump) -> Fields:
    """The program as the motor will run it, not as it came; all zero without one."""
    if not pump.program:
        return naive.unpack("PROGRAM", bytes(naive.body_length("PROGRAM")))
    held: Fields = {**pump.program, "flow_ul_h": pump.flow_ul_h, "vtbi_ul": pump.target // HOUR_MS}
    return {**held, "digest": refusals.digest_of(held)}


def confirmation(pump: TinyPump) -> Fields:
    if not pump.token:
        return {"purpose": 0, "program_id": NO_PROGRAM, "token": 0, "left_ms": 0}
    left_ms = pump.token_dies_ms - pump.uptime_ms
    return {"purpose": pump.purpose(), "program_id": pump.program_id(), "token": pump.token, "left_ms": left_ms}
