"""A message points to the line where a field stands, or where the part that lacks it begins."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumpctl.core.order_place import MAX_DEPTH, line_of
from tests.core.golden import EXAMPLES

FILES = {name: (EXAMPLES / name).read_text() for name in ("golden-home-sc.json", "golden-home-sc.toml")}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    ("field", "begins"),
    [
        ("phases[0].dose", "dose"),
        ("phases[0].bag.final_volume", "final_volume"),
        ("product.basis", "basis"),
        ("results[3].value", "value"),
        ("valid_from", "valid_from"),
        ("schedule.at", "schedule"),  # not there: its part
        ("assessment.co_infusions", "assessment"),
    ],
)
def test_the_line_of_a_field(name: str, field: str, begins: str):
    line = line_of(FILES[name], field)
    assert line is not None
    assert FILES[name].splitlines()[line - 1].strip(' "[').startswith(begins)


@pytest.mark.parametrize("name", FILES)
def test_each_of_several_results_has_its_own_line(name: str):
    lines = [line_of(FILES[name], f"results[{index}].value") for index in range(5)]
    assert None not in lines
    assert len(set(lines)) == 5
    assert "3.6 mmol/L" in FILES[name].splitlines()[(lines[3] or 0) - 1]


def test_nothing_to_point_to():
    for text in FILES.values():
        assert line_of(text, "colour") is None
    assert line_of("", "dose") is None


def nested(depth: int) -> str:
    """An object, arrays in it until `depth` is reached, and a key behind them on the second line."""
    return f'{{"a": {"[" * (depth - 1)}{"]" * (depth - 1)},\n"dose": 1}}'


def test_what_is_nested_too_deeply_is_not_pointed_into():
    assert line_of(nested(MAX_DEPTH), "dose") == 2
    assert line_of(nested(MAX_DEPTH + 1), "dose") is None
    assert line_of(nested(MAX_DEPTH + 1), "a") == 1  # what comes before it is


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text('ab{}[],:"\\\n', max_size=3), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from("abc"), values, max_size=3), st.sampled_from([None, 1]))
def test_any_json_is_walked(content: dict[str, object], indent: int | None):
    """Each key of the first level is found on its line, whatever stands in the values."""
    text = json.dumps(content, indent=indent)
    for key in content:
        line = line_of(text, key)
        assert line is not None
        assert f'"{key}":' in text.split("\n")[line - 1]


@given(st.text(max_size=60))
def test_no_text_makes_it_raise(text: str):
    line_of(text, "phases[0].dose")
    line_of("{" + text, "phases[0].dose")
