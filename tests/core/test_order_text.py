"""What is not an order never gets as far as the rules; what is one has one digest however it is laid out."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumpctl.core.order import Order, Part
from pumpctl.core.order_text import MAX_BYTES, OrderUnreadable, parse_order
from tests.core.golden import EXAMPLES, GOLDEN, order, table

TEXT = json.dumps(GOLDEN, indent=1)
GOLDEN_DIGEST = "cc29b855340b3f01"


def refusal(text: str | bytes) -> OrderUnreadable:
    with pytest.raises(OrderUnreadable) as caught:
        parse_order(text, "o.json")
    message = str(caught.value)
    assert message.startswith("o.json")
    assert "\n" not in message
    assert caught.value.next_step
    return caught.value


@pytest.mark.parametrize(
    ("old", "new", "hint"),
    [
        ('"dose": "2 g"', '"dose": 2', "phases[0].dose (line"),
        ('"dose": "2 g"', '"dose": 2.0', "text in quotes"),
        ('"dose": "2 g"', '"dose": ["2 g"]', "text in quotes"),
        ('"dose": "2 g"', '"dosis": "2 g"', "phases[0].dosis (line"),
        ('"dose": "2 g"', '"dose": "2 g", "dose": "20 g"', "given twice"),
        ('"dose": "2 g"', '"dose": "2 g", "do\\u0073e": "20 g"', "given twice"),
        ('"dose": "2 g"', '"dose": NaN', "NaN"),
        ('"dose": "2 g"', '"dose": Infinity', "Infinity"),
        ('"dose": "2 g"', '"dose": "2\\u0000 g"', "control"),
        ('"dose": "2 g"', '"dose": "\\u202e2 g"', "control"),
        ('"dose": "2 g"', '"dose": "\\ud800"', "phases[0].dose"),
        ('"dose": "2 g"', '"dose": "2 g",', "not JSON"),
        ('"heart_block": false', '"heart_block": "no"', "true or false"),
        ('"heart_block": false', '"heart_block": 0', "true or false"),
        ('"version": 1', '"version": "1"', "version"),
        ('"version": 1', '"version": 1.0', "version"),
        ('"version": 1', '"version": 0', "version"),
        ('"version": 1', '"version": 1' + "0" * 5000, "o.json"),
        ('"format": 1', '"format": 2', "format"),
        ('"repeat": "daily"', '"repeat": "hourly"', "schedule.repeat"),
        ('"kind": "potassium"', '"kind": "sodium"', "results[3].kind"),
        ('"id": "patient-0001"', '"id": ""', "patient.id"),
        ('"id": "patient-0001"', '"id": " x"', "patient.id"),
        ('"prescriber": "nephrologist on duty"', '"prescriber": null', "prescriber"),
    ],
)
def test_not_an_order(old: str, new: str, hint: str):
    assert TEXT.count(old) >= 1
    assert hint in str(refusal(TEXT.replace(old, new, 1)))


def test_the_line_is_named():
    text = TEXT.replace('"site"', '"cite"')
    line = next(number for number, row in enumerate(text.splitlines(), 1) if '"cite"' in row)
    assert f"cite (line {line}): unknown key" in str(refusal(text))
    broken = TEXT.replace('"site":', '"site"', 1)
    line = next(number for number, row in enumerate(broken.splitlines(), 1) if '"site"' in row)
    assert f"line {line}" in str(refusal(broken))


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\xff\xfe",
        b"\x00\x01\x02",
        b"\x7fELF\x02\x01",
        "\ufeff" + TEXT,
        "[]",
        "null",
        "{}",
        "{",
        '{"a":' * 5000,
        '{"a":' * 200_000,  # Python 3.13 reads the former to its end, where a value is missing
        "[" * 5000,
        "a = " + "[" * 5000,
        "x" * (MAX_BYTES + 1),
        "format = 1",
        "format = 1\nformat = 1",
        "format = 1" + "0" * 4300,
        "at = 2026-12-01T18:00:00Z",
        "just words",
    ],
)
def test_rubbish(text: str | bytes):
    refusal(text)


STATEMENTS = [
    line.strip().rstrip(",") for line in TEXT.splitlines() if '": ' in line and line.rstrip(",")[-1] not in "[{"
]


@pytest.mark.parametrize("without", [None, "product", "indication", "assessment", "reviews", "other_magnesium", "bag"])
@pytest.mark.parametrize("indent", [None, 1])
def test_no_key_is_given_twice_unseen(without: str | None, indent: int | None):
    """Whatever else the order leaves out, and however it is laid out: the last of two would win."""
    content = table({"phases.0.bag" if without == "bag" else without: None} if without else {})
    text = json.dumps(content, indent=indent)
    sound = parse_order(text, "o.json")
    for said in STATEMENTS:
        if said in text:
            assert "given twice" in str(refusal(text.replace(said, f"{said}, {said}", 1))), said
    assert parse_order(text.replace('": ', '" \n:'), "o.json") == sound


@pytest.mark.parametrize(
    ("change", "value"),
    [("site", None), ("assessment.digoxin", None), ("overrides", []), ("status", "active"), ("patient.id", 'a "b"')],
)
def test_an_order_read_at_once_is_the_one_read_closely(change: str, value: object):
    """The two ways differ in time alone: an escaped letter forbids the first."""
    content = table({change: value}) | ({"site": None} if value is None else {})
    text = json.dumps(content)
    assert parse_order(text, "o") == parse_order(text.replace("home", "\\u0068ome"), "o")


def test_every_part_with_a_default_is_known():
    """Order.states_every_part counts on it: a part that the canonical form adds could hide a key given twice."""
    added = {
        (kind.__name__, name)
        for kind in Part.__subclasses__()
        if kind.__module__ == Order.__module__
        for name, field in kind.model_fields.items()
        if not field.is_required() and field.get_default(call_default_factory=True, validated_data={}) is not None
    }
    of_order = ("product", "indication", "assessment", "reviews", "results", "other_magnesium", "overrides")
    assert added == {("Phase", "bag"), *(("Order", name) for name in of_order)}
    for name in of_order[:-1]:
        assert not order({name: None}).states_every_part
    assert not order({"phases.0.bag": None}).states_every_part
    assert not order({"overrides": []}).states_every_part
    assert order().states_every_part


def test_too_many_of_anything():
    refusal(json.dumps(table({"phases": GOLDEN["phases"] * 9})))
    refusal(json.dumps(table({"results": GOLDEN["results"] * 41})))
    refusal(json.dumps(table({"phases": []})))


@given(st.text(max_size=200))
def test_any_text_is_an_order_or_one_clear_line(text: str):
    refusal(text)


json_values = st.recursive(st.booleans() | st.integers() | st.text(max_size=5), st.lists)


@given(json_values)
def test_any_value_in_any_place(value: object):
    """Either an order or OrderUnreadable: anything else that is raised fails the test."""
    for path in ("phases", "phases.0", "phases.0.dose", "schedule", "results.0.value", "overrides", "course"):
        with contextlib.suppress(OrderUnreadable):
            parse_order(json.dumps(table({path: value})), "o.json")


def test_toml_and_json_are_one_order():
    toml = parse_order((EXAMPLES / "golden-home-sc.toml").read_bytes(), "toml")
    assert toml == order()
    assert toml.digest == order().digest


def test_digest_is_of_the_content_alone():
    shuffled = json.dumps(dict(reversed(GOLDEN.items())), indent=4)
    assert parse_order(shuffled, "o").digest == order().digest
    assert order({"site": "right thigh"}).digest != order().digest
    override = {"rule": "Q31", "order_digest": "x", "value": "7", "person": "a", "reason": "b"}
    assert order({"overrides": [override]}).digest == order().digest


def test_digest_stays_what_it_was():
    """A released digest must not change: overrides, programs and records name it."""
    assert order().digest.startswith(GOLDEN_DIGEST)


@pytest.mark.parametrize("key", ["person", "reason", "value", "order_digest", "rule"])
def test_an_override_states_everything(key: str):
    override = {"rule": "Q31", "order_digest": "x", "value": "7", "person": "a", "reason": "b"}
    lacking = {name: text for name, text in override.items() if name != key}
    assert key in str(refusal(json.dumps(table({"overrides": [lacking]}))))
    if key != "value":
        assert key in str(refusal(json.dumps(table({"overrides": [override | {key: " "}]}))))
