"""What the intake refuses of its own: whom it is about, what points where, what is said twice or not meant for us."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest

from tests.intake.messages import (
    RELEASES,
    Tree,
    added,
    amount,
    coded,
    dosage,
    drug,
    golden,
    hard,
    item,
    observation,
    quantity,
    read,
    refusal,
    repeat,
    request,
    resource,
    without_item,
)

EVERY_KIND = ("MedicationRequest", "Medication", "Patient", "Observation", "Condition", "QuestionnaireResponse")


@pytest.mark.parametrize("kind", EVERY_KIND)
@pytest.mark.parametrize(
    ("key", "content", "why"),
    [
        ("modifierExtension", [{"url": "urn:x", "valueBoolean": True}], "changes the meaning of what it stands in"),
        ("extension", [{"url": "urn:x", "valueBoolean": True}], "an extension that is not understood"),
        ("implicitRules", "urn:rules", "under rules that are not known here"),
    ],
)
def test_an_extension_that_is_not_understood(kind: str, key: str, content: object, why: str):
    tree = golden()
    resource(tree, kind)[key] = content
    said = refusal(tree)
    assert f"].resource.{key}: {why}" in said or f"].resource.{key}: puts the message {why}" in said


@pytest.mark.parametrize("find", [dosage, amount, repeat, drug, lambda tree: amount(tree)["doseQuantity"]])
def test_an_extension_deep_inside(find: Callable[[Tree], Tree]):
    tree = golden()
    find(tree)["extension"] = [{"url": "urn:x", "valueBoolean": True}]
    assert "extension: an extension that is not understood" in refusal(tree)


def test_a_modifier_extension_of_the_dosage():
    tree = golden()
    dosage(tree)["modifierExtension"] = [{"url": "urn:x", "valueBoolean": True}]
    assert "dosageInstruction[0].modifierExtension: changes the meaning" in refusal(tree)


def test_an_extension_of_a_primitive():
    tree = golden()
    request(tree)["_status"] = {"extension": [{"url": "urn:x", "valueBoolean": True}]}
    assert "_status: an extension that is not understood" in refusal(tree)


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("name", ["#bag", "Medication/bag-2", "https://ehr.example/Medication/bag", "urn:uuid:0"])
def test_a_reference_that_does_not_resolve(release: str, name: str):
    tree = golden(release)
    place = request(tree)
    reference = place["medicationReference"] if release == "r4" else place["medication"]["reference"]
    reference["reference"] = name
    assert f"reference: '{name}' is not in this message; put the resource into the Bundle" in refusal(tree)


def test_a_reference_by_type_and_id_resolves():
    tree = golden()
    request(tree)["medicationReference"] = {"reference": "Medication/bag"}
    assert read(tree) == read(golden())


def test_a_reference_to_the_wrong_kind():
    tree = golden()
    request(tree)["medicationReference"] = {"reference": "Patient/patient"}
    assert "points at a Patient, not at a Medication" in refusal(tree)


def test_a_contained_medication_resolves():
    tree = golden()
    bag = resource(tree, "Medication")
    tree["entry"] = [entry for entry in tree["entry"] if entry["resource"] is not bag]
    request(tree).update(contained=[bag], medicationReference={"reference": "#bag"})
    assert read(tree) == read(golden())


def test_two_resources_of_one_name():
    tree = golden()
    bag = resource(tree, "Medication")
    assert "also names" in refusal(added(tree, **bag))


def test_a_medication_that_nothing_refers_to():
    tree = golden()
    other = copy.deepcopy(resource(tree, "Medication"))
    other["id"] = "another-bag"
    said = refusal(added(tree, **other))
    assert "has no place" in said or "no reference of the order leads to this Medication" in said


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


def test_two_orders_in_a_message():
    tree = golden()
    second = copy.deepcopy(request(tree))
    second["id"] = "second"
    assert "Bundle: holds 2 MedicationRequests" in refusal(added(tree, **second))


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


def test_a_resource_that_is_not_read():
    said = refusal(added(golden(), resourceType="AllergyIntolerance", patient={"display": "x"}))
    assert "'AllergyIntolerance' has no place in a native order" in said


def test_a_bundle_that_is_no_collection():
    tree = golden()
    tree["type"] = "searchset"
    assert "Bundle.type: is 'searchset'; only collection can be mapped" in refusal(tree)


def test_a_tag_that_may_say_incomplete():
    tree = golden()
    request(tree)["meta"] = {"tag": [{"code": "SUBSETTED"}]}
    assert "meta.tag: has no place" in refusal(tree)


def test_a_narrative_that_says_more_than_the_elements():
    tree = golden()
    request(tree)["text"] = {"status": "additional", "div": '<div xmlns="http://www.w3.org/1999/xhtml">x</div>'}
    assert "text.status: is 'additional'" in refusal(tree)


def test_an_answer_that_an_element_gives_already():
    tree = golden()
    item(tree, "phases[0].flow")["linkId"] = "phases[0].dose"
    assert "phases[0].dose is also given by Bundle.entry[0].resource.dosageInstruction[0]" in refusal(tree)


def test_a_condition_and_an_answer_on_the_same_question():
    tree = golden()
    resource(tree, "Condition")["code"] = coded("http://snomed.info/sct", "91637004")
    assert "assessment.myasthenia is also given by" in refusal(tree)


def test_an_answer_given_twice():
    tree = golden()
    form = resource(tree, "QuestionnaireResponse")
    form["item"].append(copy.deepcopy(item(tree, "care_area")))
    assert "care_area is also given by" in refusal(tree)


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("assessment.dialisis", "no such entry in a native order (assessment.dialisis)"),
        ("Phases[0].kind", "is not a path of a native order"),
        ("phases[0]", "phases[0] is answered as a whole and in parts"),
        ("route.code", "route.code goes into an answer"),
        ("phases[2].kind", "the members of phases are not numbered 0, 1, 2"),
    ],
)
def test_a_link_id_that_is_no_path(path: str, why: str):
    tree = golden()
    item(tree, "assessment.dialysis")["linkId"] = path
    assert why in refusal(tree)


def test_an_answer_of_the_wrong_type_names_its_place():
    tree = golden()
    item(tree, "assessment.dialysis")["answer"] = [{"valueString": "no"}]
    said = refusal(tree)
    assert "Bundle.entry[" in said
    assert "(assessment.dialysis)" in said


@pytest.mark.parametrize(
    ("clinical", "verification", "why"),
    [
        ("inactive", "confirmed", "'inactive' is not a condition that holds now"),
        ("active", "unconfirmed", "'unconfirmed' is not a verification"),
        ("active", "provisional", "'provisional' is not a verification"),
        ("active", "refuted", "stands beside refuted"),
        ("active", None, "verificationStatus: is missing"),
        (None, "confirmed", "clinicalStatus: is missing"),
    ],
)
def test_a_condition_between_yes_and_no(clinical: str | None, verification: str | None, why: str):
    tree = golden()
    condition = resource(tree, "Condition")
    for key, system, code in (
        ("clinicalStatus", "condition-clinical", clinical),
        ("verificationStatus", "condition-ver-status", verification),
    ):
        del condition[key]
        if code is not None:
            condition[key] = coded(f"http://terminology.hl7.org/CodeSystem/{system}", code)
    assert why in refusal(tree)


def test_a_refuted_condition_is_a_no_and_none_at_all_is_no_answer():
    tree = golden()
    condition = resource(tree, "Condition")
    del condition["clinicalStatus"]
    condition["verificationStatus"]["coding"][0]["code"] = "refuted"
    assert read(tree).assessment.seizures is False
    tree["entry"] = [entry for entry in tree["entry"] if entry["resource"] is not condition]
    assert read(tree).assessment.seizures is None


def test_a_narrower_condition_is_not_guessed():
    tree = golden()
    resource(tree, "Condition")["code"] = coded("http://snomed.info/sct", "27885002")  # complete heart block
    assert "'27885002' is not a condition that can be mapped" in refusal(tree)


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
