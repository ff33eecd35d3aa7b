"""The whole firmware of an Alaris pump: its link and its machine, with keys and faults led to the right one.

Refuses to decide: alaris.py judges requests, alaris_machine.py does what they ask.
"""

from __future__ import annotations

from typing import assert_never

from simulator.fault_kinds import FaultKind, Hits, Lasts
from simulator.faults import Fault
from simulator.firmware.alaris import AlarisLink, CommsLoss
from simulator.firmware.alaris_machine import AlarisMachine
from simulator.firmware.dialect import Button, Dialect, Make, PowerOn, Shown
from simulator.instant import SimNow

_NOT_THIS_PUMPS = frozenset(
    {
        FaultKind.UPSTREAM_OCCLUSION,  # a syringe has no clamp before it, and no air detector after it
        FaultKind.AIR,
        FaultKind.BUBBLE,
        FaultKind.COUNTER_FREEZE,  # it shows one counter
        FaultKind.COUNTER_DOUBLE,
        FaultKind.COUNTER_ZERO,
        FaultKind.COUNTER_SWAP,
        FaultKind.CLOCK_DRIFT,  # it shows no clock and no history
        FaultKind.EVENT_WRAP,
        FaultKind.STATUS_LAG,
        FaultKind.DOUBLE_START,
    }
)


class AlarisPump:
    """Of one power-on."""

    def __init__(self, power_on: PowerOn, comms_loss: CommsLoss) -> None:
        self.machine = AlarisMachine(power_on)
        self._link = AlarisLink(self.machine, power_on, comms_loss)
        self.receive, self.take, self.lose = self._link.receive, self._link.take, self._link.lose
        self.says_ns = self._link.says_ns
        self.settle, self.next_link_ns = self._link.settle, self._link.next_link_ns
        self.next_therapy_ns = self.machine.next_therapy_ns

    def press(self, button: Button, now: SimNow) -> None:
        match button:
            case Button.CONFIRM:
                self.machine.press_cancel(now)
            case Button.STOP | Button.PAUSE:
                self.machine.hold(now)
            case _:
                assert_never(button)

    def begin(self, fault: Fault, now: SimNow) -> None:
        kind, volume_ul = fault.kind, self.machine.volume_ul(now)
        if kind.traits.hits is Hits.REPORTING and kind.traits.lasts is Lasts.UNTIL_HEALED:
            self._link.reporting.mark(kind, volume_ul)
        match kind:
            case FaultKind.KVO:
                self.machine.kvo_ul_h = fault.size
            case FaultKind.VOLUME_DROP:
                self._link.reporting.drop(fault.size)
            case FaultKind.COUNTER_RESET:
                self._link.reporting.drop(volume_ul)
            case FaultKind.KEYPAD_RATE:
                self.machine.change_rate(fault.size, now)
            case FaultKind.KEYPAD_BOLUS:
                self.machine.purge(fault.size, now)
            case _:
                return

    def end(self, fault: Fault, now: SimNow) -> None:
        if fault.kind is FaultKind.KVO:
            self.machine.kvo_ul_h = 0
            if not self.machine.infusing:
                self.machine.hold(now)

    def program_ul(self, now: SimNow) -> int | None:
        return None if self.machine.vtbi_ul is None else self.machine.vtbi_done_ul(now)

    def program_reaches_ns(self, volume_ul: int) -> int | None:
        return self.machine.reaches_ns(volume_ul)

    def shown(self, now: SimNow) -> Shown:
        machine, at_ns = self.machine, now.therapy_ns
        return Shown(
            state="infusing" if machine.infusing else "hold",
            program_id="",
            alarms=tuple(alarm.name.lower() for alarm in machine.alarms()),
            commanded_flow_ul_h=machine.drive.commanded_flow_ul_h(),
            motor_ul=machine.sensors.motor_ul(at_ns),
            encoder_ul=machine.sensors.encoder_ul(at_ns),
            flow_ul=None,
            program_ul=machine.vtbi_done_ul(now) if machine.vtbi_ul is not None else 0,
            reservoir_ul=machine.sensors.reservoir_ul(at_ns),
        )


def alaris(comms_loss: CommsLoss) -> Dialect:
    """The dialect with that answer to silence."""

    def make() -> Make:
        return lambda power_on: AlarisPump(power_on, comms_loss)  # what outlives its power is in KeptMemory

    return Dialect(
        make,
        frozenset(FaultKind) - _NOT_THIS_PUMPS,
        serials="SIM-[0-9]{1,8}",
        serial_rule="begins SIM- and has digits after that",
        profile="syringe",
    )


ALARIS = alaris(CommsLoss.CONTINUES)  # the worse of the two for whoever supervises it
