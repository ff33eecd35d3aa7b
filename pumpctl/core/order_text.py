"""From the text of an order file to an Order, or to the one line that says why not.

Refuses to repair, and to guess: an unknown key, a key given twice, a number where a text with
its unit belongs, all end here. Refuses to know medicine.
"""

from __future__ import annotations

import json
import tomllib
from typing import Any, NoReturn, TypeVar

from pydantic import BaseModel, ValidationError

from pumpctl.core.order import Order
from pumpctl.core.order_place import line_of

MAX_BYTES = 1 << 20
SHOWN_ERRORS = 5
SHOWN_NAME = 60


class OrderUnreadable(Exception):
    """Not an order: what is wrong and where. `next_step` is what to do about it."""

    def __init__(self, what: str, next_step: str) -> None:
        super().__init__(what)
        self.next_step = next_step


AnyModel = TypeVar("AnyModel", bound=BaseModel)


def parse_order(text: str | bytes, name: str) -> Order:
    """Read JSON (it begins with a brace) or TOML strictly. `name` is where the text came from."""
    decoded = _decode(text, name)
    return _read_at_once(decoded) or _read(decoded, name, Order, "deploy/examples/orders")


def parse_strictly(text: str | bytes, name: str, kind: type[AnyModel], examples: str) -> AnyModel:
    """parse_order() for another kind of paper; `examples` says where right ones lie."""
    return _read(_decode(text, name), name, kind, examples)


def _read_at_once(text: str) -> Order | None:
    """The order of a text that is beyond doubt; None: look closer, and say what is wrong if anything is.

    Reading JSON straight into the model lets the last of two equal keys win. Without a backslash every colon of the
    text is that of a key, or is in the same word as the model has it. So a text with as many colons as the canonical
    form has no key that the model has not, none given twice. Where the canonical form adds or leaves out keys (parts
    not stated, overrides, null) that is not seen, and looked at closer.
    """
    if "\\" in text:
        return None
    try:
        order = Order.__pydantic_validator__.validate_json(text)
    except ValueError:  # a ValidationError, or text that is not Unicode
        return None
    return order if order.states_every_part and text.count(":") == order.canonical.count(b":") else None


def _read(text: str, name: str, kind: type[AnyModel], examples: str) -> AnyModel:
    table = _read_json(text, name) if text.lstrip().startswith("{") else _read_toml(text, name)
    try:
        return kind.model_validate(table)
    except ValidationError as error:
        raise OrderUnreadable(_explain(error, text, name), f"correct these keys; see {examples}") from None


def _decode(text: str | bytes, name: str) -> str:
    if len(text) > MAX_BYTES:
        raise OrderUnreadable(f"{name}: larger than {MAX_BYTES} bytes", "give an order file")
    if not text.strip():
        raise OrderUnreadable(f"{name}: empty", "give JSON or TOML")
    if isinstance(text, str):
        return text
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise OrderUnreadable(f"{name}: not text (byte {error.start} is not UTF-8)", "give JSON or TOML") from None


class _DuplicateKey(ValueError):
    pass


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):  # the last one would silently win, and may be a hundred times the first
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise _DuplicateKey(f"key {_shown(twice)} is given twice")
    return table


def _refuse_constant(constant: str) -> NoReturn:
    raise _DuplicateKey(f"{constant} is not a value")


def _read_json(text: str, name: str) -> object:
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        what = f"{name}, line {error.lineno}, column {error.colno}: not JSON: {error.msg}"
        raise OrderUnreadable(what, "correct the text there") from None
    except RecursionError:
        raise OrderUnreadable(f"{name}: nested too deeply for an order", "give an order file") from None
    except ValueError as error:
        raise OrderUnreadable(f"{name}: not JSON: {error}", "correct the text") from None


def _read_toml(text: str, name: str) -> object:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        what = f"{name}: neither JSON (no opening brace) nor TOML: {error}"
        raise OrderUnreadable(what, "correct the text there") from None
    except RecursionError:
        raise OrderUnreadable(f"{name}: nested too deeply for an order", "give an order file") from None
    except ValueError as error:
        raise OrderUnreadable(f"{name}: not TOML: {error}", "correct the text") from None


def _explain(error: ValidationError, text: str, name: str) -> str:
    errors = error.errors(include_url=False, include_input=False, include_context=False)
    errors.sort(key=lambda entry: entry["type"] != "extra_forbidden")  # a misspelt key explains a missing one
    lines = [_one(entry["loc"], entry["type"], entry["msg"], text) for entry in errors[:SHOWN_ERRORS]]
    if len(errors) > SHOWN_ERRORS:
        lines.append(f"and {len(errors) - SHOWN_ERRORS} more")
    return f"{name}: {'; '.join(lines)}"


def _one(location: tuple[int | str, ...], kind: str, message: str, text: str) -> str:
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{_shown(part)}" for part in location).lstrip(".")
    match kind:
        case "extra_forbidden":
            why = "unknown key"
        case "missing":
            why = "missing"
        case "string_type":
            why = 'must be text in quotes, with its unit where it has one, as in "2 g"'
        case "bool_type":
            why = "must be true or false"
        case "string_pattern_mismatch":
            why = "is empty, has spaces at its ends, or holds control characters"
        case _:
            why = message[:1].lower() + message[1:]
    line = line_of(text, "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location))
    return f"{path or 'the file'}{'' if line is None else f' (line {line})'}: {why}"


def _shown(key: str) -> str:
    safe = key if key.isprintable() else ascii(key)
    return safe if len(safe) <= SHOWN_NAME else f"{safe[:SHOWN_NAME]}…"
