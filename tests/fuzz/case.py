"""One order as the oracle sees it: its JSON, the time of judgement, what the ledger holds, every figure read once.

Refuses to know any rule. Whatever is not stated is None, whatever cannot be read is Unread (figure.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, Final

from tests.fuzz import figure
from tests.fuzz.due import Due, due
from tests.fuzz.figure import Figure, Unread, heptahydrate_mg, read_instant_us

MIN_US: Final = 60_000_000
HOUR_US: Final = 60 * MIN_US
DAY_US: Final = 24 * HOUR_US
LATEST_START_US: Final = 6 * HOUR_US  # S02: an occurrence that can no longer begin is no plan any more
EMERGENCIES: Final = frozenset({"torsades", "torsades_de_pointes", "ventricular_arrhythmia", "seizure"})


@dataclass(frozen=True, slots=True)
class Given:
    """One segment of the ledger: magnesium that another order, or an occurrence of this one, had or has."""

    patient_id: str
    order_digest: str
    occurrence: int
    route: str
    start_us: int
    end_us: int
    most_ug: int  # of heptahydrate
    uncertain: bool

    @property
    def most_mg(self) -> Fraction:
        return Fraction(self.most_ug, 1000)


@dataclass(frozen=True)
class Phase:
    """One phase: doses in mg of heptahydrate. `masses_mg`: what the order's own figures say the bag holds."""

    index: int
    kind: str | None
    dose_mmol: Figure
    dose_again_mmol: Figure
    dose_rate_mmol_min: Figure
    volume_ml: Figure
    duration_min: Figure
    flow_ml_h: Figure
    content_mmol: Figure
    final_ml: Figure
    base_ml: Figure
    concentration_mmol_ml: Figure
    diluent: str | None

    @cached_property
    def figures(self) -> dict[str, Figure]:
        names = ("dose_mmol", "dose_again_mmol", "dose_rate_mmol_min", "volume_ml", "duration_min", "flow_ml_h")
        bag = ("content_mmol", "final_ml", "base_ml", "concentration_mmol_ml")
        return {name: getattr(self, name) for name in names + bag}

    @cached_property
    def said_mmol(self) -> list[Fraction]:
        """Every statement of the whole dose; U02 lets them differ by 1 %."""
        said: list[Figure] = [self.dose_mmol, self.dose_again_mmol, self.content_mmol]
        if isinstance(self.concentration_mmol_ml, Fraction) and isinstance(self.final_ml, Fraction):
            said.append(self.concentration_mmol_ml * self.final_ml)
        return [amount for amount in said if isinstance(amount, Fraction)]

    @cached_property
    def bag_mmol(self) -> Fraction | None:
        """What is in the bag: its content, or the dose where no content is stated."""
        amount = self.dose_mmol if self.content_mmol is None else self.content_mmol
        return amount if isinstance(amount, Fraction) else None

    @cached_property
    def dose_most_mmol(self) -> Fraction | None:
        """The largest dose the figures state: the dose itself, or what the phase's volume takes out of the bag."""
        doses = [dose for dose in (self.dose_mmol, self.dose_again_mmol) if isinstance(dose, Fraction)]
        if self.bag_mmol is not None and isinstance(self.volume_ml, Fraction) and isinstance(self.final_ml, Fraction):
            doses.append(self.bag_mmol * self.volume_ml / self.final_ml)
        return max(doses, default=None)

    @cached_property
    def dose_most_mg(self) -> Fraction | None:
        return None if self.dose_most_mmol is None else heptahydrate_mg(self.dose_most_mmol)

    @cached_property
    def rate_mg_min(self) -> Fraction | None:
        """Rate uses the stated final volume (section 1)."""
        if self.bag_mmol is None or not isinstance(self.flow_ml_h, Fraction) or not isinstance(self.final_ml, Fraction):
            return None
        return heptahydrate_mg(self.bag_mmol) / self.final_ml * self.flow_ml_h / 60

    @cached_property
    def durations_min(self) -> list[Fraction]:
        """As stated, and as the flow empties the volume."""
        durations = [self.duration_min]
        if isinstance(self.volume_ml, Fraction) and isinstance(self.flow_ml_h, Fraction):
            durations.append(self.volume_ml / self.flow_ml_h * 60)
        return [duration for duration in durations if isinstance(duration, Fraction)]


