"""The figures of an order as exact quantities, and a finding for each that cannot be read.

Refuses to know limits. What is None here was missing or unreadable; the sheet tells of it where no
rule on missing inputs does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pumpctl.core.library import PhaseKind
from pumpctl.core.order import Order, Phase
from pumpctl.core.quantity import (
    Age,
    BodyWeight,
    Concentration,
    DoseRate,
    Duration,
    FlowRate,
    Mass,
    MassPerDay,
    SerumMagnesium,
    Volume,
    VolumePerDay,
)
from pumpctl.core.rules.bedside import Bedside, read_bedside
from pumpctl.core.rules.finding import Finding
from pumpctl.core.rules.laboratory import Laboratory, Sample, read_laboratory
from pumpctl.core.rules.phase import Measured, PhaseFigures, measure_phase
from pumpctl.core.rules.sheet import Sheet
from pumpctl.core.units import Basis, concentration

ALFACALCIDOL = "alfacalcidol"  # 1-alpha-OH-D3 (Q34)


@dataclass(frozen=True, slots=True)
class OtherSegment:
    """Parenteral magnesium from elsewhere, as recorded."""

    mass: Mass
    start_utc_ms: int
    end_utc_ms: int


@dataclass(slots=True)  # Final and not frozen: finding.py says why
class Times:
    """When things happened or will; None: not told, or unreadable and reported."""

    authored: Final[int | None]
    valid_from: Final[int | None]
    valid_until: Final[int | None]
    medication_review: Final[int | None]
    ecg: Final[int | None]
    therapy_started: Final[int | None]
    therapy_changed: Final[int | None]
    saline_started: Final[int | None]
    saline_stopped: Final[int | None]


@dataclass(slots=True)
class Figures:
    """`past_times`: part and field that tell of something that has happened, and when (T02)."""

    phases: Final[tuple[PhaseFigures, ...]]
    measured: Final[tuple[Measured, ...]]  # one a phase
    age: Final[Age | None]
    weight: Final[BodyWeight | None]
    laboratory: Final[Laboratory]
    bedside: Final[Bedside]
    times: Final[Times]
    saline_per_day: Final[VolumePerDay | None]
    target_magnesium: Final[SerumMagnesium | None]
    stock: Final[Concentration | None]
    alfacalcidol_per_day: Final[tuple[MassPerDay, ...]]
    other: Final[tuple[OtherSegment, ...]]
    past_times: Final[list[tuple[str, str, int]]]
    problems: Final[list[Finding]]

    @property
    def clearance(self) -> Sample | None:
        return self.laboratory.clearance

    @property
    def serum_magnesium(self) -> Sample | None:
        return self.laboratory.serum_magnesium


def figures_of(order: Order) -> Figures:
    """Every figure that a rule uses, read once for each order."""
    known = order.memo.get(_MEMO)
    if isinstance(known, Figures):
        return known
    figures = order.memo[_MEMO] = _read_figures(order)
    return figures


_MEMO = "figures"


def _read_figures(order: Order) -> Figures:
    sheet = Sheet()
    basis = sheet.basis("product.basis", order.product.basis)
    phases = tuple([_phase(sheet, f"phases[{index}]", phase, basis) for index, phase in enumerate(order.phases)])
    laboratory = read_laboratory(sheet, order.results)
    bedside = read_bedside(sheet, order.observations)
    sheet.part = ""
    times = _times(sheet, order)
    patient, stock = order.patient, order.product.stock_concentration
    return Figures(
        phases=phases,
        measured=tuple([measure_phase(phase) for phase in phases]),
        age=sheet.optional("patient.age", patient.age, Age),
        weight=sheet.optional("patient.weight", patient.weight, BodyWeight),
        laboratory=laboratory,
        bedside=bedside,
        times=times,
        saline_per_day=_saline_per_day(sheet, order),
        target_magnesium=sheet.optional(
            "indication.target_magnesium", order.indication.target_magnesium, SerumMagnesium
        ),
        stock=sheet.optional("product.stock_concentration", stock, Concentration, basis),
        alfacalcidol_per_day=_alfacalcidol(sheet, order) if order.medicines else (),
        other=_other(sheet, order) if order.other_magnesium.parenteral else (),
        past_times=sheet.past_times,
        problems=sheet.problems,
    )


_KINDS: dict[str | None, PhaseKind] = {kind.value: kind for kind in PhaseKind}


def _phase(sheet: Sheet, path: str, phase: Phase, basis: Basis | None) -> PhaseFigures:
    bag = phase.bag
    sheet.part = f"{path}."
    content = sheet.quantity("bag.content", bag.content, Mass, basis)
    final_volume = sheet.quantity("bag.final_volume", bag.final_volume, Volume)
    return PhaseFigures(
        path=path,
        kind=_KINDS.get(phase.kind),
        diluent=bag.diluent,
        dose=sheet.quantity("dose", phase.dose, Mass, basis, missing="U06"),
        volume=sheet.quantity("volume", phase.volume, Volume, missing="U06"),
        duration=sheet.quantity("duration", phase.duration, Duration, missing="U06"),
        flow=sheet.quantity("flow", phase.flow, FlowRate, missing="U06"),
        content=content,
        final_volume=final_volume,
        concentration=None if content is None or final_volume is None else concentration(content, final_volume),
        base_volume=sheet.optional("bag.base_volume", bag.base_volume, Volume),
        stated_concentration=sheet.optional("bag.concentration", bag.concentration, Concentration, basis),
        stated_rate=sheet.optional("dose_rate", phase.dose_rate, DoseRate, basis),
        dose_again=sheet.optional("dose_again", phase.dose_again, Mass, basis),
    )


def _times(sheet: Sheet, order: Order) -> Times:
    therapy, saline, beyond_use_at = order.therapy, order.saline, order.product.beyond_use_at
    if beyond_use_at is not None:
        sheet.instant("product.beyond_use_at", beyond_use_at)  # judged at the bag check (B01)
    if order.valid_until is None:
        sheet.add("U07", "valid_until", "is missing: an order without an end is refused", None)
    return Times(
        authored=sheet.past_instant("authored_at", order.authored_at),
        valid_from=sheet.instant("valid_from", order.valid_from),
        valid_until=None if order.valid_until is None else sheet.instant("valid_until", order.valid_until),
        medication_review=sheet.past_if_told("reviews.medication_review_at", order.reviews.medication_review_at),
        ecg=sheet.past_if_told("assessment.ecg_at", order.assessment.ecg_at),
        therapy_started=None if therapy is None else sheet.past_if_told("therapy.started_at", therapy.started_at),
        therapy_changed=None if therapy is None else sheet.past_if_told("therapy.changed_at", therapy.changed_at),
        saline_started=None if saline is None else sheet.past_if_told("saline.started_at", saline.started_at),
        saline_stopped=None if saline is None else sheet.past_if_told("saline.stopped_at", saline.stopped_at),
    )


def _saline_per_day(sheet: Sheet, order: Order) -> VolumePerDay | None:
    return None if order.saline is None else sheet.optional("saline.per_day", order.saline.per_day, VolumePerDay)


def _alfacalcidol(sheet: Sheet, order: Order) -> tuple[MassPerDay, ...]:
    read = [
        sheet.quantity(f"medicines[{index}].dose_per_day", medicine.dose_per_day, MassPerDay)
        for index, medicine in enumerate(order.medicines or ())
        if medicine.kind == ALFACALCIDOL
    ]
    return tuple([dose for dose in read if dose is not None])


def _other(sheet: Sheet, order: Order) -> tuple[OtherSegment, ...]:
    segments: list[OtherSegment] = []
    for index, given in enumerate(order.other_magnesium.parenteral or ()):
        sheet.part = f"other_magnesium.parenteral[{index}]."
        basis = sheet.basis("basis", given.basis)
        mass = sheet.quantity("dose", given.dose, Mass, basis)
        start = sheet.instant("start", given.start)
        end = sheet.instant("end", given.end)
        if start is not None and end is not None and end < start:
            sheet.add("T02", "end", "is before its start", given.end)
        elif mass is not None and start is not None and end is not None:
            segments.append(OtherSegment(mass, start, end))
    sheet.part = ""
    return tuple(segments)
