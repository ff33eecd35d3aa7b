"""Why a request is refused, and the checks of LOAD and PRIME in the order of SPEC.md section 3.

Refuses to know frames, sessions and the pump's state: what a check needs of it comes as an argument.
"""

import hashlib
from typing import Final

from tests.protocols.companion import naive_frames as naive
from tests.protocols.companion.naive_frames import Fields

WRONG_SESSION, UNKNOWN_REQUEST, WRONG_LENGTH, BAD_STATE, WRONG_PROGRAM, WRONG_DIGEST, WRONG_TOKEN = range(1, 8)
TOKEN_EXPIRED, FLOW_OUT_OF_RANGE, FLOW_ABOVE_LIMIT, NOT_SETTABLE, VTBI_ABOVE_RESERVOIR, KVO_NOT_ZERO = range(8, 14)
LEASE_OUT_OF_RANGE, ALARM_ACTIVE, NO_SUCH_EVENT, PRIME_REFUSED, BAD_VALUE = range(14, 19)

MIN_FLOW_UL_H: Final = 100  # section 7
MAX_FLOW_UL_H: Final = 1_200_000
FLOW_STEP_UL_H: Final = 100
RESERVOIR_UL: Final = 250_000
MAX_LEASE_MS: Final = 600_000
STOPPING_ALARMS: Final = 0x1F9F  # section 5: all 13 but reservoir_low and battery_low
NOT_CONNECTED: Final = 0xA5


class Refused(Exception):
    """A request is refused."""

    def __init__(self, reason: int) -> None:
        super().__init__(reason)
        self.reason: int = reason


def check(holds: bool, reason: int) -> None:
    if not holds:
        raise Refused(reason)


def number(fields: Fields, field: str) -> int:
    value = fields[field]
    assert isinstance(value, int)
    return value


def digest_of(program: Fields) -> str:
    body = naive.pack("LOAD", {**program, "digest": "00" * 16})
    return hashlib.sha256(body[:8] + body[24:]).digest()[:16].hex()


def check_load(asked: Fields, reservoir_ul: int, alarms: int) -> None:
    flow_ul_h, vtbi_ul, lease_ms = (number(asked, field) for field in ("flow_ul_h", "vtbi_ul", "lease_ms"))
    check(asked["digest"] == digest_of(asked), WRONG_DIGEST)
    check(asked["program_id"] != "00" * 8, WRONG_PROGRAM)
    check(number(asked, "phase") <= 1 and number(asked, "link_loss") <= 1, BAD_VALUE)
    check(MIN_FLOW_UL_H <= flow_ul_h <= MAX_FLOW_UL_H, FLOW_OUT_OF_RANGE)
    check(flow_ul_h <= number(asked, "flow_limit_ul_h"), FLOW_ABOVE_LIMIT)
    check(flow_ul_h % FLOW_STEP_UL_H == 0 and vtbi_ul != 0, NOT_SETTABLE)
    check(vtbi_ul <= reservoir_ul, VTBI_ABOVE_RESERVOIR)
    check(asked["kvo_ul_h"] == 0, KVO_NOT_ZERO)
    check(1 <= lease_ms <= MAX_LEASE_MS if asked["link_loss"] else lease_ms == 0, LEASE_OUT_OF_RANGE)
    check(not alarms & STOPPING_ALARMS, ALARM_ACTIVE)


def check_prime(asked: Fields, reservoir_ul: int, alarms: int) -> None:
    flow_ul_h = number(asked, "flow_ul_h")
    check(asked["not_connected"] == NOT_CONNECTED, PRIME_REFUSED)
    check(1 <= number(asked, "volume_ul") <= min(5000, reservoir_ul), PRIME_REFUSED)
    check(MIN_FLOW_UL_H <= flow_ul_h <= MAX_FLOW_UL_H, PRIME_REFUSED)
    check(flow_ul_h % FLOW_STEP_UL_H == 0, NOT_SETTABLE)
    check(not alarms & STOPPING_ALARMS, ALARM_ACTIVE)
