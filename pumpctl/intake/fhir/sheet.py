"""A native order as a flat list of answers: "phases[0].dose" is "2 g", from this place of the message.

Refuses to know FHIR and medicine. Two places of a message may not answer the same question, even
alike: whoever corrects one would leave the other behind.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import cast

from pydantic import ValidationError

from pumpctl.core.order import Order
from pumpctl.intake.fhir.element import FhirRefused

Answer = str | bool | int
MAX_INDEX = 199  # order.py allows no longer list
EMPTY_LIST = "[]"  # ends a path that says "asked, none"
SHOWN_ERRORS = 5


class NoFhir(Exception):
    """Part of a native order that FHIR cannot carry as it is written here: its path and why."""


class Sheet:
    """Collects answers while a message is read."""

    def __init__(self) -> None:
        self._answers: dict[str, Answer] = {"format": 1}
        self._where: dict[str, str] = {"format": "the native format"}

    def put(self, path: str, answer: Answer | None, where: str) -> None:
        """None is no answer."""
        if answer is None:
            return
        if path in self._answers:
            why = f"{path} is also given by {self._where[path]}"
            raise FhirRefused(where, why, "say it in one place")
        self._answers[path] = answer
        self._where[path] = where

    def get(self, path: str) -> Answer | None:
        return self._answers.get(path)

    def where(self, path: str) -> str:
        return self._where.get(path, path)

    def order(self) -> Order:
        tree: dict[str, object] = {}
        for path, answer in self._answers.items():
            self._plant(tree, path, answer)
        try:
            return Order.model_validate(_with_lists(tree, "", self._where))
        except ValidationError as error:
            raise self._explain(error) from None

    def _plant(self, tree: dict[str, object], path: str, answer: Answer) -> None:
        empty = path.endswith(EMPTY_LIST)
        *parents, last = steps(path.removesuffix(EMPTY_LIST), self._where[path])
        place = tree
        for step in parents:
            below = place.setdefault(step, {})
            if not isinstance(below, dict):
                raise FhirRefused(self._where[path], f"{path} goes into an answer", "correct the link id")
            place = cast("dict[str, object]", below)
        if last in place:
            raise FhirRefused(self._where[path], f"{path} is answered as a whole and in parts", "say it in one way")
        place[last] = [] if empty else answer

    def _explain(self, error: ValidationError) -> FhirRefused:
        lines: list[str] = []
        found = error.errors(include_url=False, include_input=False, include_context=False)
        for entry in found[:SHOWN_ERRORS]:
            path = path_of(entry["loc"])
            why = {"extra_forbidden": "no such entry in a native order", "missing": "missing"}.get(entry["type"])
            lines.append(f"{self.where(path)}: {why or entry['msg'][:1].lower() + entry['msg'][1:]} ({path})")
        if len(found) > SHOWN_ERRORS:
            lines.append(f"and {len(found) - SHOWN_ERRORS} more")
        return FhirRefused("the order", "; ".join(lines), "correct these, or answer what is missing in the order form")


def flat(order: Order) -> dict[str, Answer]:
    """Every answer of the order that is not a default; the reverse of Sheet.order()."""
    answers: dict[str, Answer] = {}
    _flatten("", order.model_dump(exclude_defaults=True), answers)
    return answers


def steps(path: str, where: str) -> list[str]:
    """ "phases[0].dose" as "phases", "[0]", "dose"."""
    if not _PATH.fullmatch(path):
        raise FhirRefused(where, f"{path[:60]!a} is not a path of a native order", "write it like phases[0].flow")
    return _STEP.findall(path)


def path_of(location: tuple[int | str, ...]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).lstrip(".")


_PATH = re.compile(r"[a-z][a-z0-9_]*(\[[0-9]{1,3}\])?(\.[a-z][a-z0-9_]*(\[[0-9]{1,3}\])?)*")
_STEP = re.compile(r"\[[0-9]+\]|[a-z][a-z0-9_]*")


def _with_lists(node: object, path: str, where: Mapping[str, str]) -> object:
    """Dictionaries with the keys [0], [1], … become lists."""
    if not isinstance(node, dict):
        return node
    members = cast("dict[str, object]", node)
    if not any(key.startswith("[") for key in members):
        return {key: _with_lists(value, f"{path}.{key}".lstrip("."), where) for key, value in members.items()}
    wanted = [f"[{index}]" for index in range(len(members))]
    if set(members) != set(wanted) or len(members) > MAX_INDEX + 1:
        place = next((source for answer, source in where.items() if answer.startswith(path)), path)
        raise FhirRefused(place, f"the members of {path} are not numbered 0, 1, 2, …", "number them without gaps")
    return [_with_lists(members[key], f"{path}{key}", where) for key in wanted]


def _flatten(path: str, value: object, answers: dict[str, Answer]) -> None:
    match value:
        case dict():
            for key, below in cast("dict[str, object]", value).items():
                _flatten(f"{path}.{key}".lstrip("."), below, answers)
        case tuple() | list():
            members = cast("tuple[object, ...]", value)
            if not members:
                answers[f"{path}{EMPTY_LIST}"] = "none"
            for index, below in enumerate(members):
                _flatten(f"{path}[{index}]", below, answers)
        case None:
            return
        case str() | bool() | int():
            answers[path] = value
        case _:
            raise TypeError(f"{path} is of a type that no answer has: {type(value).__name__}")
