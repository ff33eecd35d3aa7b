"""What the library measures beyond one phase: patient, blood, bedside, rolling windows, the order in time.

Refuses to know limits. Nothing says that there is nothing to measure; the rules on missing
inputs report that. The second argument of a measure is a value below which nothing is broken: a
measure that is certainly below it need not be worked out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from pumpctl.core.exposure import D7_MS
from pumpctl.core.library import PhaseKind
from pumpctl.core.limit import Measure
from pumpctl.core.quantity import Count, Duration, Mass, Pressure, Quantity
from pumpctl.core.rules import changes, windows
from pumpctl.core.rules.case import Case
from pumpctl.core.rules.laboratory import Sample
from pumpctl.core.units import mass_per_weight

CaseMeasure: TypeAlias = Callable[[Case, Quantity | None], Sequence[Quantity]]
URINE_HOURS_MS = 4 * 3_600_000  # Q17


def _known(value: Quantity | None) -> Sequence[Quantity]:
    return () if value is None else (value,)


def _value(sample: Sample | None) -> Sequence[Quantity]:
    return () if sample is None else (sample.value,)


def _seen(kind: str) -> CaseMeasure:
    return lambda case, _: _value(case.figures.bedside.figures.get(kind))


def _age(case: Case, utc_ms: int | None) -> Sequence[Quantity]:
    """Ages count at acceptance for home orders and at the start for IV (Q03). A result from the future is T02's."""
    if utc_ms is None:
        return ()
    judged_ms = case.accepted_utc_ms if case.order.care_area == "home" else case.starts_utc_ms
    return (Duration(max(0, judged_ms - utc_ms)),)


def _sample_age(case: Case, sample: Sample | None) -> Sequence[Quantity]:
    return () if sample is None else _age(case, sample.utc_ms)


def _order_age(case: Case, _: Quantity | None) -> Sequence[Quantity]:
    """U03, at the time of judgement."""
    authored = case.figures.times.authored
    return () if authored is None else (Duration(max(0, case.at_utc_ms - authored)),)


def _urine(case: Case, _: Quantity | None) -> Sequence[Quantity]:
    return _value(recent_urine(case))


def recent_urine(case: Case) -> Sample | None:
    """Q17: what was measured at most 4 h before the start; older is no longer the last 4 h."""
    urine = case.figures.bedside.figures.get("urine")
    return None if urine is None or case.starts_utc_ms - urine.utc_ms > URINE_HOURS_MS else urine


def _systolic_fall(case: Case, _: Quantity | None) -> Sequence[Quantity]:
    figures = case.figures.bedside.figures
    baseline, now = figures.get("baseline_systolic_pressure"), figures.get("systolic_pressure")
    if baseline is None or now is None or now.value.num * baseline.value.den >= baseline.value.num * now.value.den:
        return ()
    fall = baseline.value.num * now.value.den - now.value.num * baseline.value.den
    return (Pressure(fall, baseline.value.den * now.value.den),)


def _saline_running(case: Case, _: Quantity | None) -> Sequence[Quantity]:
    stopped = case.figures.times.saline_stopped
    return _known(case.figures.saline_per_day) if stopped is None or stopped > case.at_utc_ms else ()


def _saline_time(case: Case, _: Quantity | None) -> Sequence[Quantity]:
    saline, times = case.order.saline, case.figures.times
    if saline is None or saline.reassessed is True or times.saline_started is None:
        return ()
    end = case.at_utc_ms if times.saline_stopped is None else min(times.saline_stopped, case.at_utc_ms)
    return (Duration(max(0, end - times.saline_started)),)


def _dose_per_weight(case: Case, _: Quantity | None) -> Sequence[Quantity]:
    weight = case.figures.weight
    doses = [
        measured[Measure.DOSE][0]
        for phase, measured in zip(case.figures.phases, case.figures.measured, strict=True)
        if phase.kind in (PhaseKind.LOADING, PhaseKind.EMERGENCY) and Measure.DOSE in measured
    ]
    return () if weight is None else [mass_per_weight(Mass(dose.num, dose.den), weight) for dose in doses]


def _starts_7d(case: Case, _: Quantity | None) -> Sequence[Quantity]:
    """This order's occurrences at their due instants, those of other orders when they began (Q31)."""
    own = [occurrence.due_utc_ms for occurrence in case.timetable.occurrences]
    if not own:
        return ()
    others: list[int] = []
    if case.ledger.segments:
        began = case.ledger.starts_utc_ms(case.order.patient.id, "sc")
        others = [instant for (digest, _), instant in began.items() if digest != case.order.digest]
    starts = sorted(own + others) if others else own
    first, most = starts.index(own[0]), 0
    for newest in range(first, len(starts)):
        # The window of as many starts as the fullest yet, and one more. Half-open: exactly seven days ago is outside.
        while newest >= most and starts[newest - most] > starts[newest] - D7_MS:
            most += 1
    return (Count(most),)


CASE_MEASURES: dict[Measure, CaseMeasure] = {
    Measure.AGE: lambda case, _: _known(case.figures.age),
    Measure.WEIGHT: lambda case, _: _known(case.figures.weight),
    Measure.DOSE_PER_WEIGHT: _dose_per_weight,
    Measure.CREATININE_CLEARANCE: lambda case, _: _value(case.figures.clearance),
    Measure.CLEARANCE_AGE: lambda case, _: _sample_age(case, case.figures.clearance),
    Measure.CREATININE_RISE: lambda case, _: changes.creatinine_rise(case),
    Measure.CREATININE_RISE_PERCENT: lambda case, _: changes.creatinine_rise_percent(case),
    Measure.SERUM_MAGNESIUM: lambda case, _: _value(case.figures.serum_magnesium),
    Measure.SERUM_AGE: lambda case, _: _sample_age(case, case.figures.serum_magnesium),
    Measure.ANY_SERUM_MAGNESIUM: lambda case, _: changes.every_serum_magnesium(case),
    Measure.SERUM_CHANGE: lambda case, _: changes.serum_change(case),
    Measure.SERUM_AFTER_DOSE: lambda case, _: changes.serum_after_dose(case),
    Measure.TARGET_MAGNESIUM: lambda case, _: _known(case.figures.target_magnesium),
    Measure.ELECTROLYTE_GAP: lambda case, _: changes.electrolyte_gaps(case),
    Measure.QTC: _seen("qtc"),
    Measure.ECG_AGE: lambda case, _: _age(case, case.figures.times.ecg),
    Measure.URINE: _urine,
    Measure.BREATHING_RATE: _seen("breathing_rate"),
    Measure.SYSTOLIC_PRESSURE: _seen("systolic_pressure"),
    Measure.SYSTOLIC_FALL: _systolic_fall,
    Measure.HEART_RATE: _seen("heart_rate"),
    Measure.SALINE_PER_DAY: lambda case, _: _known(case.figures.saline_per_day),
    Measure.SALINE_RUNNING: _saline_running,
    Measure.SALINE_TIME: _saline_time,
    Measure.ALFACALCIDOL: lambda case, _: case.figures.alfacalcidol_per_day,
    Measure.DOSE_24H: windows.dose_24h,
    Measure.OWN_DOSE_24H: windows.own_dose_24h,
    Measure.DOSE_7D: windows.dose_7d,
    Measure.VOLUME_24H: windows.volume_24h,
    Measure.STARTS_7D: _starts_7d,
    Measure.COURSE: lambda case, _: _known(case.timetable.course),
    Measure.ORDER_AGE: _order_age,
}
