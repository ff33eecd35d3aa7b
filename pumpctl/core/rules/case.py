"""The case before the rules: one order, the library, the time of judgement, and the patient's past.

Refuses to judge. Everything a rule may look at is here, worked out once, and nothing else is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Final, TypeAlias

from pumpctl.core.exposure import EMPTY_LEDGER, Ledger
from pumpctl.core.library import Library, PhaseKind, Profile
from pumpctl.core.limit import Condition, Limit
from pumpctl.core.monitoring import overdue_checks
from pumpctl.core.observation import NOTHING_REPORTED, Reported
from pumpctl.core.order import Order, Override
from pumpctl.core.quantity import Quantity
from pumpctl.core.rules.phase import Measured
from pumpctl.core.rules.reading import Figures, figures_of
from pumpctl.core.schedule import Timetable, expand

EMERGENCY_EVENTS = frozenset({"torsades", "ventricular_arrhythmia", "seizure"})  # Q10
UNCHANGED_MS = 92 * 24 * 3_600_000  # Q03: no three months are longer


class Moment(Enum):
    """What is about to happen."""

    __hash__ = object.__hash__
    CHECK = "check"
    START = "start"  # of an occurrence: what must be seen shortly before is looked for (Q25)
    CONTINUATION = "continuation"  # a later phase or container, or a resume


@dataclass(frozen=True, slots=True)
class Context:
    """`ledger`: what the patient had and is having. A running occurrence is booked there with ALL its programs.

    `accepted_utc_ms`: when the order was accepted, for ages that count from there (Q03); None while it is not.
    `timetable` spares the expansion of the schedule to a caller that has it. `uncleared_stops`: stops of this patient
    that wait for a clinician and a second person (S06). `reported`: what people saw since, beside the order's paper.
    """

    at_utc_ms: int
    ledger: Ledger = EMPTY_LEDGER
    overrides: tuple[Override, ...] = ()
    timetable: Timetable | None = None
    accepted_utc_ms: int | None = None
    moment: Moment = Moment.CHECK
    uncleared_stops: tuple[str, ...] = ()
    reported: Reported = NOTHING_REPORTED


KnownPhase: TypeAlias = tuple[Profile, str, Measured]


@dataclass(slots=True)  # Final and not frozen: finding.py says why
class Case:
    """`profiles` has one entry a phase; None: the library knows no such way of giving the drug (U05).

    `known_phases` are the others: profile, path in the order, what is measured. `memo` is for what several rules
    need and none of them owns.
    """

    order: Final[Order]
    library: Final[Library]
    at_utc_ms: Final[int]
    accepted_utc_ms: Final[int]
    moment: Final[Moment]
    figures: Final[Figures]
    profiles: Final[tuple[Profile | None, ...]]
    known_phases: Final[tuple[KnownPhase, ...]]
    conditions: Final[frozenset[Condition]]
    timetable: Final[Timetable]
    ledger: Final[Ledger]
    uncleared_stops: Final[tuple[str, ...]]
    reported: Final[Reported]
    is_subcutaneous: Final[bool]
    is_intravenous: Final[bool]
    is_home_subcutaneous: Final[bool]
    is_emergency: Final[bool]
    memo: Final[dict[str, object]] = field(default_factory=dict[str, object])

    @property
    def emergency_is_stated(self) -> bool:
        return _emergency_is_stated(self.order)

    @property
    def starts_utc_ms(self) -> int:
        """The next start: at a check the first occurrence that has not begun, and never before now."""
        if self.moment is not Moment.CHECK:
            return self.at_utc_ms
        begun = self.ledger.begun(self.order.digest) if self.ledger.segments else frozenset[int]()
        for occurrence in self.timetable.occurrences:
            if occurrence.number not in begun:
                return max(self.at_utc_ms, occurrence.due_utc_ms)
        return self.at_utc_ms


def open_case(order: Order, library: Library, context: Context) -> Case:
    """Work out what the rules look at."""
    figures = figures_of(order)
    accepted_utc_ms = context.at_utc_ms if context.accepted_utc_ms is None else context.accepted_utc_ms
    route, care_area = order.route, order.care_area
    known_drug = order.product.drug == library.drug
    profiles = tuple(
        [library.profile_for(route, care_area, phase.kind) if known_drug else None for phase in figures.phases]
    )
    return Case(
        order=order,
        library=library,
        at_utc_ms=context.at_utc_ms,
        accepted_utc_ms=accepted_utc_ms,
        moment=context.moment,
        figures=figures,
        profiles=profiles,
        known_phases=tuple(
            [
                (profile, phase.path, measured)
                for profile, phase, measured in zip(profiles, figures.phases, figures.measured, strict=True)
                if profile is not None
            ]
        ),
        conditions=_conditions(order, figures, library, accepted_utc_ms),
        timetable=context.timetable or expand(order.schedule),
        ledger=context.ledger,
        uncleared_stops=context.uncleared_stops,
        reported=context.reported,
        is_subcutaneous=route == "sc",
        is_intravenous=route == "iv",
        is_home_subcutaneous=route == "sc" and care_area == "home",
        is_emergency=_emergency_is_stated(order)
        and all(profile is not None and profile.phase is PhaseKind.EMERGENCY for profile in profiles),
    )


def _emergency_is_stated(order: Order) -> bool:
    """Q10: an event that is going on; a history or a diagnosis never is."""
    indication = order.indication
    return indication.emergency_in_progress is True and indication.emergency_event in EMERGENCY_EVENTS


def _conditions(order: Order, figures: Figures, library: Library, at_utc_ms: int) -> frozenset[Condition]:
    told = order.assessment
    clearance, qtc = figures.laboratory.clearance, figures.bedside.figures.get("qtc")
    reduced = clearance is not None and _breaks(library.reduced_clearance, clearance.value)  # None: Q03 refuses
    holding = [
        Condition.ALWAYS,
        Condition.REDUCED_CLEARANCE if reduced else Condition.ORDINARY_CLEARANCE,
        Condition.STABLE_MAINTENANCE if _is_stable(order, figures, at_utc_ms) else Condition.COURSE_CHANGES,
    ]
    at_risk = told.qtc_above_500_ms or told.arrhythmia or told.digoxin or told.heart_failure
    if order.medicines and not at_risk:
        at_risk = any(medicine.kind == "digoxin" for medicine in order.medicines)
    if at_risk or (qtc is not None and _breaks(library.long_qtc, qtc.value)):
        holding.append(Condition.CARDIAC_RISK)
    if told.heart_failure:
        holding.append(Condition.HEART_FAILURE)
    if order.indication.severe_and_symptomatic:
        holding.append(Condition.SEVERE_AND_SYMPTOMATIC)
    return frozenset(holding)


def _breaks(rows: tuple[Limit, ...], value: Quantity) -> bool:
    return any([limit.is_broken(value, value) for limit in rows])  # noqa: C419 - one row, mostly: a generator costs more


def _is_stable(order: Order, figures: Figures, at_utc_ms: int) -> bool:
    """Q03: dose and frequency unchanged for three months, and no check overdue. What is not told is not stable."""
    if order.course != "stable_maintenance":
        return False
    times = figures.times
    unchanged_since = times.therapy_started if times.therapy_changed is None else times.therapy_changed
    if unchanged_since is None or at_utc_ms - unchanged_since < UNCHANGED_MS:
        return False
    return not overdue_checks(order, at_utc_ms)
