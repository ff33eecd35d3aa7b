"""The truth about a simulated pump at an instant, gathered from its parts. Refuses to change any of them."""

from __future__ import annotations

from simulator.faults import FaultKind
from simulator.firmware.machine import Machine
from simulator.firmware.tally import Tally
from simulator.instant import SimNow
from simulator.physics import Plant
from simulator.truth import PumpTruth


def bear_witness(
    now: SimNow,
    serial: str,
    boot_count: int,
    plant: Plant,
    machine: Machine | None,
    tally: Tally,
    faults: set[FaultKind],
) -> PumpTruth:
    """Without power there is no machine, and what it would show is nothing."""
    at_ns, state = now.therapy_ns, plant.at(now.therapy_ns)
    flow_ul_h = plant.flow_ul_h(at_ns)
    return PumpTruth(
        link_ns=now.link_ns,
        therapy_ns=at_ns,
        serial=serial,
        powered=machine is not None,
        boot_count=boot_count,
        state=machine.state.name.lower() if machine else "off",
        program_id=machine.program.program_id.hex() if machine and machine.program else "",
        alarms=tuple(str(alarm.name).lower() for alarm in machine.alarms) if machine else (),
        faults=tuple(sorted(kind.value for kind in faults)),
        delivered_ul=state.delivered_ul,
        spilled_ul=state.spilled_ul,
        stored_ul=state.stored_ul,
        drawn_ul=state.entered_line_ul,
        flow_ul_h=flow_ul_h,
        max_flow_ul_h=max(flow_ul_h, plant.max_flow_ul_h),
        commanded_flow_ul_h=machine.drive.commanded_flow_ul_h() if machine else 0,
        max_commanded_flow_ul_h=tally.max_commanded_flow_ul_h,
        bag_ul=state.content_ul,
        pressure_mmhg=plant.pressure_mmhg(at_ns),
        motor_ul=machine.sensors.motor_ul(at_ns) if machine else 0,
        encoder_ul=machine.sensors.encoder_ul(at_ns) if machine else 0,
        flow_ul=machine.sensors.flow_ul(at_ns) if machine else None,
        program_ul=machine.program_ul(now) if machine else 0,
        reservoir_ul=machine.sensors.reservoir_ul(at_ns) if machine else 0,
        battery_permille=round(state.charge_permille),
        starts=tally.starts,
        resumes=tally.resumes,
        stops_received=tally.stops_received,
        stops_ignored=tally.stops_ignored,
        alarm_notice_sent_ns=tally.alarm_notice_sent_ns,
        stop_received_ns=tally.stop_received_ns,
        stopped_sent_ns=tally.stopped_sent_ns,
    )
