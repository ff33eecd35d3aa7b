"""Figures, times and places of a message that disagree with one another, or that the rules have to judge."""

from __future__ import annotations

import pytest

from tests.intake.messages import (
    RELEASES,
    Tree,
    dosage,
    drug,
    golden,
    hard,
    observation,
    quantity,
    read,
    refusal,
    repeat,
    request,
    without_item,
)


@pytest.mark.parametrize(
    ("most", "why"),
    [
        (quantity(1.9, "g"), "maxDosePerAdministration: 1.9 g is below the dose, 2 g"),
        (quantity(9, "mmol"), "9 mmol cannot be compared with the dose, 2 g"),
    ],
)
def test_a_maximum_against_the_dose(most: Tree, why: str):
    tree = golden()
    dosage(tree)["maxDosePerAdministration"] = most
    assert why in refusal(tree)


@pytest.mark.parametrize("release", RELEASES)
def test_a_maximum_per_day(release: str):
    tree = golden(release)
    ratio = {"numerator": quantity(2, "g"), "denominator": quantity(24, "h")}
    dosage(tree)["maxDosePerPeriod"] = ratio if release == "r4" else [ratio]
    assert read(tree) == read(golden(release))
    ratio["numerator"] = quantity(1999, "mg")
    assert "1999 mg is below the dose, 2 g" in refusal(tree)
    ratio |= {"numerator": quantity(2, "g"), "denominator": quantity(12, "h")}
    assert "denominator: is 12 h" in refusal(tree)


def test_a_strength_per_millilitre_is_no_bag():
    tree = golden()
    drug(tree)["strength"] = {"numerator": quantity(20, "mg"), "denominator": quantity(1, "mL")}
    assert "strength.denominator: is less than the volume to infuse" in refusal(tree)


def test_a_strength_that_disagrees_with_the_dose_is_a_finding():
    tree = golden()
    drug(tree)["strength"]["numerator"] = quantity(4, "g")
    assert "U02" in {rule for rule, _ in hard(read(tree))}


def test_a_rate_over_another_time_than_the_duration():
    tree = golden()
    repeat(tree)["duration"] = 5
    assert "rateRatio.denominator: is 10 h, and Bundle" in refusal(tree)
    repeat(tree).update(duration=600, durationUnit="min")
    assert read(tree).phases[0].duration == "600 min"


def test_once_a_day_beside_a_time_of_day_says_the_same():
    tree = golden()
    repeat(tree).update(frequency=1, period=1, periodUnit="d")
    assert read(tree) == read(golden())
    del repeat(tree)["timeOfDay"]
    assert ("T02", "is not a time of day like 20:00") in hard(read(tree))


def test_neither_a_time_nor_a_frequency_is_no_schedule():
    tree = golden()
    del repeat(tree)["timeOfDay"]
    assert "repeat.frequency: is not 1" in refusal(tree)


def test_a_category_against_the_care_area():
    tree = golden()
    request(tree)["category"][0]["coding"][0]["code"] = "inpatient"
    assert "category[0].coding[0].code: is 'inpatient', and the care area is home" in refusal(tree)


def test_a_day_instead_of_a_time_is_a_finding():
    tree = golden()
    observation(tree, "2601-3")["effectiveDateTime"] = "2026-11-30"
    assert ("T02", "2026-11-30") in hard(read(tree))


@pytest.mark.parametrize("release", RELEASES)
def test_a_time_without_its_offset(release: str):
    tree = golden(release)
    observation(tree, "2601-3")["effectiveDateTime"] = "2026-11-30T15:00:00"
    assert "resource.effectiveDateTime: is no FHIR time; a time of day needs its seconds and a UTC offset" in refusal(
        tree
    )


@pytest.mark.parametrize("gone", ["Observation", "QuestionnaireResponse"])
def test_what_is_missing_is_left_to_the_rules(gone: str):
    tree = golden()
    tree["entry"] = [entry for entry in tree["entry"] if entry["resource"]["resourceType"] != gone]
    assert hard(read(tree))


def test_an_order_form_must_say_its_version():
    assert "missing (version)" in refusal(without_item(golden(), "version"))
