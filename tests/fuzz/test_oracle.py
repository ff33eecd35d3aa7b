"""The oracle against clinical.md's own worked figures, its edges on both sides, and the example orders.

Refuses to know pumpctl's verdicts: what is wrong here is the second opinion.
"""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.fuzz import base_orders, oracle
from tests.fuzz.base_orders import EXAMPLES
from tests.fuzz.case import DAY_US, HOUR_US, Case, Given
from tests.fuzz.due import due
from tests.fuzz.figure import Unread, heptahydrate_mg, read, read_amount_mmol, read_instant_us
from tests.fuzz.situation import number_text
from tests.fuzz.windows import Piece, largest

AT_US = 1_796_148_000_000_000  # 2026-12-01T18:00:00Z
DIGEST = "d" * 64


def hard(case: Case) -> set[str]:
    return {one.rule for one in oracle.objections(case) if one.hard}


def soft(case: Case) -> set[str]:
    return {one.rule for one in oracle.objections(case) if not one.hard}


def golden(changes: dict[str, object] | None = None, given: tuple[Given, ...] = ()) -> Case:
    """The golden order with some paths changed, "phases.0.flow"; None takes the key out."""
    order: dict[str, Any] = json.loads(base_orders.GOLDEN)
    for path, value in (changes or {}).items():
        *parents, last = path.split(".")
        place: Any = order
        for part in parents:
            place = place[int(part)] if part.isdigit() else place[part]
        if value is None:
            del place[last]
        else:
            place[last] = value
    return Case(order, DIGEST, AT_US, given)


def test_golden_order_has_one_soft_finding():
    assert read_instant_us("2026-12-01T18:00:00Z") == AT_US
    assert (hard(golden()), soft(golden())) == (set(), {"Q31"})


@pytest.mark.parametrize("path", sorted((EXAMPLES / "accepted").glob("*.json")), ids=lambda path: path.stem)
def test_nothing_against_the_accepted_examples(path: Path):
    assert list(oracle.objections(Case(json.loads(path.read_text(encoding="utf-8")), DIGEST, AT_US))) == []


@pytest.mark.parametrize("path", sorted((EXAMPLES / "refused").glob("*.json")), ids=lambda path: path.stem)
def test_the_refused_examples_are_refused_here_too(path: Path):
    found = hard(Case(json.loads(path.read_text(encoding="utf-8")), DIGEST, AT_US))
    assert path.stem in found or path.stem in oracle.NOT_COVERED


@pytest.mark.parametrize(
    ("text", "basis", "mmol"),
    [
        ("1 g", "heptahydrate", "4.0573"),
        ("1 g", "anhydrous", "8.308"),
        ("16 mEq", None, "8"),
        ("98.61 mg", "elemental", "4.0573"),
        ("2.958 g", "heptahydrate", "12.0015"),
    ],
)
def test_amounts_of_section_1(text: str, basis: str | None, mmol: str):
    amount = read_amount_mmol(text, basis)
    assert isinstance(amount, Fraction)
    assert abs(amount / Fraction(mmol) - 1) < Fraction(1, 10_000)


@pytest.mark.parametrize(
    "text", ["2,0 g", "2e0 g", "-2 g", "2g", "nan g", "0 g", "2", "g", "2 mL", "1234567890123 g", "02 g"]
)
def test_figures_that_are_none(text: str):
    assert isinstance(read(text, {"g": Fraction(1)}), Unread)


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"phases.0.flow": "100 mL/h", "phases.0.duration": "1 h"}, "P03"),  # ten-fold rate, the figures agree
        ({"phases.0.flow": "100 mL/h"}, "U02"),  # the VTBI in the rate field
        ({"phases.0.dose": "16 g", "phases.0.bag.content": "16 g", "phases.0.bag.concentration": "160 mg/mL"}, "Q30"),
        ({"phases.0.dose": "44.8 g"}, "U02"),  # key bounce
        ({"phases.0.bag.content": "200 g", "phases.0.bag.final_volume": "10 L"}, "U02"),  # a hundred doses in the bag
        ({"product.basis": "anhydrous"}, "P03"),
        ({"product.basis": None}, "U01"),
        ({"results.0.value": "20 mL/min"}, "Q01"),
        ({"results.2.value": "1.05 mmol/L"}, "Q13"),
        ({"care_area": "monitored"}, "U05"),
        ({"assessment.volume_status": None}, "Q04"),
        ({"patient.age": "17 y"}, "L08"),
        ({"authored_at": "2026-11-30T15:00:00"}, "T02"),
        ({"schedule.last_date": "2027-01-05"}, "U07"),
    ],
)
def test_slips_of_section_6(changes: dict[str, object], rule: str):
    assert rule in hard(golden(changes))


