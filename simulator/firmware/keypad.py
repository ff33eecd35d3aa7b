"""What a person can do at the pump's own keys: stop, pause, another rate, a purge.

Refuses to know the link: the companion learns of it from flags, history and counters, or not at all. The pump's own
limits hold for a person, too.
"""

from __future__ import annotations

from dataclasses import replace

from protocols.companion.vocabulary import STOPPING_ALARMS, EventKind, NoticeCause, PumpState
from simulator import motor
from simulator.firmware.machine import Machine
from simulator.firmware.registers import flow_limit_of, flow_of
from simulator.instant import SimNow

PURGE_FLOW_UL_H = 100_000
_WITH_A_RATE = frozenset({PumpState.LOADED, PumpState.CONFIRMED, PumpState.INFUSING, PumpState.PAUSED})


def press_stop(machine: Machine, now: SimNow) -> None:
    """The stop key is a STOP by hand."""
    before = machine.state
    machine.stop(now)
    if machine.state is not before:
        machine.tell(now, NoticeCause.STATE)


def press_pause(machine: Machine, now: SimNow) -> None:
    """Only an infusion can be paused."""
    if machine.state is PumpState.INFUSING:
        machine.pause(now)
        machine.tell(now, NoticeCause.STATE)


def change_rate(machine: Machine, permille: int, now: SimNow) -> None:
    """To so much of the present rate, in steps of the pump. Above its limits the keys do not answer."""
    program, profile = machine.program, machine.profile
    if program is None or machine.state not in _WITH_A_RATE:
        return
    wanted_ul_h = flow_of(program, profile.steps_per_ul) * permille // 1000
    flow_ul_h = wanted_ul_h // profile.flow_step_ul_h * profile.flow_step_ul_h
    most_ul_h = min(profile.max_flow_ul_h, flow_limit_of(program, profile.steps_per_ul))
    if not profile.min_flow_ul_h <= flow_ul_h <= most_ul_h:
        return
    machine.program = replace(program, step_interval=motor.interval_of_flow(flow_ul_h, profile.steps_per_ul))
    machine.keypad_touched = True
    if machine.purge_zero is None:
        machine.run_program(now)
    machine.record(now, EventKind.KEYPAD_CHANGE, flow_ul_h)


def purge(machine: Machine, volume_ul: int, now: SimNow) -> None:
    """So much outside any program, into whoever is connected; then the program, if one was running, goes on."""
    if machine.purge_zero is not None or machine.state is PumpState.PRIMING or machine.alarms & STOPPING_ALARMS:
        return
    machine.purge_zero = machine.drive.position(now)
    machine.drive.dispense(now, volume_ul, min(PURGE_FLOW_UL_H, machine.profile.max_flow_ul_h))
