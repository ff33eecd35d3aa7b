"""What became of the virtual patient, for machines and for people.

Refuses to work anything out: figures come from the course, sentences from the model's limits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from pumpctl.core.validation import Decision
from simulator.patient.course import HOURS_PER_DAY, Course, Peak
from simulator.patient.limits import LIMITS, PURPOSE
from simulator.patient.model import Numbers, Patient, mg_dl
from simulator.patient.picture import Caption
from simulator.patient.population import PERCENTILES, Band, Crowd
from simulator.rig.virtual_patient.prescribed import Prescribed, findings_against

KINDS = {Patient.HEALTHY: "healthy patient", Patient.WASTING: "patient with renal wasting"}
ROUTES = {"sc": "subcutaneous", "iv": "intravenous"}


@dataclass(frozen=True, slots=True)
class Run:
    """One order, one kind of patient, what came of it."""

    given: Prescribed
    kind: Patient
    clearance_ml_min: int
    days: int
    course: Course
    crowd: Crowd | None

    @property
    def infusions(self) -> int:
        return sum(hour < self.days * HOURS_PER_DAY for hour in self.given.begin_h)

    @property
    def mass_mg(self) -> float:
        """Of what lies within the days, whole and cut doses alike."""
        until_h = float(self.days * HOURS_PER_DAY)
        doses = (dose for dose in self.given.doses if dose.begin_h < until_h)
        return sum(
            dose.mass_mg * (min(dose.end_h, until_h) - dose.begin_h) / (dose.end_h - dose.begin_h) for dose in doses
        )

    @property
    def objection(self) -> str:
        """What the rules have against the order, in words for the picture; empty when accepted."""
        ids = " ".join(findings_against(self.given.verdict))
        match self.given.verdict.decision:
            case Decision.ACCEPTED:
                return ""
            case Decision.NEEDS_OVERRIDE:
                return f"NEEDS AN OVERRIDE: {ids}"
            case Decision.REFUSED:
                return f"REFUSED: {ids}"


def caption(run: Run) -> Caption:
    order, days = run.given.order, _count(run.days, "day")
    subtitle = (
        f"{KINDS[run.kind]}, creatinine clearance {run.clearance_ml_min} mL/min; magnesium sulfate "
        f"{ROUTES[order.route or '']}, {_count(run.infusions, 'infusion')}, {run.mass_mg / 1000:.3g} g"
    )
    return Caption(f"Serum magnesium of a virtual patient on order {order.order_id}, {days}", subtitle, run.objection)


def as_json(run: Run, file: str | None) -> dict[str, Any]:
    verdict, course = run.given.verdict, run.course
    return {
        "order_digest": verdict.order_digest,
        "verdict": verdict.decision.value,
        "against": list(findings_against(verdict)),
        "patient": run.kind.value,
        "clearance_ml_min": run.clearance_ml_min,
        "days": run.days,
        "infusions": run.infusions,
        "mass_mg": round(run.mass_mg, 3),
        "baseline": _serum(course.at(0)),
        "peak": _peak(course.peak()),
        "after_days": [{"day": day} | _serum(course.at(day * HOURS_PER_DAY)) for day in range(1, run.days + 1)],
        "hourly_mmol_l": [round(course.at(hour), 4) for hour in range(run.days * HOURS_PER_DAY + 1)],
        "imbalance_mmol": course.imbalance_mmol,
        "population": None if run.crowd is None else _crowd(run.crowd, run.days),
        "purpose": PURPOSE,
        "limits": list(LIMITS),
        "file": file,
    }


def as_text(run: Run, file: str | None) -> Iterator[str]:
    """Lines for a terminal."""
    course, peak = run.course, run.course.peak()
    described = caption(run)
    yield f"{described.title}; {run.objection or 'accepted by the rules'}"
    yield f"  {described.subtitle}"
    yield f"  before    {_both(course.at(0))}"
    for day in range(1, run.days + 1):
        yield f"  day {day:>3}   {_both(course.at(day * HOURS_PER_DAY))} at its end"
    yield f"  peak      {_both(peak.serum_mmol_l)} after {_after(peak.at_h)}"
    if run.crowd is not None:
        spread = " / ".join(f"{mg_dl(float(row)):.2f}" for row in _rows(run.crowd.peak))
        names = " / ".join(str(one) for one in PERCENTILES)
        yield f"  {run.crowd.size} people, seed {run.crowd.seed}: peak {spread} mg/dL ({names} %)"
    yield PURPOSE
    yield from (f"  - {limit}" for limit in LIMITS)
    if file is not None:
        yield f"picture: {file}"


def _crowd(crowd: Crowd, days: int) -> dict[str, Any]:
    by_day = [
        {
            "day": day,
            "people_mg_dl": _spread(crowd.people, crowd, day),
            "measured_mg_dl": _spread(crowd.measured, crowd, day),
        }
        for day in range(days + 1)
    ]
    return {
        "size": crowd.size,
        "seed": crowd.seed,
        "percentiles": list(PERCENTILES),
        "peak_mg_dl": [round(mg_dl(float(row)), 3) for row in _rows(crowd.peak)],
        "after_days": by_day,
    }


def _spread(band: Band, crowd: Crowd, day: int) -> list[float]:
    hour = day * HOURS_PER_DAY
    return [round(mg_dl(float(np.interp(hour, crowd.hours, row))), 3) for row in _rows(band)]


def _rows(band: Band) -> tuple[Numbers, Numbers, Numbers]:
    return band.low, band.middle, band.high


def _peak(peak: Peak) -> dict[str, float]:
    return {"at_h": round(peak.at_h, 3)} | _serum(peak.serum_mmol_l)


def _serum(mmol_l: float) -> dict[str, float]:
    return {"mmol_l": round(mmol_l, 4), "mg_dl": round(mg_dl(mmol_l), 3)}


def _both(mmol_l: float) -> str:
    return f"{mg_dl(mmol_l):.2f} mg/dL ({mmol_l:.2f} mmol/L)"


def _after(hour: float) -> str:
    days, rest_h = divmod(hour, HOURS_PER_DAY)
    return f"{_count(int(days), 'day')} {rest_h:.1f} h" if days else f"{rest_h:.1f} h"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