@pytest.mark.parametrize(
    ("clearance", "rules"),
    [("20 mL/min", {"Q01"}), ("20.1 mL/min", {"Q02"}), ("30 mL/min", {"Q02"}), ("30.1 mL/min", set[str]())],
)
def test_clearance_on_both_sides(clearance: str, rules: set[str]):
    assert hard(golden({"results.0.value": clearance})) == rules


@pytest.mark.parametrize(("rate", "rules"), [("2.747", set[str]()), ("2.748", {"D24"})])
def test_loading_dose_counts_toward_the_day(rate: str, rules: set[str]):
    """2 g, then at most 2.747 mg/min for 23.75 h (conflicts settled, section 2)."""
    rng = Random(0)
    order = base_orders.loading_and_continuous(rng, AT_US).order
    mg = Fraction(rate) * Fraction("23.75") * 60
    order["results"][0]["value"] = "85 mL/min"
    order["results"][2]["value"] = "0.45 mmol/L"
    order["phases"][0] = _phase("loading", Fraction(2000), Fraction("0.25"))
    order["phases"][1] = _phase("continuous", mg, Fraction("23.75"))
    case = Case(order, DIGEST, AT_US)
    assert (hard(case), soft(case)) == (set(), rules)


def _phase(kind: str, mg: Fraction, hours: Fraction) -> dict[str, Any]:
    ml = number_text(mg / 20)
    return {
        "kind": kind,
        "dose": f"{number_text(mg)} mg",
        "volume": f"{ml} mL",
        "duration": f"{number_text(hours)} h",
        "flow": f"{number_text(mg / 20 / hours)} mL/h",
        "bag": {"content": f"{number_text(mg)} mg", "final_volume": f"{ml} mL", "diluent": base_orders.DILUENT},
    }


def test_second_bag_on_the_same_day_under_another_order():
    start_us = AT_US - 2 * HOUR_US
    other = Given("patient-0001", "0" * 64, 1, "sc", start_us, start_us + 10 * HOUR_US, 4_000_000, uncertain=False)
    assert hard(golden(given=(other,))) == {"S03", "D24"}
    assert hard(golden(given=(replace(other, patient_id="patient-0002"),))) == set()


def test_windows_are_half_open_and_an_uncertain_piece_counts_whole():
    once, day = Piece(0, 0, Fraction(10)), Piece(DAY_US, DAY_US, Fraction(5))
    assert largest([once, day], DAY_US, 0) == 10
    assert largest([once, replace(day, start_us=DAY_US - 1, end_us=DAY_US - 1)], DAY_US, 0) == 15
    spread = Piece(0, 2 * DAY_US, Fraction(10))
    assert largest([spread], DAY_US, 0) == 5
    assert largest([replace(spread, whole=True)], DAY_US, 0) == 10


@pytest.mark.parametrize(
    ("zone", "day", "clock", "utc"),
    [
        ("Europe/Berlin", "2026-10-25", "02:30", "2026-10-25T00:30:00Z"),  # twice: the first
        ("Europe/Berlin", "2027-03-28", "02:30", "2027-03-28T01:00:00Z"),  # missing: the first valid after
        ("Europe/Berlin", "2026-12-01", "20:00", "2026-12-01T19:00:00Z"),
    ],
)
def test_due_at_both_clock_changes(zone: str, day: str, clock: str, utc: str):
    schedule = {"repeat": "daily", "local_time": clock, "time_zone": zone, "first_date": day, "last_date": day}
    assert due(schedule).at_us == (read_instant_us(utc),)


OVERRIDE = {"rule": "Q31", "order_digest": DIGEST, "value": "7 starts", "person": "pharmacist", "reason": "daily"}


@pytest.mark.parametrize(
    ("change", "standing"),
    [
        ({}, []),
        ({"order_digest": "0" * 64}, ["Q31"]),
        ({"value": "70 starts"}, ["Q31"]),
        ({"value": "8 starts"}, ["Q31"]),
        ({"person": "NEPHROLOGIST on duty"}, ["Q31"]),
        ({"rule": "Q30"}, ["Q31"]),
        ({"reason": " "}, ["Q31"]),
        ({"expires_at": "2026-12-01T18:00:00Z"}, []),
        ({"expires_at": "2026-12-01T17:59:59Z"}, ["Q31"]),
        ({"expires_at": "2026-12-31T00:00:00"}, ["Q31"]),
    ],
)
def test_forged_overrides_do_not_count(change: dict[str, str], standing: list[str]):
    assert oracle.wrongly_accepted(golden(), [OVERRIDE | change]) == standing


def test_no_override_takes_a_hard_finding():
    case = golden({"results.0.value": "20 mL/min"})
    given = [OVERRIDE, OVERRIDE | {"rule": "Q01", "value": "20 mL/min"}]
    assert oracle.wrongly_accepted(case, given) == ["Q01"]


def test_heptahydrate_is_the_mass_of_every_limit():
    assert heptahydrate_mg(Fraction(12)) == Fraction("2957.64")
