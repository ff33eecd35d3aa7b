"""How warm the motor is: it follows its surroundings along one exponential, and a stalled one heats itself.

Refuses to know what the pump does with the figure.
"""

from __future__ import annotations

import math

ROOM_C = 25
_TIME_CONSTANT_S = 600.0
_STALL_HEAT_C = 60.0  # a driven motor that does not turn gives all its current as heat


def target_c(ambient_c: int, *, heats_itself: bool) -> float:
    """Where the temperature goes when nothing changes."""
    return ambient_c + (_STALL_HEAT_C if heats_itself else 0.0)


def relax_c(from_c: float, to_c: float, elapsed_s: float) -> float:
    """The temperature after that time."""
    return to_c if from_c == to_c else to_c + (from_c - to_c) * math.exp(-elapsed_s / _TIME_CONSTANT_S)


def reaches_after_s(from_c: float, to_c: float, level_c: float) -> float | None:
    """When it rises to the level; None when it never does or already has."""
    if from_c >= level_c or to_c <= level_c:
        return None
    return _TIME_CONSTANT_S * math.log((to_c - from_c) / (to_c - level_c))
