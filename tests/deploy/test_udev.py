"""The udev rules, line by line: words that udev knows, jumps that lead somewhere, and what the doctor relies on.

Refuses to claim more: udev itself is asked nowhere here.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

RULES = Path(__file__).resolve().parents[2] / "deploy" / "udev" / "99-pumpctl.rules"
WORD = re.compile(r'([A-Z]+)(\{[A-Za-z_]+\})?(==|!=|\+=|=)"([^"]*)"')
MATCHES = {"SUBSYSTEM", "KERNEL", "DRIVER", "ENV", "ATTR"}
ASSIGNS = {"ENV", "ATTR", "GROUP", "MODE", "TAG", "SYMLINK", "GOTO", "LABEL"}


def words_of(line: str) -> list[tuple[str, str, str, str]]:
    words = [WORD.fullmatch(word) for word in re.split(r",\s*", line)]
    assert all(words), line
    return [(word[1], word[2] or "", word[3], word[4]) for word in words if word]


def rules() -> list[list[tuple[str, str, str, str]]]:
    lines = RULES.read_text(encoding="utf-8").splitlines()
    return [words_of(line) for line in lines if line and not line.startswith("#")]


def test_every_word_is_one_that_udev_knows_in_that_place() -> None:
    for rule in rules():
        for key, attribute, operator, _ in rule:
            assert key in (MATCHES if operator in {"==", "!="} else ASSIGNS), (key, operator)
            assert bool(attribute) is (key in {"ENV", "ATTR"}), (key, attribute)


def test_a_line_that_udev_would_not_take_is_seen() -> None:
    with pytest.raises(AssertionError):
        words_of('SUBSYSTEM=="tty" KERNEL=="ttyUSB0"')


def test_every_jump_leads_to_a_label_below_it() -> None:
    flat = [(place, word) for place, rule in enumerate(rules()) for word in rule]
    labels = {word[3]: place for place, word in flat if word[0] == "LABEL"}
    jumps = [(place, word[3]) for place, word in flat if word[0] == "GOTO"]
    assert jumps
    assert all(labels[label] > place for place, label in jumps)


def test_it_sets_what_the_doctor_looks_for() -> None:
    assigned = {
        (key, attribute, value) for rule in rules() for key, attribute, operator, value in rule if operator == "="
    }
    assert ("ATTR", "{latency_timer}", "1") in assigned
    assert ("ENV", "{ID_MM_DEVICE_IGNORE}", "1") in assigned
    assert ("GROUP", "", "dialout") in assigned
    assert ("MODE", "", "0660") in assigned


def test_a_cable_without_a_serial_number_gets_a_name_too() -> None:
    names = [word[3] for rule in rules() for word in rule if word[0] == "SYMLINK"]
    assert names == ["pumpctl/$env{ID_SERIAL_SHORT}", "pumpctl/$env{ID_PATH_TAG}"]
