"""Which reader an order file gets, and what that costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

from pumpctl.core.order_text import OrderUnreadable
from pumpctl.intake.order_file import is_fhir, parse_any_order
from tests.intake.messages import EXAMPLES, native


@pytest.mark.parametrize(
    "name",
    ["golden-home-sc.json", "golden-home-sc.toml", "golden-home-sc.fhir-r4.json", "golden-home-sc.fhir-r5.json"],
)
def test_every_format_of_the_golden_order(name: str):
    content = (EXAMPLES / name).read_bytes()
    assert is_fhir(content) is (".fhir-" in name)
    assert parse_any_order(content, name) == parse_any_order(content.decode(), name) == native()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"resourceType": "Patient"}', "o.json: Patient.resourceType: is 'Patient'; an order comes as"),
        ('{"resourceType": 2}', "o.json: the resource.resourceType: must be text, not the number 2"),
        ('{"resourceType": "Bundle", "type": "collection"}', "o.json: Bundle: holds 0 MedicationRequests"),
        ('{"resourceType": "Bundle", "resourceType": "Bundle"}', "o.json: not JSON: key 'resourceType' is given twice"),
        ('{"resourceType": "Bundle"', "o.json: not JSON: line 1, column 26"),
    ],
)
def test_a_file_that_is_meant_as_fhir_gets_a_refusal_in_its_words(text: str, why: str):
    with pytest.raises(OrderUnreadable) as refused:
        parse_any_order(text, "o.json")
    assert why in str(refused.value)


def test_a_native_order_pays_nothing_for_fhir():
    program = (
        "import sys; from pathlib import Path; from pumpctl.intake.order_file import parse_any_order; "
        f"parse_any_order(Path({str(EXAMPLES / 'golden-home-sc.json')!r}).read_bytes(), 'o'); "
        "print(sorted(name for name in sys.modules if name.split('.')[0] == 'fhir' or 'intake.fhir' in name))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(("release", "module"), [("r4", "fhir.resources.R4B.bundle"), ("r5", "fhir.resources.bundle")])
def test_without_the_extra_the_line_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, release: str, module: str):
    name = f"golden-home-sc.fhir-{release}.json"
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(OrderUnreadable, match="needs the extra of that name, which is not installed") as refused:
        parse_any_order((EXAMPLES / name).read_bytes(), name)
    assert refused.value.next_step == "pip install 'fhir.resources>=8.3,<9'"
