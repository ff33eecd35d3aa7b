"""FHIR's JSON text as a tree in which every number is still the text that was written.

Refuses to know FHIR, and to let a number become a float: "2.50" stays "2.50", and the rules see
what the sender wrote.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NoReturn, cast

MAX_BYTES = 1 << 20
MAX_DEPTH = 40  # a FHIR order is some 15 deep
MAX_NUMBER_LENGTH = 40


class Number(str):
    """A JSON number as it was written."""

    __slots__ = ()


class NotJson(ValueError):
    """Why this is not a JSON text that may be trusted."""


def read_tree(text: str | bytes) -> object:
    """Objects as dict, arrays as list, numbers as Number."""
    if len(text) > MAX_BYTES:
        raise NotJson(f"larger than {MAX_BYTES} bytes")
    try:
        decoded = text if isinstance(text, str) else text.decode("utf-8")
        tree = json.loads(
            decoded, object_pairs_hook=_unique, parse_float=_number, parse_int=_number, parse_constant=_refuse_constant
        )
    except UnicodeDecodeError as error:
        raise NotJson(f"byte {error.start} is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise NotJson(f"line {error.lineno}, column {error.colno}: {error.msg}") from None
    except RecursionError:
        raise NotJson("nested too deeply") from None
    _bounded(tree, 0)
    return tree


def as_written(number: Number) -> int | Decimal:
    """The exact value, for readers that want a number."""
    return Decimal(number) if _NOT_WHOLE.search(number) else int(number)


def write_tree(tree: object, indent: int = 0) -> str:
    """JSON text of a tree as read_tree() gives it, two spaces a level; numbers as they were written."""
    outer, inner = "  " * indent, "  " * (indent + 1)
    match tree:
        case Number():
            return str(tree)
        case Mapping():
            members = cast("Mapping[str, object]", tree).items()
            lines = [
                f"{inner}{json.dumps(key, ensure_ascii=False)}: {write_tree(value, indent + 1)}"
                for key, value in members
            ]
            return "{\n" + ",\n".join(lines) + f"\n{outer}}}"
        case list() | tuple():
            lines = [f"{inner}{write_tree(value, indent + 1)}" for value in cast("Sequence[object]", tree)]
            return "[\n" + ",\n".join(lines) + f"\n{outer}]"
        case _:
            return json.dumps(tree, ensure_ascii=False)


_NOT_WHOLE = re.compile(r"[.eE]")
_LONG_EXPONENT = re.compile(r"[eE][+-]?[0-9]{4}")


def _number(text: str) -> Number:
    if len(text) > MAX_NUMBER_LENGTH or _LONG_EXPONENT.search(text):
        raise NotJson(f"the number {text[:MAX_NUMBER_LENGTH]}… is not one of an order")
    return Number(text)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    table = dict(pairs)
    if len(table) != len(pairs):  # readers differ in which of the two they take
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise NotJson(f"key {twice[:MAX_NUMBER_LENGTH]!a} is given twice in one object")
    return table


def _refuse_constant(constant: str) -> NoReturn:
    raise NotJson(f"{constant} is not a number")


def _bounded(tree: object, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise NotJson(f"nested deeper than {MAX_DEPTH} levels")
    match tree:
        case dict():
            for value in cast("dict[str, object]", tree).values():
                _bounded(value, depth + 1)
        case list():
            for value in cast("list[object]", tree):
                _bounded(value, depth + 1)
        case _:
            return
