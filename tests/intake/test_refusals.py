"""What the intake refuses of its own: what is not understood, points nowhere, or is said twice."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest

from pumpctl.intake.fhir.message import MAX_ENTRIES
from tests.intake.messages import (
    RELEASES,
    Tree,
    added,
    amount,
    coded,
    dosage,
    drug,
    golden,
    item,
    observation,
    read,
    refusal,
    repeat,
    request,
    resource,
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


def test_a_reference_that_says_another_kind_than_it_leads_to():
    tree = golden()
    resource(tree, "Condition")["subject"]["type"] = "Group"
    assert "subject.type: says Group, and the reference leads to a Patient" in refusal(tree)
    resource(tree, "Condition")["subject"]["type"] = "Patient"
    assert read(tree) == read(golden())


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
    assert "no reference of the order leads to this Medication" in refusal(added(tree, **other))
    request(tree)["supportingInformation"] = [{"reference": "Medication/another-bag"}]
    assert "ingredient: has no place in a native order" in refusal(tree)


def test_two_orders_in_a_message():
    tree = golden()
    second = copy.deepcopy(request(tree))
    second["id"] = "second"
    assert "Bundle: holds 2 MedicationRequests" in refusal(added(tree, **second))


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


def test_two_codes_of_one_system():
    tree = golden()
    code = observation(tree, "2601-3")["code"]
    code["coding"].append({"system": "http://loinc.org", "code": "19123-9"})
    assert "code.coding: has several codes of http://loinc.org" in refusal(tree)
    code["coding"] = [{"system": "urn:laboratory", "code": "MG"}]
    assert "code.coding: has no code of http://loinc.org" in refusal(tree)


def test_a_translation_beside_the_code_is_passed_over():
    tree = golden()
    observation(tree, "2601-3")["code"]["coding"].append({"system": "urn:laboratory", "code": "MG"})
    assert read(tree) == read(golden())


@pytest.mark.parametrize("release", RELEASES)
def test_a_product_of_another_salt_than_its_ingredient(release: str):
    tree = golden(release)
    bag = resource(tree, "Medication")
    bag["code"] = coded("http://fdasis.nlm.nih.gov", "ML30MJ2U7I")
    assert "code: names another salt than Bundle.entry[1].resource.ingredient[0].item" in refusal(tree)
    bag["code"] = coded("http://www.nlm.nih.gov/research/umls/rxnorm", "6585")
    assert read(tree) == read(golden(release))


def test_two_active_ingredients():
    tree = golden()
    resource(tree, "Medication")["ingredient"].append(copy.deepcopy(drug(tree)))
    assert "ingredient: has 2 active members" in refusal(tree)


def test_more_entries_than_an_order_has():
    tree = golden()
    tree["entry"] += [{"resource": {"resourceType": "Observation"}}] * (MAX_ENTRIES + 1 - len(tree["entry"]))
    assert f"Bundle.entry: has more than {MAX_ENTRIES} members" in refusal(tree)


@pytest.mark.parametrize("status", ["in-progress", "entered-in-error", "stopped"])
def test_a_form_that_is_not_completed(status: str):
    tree = golden()
    resource(tree, "QuestionnaireResponse")["status"] = status
    assert f"status: is '{status}'; only completed or amended" in refusal(tree)


def test_a_form_of_another_questionnaire():
    tree = golden()
    resource(tree, "QuestionnaireResponse")["questionnaire"] = "urn:pumpctl:order-form:2"
    assert "questionnaire: is 'urn:pumpctl:order-form:2'" in refusal(tree)


@pytest.mark.parametrize("answer", [{"valueBoolean": False, "valueString": "no"}, {"valueDecimal": 1}])
def test_an_answer_of_several_kinds_or_of_none_that_is_read(answer: Tree):
    tree = golden()
    item(tree, "assessment.dialysis")["answer"] = [answer]
    assert "has none or several of valueBoolean" in refusal(tree)


def test_two_answers_to_one_question():
    tree = golden()
    item(tree, "assessment.dialysis")["answer"] = [{"valueBoolean": False}, {"valueBoolean": True}]
    assert "answer: has 2 members" in refusal(tree)


def test_several_instants():
    tree = golden()
    dosage(tree)["timing"] = {"event": ["2026-12-01T20:00:00Z", "2026-12-02T20:00:00Z"]}
    assert "timing.event: has 2 members" in refusal(tree)


def test_a_narrower_condition_is_not_guessed():
    tree = golden()
    resource(tree, "Condition")["code"] = coded("http://snomed.info/sct", "27885002")  # complete heart block
    assert "'27885002' is not a condition that can be mapped" in refusal(tree)
