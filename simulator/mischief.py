"""What a fault does to the parts of a pump at the instant it begins, and at the instant it ends.

Refuses to know when: afflictions.py keeps the time. Power is cut and given by pump.py; what a lasting fault makes the
pump say, while it lasts, is in firmware/reporting.py.
"""

from __future__ import annotations

from dataclasses import dataclass

from protocols.companion.vocabulary import Alarm, EventKind, NoticeCause
from simulator import battery
from simulator.afflictions import afflict
from simulator.fault_kinds import Hits, Lasts
from simulator.faults import Fault, FaultKind
from simulator.firmware import keypad
from simulator.firmware.companion import CompanionFirmware
from simulator.firmware.machine import Machine
from simulator.firmware.reporting import Counters
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
    firmware: CompanionFirmware | None


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
        _begin_in(parts.firmware, fault, now)


def _begin_in(firmware: CompanionFirmware, fault: Fault, now: SimNow) -> None:
    """What only a pump under power can do, or get wrong."""
    machine = firmware.machine
    if fault.kind.traits.hits is Hits.REPORTING and fault.kind.traits.lasts is Lasts.UNTIL_HEALED:
        firmware.reporting.mark(fault.kind, _counters(machine, now))
    match fault.kind:
        case FaultKind.BUBBLE:
            machine.see_bubble(fault.size, now)
        case FaultKind.KVO:
            machine.set_kvo(fault.size, now)
        case FaultKind.CLOCK_DRIFT:
            machine.uptime.drift(now.link_ns, fault.size)
        case FaultKind.VOLUME_DROP:
            firmware.reporting.drop(Counters(fault.size, fault.size, fault.size, fault.size))
        case FaultKind.COUNTER_RESET:
            firmware.reporting.drop(_counters(machine, now))
        case FaultKind.SPURIOUS_ALARM:
            machine.tell(now, NoticeCause.ALARMS)
        case FaultKind.EVENT_WRAP:
            for place in range(fault.size):  # a contact of the low-bag switch that chatters
                kind = EventKind.ALARM_CLEARED if place % 2 else EventKind.ALARM_RAISED
                machine.record(now, kind, int(Alarm.RESERVOIR_LOW))
        case FaultKind.KEYPAD_RATE:
            keypad.change_rate(machine, fault.size, now)
        case FaultKind.KEYPAD_BOLUS:
            keypad.purge(machine, fault.size, now)
        case _:
            return


def _counters(machine: Machine, now: SimNow) -> Counters:
    sensors, at_ns = machine.sensors, now.therapy_ns
    program_ul = machine.program_ul(now)
    return Counters(sensors.motor_ul(at_ns), sensors.encoder_ul(at_ns), sensors.flow_ul(at_ns), program_ul)


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
        _end_in(parts.firmware, fault, now)


def _end_in(firmware: CompanionFirmware, fault: Fault, now: SimNow) -> None:
    match fault.kind:
        case FaultKind.KVO:
            firmware.machine.set_kvo(0, now)
        case FaultKind.CLOCK_DRIFT:
            firmware.machine.uptime.drift(now.link_ns, 0)
        case FaultKind.SPURIOUS_ALARM | FaultKind.STUCK_ALARM:
            firmware.machine.tell(now, NoticeCause.ALARMS)
        case _:
            return
