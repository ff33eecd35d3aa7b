"""What really happened, for those who judge: volumes by the plant, not by the pump's own counters.

Refuses to decide anything. The trace is for pictures: bounded, and thinner the longer it gets.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from simulator.instant import NS_PER_S

TRACE_LIMIT = 1_024  # the control socket answers with all of them in 64 KiB


@dataclass(frozen=True, slots=True)
class PumpTruth:
    """Volumes in uL since the simulator started. Counters with the names of SPEC.md's fields are the pump's own."""

    link_ns: int
    therapy_ns: int
    serial: str
    powered: bool
    boot_count: int
    state: str
    program_id: str  # hex, "" without a program
    alarms: tuple[str, ...]
    faults: tuple[str, ...]
    delivered_ul: float  # entered the patient
    spilled_ul: float  # left the line while nobody was connected (priming)
    stored_ul: float  # held by the line under pressure: the bolus of a release
    drawn_ul: float  # left the bag
    flow_ul_h: float  # into the patient, now
    max_flow_ul_h: float  # into the patient, ever; an occlusion's release included
    commanded_flow_ul_h: int
    max_commanded_flow_ul_h: int
    bag_ul: float
    pressure_mmhg: float
    motor_ul: int
    encoder_ul: int
    flow_ul: int | None
    program_ul: int
    reservoir_ul: int
    battery_permille: int
    starts: int
    resumes: int
    stops_received: int
    stops_ignored: int
    alarm_notice_sent_ns: int | None  # link time, last byte of the last NOTICE of an alarm handed to the port
    stop_received_ns: int | None  # link time, last byte of the last STOP received
    stopped_sent_ns: int | None  # link time, last byte of the last STOPPED handed to the port


@dataclass(frozen=True, slots=True)
class TracePoint:
    """One point of the picture."""

    therapy_ns: int
    delivered_ul: float
    flow_ul_h: float


@dataclass(slots=True)
class Trace:
    """At most TRACE_LIMIT points: when full, every second one goes and the spacing doubles."""

    points: list[TracePoint] = field(default_factory=list[TracePoint])
    spacing_ns: int = NS_PER_S
    _due_ns: int = 0

    def is_due(self, therapy_ns: int) -> bool:
        """Whether a point at this instant is wanted."""
        return therapy_ns >= self._due_ns

    def add(self, point: TracePoint) -> None:
        """Keep a point."""
        if len(self.points) >= TRACE_LIMIT:
            del self.points[1::2]
            self.spacing_ns *= 2
        self.points.append(point)
        self._due_ns = point.therapy_ns + self.spacing_ns
