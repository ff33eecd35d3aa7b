"""The figures of one phase, and what follows from them.

Refuses to know limits. Where figures disagree within the 1 % that U02 allows, the rules get the
worse one: `most` for upper bounds, `least` and `shortest` for lower ones. What the pump will do
is flow, volume and the bag's concentration; dose and duration are stated so that a slip shows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

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


@dataclass(frozen=True, slots=True)
class PhaseFigures:
    """None: missing or unreadable, and reported as such."""

    path: str
    kind: PhaseKind | None
    diluent: str | None
    dose: Mass | None
    volume: Volume | None
    duration: Duration | None
    flow: FlowRate | None
    content: Mass | None
    final_volume: Volume | None
    base_volume: Volume | None
    stated_concentration: Concentration | None
    stated_rate: DoseRate | None
    dose_again: Mass | None

    @property
    def concentration(self) -> Concentration | None:
        if self.content is None or self.final_volume is None:
            return None
        return concentration(self.content, self.final_volume)

    @property
    def strongest(self) -> Concentration | None:
        """In the smaller of the final volume and the labelled volume of the bag it was added to (L02, L03)."""
        if self.content is None or self.final_volume is None:
            return None
        smaller = self.final_volume
        if self.base_volume is not None and self.base_volume < smaller:
            smaller = self.base_volume
        return concentration(self.content, smaller)

    @property
    def rate(self) -> DoseRate | None:
        """What the pump will give at the stated flow."""
        content = self.concentration
        return None if content is None or self.flow is None else dose_rate(content, self.flow)

    @property
    def doses(self) -> list[Mass]:
        """The dose as stated (twice, perhaps), and as the stated volume of this bag holds it."""
        stated = [dose for dose in (self.dose, self.dose_again) if dose is not None]
        content = self.concentration
        return stated if content is None or self.volume is None else [*stated, mass_in(content, self.volume)]

    @property
    def durations(self) -> list[Duration]:
        """The duration as stated, and as flow and volume make it."""
        stated = [] if self.duration is None else [self.duration]
        if self.flow is None or self.volume is None or self.flow.num == 0:  # a flow rounded down to none: U04
            return stated
        return [*stated, time_to_give(self.volume, self.flow)]

    @property
    def osmolarity(self) -> Osmolarity | None:
        """(stock volume x 4060 + the rest x its own) / final volume, exact."""
        content, final = self.content, self.final_volume
        if content is None or final is None:
            return None
        rest = OSMOLARITY_OF.get(self.diluent or "", SALINE_OSMOLARITY)
        stock = Volume(content.num, content.den * STOCK_UG_PER_UL)
        total, shared = final.num * stock.den, final.den * stock.den
        part = stock.num * final.den
        return Osmolarity((part * STOCK_OSMOLARITY + (total - part) * rest) * final.den, shared * final.num)

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
    if doses := phase.doses:
        measured[Measure.DOSE] = (max(doses), min(doses))
    if durations := phase.durations:
        measured[Measure.DURATION] = (max(durations), min(durations))
    if (rate := phase.rate) is not None:
        measured[Measure.DOSE_RATE] = (rate, rate)
    if phase.flow is not None:
        measured[Measure.FLOW] = (phase.flow, phase.flow)
    if (strongest := phase.strongest) is not None:
        measured[Measure.CONCENTRATION] = (strongest, strongest)
    if (osmolarity := phase.osmolarity) is not None:
        measured[Measure.OSMOLARITY] = (osmolarity, osmolarity)
    return measured
