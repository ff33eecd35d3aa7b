"""On which line of an order's text a field stands, for messages that point there.

Refuses to judge the text: it was read before (order_text.py). A field that is not there is pointed
to where the part that lacks it begins.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TypeAlias

Path: TypeAlias = tuple[str | int, ...]

MAX_DEPTH = 32  # an order is five deep; whatever is deeper is not pointed into


def line_of(text: str, field: str) -> int | None:
    """The line, counted from 1, of a field like "phases[0].bag.content" or of the nearest part around it."""
    wanted = path_of(field)
    found: dict[Path, int] = {}
    for path, line in _places(text):
        found.setdefault(path, line)
    for length in range(len(wanted), 0, -1):
        if wanted[:length] in found:
            return found[wanted[:length]]
    return None


def path_of(field: str) -> Path:
    return tuple(int(part) if part.isdigit() else part for part in re.findall(r"[^.\[\]]+", field))


def _places(text: str) -> Iterator[tuple[Path, int]]:
    return _json_places(text) if text.lstrip().startswith("{") else _toml_places(text)


_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|\n|[^\s{}\[\],:"]+')


def _json_places(text: str) -> Iterator[tuple[Path, int]]:
    """One pass over the tokens; `path` is where the next value belongs, `counts` how far each array is."""
    path: list[str | int] = []
    in_array: list[bool] = []
    line, key, begins_element = 1, "", False
    for sign in _TOKEN.findall(text):
        if sign == "\n":
            line += 1
            continue
        if begins_element:
            yield tuple(path), line
            begins_element = False
        if len(in_array) > MAX_DEPTH:
            return
        if sign in ("{", "["):
            begins_element = sign == "["
            in_array.append(begins_element)
            path.append(0 if begins_element else "")
        elif sign in ("}", "]") and path:
            in_array.pop()
            path.pop()
        elif sign == "," and path and in_array[-1]:
            path[-1] = int(path[-1]) + 1
            begins_element = True
        elif sign == ":" and path:
            path[-1] = key
            yield tuple(path), line
        else:
            key = sign.strip('"')


_HEADER = re.compile(r"\s*(\[\[?)\s*([A-Za-z0-9_.\-]+)\s*\]\]?\s*(#.*)?")
_KEY = re.compile(r"\s*([A-Za-z0-9_\-]+)\s*=")


def _toml_places(text: str) -> Iterator[tuple[Path, int]]:
    """Headers and the keys below them; an inline table is pointed to as a whole."""
    table: Path = ()
    counts: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.fullmatch(line):
            brackets, name = header.group(1), header.group(2)
            if brackets == "[[":
                counts[name] = counts.get(name, -1) + 1
            table = _table_path(name, counts)
            yield table, number
        elif key := _KEY.match(line):
            yield (*table, key.group(1)), number


def _table_path(name: str, counts: dict[str, int]) -> Path:
    path: list[str | int] = []
    parts = name.split(".")
    for length, part in enumerate(parts, 1):
        path.append(part)
        known = counts.get(".".join(parts[:length]))
        if known is not None:
            path.append(known)
    return tuple(path)
