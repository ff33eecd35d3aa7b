"""What a person is told about a running program without the pump being stopped (safe state HOLD of hazards.md).

Refuses to stop anything: what must be stopped is in interlocks.py. An alert ends when its cause does.
"""

from __future__ import annotations

from collections.abc import Callable

from pumpctl.core.instant import MS_PER_H
from pumpctl.core.interlocks import COUNTER_BAND_UL, ask_all, moves_unasked_ul
from pumpctl.core.reason import Priority, Reason
from pumpctl.core.snapshots import RunSnapshot, Trip

EMPTY_SOON_MS = 30 * 60_000  # hazard H11: the lead that a warning must have


def alerts(snapshot: RunSnapshot) -> tuple[Trip, ...]:
    """All that is to be told now."""
    failed = Priority.MEDIUM
    return ask_all(ALERTS, snapshot, lambda name, error: Trip(Reason("alert_failed", f"{name}: {error!r}"), failed))


def _lowered_at_pump(s: RunSnapshot) -> Trip | None:
    lowered = s.same_program and s.commanded_flow_ul_h < s.program_flow_ul_h
    told = (
        f"somebody set the pump to {s.commanded_flow_ul_h} uL/h, the program says {s.program_flow_ul_h} uL/h: "
        "less is given than ordered"
    )
    return _alert(lowered, "flow_lowered_at_pump", told, Priority.MEDIUM)  # H60


def _not_yet_delivering(s: RunSnapshot) -> Trip | None:
    slack = s.smallest_ul <= 0 and s.largest_ul > moves_unasked_ul(s.volume_step_ul)
    told = "the motor runs and no fluid has moved yet: slack in a fresh set; not yet delivering"
    return _alert(slack, "not_yet_delivering", told, Priority.LOW)  # H18: the rate stays as it is


def _reservoir_low(s: RunSnapshot) -> Trip | None:
    """H11: it will be empty before the program is through. Empty at the VTBI is completion."""
    needed_ul = s.vtbi_ul - s.smallest_ul
    band_ul = max(COUNTER_BAND_UL, s.vtbi_ul * s.accuracy_permille // 1000)
    short = s.reservoir_ul + band_ul < needed_ul or ("reservoir_low" in s.alarms and s.reservoir_ul < needed_ul)
    left_ms = s.reservoir_ul * MS_PER_H // max(1, s.program_flow_ul_h)
    told = f"{s.reservoir_ul} uL left, {needed_ul} uL to give: empty in {left_ms // 60_000} min"
    return _alert(short, "reservoir_low", told, Priority.MEDIUM if left_ms <= EMPTY_SOON_MS else Priority.LOW)


def _battery_low(s: RunSnapshot) -> Trip | None:
    """H63: the pump says so, or it will not last to the end of the program."""
    left_ms = (s.vtbi_ul - s.smallest_ul) * MS_PER_H // max(1, s.program_flow_ul_h)
    low = s.on_battery and ("battery_low" in s.alarms or s.battery_runs_ms < left_ms)
    told = f"battery at {s.battery_permille // 10} %, {left_ms // 60_000} min to go: connect the mains"
    return _alert(low, "battery_low", told, Priority.MEDIUM)


def _check_site(s: RunSnapshot) -> Trip | None:
    """H14: normal steps at half the pressure of a connected line; what is given counts as delivered all the same."""
    fallen = s.idle_pressure_mmhg > 0 and s.commanded_flow_ul_h > 0 and 2 * s.pressure_mmhg < s.idle_pressure_mmhg
    told = f"pressure {s.pressure_mmhg} mmHg, at rest {s.idle_pressure_mmhg}: is the line off? check the site"
    return _alert(fallen, "check_site", told, Priority.MEDIUM)


ALERTS: tuple[Callable[[RunSnapshot], Trip | None], ...] = (
    _lowered_at_pump,
    _not_yet_delivering,
    _reservoir_low,
    _battery_low,
    _check_site,
)
# The codes under which they are told: each ends when its alert is no longer found.
ALERT_CODES = (
    "flow_lowered_at_pump",
    "not_yet_delivering",
    "reservoir_low",
    "battery_low",
    "check_site",
    "alert_failed",
)


def _alert(condition: bool, code: str, message: str, priority: Priority) -> Trip | None:
    return Trip(Reason(code, message), priority) if condition else None
