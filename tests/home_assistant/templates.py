"""The four forms of value template that our discovery uses, rendered as Home Assistant renders them.

Refuses every other form, and a key that the message does not have: there Home Assistant would show nothing and say so
in its log alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_KEY = r"value_json\.(?P<key>[a-z_]+)"
_PLAIN = re.compile(rf"\{{\{{ {_KEY} \}}\}}")
_OR_TEXT = re.compile(rf"\{{\{{ {_KEY} or '(?P<text>[^'{{}}]+)' \}}\}}")
_ON_IF = re.compile(rf"\{{\{{ 'ON' if {_KEY} else 'OFF' \}}\}}")
_ON_IF_EQUAL = re.compile(rf"\{{\{{ 'ON' if {_KEY} == '(?P<text>[^'{{}}]+)' else 'OFF' \}}\}}")


def key_of(template: str) -> str:
    """The one key that it reads."""
    return _matched(template)[1]["key"]


def render(template: str, value_json: Mapping[str, Any]) -> str:
    """As a text; null comes out as `None`, which Home Assistant takes for unknown."""
    form, found = _matched(template)
    value = value_json[found["key"]]
    if form is _PLAIN:
        return str(value)
    if form is _OR_TEXT:
        return str(value or found["text"])
    holds = value == found["text"] if form is _ON_IF_EQUAL else bool(value)
    return "ON" if holds else "OFF"


def _matched(template: str) -> tuple[re.Pattern[str], re.Match[str]]:
    for form in (_PLAIN, _OR_TEXT, _ON_IF, _ON_IF_EQUAL):
        found = form.fullmatch(template)
        if found is not None:
            return form, found
    raise ValueError(f"not one of the forms that are rendered here: {template}")
