"""What a pump can promise, as its driver declares it. Knows no dialect and no drug."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum


class Lease(Enum):
    """How a pump notices that nobody supervises it any more."""

    NONE = "none"
    IMPLICIT = "implicit"  # every poll renews it
    EXPLICIT = "explicit"  # only a renewal renews it


class ReadBack(Enum):
    """What a pump tells of the program it holds; no start without it being equal."""

    RATE_AND_VOLUME = "rate, volume and that it stops there"
    EVERY_SETTING = "every setting, no program id"
    WHOLE_PROGRAM = "the whole program with its id"


# Of a pump, in the names that this daemon gives them (section 5 of the companion link, SPEC.md).
ALARMS = frozenset(
    {
        "occlusion_downstream",
        "occlusion_upstream",
        "air_in_line",
        "door_open",
        "reservoir_empty",
        "reservoir_low",
        "battery_low",
        "battery_empty",
        "motor_stall",
        "over_temperature",
        "lease_ended",
        "flow_mismatch",
        "self_test",
    }
)


@dataclass(frozen=True, slots=True)
class Capability:
    """Flows in uL/h, volumes in uL, accuracy in 1/1000 of the counted volume, lease in ms.

    `alarms`: those of ALARMS that it can report; what it tells under a name of its own is not among them.
    """

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
    read_back: ReadBack
    alarms: frozenset[str]
    routes: frozenset[str] = frozenset({"sc", "iv"})
    may_stop_alone: bool = False  # when the companion is out of reach, whatever the profile wants
    vtbi_step_ul: int | None = None  # where a volume is set in coarser steps than it is counted

    @property
    def settable_volume_step_ul(self) -> int:
        """Of a VTBI."""
        return self.volume_step_ul if self.vtbi_step_ul is None else self.vtbi_step_ul


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
    read_back=ReadBack.WHOLE_PROGRAM,
    alarms=ALARMS,
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
    read_back=ReadBack.RATE_AND_VOLUME,
    alarms=frozenset({"occlusion_downstream", "reservoir_empty", "reservoir_low", "battery_low", "battery_empty"}),
    may_stop_alone=True,
)

# docs/dialects/miva.md section 6: 135 mL/h stands in the maker's driver, all else is this project's own. What is set is
# what the pump's number format holds exactly; its counters show 0.1 mL. Its accuracy is unknown, and taken as wide.
MIVA_REFERENCE = Capability(
    model="miva",
    min_flow_ul_h=1_000,
    max_flow_ul_h=135_000,
    flow_step_ul_h=250,
    reservoir_ul=250_000,
    volume_step_ul=100,
    accuracy_permille=100,
    lease=Lease.NONE,
    max_lease_ms=0,
    kvo_can_be_zero=True,
    has_confirm_button=True,
    read_back=ReadBack.WHOLE_PROGRAM,
    alarms=ALARMS - {"air_in_line", "reservoir_low", "over_temperature", "lease_ended"},
    routes=frozenset({"sc"}),
    vtbi_step_ul=250,
)

# docs/dialects/new_era.md section 6: with a 60 mL syringe of 26.59 mm. Four digits hold steps of 0.1 mL/h up to
# 999.9 mL/h and of 0.01 mL up to 99.99 mL. In basic mode it pumps on when nobody asks any more, in safe mode it stops.
# Its accuracy with a syringe that nobody measured is unknown; taken as the reference pump's (project).
NEW_ERA_BASIC_REFERENCE = Capability(
    model="new_era_basic",
    min_flow_ul_h=100,
    max_flow_ul_h=999_900,
    flow_step_ul_h=100,
    reservoir_ul=60_000,
    volume_step_ul=10,
    accuracy_permille=50,
    lease=Lease.NONE,
    max_lease_ms=0,
    kvo_can_be_zero=True,
    has_confirm_button=False,
    read_back=ReadBack.EVERY_SETTING,
    alarms=frozenset({"motor_stall", "self_test"}),
)
NEW_ERA_REFERENCE = replace(
    NEW_ERA_BASIC_REFERENCE,
    model="new_era",
    lease=Lease.IMPLICIT,
    max_lease_ms=255_000,
    may_stop_alone=True,
    alarms=NEW_ERA_BASIC_REFERENCE.alarms | {"lease_ended"},
)

REFERENCE_PUMPS = {
    "companion": COMPANION_REFERENCE,
    "alaris": ALARIS_REFERENCE,
    "miva": MIVA_REFERENCE,
    "new_era": NEW_ERA_REFERENCE,
    "new_era_basic": NEW_ERA_BASIC_REFERENCE,
}
