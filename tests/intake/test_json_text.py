"""JSON as it was written: numbers keep their digits, and nothing is read in two ways."""

from __future__ import annotations

from decimal import Decimal

import pytest

from pumpctl.intake.fhir.json_text import (
    MAX_BYTES,
    MAX_DEPTH,
    MAX_NUMBER_LENGTH,
    NotJson,
    Number,
    as_written,
    read_tree,
    write_tree,
)


@pytest.mark.parametrize("digits", ["2", "2.50", "0.1", "-10", "1e2", "0.30000000000000004", "9" * MAX_NUMBER_LENGTH])
def test_a_number_stays_as_it_was_written(digits: str):
    tree = read_tree(f'{{"value": {digits}}}')
    assert tree == {"value": Number(digits)}
    assert write_tree(tree) == f'{{\n  "value": {digits}\n}}'


def test_no_number_is_a_float():
    assert as_written(Number("0.1")) == Decimal("0.1")
    assert as_written(Number("1e2")) == Decimal(100)
    assert type(as_written(Number("2"))) is int


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"value": 2, "value": 20}', "'value' is given twice"),
        ('{"a": {"b": [{"value": 2, "value": 20}]}}', "'value' is given twice"),
        ('{"value": NaN}', "NaN is not a number"),
        ('{"value": -Infinity}', "-Infinity is not a number"),
        ('{"value": 1e10000}', "is not one of an order"),
        (f'{{"value": {"9" * (MAX_NUMBER_LENGTH + 1)}}}', "is not one of an order"),
        ("{", "line 1, column 2"),
        ('{"value": 2,}', "line 1, column 13"),
        ("[" * (MAX_DEPTH + 2) + "]" * (MAX_DEPTH + 2), f"nested deeper than {MAX_DEPTH}"),
        ("[" * 100_000, "nested too deeply"),
        (b'{"value": "\xff"}', "byte 11 is not UTF-8"),
        (" " * (MAX_BYTES + 1), f"larger than {MAX_BYTES} bytes"),
    ],
)
def test_what_is_not_read(text: str | bytes, why: str):
    with pytest.raises(NotJson, match=None) as refused:
        read_tree(text)
    assert why in str(refused.value)


def test_the_deepest_that_is_read():
    assert read_tree("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1))


def test_text_is_written_as_it_is():
    tree = {"text": 'über "10" µg', "list": [True, {"a": "b"}]}
    assert read_tree(write_tree(tree)) == tree
