"""What the pump executes: one program per phase and container of one occurrence of an order.

Refuses to know time, channels and whether the order was accepted (validation.py judges that).
Flow and volume are rounded down to what the pump can set, and never up.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from pumpctl.core.rules.finding import Finding
from pumpctl.core.units import (
    Concentration,
    DoseRate,
    Duration,
    FlowRate,
    Mass,
    Volume,
    dose_rate,
    mass_in,
    time_to_give,
)


class PhaseKind(Enum):
    """Named by the order, never inferred from duration or rate (clinical.md section 4)."""

    INFUSION = "infusion"  # subcutaneous
    LOADING = "loading"
    CONTINUOUS = "continuous"
    INTERMITTENT = "intermittent"
    EMERGENCY = "emergency"


class LinkLoss(Enum):
    """What the pump does when the companion stays away."""

    FINISH_LOADED = "finish_loaded"
    STOP_AT_LEASE_END = "stop_at_lease_end"


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
class Plan:
    """The programs of one occurrence, in the order in which they run."""

    programs: tuple[Program, ...]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why there is no plan."""

    findings: tuple[Finding, ...]


def exceeds_dose_rate(program: Program, flow_ul_h: int) -> bool:
    """The door check: would this flow pass the profile's hard maximum? Exact, nothing is rounded."""
    return program.dose_rate_at(flow_ul_h) > program.hard_max_dose_rate
