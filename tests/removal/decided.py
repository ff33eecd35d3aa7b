"""A decision that stands in no table: a function, and the most permissive answer that it could give.

Refuses to know which decisions there are (decisions.py, edge_decisions.py).
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from types import FunctionType
from typing import TypeAlias, cast

from tests.removal.control import Anything, Control, Fired, Group
from tests.removal.stand_ins import as_it_is, stand_in, whole

# The function as it is, then its arguments: what would be answered if nobody had to be kept from anything.
Permissive: TypeAlias = Callable[..., Anything]


@dataclass(frozen=True, slots=True)
class Decision:
    """`acts`: it answers nothing and is heard whenever it is called. `file`: where else than in `module` it belongs.

    `what`: one of several decisions of the same function.
    """

    module: str
    function: str
    permissive: Permissive
    acts: bool = False
    file: str = ""
    what: str = ""

    @property
    def name(self) -> str:
        place = f"{self.module.removeprefix('pumpctl.').replace('.', '/')} {self.function}"
        return f"{place}: {self.what}" if self.what else place


def always(answer: Anything) -> Permissive:
    def given(*_args: Anything, **_kwargs: Anything) -> Anything:
        return answer

    return given


def undone(module: str, *functions: str) -> tuple[Decision, ...]:
    """Each of them does nothing any more."""
    return tuple(Decision(module, function, always(None), acts=True) for function in functions)


def unless_raised(*errors: type[Exception], otherwise: Anything = None) -> Permissive:
    """What it would have refused is let through."""

    def answer(original: Callable[..., Anything], *args: Anything, **kwargs: Anything) -> Anything:
        try:
            return original(*args, **kwargs)
        except errors:
            return otherwise

    return answer


def instead_of(refusal: type, otherwise: Callable[..., Anything]) -> Permissive:
    """`otherwise` has the refusal, then the arguments."""

    def answer(original: Callable[..., Anything], *args: Anything, **kwargs: Anything) -> Anything:
        result = original(*args, **kwargs)
        return otherwise(result, *args, **kwargs) if isinstance(result, refusal) else result

    return answer


def changed(**fields: Anything) -> Permissive:
    """The same answer but for these fields."""

    def answer(original: Callable[..., Anything], *args: Anything, **kwargs: Anything) -> Anything:
        return replace(original(*args, **kwargs), **fields)

    return answer


def group(decisions: Iterable[Decision]) -> Group:
    rows = tuple(decisions)
    controls = tuple(
        Control(row.name, row.file or f"{row.module.replace('.', '/')}.py", lambda row=row: _disable(row))
        for row in rows
    )

    def watch(fired: Fired) -> None:
        for row in rows:
            _listen(row, lambda row=row: fired(row.name))

    return Group("decisions", controls, watch)


def _disable(row: Decision) -> None:
    function = function_of(row)
    original = as_it_is(function)
    stand_in(function, lambda *args, **kwargs: row.permissive(original, *args, **kwargs))


def _listen(row: Decision, told: Callable[[], None]) -> None:
    function = function_of(row)
    original = as_it_is(function)

    def heard(*args: Anything, **kwargs: Anything) -> Anything:
        try:
            result = whole(original(*args, **kwargs))
        except Exception:
            told()
            raise
        if row.acts or row.permissive(always(result), *args, **kwargs) != result:
            told()
        return result

    stand_in(function, heard)


def function_of(row: Decision) -> FunctionType:
    found: object = importlib.import_module(row.module)
    for part in row.function.split("."):
        found = vars(cast("type", found)).get(part)
    if isinstance(found, property):
        found = found.fget
    elif isinstance(found, cached_property):
        found = cast("cached_property[object]", found).func
    if not isinstance(found, FunctionType):
        raise TypeError(f"{row.name} is no function any more: name what decides now, or take its row away")
    return found
