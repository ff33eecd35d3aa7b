"""What the virtual patient must reproduce, and what it gives: one row a figure, for the tests and for docs/patient.md.

Refuses to know how the model works.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulator.patient.course import Course, Dose, Route, simulate
from simulator.patient.model import DEPOT, HEALTHY, WASTING, Physiology, mg_dl, typical

TOLERANCE = 0.10
CLEARANCE = 100.0
SC, IV = Route.SUBCUTANEOUS, Route.INTRAVENOUS
DAILY = [Dose(24.0 * day, 24.0 * day + 10, SC, 2000 / 600) for day in range(7)]
QUARTER_HOUR = [Dose(0, 0.25, IV, 2000 / 15)]
ONE_HOUR = [Dose(0, 1, IV, 2000 / 60)]
LU_2002 = [Dose(0, 1 / 3, IV, 4000 / 20), Dose(1 / 3, 24, IV, 1000 / 60)]
FOR_THE_DEPOT = [Dose(0, 10, SC, 0.811 * 246.47 / 60)]


@dataclass(frozen=True, slots=True)
class Expected:
    """`published`: what was measured in people, where somebody did."""

    what: str
    unit: str
    stated: float
    measured: float
    published: float | None = None


def course(physiology: Physiology, doses: list[Dose], until_h: float, clearance: float = CLEARANCE) -> Course:
    return simulate(typical(physiology, clearance), doses, until_h)


def rows() -> list[Expected]:
    return [*_healthy(), *_daily(), *_quarter_hour(), _depot()]


def _healthy() -> list[Expected]:
    untreated = course(HEALTHY, [], 24)
    treated = course(HEALTHY, LU_2002, 24, clearance=130)
    points = ((0.5, 1.63, 1.41), (4, 1.31, 1.33), (12, 1.42, 1.45), (24, 1.52, 1.55))
    after = "healthy, CrCl 130 mL/min, 4 g in 20 min, then 1 g/h, after"
    return [
        Expected("healthy, untreated", "mg/dL", 1.85, mg_dl(untreated.at(0))),
        *(Expected(f"{after} {hour:g} h", "mmol/L", model, treated.at(hour), lu) for hour, model, lu in points),
    ]


def _daily() -> list[Expected]:
    seen = course(WASTING, DAILY, 7 * 24)
    troughs = ((1, 1.41), (2, 1.62), (3, 1.76), (5, 1.87))
    what = "wasting, 2 g SC in 10 h daily, end of day"
    return [
        *(Expected(f"{what} {day}", "mg/dL", stated, mg_dl(seen.at(day * 24))) for day, stated in troughs),
        Expected(f"{what} 7", "mg/dL", 1.90, mg_dl(seen.at(7 * 24)), 1.9),
    ]


def _quarter_hour() -> list[Expected]:
    seen = course(WASTING, QUARTER_HOUR, 24)
    what = "wasting, 2 g IV in 15 min,"
    points = (
        ("before", 0.0, 1.10),
        ("at its end", 0.25, 2.84),
        *((f"after {h} h", float(h), v) for h, v in HOURS_AFTER),
    )
    seconds = np.arange(0, 24, 1 / 3600)
    high_h = float(np.sum(np.interp(seconds, seen.hours, seen.serum_mmol_l[:, 0]) * 2.4305 > 1.7)) / 3600
    return [
        *(Expected(f"{what} {when}", "mg/dL", stated, mg_dl(seen.at(hour))) for when, hour, stated in points),
        Expected(f"{what} time above 1.7 mg/dL", "h", 1.7, high_h),
    ]


HOURS_AFTER = ((1, 1.81), (6, 1.47), (24, 1.37))


def _depot() -> Expected:
    left = course(HEALTHY, FOR_THE_DEPOT, 10).last_mmol[DEPOT, 0]
    return Expected("subcutaneous depot after 10 h of 0.811 mmol/h", "mmol", 2.45, float(left))
