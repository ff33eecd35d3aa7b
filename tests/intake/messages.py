"""FHIR messages for the tests: the golden one of each release, with changes.

Refuses to be a second library of orders: a message is the published example with the elements named here changed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pumpctl.core.order import Order
from pumpctl.core.order_text import OrderUnreadable, parse_order
from pumpctl.core.rules.case import Context
from pumpctl.core.validation import Verdict, judge
from pumpctl.intake.fhir.element import Element, FhirRefused
from pumpctl.intake.fhir.json_text import read_tree, write_tree
from pumpctl.intake.fhir.message import release_of
from pumpctl.intake.fhir.reading import parse_fhir
from pumpctl.intake.fhir.structure import check_structure
from pumpctl.shell.library_file import read_library

EXAMPLES = Path(__file__).resolve().parents[2] / "deploy/examples/orders"
AT_UTC_MS = 1_796_148_000_000  # 2026-12-01T18:00:00Z
RELEASES = ("r4", "r5")

Tree = dict[str, Any]


def golden(release: str = "r4") -> Tree:
    tree = read_tree((EXAMPLES / f"golden-home-sc.fhir-{release}.json").read_bytes())
    assert isinstance(tree, dict)
    return tree


def native(name: str = "golden-home-sc.json") -> Order:
    return parse_order((EXAMPLES / name).read_bytes(), name)


def resource(tree: Tree, kind: str, number: int = 0) -> Tree:
    return [entry["resource"] for entry in tree["entry"] if entry["resource"]["resourceType"] == kind][number]


def request(tree: Tree) -> Tree:
    return resource(tree, "MedicationRequest")


def dosage(tree: Tree) -> Tree:
    return request(tree)["dosageInstruction"][0]


def amount(tree: Tree) -> Tree:
    return dosage(tree)["doseAndRate"][0]


def repeat(tree: Tree) -> Tree:
    return dosage(tree)["timing"]["repeat"]


def drug(tree: Tree) -> Tree:
    return resource(tree, "Medication")["ingredient"][0]


def observation(tree: Tree, loinc: str) -> Tree:
    found = [entry["resource"] for entry in tree["entry"] if entry["resource"]["resourceType"] == "Observation"]
    return next(one for one in found if one["code"]["coding"][0]["code"] == loinc)


def item(tree: Tree, path: str) -> Tree:
    return next(one for one in resource(tree, "QuestionnaireResponse")["item"] if one["linkId"] == path)


def without_item(tree: Tree, path: str) -> Tree:
    form = resource(tree, "QuestionnaireResponse")
    form["item"] = [one for one in form["item"] if one["linkId"] != path]
    return tree


def added(tree: Tree, **one: object) -> Tree:
    tree["entry"].append({"resource": one})
    return tree


def quantity(value: object, code: str) -> Tree:
    return {"value": value, "system": "http://unitsofmeasure.org", "code": code}


def coded(system: str, code: str) -> Tree:
    return {"coding": [{"system": system, "code": code}]}


def read(tree: Tree) -> Order:
    return parse_fhir(write_tree(tree), "message")


def refusal(tree: Tree) -> str:
    """What is said to the sender: where, why; what to do."""
    with pytest.raises(OrderUnreadable) as refused:
        read(tree)
    assert refused.value.next_step
    return f"{refused.value}; {refused.value.next_step}"


def library_accepts(tree: Tree) -> bool:
    kind = str(tree["resourceType"])
    message_request = tree if kind == "MedicationRequest" else request(tree)
    again = read_tree(write_tree(tree))
    assert isinstance(again, dict)
    try:
        check_structure(again, kind, release_of(Element("request", message_request)))
    except FhirRefused:
        return False
    return True


def verdict(order: Order) -> Verdict:
    return judge(order, read_library(), Context(AT_UTC_MS))


def hard(order: Order) -> set[tuple[str, str]]:
    """Rule and value of each HARD finding."""
    return {(one.rule, one.value) for one in verdict(order).findings if one.severity.value == "hard"}
