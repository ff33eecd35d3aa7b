"""The part of YAML that the dashboard is written in: maps, lists, texts, and texts of several lines after `|`.

Refuses everything else, so that what is read here is what every YAML reader reads. Values stay texts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_DEPTH = 20
KEY = re.compile(r"([a-z_]+):(?: (.*))?")
PLAIN = re.compile(r"[A-Za-z0-9(-][^:#\"'&*!|>%@`{}\[\]]*")

Value = str | dict[str, "Value"] | list["Value"]


@dataclass(slots=True)
class _Lines:
    """What is left to read: (indent, text) of each line that is not empty."""

    left: list[tuple[int, str]]

    def indent(self) -> int:
        """Of the next line that is no comment; -1 at the end."""
        while self.left and self.left[0][1].startswith("#"):
            self.left.pop(0)
        return self.left[0][0] if self.left else -1


def read_yaml(text: str) -> Value:
    """The document. ValueError for what is not of this part of YAML."""
    if "\t" in text:
        raise ValueError("a tab")
    told = [line for line in text.splitlines() if line.strip()]
    lines = _Lines([(len(line) - len(line.lstrip(" ")), line.strip()) for line in told])
    value = _value(lines, 0, MAX_DEPTH)
    if lines.indent() != -1:
        raise ValueError(f"not understood: {lines.left[0]}")
    return value


def _value(lines: _Lines, indent: int, depth: int) -> Value:
    if depth == 0 or lines.indent() != indent or indent % 2:
        raise ValueError(f"indented by {lines.indent()}, not by {indent}")
    if lines.left[0][1].startswith("- "):
        return _list(lines, indent, depth)
    return _map(lines, indent, depth)


def _list(lines: _Lines, indent: int, depth: int) -> list[Value]:
    items: list[Value] = []
    while lines.indent() == indent and lines.left[0][1].startswith("- "):
        rest = lines.left[0][1].removeprefix("- ")
        if KEY.fullmatch(rest):
            lines.left[0] = (indent + 2, rest)
            items.append(_map(lines, indent + 2, depth - 1))
        else:
            lines.left.pop(0)
            items.append(_scalar(rest))
    return items


def _map(lines: _Lines, indent: int, depth: int) -> dict[str, Value]:
    found: dict[str, Value] = {}
    while lines.indent() == indent and not lines.left[0][1].startswith("- "):
        line = lines.left.pop(0)[1]
        key = KEY.fullmatch(line)
        if key is None or key[1] in found:
            raise ValueError(f"no key, or one that stands twice: {line}")
        if key[2] == "|":
            found[key[1]] = _text(lines, indent)
        elif key[2] is None:
            found[key[1]] = _value(lines, indent + 2, depth - 1)
        else:
            found[key[1]] = _scalar(key[2])
    return found


def _text(lines: _Lines, indent: int) -> str:
    told: list[str] = []
    while lines.left and lines.left[0][0] > indent:  # a # in here is a heading, not a comment
        told.append(lines.left.pop(0)[1])
    return "\n".join(told)


def _scalar(text: str) -> str:
    quoted = re.fullmatch(r'"([^"\\]*)"', text)
    if quoted is not None:
        return quoted[1]
    if PLAIN.fullmatch(text) is None and not re.fullmatch(r"mdi:[a-z-]+", text):
        raise ValueError(f"to be quoted: {text}")
    return text
