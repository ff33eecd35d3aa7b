"""The whole firmware of a companion pump: its link and its machine, with keys and faults led to the right one.

Refuses to decide: companion.py judges requests, machine.py does what they ask.
"""

from __future__ import annotations

from typing import assert_never

from protocols.companion.vocabulary import Alarm, EventKind, NoticeCause
from simulator.fault_kinds import FaultKind, Hits, Lasts
from simulator.faults import Fault
from simulator.firmware import keypad
from simulator.firmware.companion import CompanionFirmware
from simulator.firmware.dialect import Button, Dialect, PowerOn, Shown
from simulator.firmware.machine import Machine
from simulator.firmware.reporting import Counters
from simulator.instant import SimNow
from simulator.motor import position_of_volume


class CompanionPump:
    """Of one power-on."""

    def __init__(self, power_on: PowerOn) -> None:
        self.machine = Machine(
            power_on.profile,
            power_on.plant,
            power_on.kept,
            power_on.rng,
            power_on.now,
            auto_confirm=power_on.auto_confirm,
            drift_permille=power_on.active.get(FaultKind.CLOCK_DRIFT, 0),
        )
        self._link = CompanionFirmware(
            self.machine, power_on.serial, power_on.tally, power_on.link_faults, power_on.active
        )
        self.reporting = self._link.reporting
        self._plant = power_on.plant
        self.receive, self.take, self.lose = self._link.receive, self._link.take, self._link.lose
        self.says_ns = self._link.next_link_ns
        self.settle = self.machine.settle
        self.next_link_ns, self.next_therapy_ns = self.machine.next_link_ns, self.machine.next_therapy_ns

    def press(self, button: Button, now: SimNow) -> None:
        match button:
            case Button.CONFIRM:
                self.machine.press_confirm(now)
            case Button.STOP:
                keypad.press_stop(self.machine, now)
            case Button.PAUSE:
                keypad.press_pause(self.machine, now)
            case _:
                assert_never(button)

    def begin(self, fault: Fault, now: SimNow) -> None:
        """What only a pump under power can do, or get wrong."""
        machine, reporting = self.machine, self.reporting
        if fault.kind.traits.hits is Hits.REPORTING and fault.kind.traits.lasts is Lasts.UNTIL_HEALED:
            reporting.mark(fault.kind, self._counters(now))
        match fault.kind:
            case FaultKind.BUBBLE:
                machine.see_bubble(fault.size, now)
            case FaultKind.KVO:
                machine.set_kvo(fault.size, now)
            case FaultKind.CLOCK_DRIFT:
                machine.uptime.drift(now.link_ns, fault.size)
            case FaultKind.VOLUME_DROP:
                reporting.drop(Counters(fault.size, fault.size, fault.size, fault.size))
            case FaultKind.COUNTER_RESET:
                reporting.drop(self._counters(now))
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

    def end(self, fault: Fault, now: SimNow) -> None:
        match fault.kind:
            case FaultKind.KVO:
                self.machine.set_kvo(0, now)
            case FaultKind.CLOCK_DRIFT:
                self.machine.uptime.drift(now.link_ns, 0)
            case FaultKind.SPURIOUS_ALARM | FaultKind.STUCK_ALARM:
                self.machine.tell(now, NoticeCause.ALARMS)
            case _:
                return

    def program_ul(self, now: SimNow) -> int | None:
        return self.machine.program_ul(now) if self.machine.program else None

    def program_reaches_ns(self, volume_ul: int) -> int | None:
        machine = self.machine
        if machine.program is None or machine.purge_zero is not None:
            return None
        position = machine.program_zero + position_of_volume(volume_ul, machine.profile.steps_per_ul)
        return self._plant.outlook.motor_reaches_ns(position)

    def shown(self, now: SimNow) -> Shown:
        machine, at_ns = self.machine, now.therapy_ns
        sensors = machine.sensors
        return Shown(
            state=machine.state.name.lower(),
            program_id=machine.program.program_id.hex() if machine.program else "",
            alarms=tuple(str(alarm.name).lower() for alarm in machine.alarms),
            commanded_flow_ul_h=machine.drive.commanded_flow_ul_h(),
            motor_ul=sensors.motor_ul(at_ns),
            encoder_ul=sensors.encoder_ul(at_ns),
            flow_ul=sensors.flow_ul(at_ns),
            program_ul=machine.program_ul(now),
            reservoir_ul=sensors.reservoir_ul(at_ns),
        )

    def _counters(self, now: SimNow) -> Counters:
        sensors, at_ns = self.machine.sensors, now.therapy_ns
        program_ul = self.machine.program_ul(now)
        return Counters(sensors.motor_ul(at_ns), sensors.encoder_ul(at_ns), sensors.flow_ul(at_ns), program_ul)


def _make_companion() -> type[CompanionPump]:
    return CompanionPump  # what outlives its power is in KeptMemory


COMPANION = Dialect(_make_companion, frozenset(FaultKind))
