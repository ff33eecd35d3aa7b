"""The figures of an order as exact quantities, and a finding for each that cannot be read.

Refuses to know limits. A figure that cannot be read is None here and a HARD finding (U01, U06,
T02), so the rules may pass over None without anything being accepted by it.
"""

from __future__ import annotations

from dataclasses import dataclass

from pumpctl.core.library import PhaseKind
from pumpctl.core.order import Order, Phase, Result
from pumpctl.core.rules.finding import Finding, Severity
from pumpctl.core.rules.phase import Measured, PhaseFigures, measure_phase
from pumpctl.core.schedule import read_instant
from pumpctl.core.units import (
    AnyQuantity,
    Basis,
    Clearance,
    Concentration,
    Duration,
    FlowRate,
    Mass,
    Misread,
    Quantity,
    SerumMagnesium,
    Volume,
    read_quantity,
)


@dataclass(frozen=True, slots=True)
class Sample:
    """A laboratory value and when it was drawn; for people also as it was written."""

    value: Quantity
    utc_ms: int
    text: str


@dataclass(frozen=True, slots=True)
class OtherSegment:
    """Parenteral magnesium from elsewhere, as recorded."""

    mass: Mass
    start_utc_ms: int
    end_utc_ms: int


@dataclass(frozen=True, slots=True)
class Figures:
    """`past_times`: fields that tell of something that has happened, and when (T02)."""

    phases: tuple[PhaseFigures, ...]
    measured: tuple[Measured, ...]  # one a phase
    clearance: Sample | None
    serum_magnesium: Sample | None
    other: tuple[OtherSegment, ...]
    past_times: tuple[tuple[str, int], ...]
    problems: tuple[Finding, ...]


def figures_of(order: Order) -> Figures:
    """Every figure that a rule uses, read once for each order."""
    known = order.memo.get(_MEMO)
    if isinstance(known, Figures):
        return known
    figures = order.memo[_MEMO] = _read_figures(order)
    return figures


_MEMO = "figures"


def _read_figures(order: Order) -> Figures:
    sheet = _Sheet()
    basis = sheet.basis("product.basis", order.product.basis)
    phases = tuple(_phase(sheet, f"phases[{index}]", phase, basis) for index, phase in enumerate(order.phases))
    samples = [_sample(sheet, f"results[{index}]", result) for index, result in enumerate(order.results)]
    for path, text in (("valid_from", order.valid_from), ("valid_until", order.valid_until)):
        if text is not None:
            sheet.instant(path, text)
    sheet.past_instant("authored_at", order.authored_at)
    if order.reviews.medication_review_at is not None:
        sheet.past_instant("reviews.medication_review_at", order.reviews.medication_review_at)
    clearances, magnesiums = _latest(samples, Clearance), _latest(samples, SerumMagnesium)
    return Figures(
        phases=phases,
        measured=tuple(measure_phase(phase) for phase in phases),
        # Where two results are equally new the worse one counts.
        clearance=clearances[0] if clearances else None,
        serum_magnesium=magnesiums[-1] if magnesiums else None,
        other=_other(sheet, order),
        past_times=tuple(sheet.past_times),
        problems=tuple(sheet.problems),
    )


def problem(rule: str, path: str, reason: str, value: str | None) -> Finding:
    """A HARD finding on one field."""
    limits = {"U01": "number, one space, unit", "U06": "stated", "T02": "time with UTC offset"}
    return Finding(
        rule, Severity.HARD, f"{path} {reason}", "missing" if value is None else value, limits.get(rule, ""), "project"
    )


_BASES: dict[str | None, Basis] = {basis.value: basis for basis in Basis}
_KINDS: dict[str | None, PhaseKind] = {kind.value: kind for kind in PhaseKind}


