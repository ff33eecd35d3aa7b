"""Numbers as people read them: leading zero, no trailing zero, and a break of a limit is visible."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumpctl.core.figures import figure, figure_against
from pumpctl.core.units import Count, DoseRate, FlowRate, Mass, Quantity, Volume


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (DoseRate(200_000), "mg/min", "3.33 mg/min"),
        (FlowRate(10_000), "mL/h", "10 mL/h"),
        (FlowRate(10_400), "mL/h", "10.4 mL/h"),
        (FlowRate(100), "mL/h", "0.1 mL/h"),
        (FlowRate(1_200_000), "mL/h", "1200 mL/h"),
        (Volume(0), "mL", "0 mL"),
        (Volume(100_000), "mL", "100 mL"),
        (Mass(500), "g", "0.0005 g"),
        (Mass(2_000_000, 3), "g", "0.667 g"),
        (Mass(1, 30_000), "g", "0.0000000000333 g"),
        (Count(7), "starts", "7 starts"),
    ],
)
def test_figures(value: Quantity, unit: str, shown: str):
    assert figure(value, unit) == shown


def test_a_value_just_over_its_limit_looks_over_it():
    limit = Mass(12 * 246_470)
    assert figure_against(Mass(2_958_000), limit, "mmol") == "12.001 mmol"
    assert figure_against(Mass(12 * 246_470 * 10**9 + 1, 10**9), limit, "mmol") != figure(limit, "mmol")
    assert figure_against(limit, limit, "mmol") == "12 mmol"


@given(st.integers(0, 10**12), st.integers(1, 10**6))
def test_the_form_never_varies(num: int, den: int):
    shown = figure(Mass(num, den), "mg").removesuffix(" mg")
    assert re.fullmatch(r"(0|[1-9][0-9]*)(\.[0-9]*[1-9])?", shown)
