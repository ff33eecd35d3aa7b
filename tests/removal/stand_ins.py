"""A function taken out where it stands: whoever holds it, in a tuple, a table or a `partial`, calls the stand-in.

Refuses to know what the function decides. Its code is exchanged, not its name: a name that was imported elsewhere, or
a table that was built when its module was loaded, would go on holding the old one.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from types import FunctionType, GeneratorType
from typing import TypeAlias, cast

from tests.removal.control import Anything, Control, Fired, Group

Speaks: TypeAlias = Callable[[Anything], bool]


def stand_in(function: FunctionType, instead: Callable[..., Anything]) -> None:
    """From here on every call of `function`, by whatever name, is one of `instead`. It keeps its looks (inspect)."""
    if "__signature__" not in function.__dict__:
        function.__dict__["__signature__"] = inspect.signature(function)
    function.__code__ = _THROUGH.__code__.replace(co_freevars=function.__code__.co_freevars)
    function.__defaults__, function.__kwdefaults__ = None, {"stands_in_here": instead}


def listen(function: FunctionType, speaks: Speaks, told: Callable[[], None]) -> None:
    """The function goes on as it is; `told` hears when its result says something, or that it raised."""
    original = as_it_is(function)

    def heard(*args: Anything, **kwargs: Anything) -> Anything:
        try:
            result = whole(original(*args, **kwargs))
        except Exception:
            told()
            raise
        if speaks(result):
            told()
        return result

    stand_in(function, heard)


def whole(result: Anything) -> Anything:
    """A generator says nothing before it is asked."""
    return list(cast("GeneratorType[Anything, None, None]", result)) if isinstance(result, GeneratorType) else result


def as_it_is(function: FunctionType) -> FunctionType:
    """The same code under an object of its own, which survives `stand_in`."""
    copy = FunctionType(
        function.__code__, function.__globals__, function.__name__, function.__defaults__, function.__closure__
    )
    copy.__kwdefaults__ = function.__kwdefaults__
    return copy


def silenced(name: str, file: str, function: FunctionType, nothing: Callable[[], Anything]) -> Control:
    """A control that is this function: without it, it says `nothing`."""
    return Control(name, file, lambda: stand_in(function, lambda *_args, **_kwargs: nothing()))


def of_functions(
    kind: str, named: Iterable[tuple[str, FunctionType]], nothing: Callable[[], Anything] = lambda: None
) -> Group:
    """Functions that speak when their result is not `nothing`."""
    pairs = tuple(named)
    controls = tuple(silenced(name, file_of(function), function, nothing) for name, function in pairs)

    def watch(fired: Fired) -> None:
        for name, function in pairs:
            listen(function, lambda result: not _is_empty(result, nothing), lambda name=name: fired(name))

    return Group(kind, controls, watch)


def _is_empty(result: Anything, nothing: Callable[[], Anything]) -> bool:
    empty = nothing()
    return len(result) == 0 if isinstance(empty, list) else bool(result == empty)


def file_of(function: FunctionType) -> str:
    return function.__module__.replace(".", "/") + ".py"


def _through(*args: Anything, stands_in_here: Callable[..., Anything], **kwargs: Anything) -> Anything:
    return stands_in_here(*args, **kwargs)


_THROUGH = _through
