"""Every figure that the model must reproduce, within its tolerance; and the model's page, which shows them."""

from __future__ import annotations

from math import exp

import pytest

from tests.simulator.patient.expected import TOLERANCE, Expected, rows
from tests.simulator.patient.patient_document import PATH, text

ROWS = rows()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.what)
def test_the_model_gives_what_its_specification_states(row: Expected):
    assert row.measured == pytest.approx(row.stated, rel=TOLERANCE)


def test_the_depot_is_exact():
    """R/ka (1 - exp(-10 ka)): where a formula gives the figure, nothing is tolerated."""
    assert ROWS[-1].measured == pytest.approx(0.811 / 0.317 * (1 - exp(-3.17)), rel=1e-7)


def test_the_page_is_up_to_date():
    assert PATH.read_text(encoding="utf-8") == text(), "run python -m tests.simulator.patient.patient_document"
