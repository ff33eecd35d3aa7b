"""What fhir.resources takes although it is wrong: it takes each of these, and the intake does not.

A case that the library begins to refuse fails here, so that the list stays true.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.intake.messages import (
    RELEASES,
    Tree,
    amount,
    coded,
    dosage,
    drug,
    golden,
    hard,
    library_accepts,
    observation,
    quantity,
    read,
    refusal,
    repeat,
    request,
    resource,
)

ONCE = {"frequency": 1, "period": 1, "periodUnit": "d"}
SNOMED = "http://snomed.info/sct"

Change = Callable[[Tree], Any]


def rate_quantity(value: object, code: str = "mL/h") -> Change:
    def change(tree: Tree) -> None:
        del amount(tree)["rateRatio"]
        amount(tree)["rateQuantity"] = quantity(value, code)

    return change


# name, change, what the refusal must say: the element's path first
SHAPES: list[tuple[str, Change, str]] = [
    ("status banana", lambda t: request(t).update(status="banana"), "Bundle.entry[0].resource.status: is 'banana'"),
    ("status completed", lambda t: request(t).update(status="completed"), "status: is 'completed'; only active"),
    ("intent plan", lambda t: request(t).update(intent="plan"), "intent: is 'plan'; only order"),
    ("intent proposal", lambda t: request(t).update(intent="proposal"), "intent: is 'proposal'; only order"),
    ("value as a string", lambda t: amount(t)["doseQuantity"].update(value="2"), "doseQuantity.value: must be a JSON"),
    ("route code 0", lambda t: dosage(t).update(route=coded(SNOMED, "0")), "route.coding[0].code: '0' is not a route"),
    ("periodUnit day", lambda t: repeat(t).update(ONCE | {"periodUnit": "day"}), "periodUnit: is 'day'; only d"),
    ("durationUnit hours", lambda t: repeat(t).update(durationUnit="hours"), "repeat.duration: needs a number"),
    ("twice a day", lambda t: repeat(t).update(ONCE | {"frequency": 2}), "repeat.frequency: is not 1"),
    ("every other day", lambda t: repeat(t).update(ONCE | {"period": 2}), "repeat.period: is not 1"),
    ("up to twice", lambda t: repeat(t).update(ONCE | {"frequencyMax": 2}), "repeat.frequencyMax: has no place"),
    ("day of the week moon", lambda t: repeat(t).update(dayOfWeek=["moon"]), "dayOfWeek[0]: is 'moon'; only mon"),
    (
        "days of the week and a frequency",
        lambda t: repeat(t).update(ONCE | {"dayOfWeek": ["mon"]}),
        "repeat.frequency: has no place",
    ),
    ("a count beside the bounds", lambda t: repeat(t).update(count=3), "repeat.count: has no place"),
    ("as needed", lambda t: dosage(t).update(asNeededBoolean=True), "asNeededBoolean: is not false"),
    ("as needed unsaid", lambda t: dosage(t).pop("asNeededBoolean"), "asNeededBoolean: is not false"),
    ("do not perform", lambda t: request(t).update(doNotPerform=True), "doNotPerform: forbids"),
    ("haste", lambda t: request(t).update(priority="stat"), "priority: is 'stat'; only routine"),
    (
        "two instructions",
        lambda t: request(t)["dosageInstruction"].append(dosage(t)),
        "dosageInstruction: has 2 members",
    ),
    ("two amounts", lambda t: dosage(t)["doseAndRate"].append(amount(t)), "doseAndRate: has 2 members"),
    ("two times of day", lambda t: repeat(t)["timeOfDay"].append("08:00:00"), "timeOfDay: has 2 members"),
    ("calculated dose", lambda t: amount(t)["type"]["coding"][0].update(code="calculated"), "'calculated' is not"),
    ("a bound for a value", lambda t: amount(t)["doseQuantity"].update(comparator="<"), "doseQuantity.comparator: "),
    ("unit against code", lambda t: amount(t)["doseQuantity"].update(unit="mg"), "says 'mg' and the code says g"),
    (
        "another drug",
        lambda t: drug(t)["itemCodeableConcept"]["coding"][1].update(code="7052"),
        "is not a drug given here",
    ),
    (
        "two salts",
        lambda t: drug(t)["itemCodeableConcept"]["coding"][1].update(
            system="http://fdasis.nlm.nih.gov", code="ML30MJ2U7I"
        ),
        "names more than one drug or salt",
    ),
    ("drug in words", lambda t: drug(t).update(itemCodeableConcept={"text": "magnesium"}), "not read from words"),
    ("unsaid which is active", lambda t: drug(t).pop("isActive"), "ingredient[0].isActive: is missing"),
    ("no active ingredient", lambda t: drug(t).update(isActive=False), "itemCodeableConcept.text: is missing"),
    (
        "unknown diluent",
        lambda t: resource(t, "Medication")["ingredient"][1]["itemCodeableConcept"].update(text="lactated Ringer"),
        "'lactated Ringer' is not a diluent",
    ),
    (
        "a code of magnesium in urine",
        lambda t: observation(t, "2601-3")["code"]["coding"][0].update(code="19124-7"),
        "'19124-7' is not a measurement",
    ),
    (
        "a filtration rate for a clearance",
        lambda t: observation(t, "2164-2")["code"]["coding"][0].update(code="62238-1"),
        "'62238-1' is not a measurement",
    ),
    (
        "a clearance per body surface",
        lambda t: observation(t, "2164-2")["code"]["coding"][0].update(code="34555-3"),
        "'34555-3' is not a measurement",
    ),
    (
        "mg/dL under a molar code",
        lambda t: observation(t, "2601-3").update(valueQuantity=quantity(1.09, "mg/dL")),
        "'mg/dL' does not suit LOINC 2601-3",
    ),
    (
        "a preliminary result",
        lambda t: observation(t, "2601-3").update(status="preliminary"),
        "status: is 'preliminary'",
    ),
    (
        "a result entered in error",
        lambda t: observation(t, "2601-3").update(status="entered-in-error"),
        "status: is 'entered-in-error'",
    ),
    (
        "a clearance above 90",
        lambda t: observation(t, "2164-2")["valueQuantity"].update(comparator=">"),
        "valueQuantity.comparator: makes the value a bound",
    ),
    (
        "a note on a result",
        lambda t: observation(t, "2823-3").update(note=[{"text": "haemolysed"}]),
        "note: has no place in a native order",
    ),
    ("an order that is noted on", lambda t: request(t).update(note=[{"text": "half rate"}]), "note: has no place"),
    (
        "a Timing code beside it",
        lambda t: dosage(t)["timing"].update(code={"text": "BID"}),
        "timing.code: has no place",
    ),
    (
        "a dose per lifetime",
        lambda t: dosage(t).update(maxDosePerLifetime=quantity(2, "g")),
        "maxDosePerLifetime: has no place",
    ),
]


@pytest.mark.parametrize(("change", "said"), [case[1:] for case in SHAPES], ids=[case[0] for case in SHAPES])
def test_what_the_library_takes_and_cannot_be_mapped(change: Change, said: str):
    tree = golden()
    change(tree)
    assert library_accepts(tree)
    assert said in refusal(tree)


# name, change, the native field, its raw text, the rule that refuses it
VALUES: list[tuple[str, Change, str, str, str]] = [
    ("negative rate", rate_quantity(-10), "flow", "-10 mL/h", "U01"),
    ("zero rate", rate_quantity(0), "flow", "0 mL/h", "U01"),
    ("exponent", rate_quantity(1e30), "flow", "1e+30 mL/h", "U01"),
    ("rate in another dimension", rate_quantity(200, "mg/h"), "flow", "200 mg/h", "U01"),
    ("furlong", rate_quantity(10, "furlong"), "flow", "10 furlong (not a UCUM code in use here)", "U01"),
    (
        "native unit that is no UCUM code",
        rate_quantity(10, "mEq"),
        "flow",
        "10 mEq (not a UCUM code in use here)",
        "U01",
    ),
]


@pytest.mark.parametrize(
    ("change", "field", "text", "rule"), [case[1:] for case in VALUES], ids=[case[0] for case in VALUES]
)
@pytest.mark.parametrize("release", RELEASES)
def test_a_value_goes_through_as_written_and_the_rules_refuse_it(
    release: str, change: Change, field: str, text: str, rule: str
):
    tree = golden(release)
    change(tree)
    drop_form_answers(tree, "phases[0].flow")
    assert library_accepts(tree)
    order = read(tree)
    assert getattr(order.phases[0], field) == text
    assert (rule, text) in hard(order)


def drop_form_answers(tree: Tree, *paths: str) -> None:
    form = resource(tree, "QuestionnaireResponse")
    form["item"] = [one for one in form["item"] if one["linkId"] not in paths]


def test_a_zero_denominator_is_no_duration():
    tree = golden()
    amount(tree)["rateRatio"]["denominator"] = quantity(0, "h")
    assert library_accepts(tree)
    assert "rateRatio.denominator: is 0 h, and Bundle.entry[0].resource.dosageInstruction[0]" in refusal(tree)
    del repeat(tree)["duration"], repeat(tree)["durationUnit"]
    assert ("U01", "0 h") in hard(read(tree))


def test_a_number_alone_is_a_finding():
    tree = golden()
    amount(tree)["doseQuantity"] = {"value": 2}
    assert ("U01", "2") in hard(read(tree))


def test_a_unit_in_words_alone_is_a_finding():
    tree = golden()
    amount(tree)["doseQuantity"] = {"value": 2, "unit": "g"}
    assert ("U01", "2 g (not a UCUM code in use here)") in hard(read(tree))
