"""The figures of one phase, and what follows from them.

Refuses to know limits. Where figures disagree within the 1 % that U02 allows, the rules get the
worse one: `most` for upper bounds, `least` and `shortest` for lower ones. What the pump will do
is flow, volume and the bag's concentration; dose and duration are stated so that a slip shows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from pumpctl.core.library import PhaseKind
from pumpctl.core.limit import Measure
from pumpctl.core.units import (
    Concentration,
    DoseRate,
    Duration,
    FlowRate,
    Mass,
    Osmolarity,
    Quantity,
    Volume,
    concentration,
    dose_rate,
    mass_in,
    time_to_give,
)

# mOsm/L, clinical.md section 1 and L03: 50 % stock, and what is added to it; an unknown diluent counts as saline
STOCK_OSMOLARITY = 4060
STOCK_UG_PER_UL = 500
SALINE_OSMOLARITY = 308
OSMOLARITY_OF = {"sodium_chloride_0.9_percent": 308, "glucose_5_percent": 278, "water_for_injection": 0}


@dataclass(slots=True)  # Final and not frozen: finding.py says why
class PhaseFigures:
    """None: missing or unreadable, and reported as such. `concentration` is the content in the final volume."""

    path: Final[str]
    kind: Final[PhaseKind | None]
    diluent: Final[str | None]
    dose: Final[Mass | None]
    volume: Final[Volume | None]
    duration: Final[Duration | None]
    flow: Final[FlowRate | None]
    content: Final[Mass | None]
    final_volume: Final[Volume | None]
    concentration: Final[Concentration | None]
    base_volume: Final[Volume | None]
    stated_concentration: Final[Concentration | None]
    stated_rate: Final[DoseRate | None]
    dose_again: Final[Mass | None]

    @property
    def strongest(self) -> Concentration | None:
        """In the smaller of the final volume and the labelled volume of the bag it was added to (L02, L03)."""
        base = self.base_volume
        if self.content is None or self.final_volume is None or base is None or base >= self.final_volume:
            return self.concentration
        return concentration(self.content, base)

    @property
    def rate(self) -> DoseRate | None:
        """What the pump will give at the stated flow."""
        content = self.concentration
        return None if content is None or self.flow is None else dose_rate(content, self.flow)

    @property
    def doses(self) -> tuple[Mass | None, ...]:
        """The dose as stated (twice, perhaps), and as the stated volume of this bag holds it."""
        content = self.concentration
        held = None if content is None or self.volume is None else mass_in(content, self.volume)
        return (held, self.dose, self.dose_again)

    @property
    def durations(self) -> tuple[Duration | None, ...]:
        """The duration as stated, and as flow and volume make it."""
        if self.flow is None or self.volume is None or self.flow.num == 0:  # a flow rounded down to none: U04
            return (self.duration,)
        return (time_to_give(self.volume, self.flow), self.duration)

    @property
    def osmolarity(self) -> Osmolarity | None:
        """(stock volume x 4060 + the rest x its own) / final volume, exact."""
        content, final = self.content, self.final_volume
        if content is None or final is None:
            return None
        rest = OSMOLARITY_OF.get(self.diluent or "", SALINE_OSMOLARITY)
        # Both volumes over one denominator: stock uL are ug / STOCK_UG_PER_UL.
        stock, total = content.num * final.den, final.num * content.den * STOCK_UG_PER_UL
        return Osmolarity(stock * STOCK_OSMOLARITY + (total - stock) * rest, total)

    def as_programmed(self, flow_ul_h: int, volume_ul: int) -> PhaseFigures:
        """The phase as the pump will run it after rounding: dose and duration follow from flow and volume."""
        flow, volume = FlowRate(flow_ul_h), Volume(volume_ul)
        content = self.concentration
        dose = None if content is None else mass_in(content, volume)
        return replace(self, flow=flow, volume=volume, dose=dose, dose_again=None, duration=None)


# Of each measure the largest and the smallest that the figures allow; absent when unreadable, which is reported.
Measured: TypeAlias = dict[Measure, tuple[Quantity, Quantity]]


def measure_phase(phase: PhaseFigures) -> Measured:
    """What the library's limits on a phase are held against."""
    measured: Measured = {}
    if (doses := _extremes(phase.doses)) is not None:
        measured[Measure.DOSE] = doses
    if (durations := _extremes(phase.durations)) is not None:
        measured[Measure.DURATION] = durations
    if (rate := phase.rate) is not None:
        measured[Measure.DOSE_RATE] = (rate, rate)
    if phase.flow is not None:
        measured[Measure.FLOW] = (phase.flow, phase.flow)
    if (strongest := phase.strongest) is not None:
        measured[Measure.CONCENTRATION] = (strongest, strongest)
    if (osmolarity := phase.osmolarity) is not None:
        measured[Measure.OSMOLARITY] = (osmolarity, osmolarity)
    return measured


def _extremes(values: tuple[Quantity | None, ...]) -> tuple[Quantity, Quantity] | None:
    """The largest and the smallest of those that are there."""
    most = least = None
    for value in values:
        if value is None:
            continue
        if most is None or least is None:
            most = least = value
        # cross-multiplied as in Limit.is_broken(), and for the same reason
        elif value.num * most.den > most.num * value.den:
            most = value
        elif value.num * least.den < least.num * value.den:
            least = value
    return None if most is None or least is None else (most, least)
