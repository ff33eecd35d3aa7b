"""The past as a person writes it down: exact, complete, of the right patient, or refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pumpctl.core.exposure import Certainty, Ledger
from pumpctl.core.history import parse_history
from pumpctl.core.order_text import OrderUnreadable
from pumpctl.core.rules.case import Context
from tests.core.golden import AT, severities, verdict

EXAMPLES = Path(__file__).resolve().parents[2] / "deploy/examples/history"
GIVEN = {
    "route": "sc",
    "start": "2026-11-30T20:00:00Z",
    "end": "2026-12-01T06:00:00Z",
    "dose": "2 g",
    "basis": "heptahydrate",
}


def history(*infusions: dict[str, Any], patient: str = "patient-0001") -> Ledger:
    content = {"format": 1, "patient": patient, "infusions": infusions}
    return parse_history(json.dumps(content), "past.json", "patient-0001")


def refusal(*infusions: dict[str, Any], patient: str = "patient-0001") -> str:
    with pytest.raises(OrderUnreadable) as refused:
        history(*infusions, patient=patient)
    return str(refused.value)


def test_each_infusion_is_a_segment_of_its_most() -> None:
    ledger = history(GIVEN, GIVEN | {"dose": "1 mmol", "basis": None, "uncertain": True})
    assert [(s.most_ug, s.certainty) for s in ledger.segments] == [
        (2_000_000, Certainty.COMMITTED),
        (246_470, Certainty.UNCERTAIN),
    ]
    assert len({s.key for s in ledger.segments}) == 2, "none replaces another"


def test_a_fraction_of_a_microgram_counts_as_a_whole_one() -> None:
    (segment,) = history(GIVEN | {"dose": "1 g", "basis": "anhydrous"}).segments
    assert segment.most_ug == 2_047_604  # 24647/12037 g: 2 047 603.2 ug


@pytest.mark.parametrize(("dose", "expected"), [("3915.28 mg", []), ("3915.281 mg", ["hard"])])
def test_the_cap_of_a_day_counts_it(dose: str, expected: list[str]) -> None:
    """D24: 24 mmol are 5915.28 mg; 2 g of them are to come."""
    past = history(GIVEN | {"dose": dose, "start": "2026-12-01T17:00:00Z", "end": "2026-12-01T18:00:00Z"})
    assert severities(verdict(context=Context(AT, ledger=past)), "D24") == expected


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"dose": "2"}, "infusions[0].dose: 2"),
        ({"dose": "2,0 g"}, "infusions[0].dose"),
        ({"dose": "-2 g"}, "infusions[0].dose"),
        ({"basis": None}, "infusions[0].dose"),
        ({"basis": "sulfate"}, "infusions[0].basis: sulfate is none of heptahydrate"),
        ({"start": "2026-11-30T20:00:00"}, "infusions[0].start"),
        ({"end": "2026-11-30T19:59:59Z"}, "infusions[0].end"),
        ({"route": "im"}, "infusions[0].route"),
        ({"volume": "100 mL"}, "unknown key"),
    ],
)
def test_what_cannot_be_read_is_refused_and_never_left_out(changes: dict[str, Any], words: str) -> None:
    said = refusal(GIVEN | changes)
    assert said.startswith("past.json")
    assert words in said


def test_the_past_of_another_patient_is_refused() -> None:
    assert "patient-0002" in refusal(patient="patient-0002")


@pytest.mark.parametrize("path", sorted(EXAMPLES.iterdir()), ids=lambda path: path.name)
def test_the_examples_can_be_read(path: Path) -> None:
    assert parse_history(path.read_bytes(), path.name, "patient-0001").segments
