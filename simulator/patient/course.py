"""What infusions do to serum magnesium: the model carried through time, and what really left a pump as its doses.

Refuses to know who ordered what, and clocks: hours count from an instant that the caller chose. Runge-Kutta of fourth
order with steps that are short after each change of rate and grow as the body settles; the amounts are carried, so that
what came in is what left and what is still there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise
from math import ceil

import numpy as np

from simulator.patient.model import (
    CENTRAL,
    DEPOT,
    MG_PER_MMOL_HEPTAHYDRATE,
    MINUTES_PER_HOUR,
    URINE,
    Numbers,
    People,
    change_mmol_h,
    fastest_per_h,
    untreated,
)
from simulator.truth import TracePoint

HOURS_PER_DAY = 24
NS_PER_HOUR = 3_600_000_000_000
MAX_DAYS = 35  # as long as an order may run
MAX_DOSES = 4_096
MAX_PEOPLE = 500
FIRST_STEP_H = 1 / 60
STEP_GROWTH = 1.2
LONGEST_STEP_H = 0.25
STEP_TIMES_FASTEST = 0.6  # the method is stable up to 2.78; so a straight line between two steps is near enough


class Route(Enum):
    SUBCUTANEOUS = "sc"
    INTRAVENOUS = "iv"


@dataclass(frozen=True, slots=True)
class Dose:
    """A constant rate of magnesium sulfate heptahydrate from one hour to another."""

    begin_h: float
    end_h: float
    route: Route
    rate_mg_min: float

    @property
    def mass_mg(self) -> float:
        return (self.end_h - self.begin_h) * MINUTES_PER_HOUR * self.rate_mg_min


@dataclass(frozen=True, slots=True)
class Peak:
    at_h: float
    serum_mmol_l: float


@dataclass(frozen=True, slots=True)
class Course:
    """`serum_mmol_l`: a row an instant of `hours`, a column a person. `last_mmol`: the state at the end, by model.py.

    `imbalance_mmol`: what entered, less what left, less what the body holds more than before; rounding alone.
    """

    hours: Numbers
    serum_mmol_l: Numbers
    last_mmol: Numbers
    imbalance_mmol: float

    def at(self, hour: float, person: int = 0) -> float:
        """Serum, mmol/L. Between two steps by a straight line; whole days and changes of rate are steps."""
        if not 0 <= hour <= self.hours[-1]:
            raise ValueError(f"hour {hour} was not simulated; the course ends at {self.hours[-1]} h")
        return float(np.interp(hour, self.hours, self.serum_mmol_l[:, person]))

    def peak(self, person: int = 0) -> Peak:
        row = int(np.argmax(self.serum_mmol_l[:, person]))
        return Peak(float(self.hours[row]), float(self.serum_mmol_l[row, person]))


def simulate(people: People, doses: Sequence[Dose], until_h: float) -> Course:
    """From the untreated steady state at hour 0. Doses may overlap; what lies outside the hours is not given."""
    _refuse_what_has_no_bound(people, doses, until_h)
    state = start = untreated(people)
    hours, serum = [0.0], [state[CENTRAL] / people.central_l]
    longest_h = min(LONGEST_STEP_H, STEP_TIMES_FASTEST / fastest_per_h(people))
    entered = 0.0
    for begin_h, end_h, depot_in, central_in in _intervals(doses, until_h):
        for step_h, at_h in _steps(begin_h, end_h, longest_h):
            state = _stepped(people, state, step_h, depot_in, central_in)
            hours.append(at_h)
            serum.append(state[CENTRAL] / people.central_l)
        entered += (end_h - begin_h) * (depot_in + central_in)
    return Course(np.array(hours), np.array(serum), state, _imbalance(people, start, state, entered, until_h))


def of_trace(points: Iterable[TracePoint], *, mg_per_ml: float, route: Route, from_ns: int) -> list[Dose]:
    """What really entered the patient between the points of a simulated pump's trace, hours since `from_ns`.

    One bag's concentration for all of it: cut the trace where the bag is changed.
    """
    doses: list[Dose] = []
    for before, after in pairwise(points):
        volume_ul = after.delivered_ul - before.delivered_ul
        span_ns = after.therapy_ns - before.therapy_ns
        if volume_ul < 0 or span_ns < 0 or (volume_ul > 0 and span_ns == 0):
            raise ValueError(f"a trace runs forward: {before} cannot come before {after}")
        if volume_ul > 0:
            rate_mg_min = volume_ul / 1000 * mg_per_ml / (span_ns / NS_PER_HOUR * MINUTES_PER_HOUR)
            begin_h, end_h = ((point.therapy_ns - from_ns) / NS_PER_HOUR for point in (before, after))
            doses.append(Dose(begin_h, end_h, route, rate_mg_min))
    return doses


def _refuse_what_has_no_bound(people: People, doses: Sequence[Dose], until_h: float) -> None:
    if not 0 < until_h <= MAX_DAYS * HOURS_PER_DAY:
        raise ValueError(f"{until_h} h: more than 0 and at most {MAX_DAYS} days can be simulated")
    if len(doses) > MAX_DOSES or len(people.central_l) > MAX_PEOPLE:
        raise ValueError(
            f"at most {MAX_DOSES} doses and {MAX_PEOPLE} people, not {len(doses)}, {len(people.central_l)}"
        )
    for dose in doses:
        if not (dose.begin_h < dose.end_h and 0 <= dose.rate_mg_min < np.inf):
            raise ValueError(f"{dose} is not a dose")


def _intervals(doses: Sequence[Dose], until_h: float) -> list[tuple[float, float, float, float]]:
    """Begin, end, mmol/h into the depot and into the blood, between whole days and changes of rate."""
    days = (day * float(HOURS_PER_DAY) for day in range(ceil(until_h / HOURS_PER_DAY)))
    changes = (hour for dose in doses for hour in (dose.begin_h, dose.end_h) if 0 < hour < until_h)
    bounds = sorted({0.0, until_h, *days, *changes})
    into = {route: _Rates.of([dose for dose in doses if dose.route is route]) for route in Route}
    return [
        (begin, end, into[Route.SUBCUTANEOUS].between(begin, end), into[Route.INTRAVENOUS].between(begin, end))
        for begin, end in pairwise(bounds)
    ]


@dataclass(frozen=True, slots=True)
class _Rates:
    """The doses of one route as columns."""

    begin_h: Numbers
    end_h: Numbers
    mmol_h: Numbers

    @classmethod
    def of(cls, doses: Sequence[Dose]) -> _Rates:
        per_mg_min = MINUTES_PER_HOUR / MG_PER_MMOL_HEPTAHYDRATE
        return cls(
            np.array([dose.begin_h for dose in doses]),
            np.array([dose.end_h for dose in doses]),
            np.array([dose.rate_mg_min * per_mg_min for dose in doses]),
        )

    def between(self, begin_h: float, end_h: float) -> float:
        """No dose begins or ends in here, so those that run at its middle run throughout."""
        middle_h = (begin_h + end_h) / 2
        return float(np.sum(self.mmol_h[(self.begin_h <= middle_h) & (middle_h < self.end_h)]))


def _steps(begin_h: float, end_h: float, longest_h: float) -> list[tuple[float, float]]:
    """Length and end of each step from one change to the next; bounded, for no step is shorter than the first."""
    steps: list[tuple[float, float]] = []
    at_h, step_h = begin_h, min(FIRST_STEP_H, longest_h)
    while end_h - at_h > step_h * STEP_GROWTH:
        steps.append((step_h, at_h + step_h))
        at_h, step_h = at_h + step_h, min(step_h * STEP_GROWTH, longest_h)
    steps.append((end_h - at_h, end_h))
    return steps


def _stepped(people: People, state: Numbers, step_h: float, depot_in: float, central_in: float) -> Numbers:
    first = change_mmol_h(people, state, depot_in, central_in)
    second = change_mmol_h(people, state + step_h / 2 * first, depot_in, central_in)
    third = change_mmol_h(people, state + step_h / 2 * second, depot_in, central_in)
    fourth = change_mmol_h(people, state + step_h * third, depot_in, central_in)
    return state + step_h / 6 * (first + 2 * (second + third) + fourth)


def _imbalance(people: People, start: Numbers, state: Numbers, entered_mmol: float, until_h: float) -> float:
    """The largest of all people."""
    came_in = entered_mmol + people.physiology.gut_uptake_mmol_h * until_h
    change = np.sum(state[DEPOT:URINE] - start[DEPOT:URINE], axis=0)
    return float(np.max(np.abs(came_in - state[URINE] - change)))
