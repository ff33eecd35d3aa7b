"""What a pump can promise, as its driver declares it. Knows no dialect and no drug."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Lease(Enum):
    """How a pump notices that nobody supervises it any more."""

    NONE = "none"
    IMPLICIT = "implicit"  # every poll renews it
    EXPLICIT = "explicit"  # only a renewal renews it


@dataclass(frozen=True, slots=True)
class Capability:
    """Flows in uL/h, volumes in uL, accuracy in 1/1000 of the counted volume, lease in ms."""

    model: str
    min_flow_ul_h: int
    max_flow_ul_h: int
    flow_step_ul_h: int
    reservoir_ul: int
    volume_step_ul: int
    accuracy_permille: int
    lease: Lease
    max_lease_ms: int
    kvo_can_be_zero: bool
    has_confirm_button: bool
    routes: frozenset[str] = frozenset({"sc", "iv"})
    may_stop_alone: bool = False  # when the companion is out of reach, whatever the profile wants


# SPEC.md section 7: what `pumpctl plan --pump companion` plans for without a pump at hand.
COMPANION_REFERENCE = Capability(
    model="companion",
    min_flow_ul_h=100,
    max_flow_ul_h=1_200_000,
    flow_step_ul_h=100,
    reservoir_ul=250_000,
    volume_step_ul=1,
    accuracy_permille=50,
    lease=Lease.EXPLICIT,
    max_lease_ms=600_000,
    kvo_can_be_zero=True,
    has_confirm_button=True,
)

# docs/dialects/alaris.md: OpenICE's limits, the coarsest step seen set, a 50 mL syringe. What it does in silence is
# unknown, so it promises no lease and may stop. Accuracy as the reference pump's: no document gives one (project).
ALARIS_REFERENCE = Capability(
    model="alaris",
    min_flow_ul_h=100,
    max_flow_ul_h=1_200_000,
    flow_step_ul_h=100,
    reservoir_ul=50_000,
    volume_step_ul=1,
    accuracy_permille=50,
    lease=Lease.NONE,
    max_lease_ms=0,
    kvo_can_be_zero=True,
    has_confirm_button=False,
    may_stop_alone=True,
)

REFERENCE_PUMPS = {"companion": COMPANION_REFERENCE, "alaris": ALARIS_REFERENCE}
