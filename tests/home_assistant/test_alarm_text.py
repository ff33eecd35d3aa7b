"""The alarm line: the loudest first, in words, and never longer than Home Assistant takes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.companion.vocabulary import STOPPING_ALARMS, Alarm
from pumpctl.alarm_text import LONGEST_TEXT, alarm_text
from pumpctl.core.reason import Priority

LOW, MEDIUM, HIGH = Priority.LOW, Priority.MEDIUM, Priority.HIGH


def test_no_alarm_is_no_text() -> None:
    assert alarm_text([]) == ""


def test_the_loudest_stands_first_and_equals_keep_their_order() -> None:
    alarms = [("a", LOW, "low one"), ("b", HIGH, "high one"), ("c", MEDIUM, "middle"), ("d", HIGH, "high two")]
    assert alarm_text(alarms) == "HIGH: high one; HIGH: high two; MEDIUM: middle; LOW: low one"


@pytest.mark.parametrize("alarm", list(STOPPING_ALARMS), ids=lambda alarm: str(alarm.name))
def test_each_alarm_that_stops_the_pump_is_told_in_words(alarm: Alarm) -> None:
    code = str(alarm.name).lower()
    text = alarm_text([(code, HIGH, f"the pump alarms: {code}")])
    assert text.startswith("HIGH: ")
    assert code not in text
    assert "_" not in text


def test_a_lost_link_is_told_as_no_contact() -> None:
    assert alarm_text([("link_lost", LOW, "[Errno 5] Input/output error")]) == "LOW: no contact with the pump"


@pytest.mark.parametrize(
    ("message", "wanted"),
    [
        ("6530 uL left, 98000 uL to give: empty in 39 min", "6.53 mL left, 98 mL to give: empty in 39 min"),
        (
            "the pump is set to 10001 uL/h, the program says 10000 uL/h",
            "the pump is set to 10.001 mL/h, the program says 10 mL/h",
        ),
        ("0 uL of 100 uL are counted", "0 mL of 0.1 mL are counted"),
        ("pressure 42 mmHg, 3uL, uL", "pressure 42 mmHg, 3uL, uL"),
    ],
)
def test_volumes_and_flows_are_told_in_millilitres(message: str, wanted: str) -> None:
    assert alarm_text([("a", LOW, message)]) == f"LOW: {wanted}"


PRIORITIES = st.sampled_from(list(Priority))


@given(st.lists(st.tuples(st.text(max_size=20), PRIORITIES, st.text(max_size=300)), min_size=1, max_size=40))
def test_whatever_is_on_the_line_fits_and_begins_with_the_loudest(alarms: list[tuple[str, Priority, str]]) -> None:
    text = alarm_text(alarms)
    assert len(text) <= LONGEST_TEXT
    loudest = min((priority for _, priority, _ in alarms), key=[HIGH, MEDIUM, LOW].index)
    assert text.startswith(f"{loudest.value.upper()}: ")


def test_what_fits_to_the_last_character_is_told_whole() -> None:
    one = "x" * (LONGEST_TEXT - len("HIGH: "))
    assert alarm_text([("a", HIGH, one)]) == f"HIGH: {one}"
    assert len(alarm_text([("a", HIGH, one)])) == LONGEST_TEXT


def test_one_character_more_is_cut_where_it_can_be_seen() -> None:
    text = alarm_text([("a", HIGH, "x" * (LONGEST_TEXT - len("HIGH: ") + 1))])
    assert (len(text), text[-1]) == (LONGEST_TEXT, "…")


def test_what_does_not_fit_is_counted() -> None:
    alarms = [(f"a{number}", HIGH, "x" * 90) for number in range(4)]
    text = alarm_text(alarms)
    assert text.count("x" * 90) == 2
    assert text.endswith("; and 2 more")
    assert len(text) <= LONGEST_TEXT


def test_the_first_too_long_and_more_behind_it() -> None:
    text = alarm_text([("a", HIGH, "x" * 400), ("b", LOW, "y")])
    assert text.startswith("HIGH: xxx")
    assert text.endswith("…; and 1 more")
    assert len(text) == LONGEST_TEXT
