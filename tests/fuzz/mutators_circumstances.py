"""Slips around the figures: times, flags, laboratory results, schedule, missing and foreign keys, wrong types.

Refuses to know what a slip does to the order. Each mutator changes a situation in place and says whether it could.
"""

from __future__ import annotations

import copy
from random import Random
from typing import Any

from tests.fuzz.case import DAY_US, HOUR_US, MIN_US
from tests.fuzz.figure import read_instant_us
from tests.fuzz.mutators_figures import Mutator, places, tables
from tests.fuzz.situation import Situation, instant_text

_TIMES = """
authored_at valid_from valid_until at medication_review_at start end ecg_at started_at changed_at stopped_at
local_time first_date last_date time_zone
"""
TIMES = frozenset(_TIMES.split())
_FLAGS = {
    "": "pump_bolus_off",
    "assessment": "pregnant dialysis heart_block myocardial_damage myasthenia lambert_eaton heart_failure arrhythmia"
    " digoxin qtc_above_500_ms acute_kidney_injury calcium_at_bedside diarrhoea seizures",
    "reviews": "consent pharmacist_review nephrologist_review off_label_acknowledged",
    "indication": "severe_and_symptomatic emergency_in_progress",
}
FLAGS = tuple((section, name) for section, names in _FLAGS.items() for name in names.split())
WORDS: dict[tuple[str, str], tuple[object, ...]] = {
    ("", "route"): ("sc", "iv", "im", "SC", None),
    ("", "care_area"): ("home", "monitored", "ward", None),
    ("", "course"): ("start", "renewal", "dose_change", "stable_maintenance", None),
    ("", "status"): ("active", "cancelled", "superseded", "draft"),
    ("assessment", "volume_status"): ("depleted", "unknown", "euvolaemic", "corrected", "", None),
    ("assessment", "co_infusions"): ([], ["calcium_gluconate"], ["potassium_chloride"], ["sodium_phosphate"], None),
    ("patient", "sex"): ("female", "male", "unknown", None),
    ("patient", "age"): ("17 y", "18 y", "56 y", "11 y", "80 y", None),
    ("patient", "weight"): ("39 kg", "40 kg", "25 kg", "100 kg", None),
    ("product", "drug"): ("magnesium_sulfate", "magnesium_chloride", "morphine_sulfate", None),
    ("indication", "emergency_event"): ("torsades", "seizure", "ventricular_arrhythmia", "headache", None),
    ("saline", "per_day"): ("2 L/d", "1999 mL/d", "3 L/d", None),
}
DILUENTS = (
    "glucose_5_percent",
    "water_for_injection",
    "undiluted_stock",
    "iv_premix",
    "ringer",
    "sodium_chloride_0.9_percent",
    None,
)
KINDS = ("infusion", "loading", "continuous", "intermittent", "emergency", "bolus", None)
URINE = ("100 mL", "99 mL", "0.3 L", "10 mL")
VALUES = {
    "creatinine_clearance": ("20 mL/min", "20.1 mL/min", "30 mL/min", "30.1 mL/min", "8.5 mL/min", None),
    "magnesium": ("1.05 mmol/L", "1.04 mmol/L", "0.09 mmol/L", "6.1 mmol/L", "2.55 mg/dL", "2.1 mEq/L", None),
    "potassium": ("3.6 mmol/L", "3.6 mEq/L", None),
    "calcium": ("2.1 mmol/L", "8.4 mg/dL", None),
    "creatinine": ("70 umol/L", "96.5 umol/L", "105 umol/L", "0.8 mg/dL", None),
}
SECOND_US = 1_000_000
ODD_VALUES: tuple[object, ...] = (None, 0, 1, 2.5, True, "", "x", [], {}, ["2 g"], {"value": "2 g"})
AGES_H = (1, 24, 25, 30, 47, 48, 49, 71, 72, 73, 160, 169, 340, 24 * 35, 24 * 35 + 1, 24 * 100, 24 * 100 + 1)


def time_shifted(rng: Random, situation: Situation) -> bool:
    found = [(at, key) for at, key in places(situation.order, TIMES) if isinstance(at[key], str)]
    at, key = rng.choice(found)
    at_us = read_instant_us(at[key])
    if not isinstance(at_us, int):
        return False
    shift_us = rng.choice((HOUR_US, 6 * HOUR_US, DAY_US, 7 * DAY_US, 36 * DAY_US, 10 * MIN_US)) * rng.choice((1, -1))
    at[key] = instant_text(at_us + shift_us, rng)
    return True


def time_without_offset(rng: Random, situation: Situation) -> bool:
    found = [(at, key) for at, key in places(situation.order, TIMES) if isinstance(at[key], str) and "T" in at[key]]
    if not found:
        return False
    at, key = rng.choice(found)
    form = rng.randrange(5)
    plain = at[key][:19]
    at[key] = (plain, f"{plain} ", plain[:10], f"{plain.replace('T', ' ')}Z", f"{plain}z")[form]
    return True


def judged_later(rng: Random, situation: Situation) -> bool:
    shift_us = rng.choice((MIN_US, HOUR_US, 5 * HOUR_US, DAY_US, 3 * DAY_US, 20 * DAY_US, -HOUR_US, -DAY_US))
    situation.at_us += shift_us
    return True


