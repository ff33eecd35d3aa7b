"""Native to FHIR to native is the same order, or nothing is written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pumpctl.core.order import Order
from pumpctl.core.order_text import parse_order
from pumpctl.intake.fhir.codes import CONDITIONS, DILUENT_TEXTS, MEASUREMENTS, UCUM_OF, UNITS, Release
from pumpctl.intake.fhir.reading import parse_fhir
from pumpctl.intake.fhir.sheet import NoFhir
from pumpctl.intake.fhir.writing import write_fhir
from tests.intake.messages import EXAMPLES, native

ORDERS = sorted(path for path in EXAMPLES.rglob("*.*") if ".fhir-" not in path.name)
GOLDEN: dict[str, Any] = json.loads((EXAMPLES / "golden-home-sc.json").read_text())


def back(order: Order, release: Release) -> Order:
    return parse_fhir(write_fhir(order, release), "again")


@pytest.mark.parametrize("path", ORDERS, ids=lambda path: path.name)
@pytest.mark.parametrize("release", list(Release))
def test_every_example_order_of_one_phase(path: Path, release: Release):
    order = parse_order(path.read_bytes(), path.name)
    if len(order.phases) > 1:
        with pytest.raises(NoFhir, match="a FHIR order here is one phase"):
            write_fhir(order, release)
        return
    again = back(order, release)
    assert again == order
    assert again.digest == order.digest


def test_the_same_order_is_written_the_same():
    assert write_fhir(native(), Release.R4) == write_fhir(native(), Release.R4)


@pytest.mark.parametrize("release", list(Release))
def test_an_order_for_one_instant(release: Release):
    order = changed(schedule={"repeat": "once", "at": "2026-12-01T20:00:00+01:00"})
    assert back(order, release) == order


def test_an_instant_that_is_none_has_no_timing():
    with pytest.raises(NoFhir, match=r"schedule\.at"):
        write_fhir(changed(schedule={"repeat": "once", "at": "tonight"}), Release.R4)


def test_two_phases_are_not_written():
    with pytest.raises(NoFhir, match="one phase"):
        write_fhir(changed(phases=GOLDEN["phases"] * 2), Release.R5)


@pytest.mark.parametrize("drug", [None, "magnesium_chloride"])
def test_a_drug_without_a_code_is_not_written(drug: str | None):
    with pytest.raises(NoFhir, match=r"product\.drug"):
        write_fhir(changed(product={"drug": drug, "basis": "heptahydrate"}), Release.R4)


@pytest.mark.parametrize("name", ["|x", "x|", "a|b|c"])
def test_a_name_that_would_come_back_as_another_is_not_written(name: str):
    with pytest.raises(NoFhir, match="order_id"):
        write_fhir(changed(order_id=name), Release.R4)


def test_a_name_with_its_system():
    order = changed(order_id="urn:clinic:orders|17")
    assert back(order, Release.R4) == order


@pytest.mark.parametrize("basis", [None, "heptahydrate", "anhydrous", "elemental"])
def test_every_basis(basis: str | None):
    order = changed(product={"drug": "magnesium_sulfate", "basis": basis})
    assert back(order, Release.R4) == order


@pytest.mark.parametrize("field", [field for field, _, _ in CONDITIONS])
@pytest.mark.parametrize("answer", [True, False, None])
def test_every_condition_and_every_answer(field: str, answer: bool | None):
    order = changed(assessment=GOLDEN["assessment"] | {field: answer})
    assert back(order, Release.R5) == order


@pytest.mark.parametrize("diluent", [None, "lactated Ringer", *DILUENT_TEXTS])
def test_every_diluent(diluent: str | None):
    phase = GOLDEN["phases"][0]
    order = changed(phases=[phase | {"bag": phase["bag"] | {"diluent": diluent}}])
    assert back(order, Release.R4) == order


@pytest.mark.parametrize(("code", "unit"), [(code, unit) for code, one in MEASUREMENTS.items() for unit in one.units])
def test_every_measurement_in_every_unit(code: str, unit: str):
    measured, value = MEASUREMENTS[code], f"1.50 {UNITS[unit]}"
    if measured.place == "patient":
        order = changed(patient=GOLDEN["patient"] | {measured.kind: value})
    else:
        order = changed(**{measured.place: [{"kind": measured.kind, "value": value, "at": "2026-11-30T08:00:00Z"}]})
    assert back(order, Release.R4) == order
    assert f'"code": "{code}"' in write_fhir(order, Release.R4) or code == "35591-7"  # the other clearance is written


def test_a_list_goes_on_in_the_form_where_its_codes_end():
    seen = [("heart_rate", "72 /min"), ("patellar_reflex", "present"), ("breathing_rate", "16 /min")]
    order = changed(observations=[{"kind": kind, "value": value} for kind, value in seen])
    text = write_fhir(order, Release.R4)
    assert "8867-4" in text
    assert "observations[2].kind" in text
    assert parse_fhir(text, "again") == order


WEEKLY = {
    "repeat": "weekly",
    "weekdays": ["monday", "thursday"],
    "local_time": "20:00",
    "time_zone": "Europe/Berlin",
    "first_date": "2026-12-01",
    "last_date": "2026-12-14",
}


@pytest.mark.parametrize("release", list(Release))
def test_an_order_for_days_of_the_week(release: Release):
    order = changed(schedule=WEEKLY)
    text = write_fhir(order, release)
    assert '"dayOfWeek"' in text
    assert '"frequency"' not in text
    assert parse_fhir(text, "again") == order


@pytest.mark.parametrize("weekdays", [[], ["Monday"], None])
def test_days_that_are_none_are_not_written(weekdays: list[str] | None):
    with pytest.raises(NoFhir, match=r"schedule\.weekdays"):
        write_fhir(changed(schedule=WEEKLY | {"weekdays": weekdays}), Release.R4)


@pytest.mark.parametrize("pattern", ["nightly", "two_of_three_days"])
def test_a_pattern_without_exact_words_is_not_written(pattern: str):
    with pytest.raises(NoFhir, match=f"schedule.repeat is {pattern}"):
        write_fhir(changed(schedule=GOLDEN["schedule"] | {"repeat": pattern}), Release.R4)


@pytest.mark.parametrize("status", ["cancelled", "superseded"])
def test_an_order_that_is_not_active_is_not_written(status: str):
    with pytest.raises(NoFhir, match=f"status is {status}"):
        write_fhir(changed(status=status), Release.R4)
    assert back(changed(status="active"), Release.R4) == changed(status="active")


def test_every_unit_that_is_written_is_read_as_itself():
    assert {unit: UNITS[code] for unit, code in UCUM_OF.items()} == {unit: unit for unit in UNITS.values()}


# What people write into a field: right, slipped, or absent.
FIGURES = st.sampled_from(
    ["2 g", "2", "2,0 g", "-2 g", "2e3 mg", "02 g", "2.00 g", "8.1 mmol", "16 mEq", "2 G", "NaN g", "2 furlong", "∞ g"]
)
TIMES = st.sampled_from(
    ["2026-12-01T20:00:00Z", "2026-12-01T20:00:00", "2026-12-01", "tonight", "2026-13-01T20:00:00Z"]
)
DAYS = st.sampled_from(["2026-12-01", "2026-12-32", "1.12.2026", "2026-12"])
HOURS = st.sampled_from(["20:00", "8:00", "24:00", "20:00:00"])
WORDS = st.sampled_from(["sc", "iv", "SC", "intrathecal", "home", "x", "none", "2 g", "urn:a|b", "µ"])
ANSWERS = st.sampled_from([True, False, None])


def maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


def some(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({key: maybe(values) for key, values in fields.items()})


ANY_ORDER = st.fixed_dictionaries(
    {
        "authored_at": maybe(TIMES),
        "valid_from": maybe(TIMES),
        "patient": some(age=st.just("46 y") | FIGURES, sex=WORDS, weight=st.just("70 kg") | FIGURES).map(
            lambda more: {"id": "patient-0001"} | more
        ),
        "product": st.fixed_dictionaries({"drug": st.just("magnesium_sulfate"), "basis": maybe(WORDS)}),
        "route": maybe(WORDS),
        "site": maybe(WORDS),
        "care_area": maybe(WORDS),
        "indication": some(condition=WORDS, severe_and_symptomatic=ANSWERS, emergency_event=WORDS),
        "phases": some(
            kind=WORDS,
            dose=FIGURES,
            volume=st.just("100 mL") | FIGURES,
            duration=st.just("10 h") | st.just("2 d") | FIGURES,
            flow=st.just("10 mL/h") | FIGURES,
            bag=some(content=FIGURES, final_volume=st.just("100 mL") | FIGURES, diluent=WORDS).map(
                lambda bag: {} if bag is None else bag
            ),
        ).map(lambda phase: [phase | {"bag": phase["bag"] or {}}]),
        "observations": maybe(
            st.lists(
                st.fixed_dictionaries(
                    {
                        "kind": st.sampled_from(["heart_rate", "urine", "patellar_reflex"]),
                        "value": maybe(st.just("72 /min") | FIGURES),
                        "at": maybe(TIMES),
                    }
                ),
                max_size=3,
            )
        ),
        "medicines": maybe(st.lists(st.fixed_dictionaries({"name": WORDS, "kind": maybe(WORDS)}), max_size=2)),
        "schedule": some(local_time=HOURS, time_zone=WORDS, first_date=DAYS, last_date=DAYS).map(
            lambda more: {"repeat": "daily"} | more
        ),
        "assessment": some(seizures=ANSWERS, dialysis=ANSWERS, volume_status=WORDS),
        "reviews": some(consent=ANSWERS, wasting_drugs=st.lists(WORDS, max_size=3)),
        "other_magnesium": some(oral=ANSWERS, parenteral=st.lists(some(dose=FIGURES, start=TIMES), max_size=2)),
        "results": st.lists(
            some(value=st.just("0.45 mmol/L") | FIGURES, at=TIMES).map(lambda more: {"kind": "magnesium"} | more),
            max_size=3,
        ),
    }
)


@settings(max_examples=150, deadline=None)
@given(content=ANY_ORDER, release=st.sampled_from(list(Release)))
def test_any_order_comes_back_the_same_or_is_not_written(content: dict[str, Any], release: Release):
    order = changed(**content)
    assert written_and_read(order, release) in (order, None)


def written_and_read(order: Order, release: Release) -> Order | None:
    try:
        text = write_fhir(order, release)
    except NoFhir:
        return None
    return parse_fhir(text, "again")


def changed(**changes: Any) -> Order:  # noqa: ANN401 - any JSON
    return parse_order(json.dumps(GOLDEN | changes), "test")
