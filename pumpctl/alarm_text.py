"""The active alarms of a channel as one line that a nurse or a family reads from afar.

Refuses to know why an alarm is on and to say what to do about it: it names what is wrong, the loudest first, with
volumes in mL as on a syringe. Never more characters than Home Assistant takes as a state; what does not fit is counted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from pumpctl.core.reason import Priority

LONGEST_TEXT = 255  # Home Assistant drops a longer state: docs/home-assistant.md
_MICROLITRES = re.compile(r"\b([0-9]+) uL\b")
_ORDER = (Priority.HIGH, Priority.MEDIUM, Priority.LOW)
# What a pump names by a code alone, and a lost link, whose message is a cause for a technician.
_WORDS = {
    "occlusion_downstream": "the line is blocked between pump and patient",
    "occlusion_upstream": "the line is blocked between bag and pump",
    "air_in_line": "air in the line",
    "door_open": "the pump's door is open or its cassette is off",
    "reservoir_empty": "the bag or syringe is empty",
    "battery_empty": "the pump's battery is empty",
    "motor_stall": "the pump's motor does not turn",
    "over_temperature": "the pump is too hot",
    "lease_ended": "the pump stopped by itself: this companion was not heard in time",
    "flow_mismatch": "the pump's motor and its flow sensor disagree",
    "self_test": "the pump found a fault in itself",
    "alarm_without_code": "the pump alarms and does not say why",
    "link_lost": "no contact with the pump",
}


def alarm_text(alarms: Iterable[tuple[str, Priority, str]]) -> str:
    """Of (code, priority, message) each; empty when none is active."""
    ordered = sorted(alarms, key=lambda alarm: _ORDER.index(alarm[1]))
    told = [f"{priority.value.upper()}: {_WORDS.get(code) or _in_ml(message)}" for code, priority, message in ordered]
    for shown in range(len(told), 0, -1):
        text = "; ".join([*told[:shown], *_and_more(len(told) - shown)])
        if len(text) <= LONGEST_TEXT:
            return text
    return _cut(told)


def _in_ml(message: str) -> str:
    return _MICROLITRES.sub(lambda found: f"{_thousandth(int(found[1]))} mL", message)


def _thousandth(number: int) -> str:
    """Exact; a leading zero and no trailing one."""
    whole, rest = divmod(number, 1000)
    return f"{whole}.{rest:03}".rstrip("0").rstrip(".")


def _and_more(count: int) -> list[str]:
    return [f"and {count} more"] if count else []


def _cut(told: list[str]) -> str:
    """Even the first alone is too long: its beginning says what it is."""
    if not told:
        return ""
    ending = "; ".join(["…", *_and_more(len(told) - 1)])
    return told[0][: LONGEST_TEXT - len(ending)] + ending
