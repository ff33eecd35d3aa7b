"""The alarm line: the loudest first, in words, and never longer than Home Assistant takes."""

from __future__ import annotations

import pytest

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
