"""The published FHIR examples are the golden order: the same answers, the same digest, the same verdict."""

from __future__ import annotations

import pytest

from pumpctl.core.validation import Decision
from tests.intake.messages import RELEASES, dosage, golden, native, read, refusal, request, verdict


@pytest.mark.parametrize("release", RELEASES)
def test_the_example_is_the_golden_order(release: str):
    order = read(golden(release))
    assert order == native()
    assert order.digest == native().digest


@pytest.mark.parametrize("release", RELEASES)
def test_the_example_has_the_golden_verdict(release: str):
    found = verdict(read(golden(release)))
    assert found == verdict(native())
    assert found.decision is Decision.NEEDS_OVERRIDE
    assert [one.rule for one in found.findings if one.severity.value == "soft"] == ["Q31"]
    assert not [one for one in found.findings if one.severity.value == "hard"]


def test_each_release_is_told_from_the_other_by_its_own_words():
    assert "medicationReference" in request(golden("r4"))
    assert "medication" in request(golden("r5"))


@pytest.mark.parametrize("release", RELEASES)
def test_a_message_of_one_release_with_an_element_of_the_other(release: str):
    tree = golden(release)
    old, new = ("asNeededBoolean", "asNeeded") if release == "r4" else ("asNeeded", "asNeededBoolean")
    dosage(tree)[new] = dosage(tree).pop(old)
    assert f"dosageInstruction[0].{old}: is not false" in refusal(tree)


def test_a_release_that_shows_nowhere():
    tree = golden()
    del request(tree)["medicationReference"]
    assert "neither medication (R5) nor medicationReference" in refusal(tree)
