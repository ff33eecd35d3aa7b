"""Orders from which the fuzzer starts: the golden one, and one of each profile with figures around its limits.

Refuses to know whether an order is acceptable: most are, or would be with overrides; figures at and just past an edge
are drawn on purpose now and then.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any, TypeVar

from tests.fuzz.case import DAY_US, HOUR_US, MIN_US, Given
from tests.fuzz.figure import G_PER_MOL, Unread, heptahydrate_mg, read_amount_mmol, read_instant_us
from tests.fuzz.situation import Situation, instant_text, number_text

T = TypeVar("T")
EXAMPLES = Path(__file__).resolve().parents[2] / "deploy/examples/orders"
GOLDEN = (EXAMPLES / "golden-home-sc.json").read_text(encoding="utf-8")
# An ordinary day, and the last days before both clock changes of Berlin.
JUDGED_AT = ("2026-12-01T18:00:00Z", "2026-10-22T18:00:00Z", "2027-03-25T18:00:00Z")
EDGE_SHARE = 0.12
DIGEST_OF_ANOTHER = "0" * 64
DILUENT = "sodium_chloride_0.9_percent"


def draw(rng: Random) -> Situation:
    """One base order with its circumstances."""
    build = rng.choice(BUILDERS)
    at_us = _instant(rng.choice(JUDGED_AT)) + rng.randrange(0, 120) * MIN_US
    situation = build(rng, at_us)
    if rng.random() < 0.4:
        situation.given = [_given(rng, situation) for _ in range(rng.randint(1, 3))]
    return situation


def golden(rng: Random, at_us: int) -> Situation:
    return Situation("golden", json.loads(GOLDEN), _instant(JUDGED_AT[0]))


def home_sc(rng: Random, at_us: int) -> Situation:
    order = _common(rng, at_us)
    doses = (["2 g", "1.5 g", "8 mmol", "1000 mg", "4 mmol"], ["12 mmol", "2.957 g", "2.958 g", "2.001 g", "6.1 mmol"])
    dose, conc = _near(rng, *doses), _near(rng, ["20", "10", "16"], ["20.1", "40", "40.1"])
    rate = Fraction(_near(rng, ["3.3333", "2", "1", "3.4"], ["0.99", "3.41", "4", "4.01"]))
    order["phases"] = [_phase(rng, order, "infusion", dose, Fraction(conc), rate)]
    order["schedule"] = _once(rng, at_us) if rng.random() < 0.6 else _repeated(rng, at_us)
    order["course"] = rng.choice(("start", "start", "renewal", "dose_change", "stable_maintenance"))
    if order["course"] != "start":
        started_us = at_us - rng.randint(20, 300) * DAY_US
        changed_us = started_us + rng.randint(0, 200) * DAY_US
        order["therapy"] = {"started_at": instant_text(started_us, rng)}
        if changed_us < at_us:
            order["therapy"]["changed_at"] = instant_text(changed_us, rng)
    return Situation("home_sc", order, at_us)


def loading(rng: Random, at_us: int) -> Situation:
    order = _monitored(rng, at_us)
    order["phases"] = [_loading(rng, order)]
    return Situation("monitored_iv_loading", order, at_us)


def continuous(rng: Random, at_us: int) -> Situation:
    order = _monitored(rng, at_us)
    order["phases"] = [_continuous(rng, order)]
    return Situation("monitored_iv_continuous", order, at_us)


def loading_and_continuous(rng: Random, at_us: int) -> Situation:
    order = _monitored(rng, at_us)
    order["phases"] = [_loading(rng, order), _continuous(rng, order)]
    return Situation("loading + continuous", order, at_us)


def intermittent(rng: Random, at_us: int) -> Situation:
    order = _monitored(rng, at_us)
    dose = _near(rng, ["12 mmol", "2 g", "8 mmol", "1 g"], ["2.958 g", "12.001 mmol", "6 mmol", "6.01 mmol"])
    hours = Fraction(_near(rng, ["4", "8", "12", "3"], ["2.99", "3.01"]))
    order["phases"] = [_timed(rng, order, "intermittent", dose, Fraction(rng.choice(("20", "40"))), hours * 60)]
    return Situation("monitored_iv_intermittent", order, at_us)


def emergency(rng: Random, at_us: int) -> Situation:
    order = _monitored(rng, at_us)
    dose = _near(rng, ["2 g", "1 g", "1.5 g"], ["2.001 g", "8.2 mmol", "0.9 g"])
    minutes = Fraction(_near(rng, ["5", "6", "10", "15"], ["4.99", "5.01"]))
    order["phases"] = [_timed(rng, order, "emergency", dose, Fraction(rng.choice(("100", "200"))), minutes)]
    order["indication"] |= {
        "emergency_event": rng.choice(("torsades", "ventricular_arrhythmia", "seizure")),
        "emergency_in_progress": True,
    }
    if rng.random() < 0.5:  # the emergency is what makes these something to override
        order["assessment"] |= {"volume_status": "unknown", "heart_block": rng.choice((None, True, False))}
    return Situation("emergency_iv", order, at_us)


BUILDERS: tuple[Callable[[Random, int], Situation], ...] = (
    *(golden, home_sc, home_sc, home_sc),
    *(loading, continuous, intermittent, emergency, loading_and_continuous),
)


def _instant(text: str) -> int:
    at_us = read_instant_us(text)
    if not isinstance(at_us, int):
        raise TypeError(text)
    return at_us


def _near(rng: Random, usual: Sequence[T], edge: Sequence[T]) -> T:
    return rng.choice(edge if rng.random() < EDGE_SHARE else usual)


def _common(rng: Random, at_us: int) -> dict[str, Any]:
    order: dict[str, Any] = json.loads(GOLDEN)
    drawn_us = at_us - rng.randint(2, 70) * HOUR_US
    for raw in order["results"]:
        raw["at"] = instant_text(drawn_us + rng.randint(0, 60) * MIN_US, rng)
    order["results"][0]["value"] = _near(rng, ["85 mL/min", "31 mL/min"], ["30 mL/min", "20.1 mL/min", "30.1 mL/min"])
    order["results"][2]["value"] = _near(rng, ["0.45 mmol/L", "1.4 mg/dL", "1.1 mEq/L"], ["1.049 mmol/L", "2.55 mg/dL"])
    order["authored_at"] = instant_text(at_us - rng.randint(1, 20) * HOUR_US, rng)
    order["valid_from"] = instant_text(at_us - rng.randint(0, 12) * HOUR_US, rng)
    order["valid_until"] = instant_text(at_us + rng.randint(3, 30) * DAY_US, rng)
    order["reviews"]["medication_review_at"] = instant_text(at_us - rng.randint(1, 48) * HOUR_US, rng)
    order["assessment"]["acute_kidney_injury"] = False
    order["order_id"] = f"fuzz-{rng.randrange(10**6)}"
    return order


def _monitored(rng: Random, at_us: int) -> dict[str, Any]:
    order = _common(rng, at_us)
    order |= {"route": "iv", "care_area": "monitored", "schedule": _once(rng, at_us), "course": "start"}
    del order["site"]
    urine = {"kind": "urine", "value": "240 mL", "at": instant_text(at_us - rng.randint(1, 60) * MIN_US, rng)}
    order["observations"] = [urine]
    order["assessment"] |= {
        "ecg_at": instant_text(at_us - rng.randint(1, 20) * HOUR_US, rng),
        "calcium_at_bedside": True,
        "co_infusions": [],
    }
    return order


def _loading(rng: Random, order: dict[str, Any]) -> dict[str, Any]:
    dose = _near(rng, ["2 g", "1 g", "1.5 g", "8 mmol"], ["2.001 g", "4 g", "4.01 g", "3 g", "0.9 g"])
    minutes = Fraction(_near(rng, ["20", "30", "15", "60"], ["14.99", "15.01"]))
    return _timed(rng, order, "loading", dose, Fraction(rng.choice(("20", "100", "200"))), minutes)


def _continuous(rng: Random, order: dict[str, Any]) -> dict[str, Any]:
    rate = Fraction(_near(rng, ["1", "2", "2.5", "2.747"], ["4", "4.01", "0.99", "2.75"]))
    hours = Fraction(_near(rng, ["6", "12", "23.75"], ["24", "40"]))
    grams = number_text(rate * hours * 60 / 1000)
    return _timed(rng, order, "continuous", f"{grams} g", Fraction(20), hours * 60)


def _timed(
    rng: Random, order: dict[str, Any], kind: str, dose: str, conc_mg_ml: Fraction, minutes: Fraction
) -> dict[str, Any]:
    amount = read_amount_mmol(dose, "heptahydrate")
    if amount is None or isinstance(amount, Unread):
        raise ValueError(dose)
    return _phase(rng, order, kind, dose, conc_mg_ml, heptahydrate_mg(amount) / minutes)


def _phase(
    rng: Random, order: dict[str, Any], kind: str, dose: str, conc_mg_ml: Fraction, rate_mg_min: Fraction
) -> dict[str, Any]:
    """`dose` is of heptahydrate; the order may state its figures in another basis or unit."""
    amount = read_amount_mmol(dose, "heptahydrate")
    if amount is None or isinstance(amount, Unread):
        raise ValueError(dose)
    basis = order["product"]["basis"]
    volume_ml = heptahydrate_mg(amount) / conc_mg_ml
    flow_ml_h = rate_mg_min * 60 / conc_mg_ml
    said = [dose] if basis == "heptahydrate" else []
    said += [f"{number_text(amount)} mmol", f"{number_text(amount * G_PER_MOL[basis])} mg"]
    bag = {
        "content": rng.choice(said),
        "final_volume": f"{number_text(volume_ml)} mL",
        "diluent": DILUENT,
    }
    if rng.random() < 0.7:
        bag["concentration"] = f"{number_text(amount * G_PER_MOL[basis] / volume_ml)} mg/mL"
    return {
        "kind": kind,
        "dose": said[0] if rng.random() < 0.8 else rng.choice(said),
        "volume": f"{number_text(volume_ml)} mL",
        "duration": rng.choice((_hours, _minutes))(volume_ml / flow_ml_h),
        "flow": f"{number_text(flow_ml_h)} mL/h",
        "bag": bag,
    }


def _hours(hours: Fraction) -> str:
    return f"{number_text(hours)} h"


def _minutes(hours: Fraction) -> str:
    return f"{number_text(hours * 60)} min"


def _once(rng: Random, at_us: int) -> dict[str, Any]:
    return {"repeat": "once", "at": instant_text(at_us + rng.randint(-1, 3) * HOUR_US, rng)}


def _repeated(rng: Random, at_us: int) -> dict[str, Any]:
    today = datetime.fromisoformat("1970-01-01") + timedelta(microseconds=at_us)
    first = today + timedelta(days=rng.randint(-2, 2))
    days = _near(rng, [3, 7, 14], [34, 35, 36])
    schedule: dict[str, Any] = {
        "repeat": rng.choice(("daily", "nightly", "weekly", "weekly", "two_of_three_days")),
        "local_time": rng.choice(("20:00", "02:30", "23:15")),
        "time_zone": rng.choice(("Europe/Berlin", "America/New_York", "UTC")),
        "first_date": first.date().isoformat(),
        "last_date": (first + timedelta(days=days - 1)).date().isoformat(),
    }
    if schedule["repeat"] == "weekly":
        weekdays = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
        schedule["weekdays"] = sorted(rng.sample(weekdays, rng.randint(1, 3)))
    return schedule


def _given(rng: Random, situation: Situation) -> Given:
    """What the patient had from another order, mostly long enough ago."""
    start_us = situation.at_us - rng.choice((12, 21, 30, 50, 70, 170)) * HOUR_US + rng.randint(0, 120) * MIN_US
    return Given(
        patient_id=situation.order["patient"]["id"] if rng.random() < 0.8 else "patient-0002",
        order_digest=DIGEST_OF_ANOTHER,
        occurrence=rng.randint(1, 9),
        route="sc" if rng.random() < 0.7 else "iv",
        start_us=start_us,
        end_us=start_us + rng.randint(1, 10) * HOUR_US,
        most_ug=rng.choice((500_000, 1_000_000, 2_000_000)),
        uncertain=rng.random() < 0.2,
    )
