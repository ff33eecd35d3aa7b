"""The truth about a simulated pump at an instant, gathered from its parts. Refuses to change any of them."""

from __future__ import annotations

from simulator.faults import FaultKind
from simulator.firmware.dialect import Shown
from simulator.firmware.tally import Tally
from simulator.instant import SimNow
from simulator.physics import Plant
from simulator.truth import PumpTruth


def bear_witness(
    now: SimNow,
    serial: str,
    boot_count: int,
    plant: Plant,
    shown: Shown | None,
    tally: Tally,
    faults: set[FaultKind],
) -> PumpTruth:
    """Without power nothing is shown."""
    at_ns, state = now.therapy_ns, plant.at(now.therapy_ns)
    flow_ul_h = plant.flow_ul_h(at_ns)
    return PumpTruth(
        link_ns=now.link_ns,
        therapy_ns=at_ns,
        serial=serial,
        powered=shown is not None,
        boot_count=boot_count,
        state=shown.state if shown else "off",
        program_id=shown.program_id if shown else "",
        alarms=shown.alarms if shown else (),
        faults=tuple(sorted(kind.value for kind in faults)),
        delivered_ul=state.delivered_ul,
        spilled_ul=state.spilled_ul,
        stored_ul=state.stored_ul,
        drawn_ul=state.entered_line_ul,
        flow_ul_h=flow_ul_h,
        max_flow_ul_h=max(flow_ul_h, plant.max_flow_ul_h),
        commanded_flow_ul_h=shown.commanded_flow_ul_h if shown else 0,
        max_commanded_flow_ul_h=tally.max_commanded_flow_ul_h,
        bag_ul=state.content_ul,
        pressure_mmhg=plant.pressure_mmhg(at_ns),
        motor_ul=shown.motor_ul if shown else 0,
        encoder_ul=shown.encoder_ul if shown else 0,
        flow_ul=shown.flow_ul if shown else None,
        program_ul=shown.program_ul if shown else 0,
        reservoir_ul=shown.reservoir_ul if shown else 0,
        battery_permille=round(state.charge_permille),
        starts=tally.starts,
        resumes=tally.resumes,
        stops_received=tally.stops_received,
        stops_ignored=tally.stops_ignored,
        alarm_notice_sent_ns=tally.alarm_notice_sent_ns,
        stop_received_ns=tally.stop_received_ns,
        stopped_sent_ns=tally.stopped_sent_ns,
    )
