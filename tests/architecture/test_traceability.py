"""Every hazard has a control that exists and a test that carries its marker, or a reason why it has none."""

from __future__ import annotations

from tests.hazards import HAZARDS, UNCOVERED
from tests.traceability import PAGE, ROOT, controls_of, marked_tests, page

TRUST = {"H72", "H73", "H74", "H75", "H76", "H77"}


def test_the_page_is_what_the_markers_say():
    assert PAGE.read_text(encoding="utf-8") == page(), "run python -m tests.traceability"


def test_there_are_seventy_eight_rows_and_no_marker_of_another():
    ids = [hazard.id for hazard in HAZARDS]
    assert ids == [f"H{number:02d}" for number in range(1, 79)]
    assert set(marked_tests()) <= set(ids)


def test_every_control_stands_where_the_table_says():
    missing = [path for hazard in HAZARDS for path in controls_of(hazard) if not (ROOT / path).is_file()]
    assert missing == []


def test_what_has_no_test_is_named_with_its_reason_and_nothing_else_is():
    without = {hazard.id for hazard in HAZARDS} - set(marked_tests())
    assert without == set(UNCOVERED)
    assert len(without) <= 12
    assert not [h.id for h in HAZARDS if h.priority == "high" and h.id in without and h.id not in TRUST]
