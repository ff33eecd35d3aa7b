"""What a fault does to the parts of a pump at the instant it begins, and at the instant it ends.

Refuses to know when: afflictions.py keeps the time. Power is cut and given by pump.py; what a lasting fault makes the
pump say, while it lasts, is in firmware/reporting.py.
"""

from __future__ import annotations

from dataclasses import dataclass

from simulator import battery
from simulator.afflictions import afflict
from simulator.faults import Fault, FaultKind
from simulator.firmware.machine import Machine
from simulator.firmware.sensors import KeptMemory
from simulator.firmware.tally import LinkFaults
from simulator.instant import SimNow
from simulator.physics import Plant
from simulator.profile import PumpProfile


@dataclass(frozen=True, slots=True)
class Parts:
    """Of one pump, at an instant. Without power there is no machine."""

    profile: PumpProfile
    plant: Plant
    kept: KeptMemory
    link: LinkFaults
    machine: Machine | None


def begin(fault: Fault, parts: Parts, now: SimNow) -> None:
    """The fault is there from now on, or happens now."""
    at_ns = now.therapy_ns
    match fault.kind:
        case FaultKind.DROP_REPLY:
            parts.link.replies_to_drop += fault.count
        case FaultKind.IGNORE_STOP:
            parts.link.stops_to_ignore += fault.count
        case FaultKind.EMPTY | FaultKind.WRONG_FILL:
            parts.plant.fill(at_ns, fault.size)
        case FaultKind.SLACK:
            parts.plant.loosen(at_ns, fault.size)
        case FaultKind.BUBBLE:
            if parts.machine is not None:
                parts.machine.see_bubble(fault.size, now)
        case FaultKind.BATTERY_DEATH:
            parts.plant.change(at_ns, afflict(parts.plant.conditions, fault, present=True))
            parts.plant.charge(at_ns, 0.0)
        case _:
            parts.plant.change(at_ns, afflict(parts.plant.conditions, fault, present=True))


def end(fault: Fault, parts: Parts, now: SimNow) -> None:
    """The fault is gone from now on. What happened at once stays as it is."""
    at_ns = now.therapy_ns
    match fault.kind:
        case FaultKind.DROP_REPLY:
            parts.link.replies_to_drop = 0
        case FaultKind.IGNORE_STOP:
            parts.link.stops_to_ignore = 0
        case FaultKind.EMPTY | FaultKind.WRONG_FILL:
            parts.plant.fill(at_ns, parts.profile.reservoir_ul)
            parts.kept.fit_bag(parts.plant.at(at_ns).motor_position)
        case FaultKind.SLACK:
            parts.plant.loosen(at_ns, 0)
        case FaultKind.BATTERY_DEATH:
            parts.plant.change(at_ns, afflict(parts.plant.conditions, fault, present=False))
            parts.plant.charge(at_ns, battery.FULL_PERMILLE)
        case _:
            parts.plant.change(at_ns, afflict(parts.plant.conditions, fault, present=False))
