"""Rows of the hazard list that an order's content must not get past: one wrong thing each, and its refusal."""

from __future__ import annotations

from typing import Any

import pytest

from pumpctl.core.library import LibraryUnreadable, parse_library
from pumpctl.core.order_text import OrderUnreadable, parse_order
from pumpctl.core.validation import Decision
from pumpctl.shell.library_file import read_library
from tests.core.golden import GOLDEN, blocking, table, verdict


def _hard(changes: dict[str, Any]) -> set[str]:
    return {rule for rule, severity in blocking(verdict(changes)) if severity == "hard"}


@pytest.mark.hazard("H21")
@pytest.mark.parametrize("text", ["2", "2 mL", "2 G", "2g", "2 mEqq"])
def test_a_dose_without_its_unit_or_with_another_dimensions_is_refused(text: str):
    assert "U01" in _hard({"phases.0.dose": text})


@pytest.mark.hazard("H21")
def test_sixteen_grams_for_sixteen_milliequivalents_is_refused():
    assert _hard({"phases.0.dose": "16 g"})


@pytest.mark.hazard("H23")
@pytest.mark.parametrize("route", [None, "", "iv", "im", "SC", "subcutaneous"])
def test_a_route_is_stated_and_the_set_of_another_is_never_taken(route: str | None):
    assert "U05" in _hard({"route": route})


@pytest.mark.hazard("H23")
@pytest.mark.parametrize("kind", ["loading", "continuous", "intermittent", "emergency"])
def test_a_subcutaneous_order_never_has_an_intravenous_phase(kind: str):
    assert "U05" in _hard({"phases.0.kind": kind})


@pytest.mark.hazard("H26")
def test_a_drug_that_the_library_does_not_have_is_refused():
    assert verdict({"product.drug": "morphine_sulfate"}).decision is Decision.REFUSED
    assert verdict({"product.drug": None}).decision is Decision.REFUSED


@pytest.mark.hazard("H26")
def test_a_library_that_lacks_a_limit_or_is_cut_short_is_refused_as_a_whole():
    with pytest.raises(LibraryUnreadable):
        parse_library(b'format = 1\ndrug = "magnesium_sulfate"\n')
    assert len(read_library().content_hash) == 64


@pytest.mark.hazard("H27")
@pytest.mark.parametrize(
    "number", ["NaN", "inf", "-2", "1e309", "1e1", "1,5", "0x2", "+2", "2.", ".5", "0", "1234567890123", "\uff12"]
)
def test_what_is_no_plain_decimal_number_is_refused(number: str):
    assert "U01" in _hard({"phases.0.dose": f"{number} g"})


@pytest.mark.hazard("H27")
@pytest.mark.parametrize("number", ["NaN", "1e309", "-Infinity"])
def test_a_number_where_a_text_belongs_is_no_order(number: str):
    with pytest.raises(OrderUnreadable):
        parse_order(f'{{"format": 1, "order_id": "a", "version": {number}}}', "test")


@pytest.mark.hazard("H28")
@pytest.mark.parametrize(
    "changes", [{"phases.0.flow": "10.2 mL/h"}, {"phases.0.duration": "9.8 h"}, {"phases.0.volume": "102 mL"}]
)
def test_flow_times_duration_that_is_not_the_volume_is_refused(changes: dict[str, Any]):
    assert "U02" in _hard(changes)


@pytest.mark.hazard("H35")
def test_a_kidney_that_nobody_measured_is_no_sound_one():
    results = [each for each in table()["results"] if each["kind"] != "creatinine_clearance"]
    assert "Q03" in _hard({"results": results})


@pytest.mark.hazard("H35")
@pytest.mark.parametrize(("clearance", "refused"), [("20 mL/min", True), ("20.1 mL/min", False)])
def test_a_failing_kidney_is_refused_for_every_route(clearance: str, refused: bool):
    results = table()["results"]
    index = next(i for i, each in enumerate(results) if each["kind"] == "creatinine_clearance")
    assert ("Q01" in _hard({f"results.{index}.value": clearance})) is refused


@pytest.mark.hazard("H36")
@pytest.mark.parametrize(
    ("field", "rule"),
    [("heart_block", "L05"), ("myocardial_damage", "L05"), ("myasthenia", "L05b"), ("pregnant", "L08")],
)
def test_a_contraindication_is_refused(field: str, rule: str):
    assert rule in _hard({f"assessment.{field}": True})


@pytest.mark.hazard("H36")
def test_a_course_without_an_end_or_beyond_thirty_five_days_is_refused():
    assert "U07" in _hard({"valid_until": None})
    assert "U07" in _hard({"valid_until": "2027-03-01T00:00:00Z", "schedule.last_date": "2027-02-01"})
    assert GOLDEN["valid_until"]
