"""The case before the rules: one order, the library, the time of judgement, and the patient's past.

Refuses to judge. Everything a rule may look at is here, worked out once, and nothing else is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from pumpctl.core.exposure import EMPTY_LEDGER, Ledger
from pumpctl.core.library import Library, PhaseKind, Profile
from pumpctl.core.limit import Condition
from pumpctl.core.order import Order, Override
from pumpctl.core.rules.phase import Measured
from pumpctl.core.rules.reading import Figures, figures_of
from pumpctl.core.schedule import Timetable, expand

EMERGENCY_EVENTS = frozenset({"torsades", "ventricular_arrhythmia", "seizure"})  # Q10


@dataclass(frozen=True, slots=True)
class Context:
    """`ledger`: what the patient had and is having. A running occurrence is booked there with ALL its programs.

    `accepted_utc_ms`: when the order was accepted, for ages that count from there (Q03); None while it is not.
    `timetable` spares the expansion of the schedule to a caller that has it.
    `uncleared_stops`: stops of this patient that wait for a clinician and a second person (S06).
    """

    at_utc_ms: int
    ledger: Ledger = EMPTY_LEDGER
    overrides: tuple[Override, ...] = ()
    timetable: Timetable | None = None
    accepted_utc_ms: int | None = None
    uncleared_stops: tuple[str, ...] = ()


KnownPhase: TypeAlias = tuple[Profile, str, Measured]


@dataclass(frozen=True, slots=True)
class Case:
    """`profiles` has one entry a phase; None: the library knows no such way of giving the drug (U05).

    `known_phases` are the others: profile, path in the order, what is measured.
    """

    order: Order
    library: Library
    at_utc_ms: int
    accepted_utc_ms: int
    figures: Figures
    profiles: tuple[Profile | None, ...]
    known_phases: tuple[KnownPhase, ...]
    conditions: frozenset[Condition]
    timetable: Timetable
    ledger: Ledger
    uncleared_stops: tuple[str, ...]

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


def open_case(order: Order, library: Library, context: Context) -> Case:
    """Work out what the rules look at."""
    figures = figures_of(order)
    timetable = context.timetable or expand(order.schedule)
    profiles = tuple(
        None if order.product.drug != library.drug else library.profile_for(order.route, order.care_area, phase.kind)
        for phase in figures.phases
    )
    return Case(
        order=order,
        library=library,
        at_utc_ms=context.at_utc_ms,
        accepted_utc_ms=context.at_utc_ms if context.accepted_utc_ms is None else context.accepted_utc_ms,
        figures=figures,
        profiles=profiles,
        known_phases=tuple(
            (profile, phase.path, measured)
            for profile, phase, measured in zip(profiles, figures.phases, figures.measured, strict=True)
            if profile is not None
        ),
        conditions=_conditions(order, figures, library),
        timetable=timetable,
        ledger=context.ledger,
        uncleared_stops=context.uncleared_stops,
    )


def _conditions(order: Order, figures: Figures, library: Library) -> frozenset[Condition]:
    stable = order.course == "stable_maintenance"
    return frozenset(
        (
            Condition.ALWAYS,
            Condition.STABLE_MAINTENANCE if stable else Condition.COURSE_CHANGES,
            Condition.REDUCED_CLEARANCE if _is_reduced(figures, library) else Condition.ORDINARY_CLEARANCE,
        )
    )


def _is_reduced(figures: Figures, library: Library) -> bool:
    if figures.clearance is None:
        return False  # Q03 refuses
    value = figures.clearance.value
    return any(limit.is_broken(value, value) for limit in library.reduced_clearance)