@dataclass(frozen=True)
class Case:
    """`given`: what the ledger holds; `accepted_us`: None while the order is not accepted (S06: `uncleared_stops`)."""

    order: dict[str, Any]
    digest: str
    at_us: int
    given: tuple[Given, ...] = ()
    accepted_us: int | None = None
    uncleared_stops: tuple[str, ...] = ()

    def section(self, name: str) -> dict[str, Any]:
        return self.order.get(name) or {}

    @property
    def route(self) -> str | None:
        return self.order.get("route")

    @property
    def is_iv(self) -> bool:
        return self.route == "iv"

    @property
    def is_sc(self) -> bool:
        return self.route == "sc"

    @property
    def is_home(self) -> bool:
        return self.order.get("care_area") == "home"

    @cached_property
    def is_emergency(self) -> bool:
        """Q10: declared, in progress, monitored IV, the loading phase only. Nothing less lifts a rule."""
        indication = self.section("indication")
        return (
            all(phase.kind == "emergency" for phase in self.phases)
            and indication.get("emergency_event") in EMERGENCIES
            and indication.get("emergency_in_progress") is True
            and self.is_iv
            and self.order.get("care_area") == "monitored"
        )

    @cached_property
    def phases(self) -> tuple[Phase, ...]:
        basis = self.section("product").get("basis")
        return tuple(_phase(index, raw, basis) for index, raw in enumerate(self.order["phases"]))

    @cached_property
    def due(self) -> Due:
        return due(self.order["schedule"])

    @cached_property
    def begun(self) -> frozenset[int]:
        """Occurrences of this very order that the ledger has; what it books there is not planned again."""
        return frozenset(one.occurrence for one in self.given if one.order_digest == self.digest)

    @cached_property
    def planned_us(self) -> tuple[int, ...]:
        """When the occurrences that can still begin do so at the earliest: when due, and not in the past."""
        numbered = enumerate(self.due.at_us, start=1)
        due_us = (t for n, t in numbered if n not in self.begun and t + LATEST_START_US >= self.at_us)
        return tuple(max(t, self.at_us) for t in due_us)

    @cached_property
    def patient_given(self) -> tuple[Given, ...]:
        patient_id = self.order["patient"]["id"]
        return tuple(one for one in self.given if one.patient_id == patient_id)

    @cached_property
    def minutes_of_occurrence(self) -> Fraction | None:
        """All phases one after the other; None while one of them does not say how long it is."""
        durations = [max(phase.durations_min, default=None) for phase in self.phases]
        return None if None in durations else sum((d for d in durations if d is not None), Fraction(0))

    def total_mmol(self, *kinds: str) -> Fraction:
        """The largest dose of all phases of these kinds: phases follow each other, so two loading doses are one."""
        doses = (phase.dose_most_mmol for phase in self.phases if phase.kind in kinds)
        return sum((dose for dose in doses if dose is not None), Fraction(0))

    def total_mg(self, *kinds: str) -> Fraction:
        return heptahydrate_mg(self.total_mmol(*kinds))

    def results(self, kind: str) -> list[tuple[int, Fraction]]:
        """Readable results of a kind as (drawn_us, value), oldest first."""
        read = [
            (read_instant_us(raw.get("at")), result_value(raw))
            for raw in self.order.get("results", ())
            if raw["kind"] == kind
        ]
        return sorted((at, value) for at, value in read if isinstance(at, int) and isinstance(value, Fraction))

    @cached_property
    def clearance(self) -> tuple[int, Fraction] | None:
        """The last one; of two drawn at once, the worse."""
        results = self.results("creatinine_clearance")
        if not results:
            return None
        last_us = results[-1][0]
        return min((at, value) for at, value in results if at == last_us)

    @cached_property
    def has_reduced_clearance(self) -> bool:
        """Q02: 20 < CrCl <= 30."""
        return self.clearance is not None and 20 < self.clearance[1] <= 30

    @cached_property
    def magnesium(self) -> list[tuple[int, Fraction]]:
        return self.results("magnesium")


RESULT_UNITS = {
    "creatinine_clearance": figure.CLEARANCE_ML_MIN,
    "magnesium": figure.MAGNESIUM_MMOL_L,
    "potassium": figure.ELECTROLYTE_MMOL_L,
    "calcium": figure.ELECTROLYTE_MMOL_L,
    "creatinine": figure.CREATININE_UMOL_L,
}


def result_value(raw: dict[str, Any]) -> Figure:
    return figure.read(raw.get("value"), RESULT_UNITS[raw["kind"]], zero_allowed=True)


def other_doses(case: Case) -> list[tuple[Figure, int | Unread | None, int | Unread | None]]:
    """Parenteral magnesium from elsewhere (D25): mg of heptahydrate, start, end."""
    doses: list[tuple[Figure, int | Unread | None, int | Unread | None]] = []
    for raw in case.section("other_magnesium").get("parenteral") or ():
        amount = figure.read_amount_mmol(raw.get("dose"), raw.get("basis"))
        mass = heptahydrate_mg(amount) if isinstance(amount, Fraction) else amount
        doses.append((mass, read_instant_us(raw.get("start")), read_instant_us(raw.get("end"))))
    return doses


def _phase(index: int, raw: dict[str, Any], basis: str | None) -> Phase:
    bag: dict[str, Any] = raw.get("bag") or {}
    return Phase(
        index=index,
        kind=raw.get("kind"),
        dose_mmol=figure.read_amount_mmol(raw.get("dose"), basis),
        dose_again_mmol=figure.read_amount_mmol(raw.get("dose_again"), basis),
        dose_rate_mmol_min=figure.read_dose_rate_mmol_min(raw.get("dose_rate"), basis),
        volume_ml=figure.read(raw.get("volume"), figure.VOLUME_ML),
        duration_min=figure.read(raw.get("duration"), figure.DURATION_MIN),
        flow_ml_h=figure.read(raw.get("flow"), figure.FLOW_ML_H),
        content_mmol=figure.read_amount_mmol(bag.get("content"), basis),
        final_ml=figure.read(bag.get("final_volume"), figure.VOLUME_ML),
        base_ml=figure.read(bag.get("base_volume"), figure.VOLUME_ML),
        concentration_mmol_ml=figure.read_concentration_mmol_ml(bag.get("concentration"), basis),
        diluent=bag.get("diluent"),
    )
