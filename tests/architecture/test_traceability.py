"""Every hazard has a control that exists and a test that carries its marker, or a reason why it has none."""

from __future__ import annotations

from tests.hazards import HAZARDS, UNCOVERED
from tests.traceability import PAGE, ROOT, controls_of, marked_tests, page

TRUST = {"H72", "H73", "H74", "H75", "H76", "H77"}


def test_the_page_says_nothing_that_the_markers_do_not():
    """A marked test that came since is no lie of the page; one that went, or a row that changed, is."""
    written, now = PAGE.read_text(encoding="utf-8").splitlines(), page().splitlines()
    assert len(written) == len(now), "run python -m tests.traceability"
    for old, new in zip(written, now, strict=True):
        *row, tests = old.rsplit(" | ", 1)
        *row_now, tests_now = new.rsplit(" | ", 1)
        assert row == row_now, "run python -m tests.traceability"
        assert set(_named(tests)) <= set(_named(tests_now)), "run python -m tests.traceability"
        assert bool(_named(tests)) == bool(_named(tests_now)), "run python -m tests.traceability"


def _named(column: str) -> list[str]:
    return [each for each in column.split("`") if each.endswith(".py")]


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
