"""One limit of the drug library: what it measures, its bounds, when it holds, and where it comes from.

Refuses to know which limits there are (the library states them) and what breaks them (the rules do).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from pydantic import BaseModel, ConfigDict, Field

from pumpctl.core.quantity import (
    Age,
    BodyWeight,
    Clearance,
    Concentration,
    Count,
    Creatinine,
    DoseRate,
    Duration,
    FlowRate,
    Mass,
    MassPerDay,
    MassPerWeight,
    Osmolarity,
    Percent,
    PerMinute,
    Pressure,
    Quantity,
    SerumMagnesium,
    Volume,
    VolumePerDay,
)
from pumpctl.core.rules.finding import Severity
from pumpctl.core.units import Basis, Misread, read_quantity


class Condition(Enum):
    """When a limit holds."""

    __hash__ = object.__hash__
    ALWAYS = "always"
    REDUCED_CLEARANCE = "reduced_clearance"  # Q02: 20 < CrCl <= 30 mL/min
    ORDINARY_CLEARANCE = "ordinary_clearance"
    STABLE_MAINTENANCE = "stable_maintenance"  # Q03
    COURSE_CHANGES = "course_changes"  # start, renewal or dose change
    CARDIAC_RISK = "cardiac_risk"  # Q09: long QTc, arrhythmia, digoxin or heart failure
    HEART_FAILURE = "heart_failure"  # Q05b
    SEVERE_AND_SYMPTOMATIC = "severe_and_symptomatic"  # Q24


class Measure(Enum):
    """What a limit limits."""

    __hash__ = object.__hash__  # members are single; Enum would hash the name anew in every look-up

    DOSE = "dose"
    DOSE_RATE = "dose_rate"
    DURATION = "duration"
    FLOW = "flow"
    CONCENTRATION = "concentration"
    OSMOLARITY = "osmolarity"
    # of the patient
    AGE = "age"
    WEIGHT = "weight"
    DOSE_PER_WEIGHT = "dose_per_weight"
    # of the blood
    CREATININE_CLEARANCE = "creatinine_clearance"
    CLEARANCE_AGE = "clearance_age"
    CREATININE_RISE = "creatinine_rise"
    CREATININE_RISE_PERCENT = "creatinine_rise_percent"
    SERUM_MAGNESIUM = "serum_magnesium"
    SERUM_AGE = "serum_age"
    ANY_SERUM_MAGNESIUM = "any_serum_magnesium"
    SERUM_CHANGE = "serum_change"
    SERUM_AFTER_DOSE = "serum_after_dose"
    TARGET_MAGNESIUM = "target_magnesium"
    ELECTROLYTE_GAP = "electrolyte_gap"
    # of the bedside and of what else is given
    QTC = "qtc"
    ECG_AGE = "ecg_age"
    URINE = "urine"
    BREATHING_RATE = "breathing_rate"
    SYSTOLIC_PRESSURE = "systolic_pressure"
    SYSTOLIC_FALL = "systolic_fall"
    HEART_RATE = "heart_rate"
    SALINE_PER_DAY = "saline_per_day"
    SALINE_RUNNING = "saline_running"
    SALINE_TIME = "saline_time"
    ALFACALCIDOL = "alfacalcidol"
    # of the order in time
    DOSE_24H = "dose_24h"
    OWN_DOSE_24H = "own_dose_24h"
    DOSE_7D = "dose_7d"
    VOLUME_24H = "volume_24h"
    STARTS_7D = "starts_7d"
    COURSE = "course"
    ORDER_AGE = "order_age"
    # of a start and what goes before it
    REPEAT_SPARE = "repeat_spare"
    START_GAP = "start_gap"
    START_EARLY = "start_early"
    START_LATE = "start_late"
    PAUSE = "pause"
    NEEDLE_AGE = "needle_age"
    # of a patient while it runs (clinical.md section 5): ADVISORY is an alarm, HARD a stop
    SERUM_WHILE_RUNNING = "serum_while_running"
    UNOBSERVED_TIME = "unobserved_time"


# fmt: off
OF_PHASE = frozenset({
    Measure.DOSE, Measure.DOSE_RATE, Measure.DURATION, Measure.FLOW, Measure.CONCENTRATION, Measure.OSMOLARITY,
})
OF_START = frozenset({
    Measure.REPEAT_SPARE, Measure.START_GAP, Measure.START_EARLY, Measure.START_LATE, Measure.PAUSE, Measure.NEEDLE_AGE,
})
WHILE_RUNNING = frozenset({Measure.SERUM_WHILE_RUNNING, Measure.UNOBSERVED_TIME})
# fmt: on

KIND_OF: dict[Measure, type[Quantity]] = {
    Measure.DOSE: Mass,
    Measure.DOSE_RATE: DoseRate,
    Measure.DURATION: Duration,
    Measure.FLOW: FlowRate,
    Measure.CONCENTRATION: Concentration,
    Measure.OSMOLARITY: Osmolarity,
    Measure.AGE: Age,
    Measure.WEIGHT: BodyWeight,
    Measure.DOSE_PER_WEIGHT: MassPerWeight,
    Measure.CREATININE_CLEARANCE: Clearance,
    Measure.CLEARANCE_AGE: Duration,
    Measure.CREATININE_RISE: Creatinine,
    Measure.CREATININE_RISE_PERCENT: Percent,
    Measure.SERUM_MAGNESIUM: SerumMagnesium,
    Measure.SERUM_AGE: Duration,
    Measure.ANY_SERUM_MAGNESIUM: SerumMagnesium,
    Measure.SERUM_CHANGE: Percent,
    Measure.SERUM_AFTER_DOSE: Duration,
    Measure.TARGET_MAGNESIUM: SerumMagnesium,
    Measure.ELECTROLYTE_GAP: Duration,
    Measure.QTC: Duration,
    Measure.ECG_AGE: Duration,
    Measure.URINE: Volume,
    Measure.BREATHING_RATE: PerMinute,
    Measure.SYSTOLIC_PRESSURE: Pressure,
    Measure.SYSTOLIC_FALL: Pressure,
    Measure.HEART_RATE: PerMinute,
    Measure.SALINE_PER_DAY: VolumePerDay,
    Measure.SALINE_RUNNING: VolumePerDay,
    Measure.SALINE_TIME: Duration,
    Measure.ALFACALCIDOL: MassPerDay,
    Measure.DOSE_24H: Mass,
    Measure.OWN_DOSE_24H: Mass,
    Measure.DOSE_7D: Mass,
    Measure.VOLUME_24H: Volume,
    Measure.STARTS_7D: Count,
    Measure.COURSE: Duration,
    Measure.ORDER_AGE: Duration,
    Measure.REPEAT_SPARE: Duration,
    Measure.START_GAP: Duration,
    Measure.START_EARLY: Duration,
    Measure.START_LATE: Duration,
    Measure.PAUSE: Duration,
    Measure.NEEDLE_AGE: Duration,
    Measure.SERUM_WHILE_RUNNING: SerumMagnesium,
    Measure.UNOBSERVED_TIME: Duration,
}


@dataclass(frozen=True, slots=True, eq=False)  # two rows are never the same row
class Limit:
    """Fires when every bound that is given is passed: above > , at_or_above >= , below < , at_or_below <= ."""

    rule: str
    severity: Severity
    profiles: frozenset[str]
    measure: Measure
    above: Quantity | None
    at_or_above: Quantity | None
    below: Quantity | None
    at_or_below: Quantity | None
    when: Condition
    unit: str
    text: str  # what is allowed, for people
    basis: str
    note: str

    @property
    def bound(self) -> Quantity:
        """The bound that `text` shows: the last one given."""
        bounds = (self.at_or_below, self.below, self.at_or_above, self.above)
        return next(bound for bound in bounds if bound is not None)

    @property
    def upper_bound(self) -> Quantity | None:
        """What is below it is allowed."""
        return self.above if self.at_or_above is None else self.at_or_above

    @property
    def lower_bound(self) -> Quantity | None:
        """What is above it is allowed. Of bounds on both sides one is enough, since all must be passed."""
        return self.below if self.at_or_below is None else self.at_or_below

    def is_broken(self, most: Quantity, least: Quantity) -> bool:
        """Judged on the largest value the figures allow for an upper bound, on the smallest for a lower one."""
        # Cross-multiplied here and not through the quantities' operators: this runs for every row of every check,
        # and the kinds are equal because parse_limit() reads the bounds as the measure's kind.
        if (bound := self.above) is not None and most.num * bound.den <= bound.num * most.den:
            return False
        if (bound := self.at_or_above) is not None and most.num * bound.den < bound.num * most.den:
            return False
        if (bound := self.below) is not None and least.num * bound.den >= bound.num * least.den:
            return False
        bound = self.at_or_below
        return bound is None or least.num * bound.den <= bound.num * least.den


class LibraryUnreadable(Exception):
    """Not a library: what, where and why in one line."""


class Strict(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class LimitText(Strict):
    rule: str = Field(pattern=r"^[A-Z]+[0-9]+[a-z]?$")
    severity: str
    profiles: list[str] = Field(min_length=1)
    measure: str
    above: str | None = None
    at_or_above: str | None = None
    below: str | None = None
    at_or_below: str | None = None
    when: str = Condition.ALWAYS.value
    basis: str = Field(min_length=1)
    note: str = Field(min_length=1)


_ALLOWED = {"above": "at most", "at_or_above": "below", "below": "at least", "at_or_below": "above"}


def parse_limit(index: int, row: LimitText, known_profiles: frozenset[str]) -> Limit:
    where = f"limits[{index}] ({row.rule})"
    unknown = sorted(set(row.profiles) - known_profiles)
    if unknown:
        raise LibraryUnreadable(f"{where}.profiles: no profile {unknown[0]!r}")
    try:
        measure, severity = Measure(row.measure), Severity(row.severity)
        when = Condition(row.when)
    except ValueError as error:
        raise LibraryUnreadable(f"{where}: {error}") from error
    sides = {"above": row.above, "at_or_above": row.at_or_above, "below": row.below, "at_or_below": row.at_or_below}
    texts = {name: text for name, text in sides.items() if text is not None}
    bounds = {name: _bound(f"{where}.{name}", text, measure) for name, text in texts.items()}
    if not bounds:
        raise LibraryUnreadable(f"{where}: no bound")
    if len(bounds) > 2 or {"above", "at_or_above"} <= set(bounds) or {"below", "at_or_below"} <= set(bounds):
        raise LibraryUnreadable(f"{where}: more than one bound on one side")
    first, *second = bounds.values()
    if any(first >= other for other in second):
        raise LibraryUnreadable(f"{where}: a band upside down: nothing would ever break it")
    last = list(texts)[-1]
    return Limit(
        rule=row.rule,
        severity=severity,
        profiles=frozenset(row.profiles),
        measure=measure,
        above=bounds.get("above"),
        at_or_above=bounds.get("at_or_above"),
        below=bounds.get("below"),
        at_or_below=bounds.get("at_or_below"),
        when=when,
        unit=texts[last].partition(" ")[2],
        text=_allowed(texts),
        basis=row.basis,
        note=row.note,
    )


def _allowed(texts: dict[str, str]) -> str:
    """Bounds on both sides are a band that must be left."""
    if len(texts) > 1:
        lower, upper = list(texts.values())
        return f"outside {lower.partition(' ')[0]} to {upper}"
    ((side, text),) = texts.items()
    return f"{_ALLOWED[side]} {text}"


def _bound(where: str, text: str, measure: Measure) -> Quantity:
    bound = read_quantity(text, KIND_OF[measure], Basis.HEPTAHYDRATE)
    if isinstance(bound, Misread):
        raise LibraryUnreadable(f"{where}: {text!r} {bound.reason}")
    return bound