def accepted_before(rng: Random, situation: Situation) -> bool:
    """Judged again at a later occurrence: the ages of a home order's results count from its acceptance."""
    situation.accepted_us = situation.at_us
    situation.at_us += rng.choice((1, 2, 7, 20, 34)) * DAY_US
    return True


def result_aged(rng: Random, situation: Situation) -> bool:
    raw = _result(rng, situation)
    if raw is None:
        return False
    raw["at"] = instant_text(
        situation.at_us - rng.choice(AGES_H) * HOUR_US + rng.choice((0, 0, 1, -1)) * 1_000_000, rng
    )
    return True


def result_replaced(rng: Random, situation: Situation) -> bool:
    raw = _result(rng, situation)
    if raw is None:
        return False
    raw["value"] = rng.choice(VALUES[raw["kind"]])
    return True


def result_added(rng: Random, situation: Situation) -> bool:
    """An earlier or later one of the same kind: what rises, swings, or replaces it."""
    raw = _result(rng, situation)
    if raw is None:
        return False
    again = copy.deepcopy(raw)
    again["value"] = rng.choice(VALUES[again["kind"]])
    again["at"] = instant_text(situation.at_us - rng.choice(AGES_H) * HOUR_US, rng)
    if again["kind"] == "magnesium" and rng.random() < 0.3:
        again["infusion_arm"] = rng.random() < 0.5
    situation.order["results"].append(again)
    return True


def result_lost(rng: Random, situation: Situation) -> bool:
    raw = _result(rng, situation)
    if raw is None:
        return False
    situation.order["results"].remove(raw)
    return True


def urine_observed(rng: Random, situation: Situation) -> bool:
    """Q17: just enough, too little, or nothing recorded."""
    urine = {"kind": "urine", "value": rng.choice(URINE), "at": instant_text(situation.at_us - HOUR_US, rng)}
    situation.order["observations"] = rng.choice(([urine], [urine], [], None))
    return True


def flag_turned(rng: Random, situation: Situation) -> bool:
    section, name = rng.choice(FLAGS)
    part = situation.order.setdefault(section, {}) if section else situation.order
    part[name] = rng.choice([value for value in (True, False, None) if value is not part.get(name)])
    return True


def word_changed(rng: Random, situation: Situation) -> bool:
    (section, name), words = rng.choice(list(WORDS.items()))
    part = situation.order.setdefault(section, {}) if section else situation.order
    part[name] = rng.choice(words)
    return True


def diluent_changed(rng: Random, situation: Situation) -> bool:
    bag = rng.choice(situation.order["phases"]).setdefault("bag", {})
    bag["diluent"] = rng.choice(DILUENTS)
    return True


def kind_changed(rng: Random, situation: Situation) -> bool:
    rng.choice(situation.order["phases"])["kind"] = rng.choice(KINDS)
    return True


def base_volume_stated(rng: Random, situation: Situation) -> bool:
    bag = rng.choice(situation.order["phases"]).setdefault("bag", {})
    bag["base_volume"] = rng.choice(("50 mL", "100 mL", "250 mL", "20 mL", "1000 mL"))
    return True


def phase_repeated(rng: Random, situation: Situation) -> bool:
    phases = situation.order["phases"]
    phases.append(copy.deepcopy(rng.choice(phases)))
    return True


def schedule_denser(rng: Random, situation: Situation) -> bool:
    schedule = situation.order["schedule"]
    if schedule["repeat"] == "once":
        first = instant_text(situation.at_us, Random(0))[:10]
        schedule |= {"repeat": "daily", "local_time": "20:00", "time_zone": "UTC", "first_date": first}
        schedule["last_date"] = first[:8] + rng.choice(("28", "30", first[8:]))
        schedule.pop("at", None)
    elif schedule["repeat"] in {"weekly", "two_of_three_days"}:
        schedule["repeat"] = rng.choice(("daily", "nightly", "two_of_three_days"))
    else:
        schedule["last_date"] = rng.choice((schedule.get("first_date"), "2027-12-31", None))
    return True


def key_lost(rng: Random, situation: Situation) -> bool:
    part = _part(rng, situation)
    if not part:
        return False
    del part[rng.choice(list(part))]
    return True


def key_added(rng: Random, situation: Situation) -> bool:
    _part(rng, situation)[rng.choice(("rate", "Dose", "max", "note"))] = "2 g"
    return True


def type_changed(rng: Random, situation: Situation) -> bool:
    part = _part(rng, situation)
    if not part:
        return False
    part[rng.choice(list(part))] = rng.choice(ODD_VALUES)
    return True


CIRCUMSTANCE_MUTATORS: tuple[Mutator, ...] = (
    *(
        time_shifted,
        time_shifted,
        time_without_offset,
        judged_later,
        accepted_before,
        result_aged,
        result_aged,
        result_replaced,
    ),
    *(result_added, result_added, result_lost, urine_observed, flag_turned, flag_turned, word_changed, word_changed),
    *(diluent_changed, kind_changed, base_volume_stated, phase_repeated, schedule_denser),
)
# After these an order may have another shape, so they come last.
SHAPE_MUTATORS: tuple[Mutator, ...] = (key_lost, key_lost, key_lost, key_added, type_changed)


def _result(rng: Random, situation: Situation) -> dict[str, Any] | None:
    results = situation.order.get("results")
    return rng.choice(results) if results else None


def _part(rng: Random, situation: Situation) -> dict[str, Any]:
    """The order, one of its tables, or a table in one of its lists."""
    return rng.choice([situation.order, *tables(situation.order)])
