"""How a function of the product is replaced in the process that is to die, hang or lie, and in no other.

Refuses to know which, and why.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

Function: TypeAlias = Callable[..., Any]


def wrap(owner: type, name: str, around: Callable[[Function], Function]) -> None:
    """Replace a method by what `around` makes of it."""
    setattr(owner, name, around(getattr(owner, name)))


def replace_in(importer: object, name: str, **functions: Function) -> None:
    """Let this one importer of a module see it with other functions."""
    setattr(importer, name, _Doctored(getattr(importer, name), functions))


class _Doctored:
    """A module with some of its functions replaced."""

    def __init__(self, module: object, functions: dict[str, Function]) -> None:
        self._module = module
        self.__dict__.update(functions)

    def __getattr__(self, name: str) -> object:
        return getattr(self._module, name)
