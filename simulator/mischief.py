"""What a fault does to the parts of a pump at the instant it begins, and at the instant it ends.

Refuses to know when: afflictions.py keeps the time. Power is cut and given by pump.py; what a fault does to a firmware
under power, and makes it say, is each firmware's own.
"""

from __future__ import annotations

from dataclasses import dataclass

from simulator import battery
from simulator.afflictions import afflict
from simulator.faults import Fault, FaultKind
from simulator.firmware.dialect import Firmware
from simulator.firmware.sensors import KeptMemory
from simulator.firmware.tally import LinkFaults
from simulator.instant import SimNow
from simulator.physics import Plant
from simulator.profile import PumpProfile


@dataclass(frozen=True, slots=True)
class Parts:
    """Of one pump, at an instant. Without power there is no firmware."""

    profile: PumpProfile
    plant: Plant
    kept: KeptMemory
    link: LinkFaults
    firmware: Firmware | None


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
        case FaultKind.BATTERY_DEATH:
            parts.plant.change(at_ns, afflict(parts.plant.conditions, fault, present=True))
            parts.plant.charge(at_ns, 0.0)
        case FaultKind.DROP_START_ACK:
            parts.link.start_acks_to_drop += fault.count
        case _:
            parts.plant.change(at_ns, afflict(parts.plant.conditions, fault, present=True))
    if parts.firmware is not None:
        parts.firmware.begin(fault, now)


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
        case FaultKind.DROP_START_ACK:
            parts.link.start_acks_to_drop = 0
        case _:
            parts.plant.change(at_ns, afflict(parts.plant.conditions, fault, present=False))
    if parts.firmware is not None:
        parts.firmware.end(fault, now)
