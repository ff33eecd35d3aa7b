"""The case before the rules: one order, the library, the time of judgement, and the patient's past.

Refuses to judge. Everything a rule may look at is here, worked out once, and nothing else is.
"""

from __future__ import annotations

from dataclasses import dataclass

from pumpctl.core.exposure import EMPTY_LEDGER, Ledger
from pumpctl.core.library import Library, PhaseKind, Profile
from pumpctl.core.limit import Condition, Measure
from pumpctl.core.order import Order, Override
from pumpctl.core.rules.phase import PhaseFigures
from pumpctl.core.rules.reading import Figures, read_figures
from pumpctl.core.schedule import Timetable, expand
from pumpctl.core.units import Clearance, Duration, Mass, Volume

START_WINDOW_MS = 6 * 3_600_000  # S02: an occurrence may start so long after it is due

EMERGENCY_EVENTS = frozenset({"torsades", "ventricular_arrhythmia", "seizure"})  # Q10


@dataclass(frozen=True, slots=True)
class Context:
    """`ledger`: what the patient had and is having. A running occurrence is booked there with ALL its programs.

    `timetable` spares the expansion of the schedule to a caller that has it.
    """

    at_utc_ms: int
    ledger: Ledger = EMPTY_LEDGER
    overrides: tuple[Override, ...] = ()
    timetable: Timetable | None = None


@dataclass(frozen=True, slots=True)
class Spell:
    """One phase of one occurrence that has not begun, as planned."""

    occurrence: int
    start_utc_ms: int
    end_utc_ms: int
    most_ug: int
    volume_ul: int


@dataclass(frozen=True, slots=True)
class Case:
    """`profiles` has one entry a phase; None where the library knows no such way of giving the drug."""

    order: Order
    library: Library
    at_utc_ms: int
    figures: Figures
    profiles: tuple[Profile | None, ...]
    timetable: Timetable
    ledger: Ledger
    spells: tuple[Spell, ...]

    @property
    def profile_names(self) -> frozenset[str]:
        return frozenset(profile.name for profile in self.profiles if profile is not None)

    @property
    def is_emergency(self) -> bool:
        """Q10: every phase is an emergency dose, for an event that is going on."""
        return self.emergency_is_stated and all(
            profile is not None and profile.phase is PhaseKind.EMERGENCY for profile in self.profiles
        )

    @property
    def emergency_is_stated(self) -> bool:
        indication = self.order.indication
        return indication.emergency_event in EMERGENCY_EVENTS and indication.emergency_in_progress is True

    def holds(self, condition: Condition | None) -> bool:
        match condition:
            case None:
                return True
            case Condition.REDUCED_CLEARANCE:
                return self._clearance_is_reduced()
            case Condition.ORDINARY_CLEARANCE:
                return not self._clearance_is_reduced()
            case Condition.STABLE_MAINTENANCE:
                return self.order.course == "stable_maintenance"
            case Condition.COURSE_CHANGES:
                return self.order.course != "stable_maintenance"

    def _clearance_is_reduced(self) -> bool:
        sample = self.figures.clearance
        if sample is None or not isinstance(sample.value, Clearance):
            return False
        for limit in self.library.limits_by_rule.get("Q02", ()):
            if limit.measure is Measure.CREATININE_CLEARANCE:
                return limit.is_broken(sample.value, sample.value)
        return False


def open_case(order: Order, library: Library, context: Context) -> Case:
    """Work out what the rules look at."""
    figures = read_figures(order)
    timetable = context.timetable or expand(order.schedule)
    profiles = tuple(
        None if order.product.drug != library.drug else library.profile_for(order.route, order.care_area, phase.kind)
        for phase in figures.phases
    )
    return Case(
        order=order,
        library=library,
        at_utc_ms=context.at_utc_ms,
        figures=figures,
        profiles=profiles,
        timetable=timetable,
        ledger=context.ledger,
        spells=_spells(figures.phases, timetable, context.ledger.begun(order.digest), context.at_utc_ms),
    )


def _spells(
    phases: tuple[PhaseFigures, ...], timetable: Timetable, begun: frozenset[int], at_utc_ms: int
) -> tuple[Spell, ...]:
    """Phases run one after the other. What is overdue starts now at the earliest, or never."""
    extents = [(duration.ceiling(), dose.ceiling(), volume.ceiling()) for duration, dose, volume in _extents(phases)]
    spells: list[Spell] = []
    for occurrence in timetable.occurrences:
        if occurrence.number in begun or occurrence.due_utc_ms + START_WINDOW_MS < at_utc_ms:
            continue
        start = max(occurrence.due_utc_ms, at_utc_ms)
        for duration_ms, dose_ug, volume_ul in extents:
            spells.append(Spell(occurrence.number, start, start + duration_ms, dose_ug, volume_ul))
            start += duration_ms
    return tuple(spells)


def _extents(phases: tuple[PhaseFigures, ...]) -> list[tuple[Duration, Mass, Volume]]:
    """Of each phase the shortest time and the largest dose that its figures allow."""
    return [
        (min(phase.durations), max(phase.doses), phase.volume)
        for phase in phases
        if phase.durations and phase.doses and phase.volume is not None
    ]
