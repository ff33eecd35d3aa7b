"""The trials: each stops infusions of patients that no other trial has seen, and tells how long STOP took.

Refuses to average anything and to know a goal. A channel is one patient: it infuses once, is stopped once, and its
line is listened to until its daemon is gone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from random import Random
from typing import Any

from tests.crash.persons import home_order, lease_order
from tests.latency.ward import Ward

CHANNELS = 16  # that share one daemon
SPREAD_S = (0.02, 0.12)  # between two stops, so that polls and stops meet at random
AFTER_S = 0.3  # how long a line is listened to when STOP has come
STOP_WITHIN_S = 20.0


class Trouble(Enum):
    """What is wrong with the daemon when the stop is due."""

    STALLED_AND_ASKED = "loop stalled, stop asked for"
    STALLED_LEASE = "loop stalled, lease profile, nobody asks"
    FROZEN_AND_ASKED = "daemon under SIGSTOP, stop asked for"


@dataclass(frozen=True, slots=True)
class Trial:
    """`took_ns` from the request, or from the stall, to the last byte of the first STOP."""

    took_ns: int
    starts: int
    dosed_after_stop: int
    killed: bool
    stopped: bool


def normal(chance: Random, around: Callable[[Ward], None] = lambda _: None, count: int = CHANNELS) -> list[Trial]:
    """A daemon with that many infusing patients, stopped one by one. `around` is called when all infuse."""
    ward = Ward([f"p{number}" for number in range(1, count + 1)])
    try:
        ward.start_daemon()
        ward.infuse(home_order)
        around(ward)
        took: dict[str, int] = {}
        for name in chance.sample(list(ward.lines), count):
            ward.serve_for(chance.uniform(*SPREAD_S))
            took[name] = _asked(ward, name)
        ward.serve_for(AFTER_S)
        return [_trial(ward, name, took[name]) for name in ward.lines]
    finally:
        ward.clean_up()


def troubled(trouble: Trouble, stall_s: int, chance: Random) -> Trial:
    """One patient; the daemon cannot go on, and the guard has to stop the pump."""
    ward = Ward(["p1"])
    order: Callable[[str], dict[str, Any]] = lease_order if trouble is Trouble.STALLED_LEASE else home_order
    try:
        ward.start_daemon()
        ward.infuse(order)
        ward.serve_for(chance.uniform(*SPREAD_S))
        match trouble:
            case Trouble.STALLED_LEASE:
                took_ns = _silent(ward, stall_s)
            case Trouble.STALLED_AND_ASKED:
                ward.stall(stall_s)
                ward.serve_for(chance.uniform(*SPREAD_S))
                took_ns = _asked(ward, "p1")
            case Trouble.FROZEN_AND_ASKED:
                ward.freeze()
                ward.serve_for(chance.uniform(*SPREAD_S))
                took_ns = _asked(ward, "p1")
        ward.serve_for(AFTER_S)
        return _trial(ward, "p1", took_ns)
    finally:
        ward.clean_up()


def _asked(ward: Ward, name: str) -> int:
    began_ns, voices = ward.stop(name)
    took_ns = _first_stop_ns(ward, name) - began_ns
    for voice in voices:
        voice.close()
    return took_ns


def _silent(ward: Ward, stall_s: int) -> int:
    """From the last word of the loop: the request that makes it sleep is handled at once."""
    stalled = ward.stall(stall_s)
    took_ns = _first_stop_ns(ward, "p1") - stalled.began_ns
    stalled.close()
    return took_ns


def _first_stop_ns(ward: Ward, name: str) -> int:
    line = ward.lines[name]
    ward.serve_until(f"{name} is stopped", lambda: bool(line.stops_ns), STOP_WITHIN_S)
    return line.stops_ns[0]


def _trial(ward: Ward, name: str, took_ns: int) -> Trial:
    line = ward.lines[name]
    return Trial(took_ns, line.starts, line.dosed_after_stop, ward.killed, line.state == "stopped")
