"""What the pump executes: one program per phase and container of one occurrence of an order.

Refuses to know time, channels and whether the order was accepted (validation.py judges that).
Flow and volume are rounded down to what the pump can set, and never up.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from pumpctl.core.capability import Capability
from pumpctl.core.library import Library, LinkLoss, PhaseKind, Profile
from pumpctl.core.order import Order
from pumpctl.core.rules.case import Case, Context, open_case
from pumpctl.core.rules.finding import Finding, Severity
from pumpctl.core.rules.limits import phase_findings
from pumpctl.core.rules.phase import PhaseFigures, measure_phase
from pumpctl.core.rules.route import profile_exists
from pumpctl.core.schedule import Timetable
from pumpctl.core.suitability import MAX_CONTAINERS, advisories, faults, full_reservoir_ul, is_whole
from pumpctl.core.units import (
    Concentration,
    DoseRate,
    Duration,
    FlowRate,
    Mass,
    Volume,
    dose_rate,
    flow_for,
    mass_in,
    time_to_give,
)


@dataclass(frozen=True, slots=True)
class Program:
    """`phase_index` and `container` count from 0, `occurrence` and `attempt` from 1."""

    program_id: bytes
    order_digest: str
    occurrence: int
    phase_index: int
    phase_kind: PhaseKind
    container: int
    attempt: int
    patient_id: str
    route: str
    profile: str
    flow_rate_ul_h: int
    vtbi_ul: int
    flow_limit_ul_h: int
    link_loss: LinkLoss
    lease_ms: int
    concentration: Concentration
    hard_max_dose_rate: DoseRate
    library_hash: str
    kvo_ul_h: int = 0

    @property
    def dose_ug(self) -> int:
        """Heptahydrate in the whole VTBI, rounded down; for display and the pump's screen only."""
        return self.dose_after_ul(self.vtbi_ul).floor()

    def dose_after_ul(self, volume_ul: int) -> Mass:
        """The exact mass in a volume of this bag."""
        return mass_in(self.concentration, Volume(volume_ul))

    def dose_rate_at(self, flow_ul_h: int) -> DoseRate:
        return dose_rate(self.concentration, FlowRate(flow_ul_h))

    @property
    def expected_duration(self) -> Duration:
        return time_to_give(Volume(self.vtbi_ul), FlowRate(self.flow_rate_ul_h))


@dataclass(frozen=True, slots=True)
class Rounding:
    """What the order states for a phase and what the pump will be set to."""

    path: str
    stated_flow: FlowRate
    flow_rate_ul_h: int
    volume_ul: int


@dataclass(frozen=True, slots=True)
class Plan:
    """The programs of one occurrence, in the order in which they run, and one rounding a phase.

    `advisories`: what the pump does otherwise than the profile asks, on the safe side.
    """

    programs: tuple[Program, ...]
    roundings: tuple[Rounding, ...]
    advisories: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why there is no plan: HARD findings."""

    findings: tuple[Finding, ...]


def compile_programs(
    order: Order, library: Library, capability: Capability, occurrence: int, attempt: int
) -> Plan | Refusal:
    """Programs for one occurrence on this pump. The order must have been judged: only phase limits are judged again."""
    return compile_case(
        open_case(order, library, Context(at_utc_ms=0, timetable=_NO_TIMES)), capability, occurrence, attempt
    )


def compile_case(case: Case, capability: Capability, occurrence: int, attempt: int) -> Plan | Refusal:
    """compile_programs() for a caller that has the case open, at whatever time."""
    findings = [*case.figures.problems, *profile_exists(case)]
    programs: list[Program] = []
    roundings: list[Rounding] = []
    for index, (phase, profile) in enumerate(zip(case.figures.phases, case.profiles, strict=True)):
        if profile is None or phase.flow is None or phase.volume is None or phase.concentration is None:
            continue  # reported: figures.problems or profile_exists
        flow_ul_h = phase.flow.floor_to_step(capability.flow_step_ul_h)
        volume_ul = phase.volume.floor_to_step(capability.settable_volume_step_ul)
        findings += _pump_cannot(phase, profile, capability, flow_ul_h, volume_ul)
        findings += advisories(phase, profile, capability)
        findings += _rounding_broke(case, profile, index, flow_ul_h, volume_ul)
        setting = _Setting(case.order, case, capability, occurrence, attempt, index, profile, phase.concentration)
        programs += _containers(setting, flow_ul_h, volume_ul)
        roundings.append(Rounding(phase.path, phase.flow, flow_ul_h, volume_ul))
    hard = tuple(finding for finding in findings if finding.severity is Severity.HARD)
    told = tuple(finding for finding in findings if finding.severity is Severity.ADVISORY)
    return Refusal(hard) if hard else Plan(tuple(programs), tuple(roundings), told)


def exceeds_dose_rate(program: Program, flow_ul_h: int) -> bool:
    """The door check: would this flow pass the profile's hard maximum? Exact, nothing is rounded."""
    return program.dose_rate_at(flow_ul_h) > program.hard_max_dose_rate


