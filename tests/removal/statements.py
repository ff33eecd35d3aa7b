"""Single statements as controls: each place where a stop is asked for, an alarm raised or a stray dose booked.

Refuses to know why they stand there. They are read from the source of a room, so that a new one is on the list as
soon as it is written; each is taken out alone, and its function compiled anew.
"""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import CodeType, FunctionType
from typing import cast

from tests.removal.control import Anything, Control, Fired, Group

ACTS = frozenset({"request_stop", "raise_alarm", "book_uncommanded"})
TELLS = "told_that_this_statement_is_reached"


@dataclass(frozen=True, slots=True)
class Site:
    """`act`: what is called, and the code that it is given. `place` counts those of one function that do so."""

    file: str
    function: str
    act: str
    place: int

    @property
    def name(self) -> str:
        again = f" {self.place}" if self.place > 1 else ""
        return f"{self.file.removeprefix('pumpctl/')} {self.function} {self.act}{again}"


def group(root: Path, files: tuple[str, ...]) -> Group:
    sites = [site for file in files for site in sites_of(root, file)]
    controls = tuple(Control(site.name, site.file, partial(_take_out, root, site)) for site in sites)

    def watch(fired: Fired) -> None:
        for file in dict.fromkeys(site.file for site in sites):
            _tell(root, file, fired)

    return Group("decisions", controls, watch)


def sites_of(root: Path, file: str) -> tuple[Site, ...]:
    """In the order of the source."""
    return tuple(site for _, site in _found(_tree(root, file), file))


def _found(tree: ast.Module, file: str) -> Iterator[tuple[ast.Expr, Site]]:
    for owner, function in _functions(tree):
        met: dict[str, int] = {}
        statements = [node for node in ast.walk(function) if isinstance(node, ast.Expr)]
        for node in sorted(statements, key=lambda statement: statement.lineno):
            if isinstance(node.value, ast.Call) and (act := ast.unparse(node.value.func)) in ACTS:
                act = " ".join([act, *(code for arg in node.value.args if (code := _code(arg)))])
                met[act] = met.get(act, 0) + 1
                yield node, Site(file, f"{owner}{function.name}", act, met[act])


def _code(argument: ast.expr) -> str:
    """What the alarm is called, where that is written out."""
    return argument.value if isinstance(argument, ast.Constant) and isinstance(argument.value, str) else ""


def _functions(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef]]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield "", node
        elif isinstance(node, ast.ClassDef):
            yield from ((f"{node.name}.", each) for each in node.body if isinstance(each, ast.FunctionDef))


def _take_out(root: Path, site: Site) -> None:
    tree = _tree(root, site.file)
    gone = next(node for node, each in _found(tree, site.file) if each == site)
    gone.value = ast.copy_location(ast.Constant(None), gone.value)
    _exchange(tree, site.file, {site.function})


def _tell(root: Path, file: str, fired: Fired) -> None:
    tree = _tree(root, file)
    found = list(_found(tree, file))
    for node, site in found:
        told = ast.Call(ast.Name(TELLS, ast.Load()), [ast.Constant(site.name)], [])
        node.value = ast.Tuple([told, node.value], ast.Load())
    ast.fix_missing_locations(tree)
    module = _exchange(tree, file, {site.function for _, site in found})
    setattr(module, TELLS, fired)


def _exchange(tree: ast.Module, file: str, functions: set[str]) -> Anything:
    """These functions of the loaded module go on with the code of the tree."""
    compiled = {code.co_qualname: code for code in _codes(compile(tree, file, "exec"))}
    module = importlib.import_module(file.removesuffix(".py").replace("/", "."))
    for name in functions:
        found: Anything = module
        for part in name.split("."):
            found = getattr(found, part)
        cast("FunctionType", found).__code__ = compiled[name]
    return module


def _codes(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _codes(constant)


def _tree(root: Path, file: str) -> ast.Module:
    return ast.parse((root / file).read_text(encoding="utf-8"))
