"""What the interlocks look at: one value for a start, one for a running program, one for a pump that should be still.

Refuses to judge, and to know how the figures were got. Flows uL/h, volumes uL; unknown is None and never permits.
"""

from __future__ import annotations

from dataclasses import dataclass

from pumpctl.core.reason import Priority, Reason


@dataclass(frozen=True, slots=True)
class Trip:
    """A reason to stop, or to tell, with the priority of its alarm (hazards.md)."""

    reason: Reason
    priority: Priority


@dataclass(frozen=True, slots=True)
class StartSnapshot:
    """All that decides whether flow may rise now."""

    mode_permits: bool
    identity_matches: bool
    journal_sound: bool
    guard_alive: bool
    latched: tuple[Reason, ...]
    stop_pending: bool
    status_age_ns: int | None
    alarms: tuple[str, ...]
    read_back_equal: bool
    another_running: str | None  # other channel on which this patient's magnesium runs or is unresolved
    unresolved_dosing: bool
    wall_step_ms: int
    verdict_reasons: tuple[Reason, ...]  # the order judged again, at this instant, with the ledger
    exceeds_dose_rate: bool  # mg/min of the very flow about to be written, against the hard maximum
    battery_runs_ms: int | None  # None: on mains
    needed_ms: int  # what this occurrence still takes


@dataclass(frozen=True, slots=True)
class RunSnapshot:
    """What the pump says about a program that should be running."""

    route: str
    program_flow_ul_h: int
    vtbi_ul: int
    volume_step_ul: int
    accuracy_permille: int
    same_program: bool
    boot_changed: bool
    commanded_flow_ul_h: int
    exceeds_dose_rate: bool  # the flow it is set to, against the program's hard maximum
    smallest_ul: int
    largest_ul: int
    completed: bool  # it says that it has given its VTBI
    alarms: tuple[str, ...]
    stopping_alarms: tuple[str, ...]
    moved_in_window_ul: int | None  # None until the window is full
    window_therapy_ns: int
    excess_ul: int  # ahead of what the declared accuracy allows, since it last was not (window.py)
    pausing_ns: int | None  # link time since a pause was asked for; None: none is
    reservoir_ul: int  # the lower of what the pump says and what is left by its counters
    on_battery: bool
    battery_permille: int
    battery_runs_ms: int
    pressure_mmhg: int
    idle_pressure_mmhg: int  # as declared; 0: not known


@dataclass(frozen=True, slots=True)
class StillSnapshot:
    """What moved while nothing should: since the pump was last read as still, uL."""

    moved_ul: int
    volume_step_ul: int