_NO_TIMES = Timetable((), None, ())


@dataclass(slots=True)  # Final and not frozen: rules/finding.py says why
class _Setting:
    """What all containers of one phase share."""

    order: Final[Order]
    case: Final[Case]
    capability: Final[Capability]
    occurrence: Final[int]
    attempt: Final[int]
    phase_index: Final[int]
    profile: Final[Profile]
    concentration: Final[Concentration]


def _containers(setting: _Setting, flow_ul_h: int, volume_ul: int) -> list[Program]:
    """Full reservoirs and the rest. Nothing to give, or more than MAX_CONTAINERS, is U04's to report."""
    full_ul = full_reservoir_ul(setting.capability)
    programs: list[Program] = []
    left_ul = volume_ul
    while left_ul > 0 and len(programs) < MAX_CONTAINERS and full_ul > 0:
        vtbi_ul = min(left_ul, full_ul)
        programs.append(_program(setting, len(programs), flow_ul_h, vtbi_ul))
        left_ul -= vtbi_ul
    return programs


def _program(setting: _Setting, container: int, flow_ul_h: int, vtbi_ul: int) -> Program:
    order, profile, library = setting.order, setting.profile, setting.case.library
    return Program(
        program_id=program_id(order.digest, setting.occurrence, setting.phase_index, container, setting.attempt),
        order_digest=order.digest,
        occurrence=setting.occurrence,
        phase_index=setting.phase_index,
        phase_kind=profile.phase,
        container=container,
        attempt=setting.attempt,
        patient_id=order.patient.id,
        route=profile.route,
        profile=profile.name,
        flow_rate_ul_h=flow_ul_h,
        vtbi_ul=vtbi_ul,
        flow_limit_ul_h=_flow_limit(profile, setting.capability, setting.concentration),
        link_loss=profile.link_loss,
        lease_ms=profile.lease_ms,
        concentration=setting.concentration,
        hard_max_dose_rate=profile.hard_max_dose_rate,
        library_hash=library.content_hash,
    )


def program_id(order_digest: str, occurrence: int, phase_index: int, container: int, attempt: int) -> bytes:
    """Identity is never time: the same intent always has the same id, another one never (8 bytes of SHA-256)."""
    intent = f"{order_digest}/{occurrence}/{phase_index}/{container}/{attempt}"
    return hashlib.sha256(intent.encode()).digest()[:8]


def _flow_limit(profile: Profile, capability: Capability, content: Concentration) -> int:
    """The tightest of dose rate, flow and the pump's own maximum, rounded down to what the pump can set."""
    tightest = min(flow_for(profile.hard_max_dose_rate, content), FlowRate(capability.max_flow_ul_h))
    if profile.hard_max_flow is not None:
        tightest = min(tightest, profile.hard_max_flow)
    return tightest.floor_to_step(capability.flow_step_ul_h)


def _rounding_broke(case: Case, profile: Profile, index: int, flow_ul_h: int, volume_ul: int) -> Iterable[Finding]:
    """A limit that holds for the stated figures must hold for the programmed ones; HARD ones must hold anyway."""
    phase, stated = case.figures.phases[index], case.figures.measured[index]
    if is_whole(phase.flow, flow_ul_h) and is_whole(phase.volume, volume_ul):
        programmed = stated  # the dose and the duration that follow are among those measured
    else:
        programmed = measure_phase(phase.as_programmed(flow_ul_h, volume_ul))
    broken = phase_findings(case, profile, phase.path, programmed)
    if not broken:
        return ()
    known = {(f.rule, f.limit) for f in phase_findings(case, profile, phase.path, stated)}
    return [
        replace(
            finding,
            severity=Severity.HARD,
            message=f"as this pump would run it: {finding.message}; state figures that it can set",
        )
        for finding in broken
        if finding.severity is Severity.HARD
        or (finding.severity is Severity.SOFT and (finding.rule, finding.limit) not in known)
    ]


def _pump_cannot(
    phase: PhaseFigures, profile: Profile, capability: Capability, flow_ul_h: int, volume_ul: int
) -> Iterable[Finding]:
    """U04, naming the pump's figure."""
    return [
        Finding(
            "U04",
            Severity.HARD,
            f"{phase.path}: {capability.model} cannot {what}: {value}, the pump has {limit}",
            value,
            limit,
            "project",
        )
        for what, value, limit in faults(phase, profile, capability, flow_ul_h, volume_ul)
    ]