class _Sheet:
    """Collects problems while reading."""

    def __init__(self) -> None:
        self.problems: list[Finding] = []
        self.past_times: list[tuple[str, int]] = []
        self._instants: dict[str, int | Misread] = {}  # results of one sample share their time

    def add(self, rule: str, path: str, reason: str, value: str | None) -> None:
        self.problems.append(problem(rule, path, reason, value))

    def quantity(
        self, path: str, text: str | None, kind: type[AnyQuantity], basis: Basis | None = None, missing: str = "U01"
    ) -> AnyQuantity | None:
        if text is None:
            self.add(missing, path, "is missing", None)
            return None
        read = read_quantity(text, kind, basis)
        if isinstance(read, Misread):
            self.add("U01", path, read.reason, text)
            return None
        return read

    def optional(
        self, path: str, text: str | None, kind: type[AnyQuantity], basis: Basis | None = None
    ) -> AnyQuantity | None:
        return None if text is None else self.quantity(path, text, kind, basis)

    def basis(self, path: str, text: str | None) -> Basis | None:
        """A missing basis is reported at each mass that needs one; mmol and mEq need none."""
        basis = _BASES.get(text)
        if basis is None and text is not None:
            self.add("U01", path, "is not heptahydrate, anhydrous or elemental", text)
        return basis

    def instant(self, path: str, text: str | None) -> int | None:
        if text is None:
            self.add("T02", path, "is missing", None)
            return None
        read = self._instants.get(text)
        if read is None:
            read = self._instants[text] = read_instant(text)
        if isinstance(read, Misread):
            self.add("T02", path, read.reason, text)
            return None
        return read

    def past_instant(self, path: str, text: str | None) -> int | None:
        utc_ms = self.instant(path, text)
        if utc_ms is not None:
            self.past_times.append((path, utc_ms))
        return utc_ms


def _phase(sheet: _Sheet, path: str, phase: Phase, basis: Basis | None) -> PhaseFigures:
    bag = phase.bag
    return PhaseFigures(
        path=path,
        kind=_KINDS.get(phase.kind),
        diluent=bag.diluent,
        dose=sheet.quantity(f"{path}.dose", phase.dose, Mass, basis, missing="U06"),
        volume=sheet.quantity(f"{path}.volume", phase.volume, Volume, missing="U06"),
        duration=sheet.quantity(f"{path}.duration", phase.duration, Duration, missing="U06"),
        flow=sheet.quantity(f"{path}.flow", phase.flow, FlowRate, missing="U06"),
        content=sheet.quantity(f"{path}.bag.content", bag.content, Mass, basis),
        final_volume=sheet.quantity(f"{path}.bag.final_volume", bag.final_volume, Volume),
        base_volume=sheet.optional(f"{path}.bag.base_volume", bag.base_volume, Volume),
        stated_concentration=sheet.optional(f"{path}.bag.concentration", bag.concentration, Concentration, basis),
    )


def _sample(sheet: _Sheet, path: str, result: Result) -> Sample | None:
    utc_ms = sheet.past_instant(f"{path}.at", result.at)
    match result.kind:
        case "creatinine_clearance":
            value = sheet.quantity(f"{path}.value", result.value, Clearance)
        case "magnesium":
            value = sheet.quantity(f"{path}.value", result.value, SerumMagnesium)
        case "potassium" | "calcium" | "creatinine":
            return None  # no rule reads these figures
    return None if value is None or utc_ms is None else Sample(value, utc_ms, result.value or "")


def _latest(samples: list[Sample | None], kind: type[Quantity]) -> list[Sample]:
    """The newest sample; of several drawn at the same instant all, lowest value first."""
    of_kind = [sample for sample in samples if sample is not None and type(sample.value) is kind]
    if len(of_kind) < 2:
        return of_kind
    newest = max(sample.utc_ms for sample in of_kind)
    return sorted((sample for sample in of_kind if sample.utc_ms == newest), key=_value)


def _value(sample: Sample) -> Quantity:
    return sample.value


def _other(sheet: _Sheet, order: Order) -> tuple[OtherSegment, ...]:
    segments: list[OtherSegment] = []
    for index, given in enumerate(order.other_magnesium.parenteral or ()):
        path = f"other_magnesium.parenteral[{index}]"
        basis = sheet.basis(f"{path}.basis", given.basis)
        mass = sheet.quantity(f"{path}.dose", given.dose, Mass, basis)
        start = sheet.instant(f"{path}.start", given.start)
        end = sheet.instant(f"{path}.end", given.end)
        if start is not None and end is not None and end < start:
            sheet.add("T02", f"{path}.end", "is before its start", given.end)
        elif mass is not None and start is not None and end is not None:
            segments.append(OtherSegment(mass, start, end))
    return tuple(segments)
