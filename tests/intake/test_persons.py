"""Whom an order is about and who ordered it: one patient, one identity, an age and a sex that are stated."""

from __future__ import annotations

import pytest

from tests.intake.messages import Tree, added, golden, observation, read, refusal, request, resource


def test_several_patients():
    tree = golden()
    assert "is a second Patient" in refusal(
        added(tree, resourceType="Patient", id="other", identifier=[{"value": "x"}])
    )


@pytest.mark.parametrize("kind", ["Observation", "Condition", "QuestionnaireResponse"])
def test_a_resource_about_somebody_else(kind: str):
    tree = golden()
    resource(tree, kind)["subject"] = {"identifier": {"value": "patient-0002"}}
    assert "is about 'patient-0002', the order about 'patient-0001'" in refusal(tree)


@pytest.mark.parametrize("kind", ["Observation", "QuestionnaireResponse"])
def test_a_resource_about_nobody(kind: str):
    tree = golden()
    del resource(tree, kind)["subject"]
    assert ".subject: is missing" in refusal(tree)


def test_two_identifiers_of_a_patient():
    tree = golden()
    resource(tree, "Patient")["identifier"].append({"value": "patient-0002"})
    assert "identifier: has 2 members, one can be mapped" in refusal(tree)


def test_a_system_is_part_of_the_identity():
    tree = golden()
    resource(tree, "Patient")["identifier"][0]["system"] = "urn:hospital:a"
    assert read(tree).patient.id == "urn:hospital:a|patient-0001"


def test_an_identifier_that_could_be_read_as_another():
    tree = golden()
    resource(tree, "Patient")["identifier"][0]["value"] = "urn:hospital:a|patient-0001"
    assert "could name another" in refusal(tree)


@pytest.mark.parametrize(("key", "value"), [("active", False), ("deceasedBoolean", True)])
def test_a_patient_record_not_to_be_used(key: str, value: bool):
    tree = golden()
    resource(tree, "Patient")[key] = value
    assert f"{key}: says that this record is not to be used" in refusal(tree)


def test_the_age_is_counted_at_the_order_s_date():
    for born, age in (("1980-11-30", "46 y"), ("1980-12-01", "45 y")):
        tree = golden()
        weight_and_age(tree)
        resource(tree, "Patient")["birthDate"] = born
        assert read(tree).patient.age == age


@pytest.mark.parametrize("born", ["1980", "1980-11", "2026-12-01"])
def test_a_date_of_birth_that_gives_no_age(born: str):
    tree = golden()
    weight_and_age(tree)
    resource(tree, "Patient")["birthDate"] = born
    assert "do not give an age" in refusal(tree)


def test_an_age_beside_a_date_of_birth():
    tree = golden()
    resource(tree, "Patient")["birthDate"] = "1980-01-01"
    assert "patient.age is also given by" in refusal(tree)


def weight_and_age(tree: Tree) -> None:
    """Take the age away."""
    age = observation(tree, "30525-0")
    tree["entry"] = [entry for entry in tree["entry"] if entry["resource"] is not age]


@pytest.mark.parametrize(("gender", "sex"), [("female", "female"), ("male", "male"), ("unknown", None)])
def test_sex(gender: str, sex: str | None):
    tree = golden()
    resource(tree, "Patient")["gender"] = gender
    assert read(tree).patient.sex == sex


def test_a_sex_that_no_rule_knows():
    tree = golden()
    resource(tree, "Patient")["gender"] = "other"
    assert "gender: is 'other'" in refusal(tree)


def test_a_prescriber_by_reference():
    tree = golden()
    request(tree)["requester"] = {"reference": "Practitioner/p"}
    added(tree, resourceType="Practitioner", id="p", name=[{"text": "nephrologist on duty"}])
    assert read(tree).prescriber == "nephrologist on duty"
    request(tree)["requester"]["display"] = "somebody else"
    assert "or another than the display" in refusal(tree)
