"""The house rules that a machine can read, as small functions of one file's path and text.

Refuses to know the file system: test_tidy.py walks the tree.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

MAX_FILE_LINES = 300
MAX_FUNCTION_LINES = 70
MAX_ADR_LINES = 40

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Source:
    """One file: its path from the root of the repository, with slashes, and what stands in it."""

    path: str
    text: str

    @property
    def is_python(self) -> bool:
        return self.path.endswith(".py")

    @property
    def name(self) -> str:
        return self.path.rsplit("/", maxsplit=1)[-1]

    @property
    def is_deciding(self) -> bool:
        """Rooms in which time and chance arrive as arguments (ADR 0001)."""
        return self.is_python and self.path.startswith(
            ("pumpctl/core/", "pumpctl/drivers/", "pumpctl/supervision/", "pumpctl/controller", "protocols/")
        )

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        return tuple(ast.walk(ast.parse(self.text))) if self.is_python else ()


Check: TypeAlias = Callable[[Source], Iterator[str]]


def file_length(source: Source) -> Iterator[str]:
    lines = source.text.count("\n")
    if source.is_python and lines > MAX_FILE_LINES:
        yield f"{lines} lines, at most {MAX_FILE_LINES}"


def function_length(source: Source) -> Iterator[str]:
    for node in source.nodes:
        if isinstance(node, Function):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > MAX_FUNCTION_LINES:
                yield f"{node.name} has {lines} lines, at most {MAX_FUNCTION_LINES}"


def opening_paragraph(source: Source) -> Iterator[str]:
    if source.is_python and not ast.get_docstring(ast.parse(source.text)):
        yield "no paragraph at its head says what it decides and what it refuses to know"


def swallowed_exception(source: Source) -> Iterator[str]:
    """Nothing happens in the handler, or everything is caught where nobody can see it."""
    for node in source.nodes:
        if isinstance(node, ast.ExceptHandler):
            if node.type is None:
                yield f"line {node.lineno}: bare except"
            if all(_does_nothing(statement) for statement in node.body):
                yield f"line {node.lineno}: an exception is swallowed"
        if isinstance(node, ast.Call) and re.search(r"\bsuppress\(.*\b(Base)?Exception\b", ast.unparse(node)):
            yield f"line {node.lineno}: every exception is suppressed"


def _does_nothing(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Pass | ast.Continue):
        return True
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def float_in_core(source: Source) -> Iterator[str]:
    if not source.path.startswith("pumpctl/core/"):
        return
    for node in source.nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, float | complex):
            yield f"line {node.lineno}: float literal {node.value}"
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "float":
            yield f"line {node.lineno}: float()"


def unfinished(source: Source) -> Iterator[str]:
    words = r"TODO|FIXME|XXX|NotImplementedError|mark\.(?:skip|xfail)|pytest\.(?:skip|xfail)"
    for match in re.finditer(rf"\b(?:{words})", source.text):
        yield f"unfinished or left out: {match.group()}"


def unseeded_chance(source: Source) -> Iterator[str]:
    """ruff bans random.choice and the rest; a generator without a seed, and tests, are seen only here."""
    module_functions = {
        "choice",
        "choices",
        "randbytes",
        "randint",
        "random",
        "randrange",
        "sample",
        "shuffle",
        "uniform",
    }
    for node in source.nodes:
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        if called in {"Random", "random.Random"} and not node.args:
            yield f"line {node.lineno}: random.Random without a seed"
        if called.startswith("random.") and called.removeprefix("random.") in module_functions:
            yield f"line {node.lineno}: {called} has no seed"


def input_or_output(source: Source) -> Iterator[str]:
    for node in source.nodes if source.is_deciding else ():
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"open", "print", "input", "eval", "exec"}:
            yield f"line {node.lineno}: {ast.unparse(node.func)}() where something is decided"
        if isinstance(node, ast.AsyncFunctionDef):
            yield f"line {node.lineno}: {node.name} suspends where something is decided"


def machine_path(source: Source) -> Iterator[str]:
    for match in re.finditer(r"(?<![\w.}])/(?:root|home|Users|work)/", source.text):
        yield f"a path of one machine: {match.group()}"


def host_in_lock_file(source: Source) -> Iterator[str]:
    if source.name.endswith(".lock"):
        for match in re.finditer(
            r"https?://\S*|^\s*(?:-i|-f|--(?:extra-)?index-url|--find-links)\b", source.text, re.M
        ):
            yield f"a lock file names a host: {match.group()}"


NAMES_THAT_SAY_NOTHING = frozenset(
    {"manager", "handler", "helper", "helpers", "service", "util", "utils", "common", "data", "info"}
)


def name_that_says_nothing(source: Source) -> Iterator[str]:
    """A module, a package, a class is named for the noun it decides about (CONTRIBUTING.md)."""
    if not source.is_python:
        return
    for part in source.path.removesuffix(".py").split("/"):
        for word in set(part.lower().split("_")) & NAMES_THAT_SAY_NOTHING:
            yield f"the module name {part} says {word}"
    for node in source.nodes:
        if isinstance(node, ast.ClassDef):
            words = {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z][a-z0-9]*", node.name)}
            for word in words & NAMES_THAT_SAY_NOTHING:
                yield f"the class name {node.name} says {word}"


def dangerous_abbreviation(source: Source) -> Iterator[str]:
    """One letter apart from morphine sulfate's. A test that shows it refused may write it."""
    if not source.path.startswith("tests/"):
        for match in re.finditer("mg?so4", source.text, re.IGNORECASE):
            yield f"{match.group()}: spell magnesium_sulfate (magnesium sulfate in text)"


def absent_document(source: Source) -> Iterator[str]:
    """A reader can open a decision record, a page of docs/ and SPEC.md."""
    for match in re.finditer(r"\bdesign sections?\s+\d+|\(design:", source.text, re.IGNORECASE):
        yield f"{match.group()}: that document is not here; name one that is (ADR, docs/, SPEC.md) or say (project)"


def decision_record(source: Source) -> Iterator[str]:
    if not source.path.startswith("docs/adr/") or not source.path.endswith(".md"):
        return
    if not re.fullmatch(r"\d{4}-[a-z0-9-]+\.md", source.name):
        yield "the name is not NNNN-words.md"
    for heading in ("## Context", "## Decision", "## Consequences"):
        if heading not in source.text:
            yield f"no {heading}"
    if source.text.count("\n") >= MAX_ADR_LINES:
        yield f"{source.text.count(chr(10))} lines, under {MAX_ADR_LINES} wanted"


CHECKS_OF_SHAPE: tuple[Check, ...] = (
    file_length,
    function_length,
    opening_paragraph,
    swallowed_exception,
    float_in_core,
    input_or_output,
    decision_record,
)
# The two files that ban these words must write them.
CHECKS_OF_WORDS: tuple[Check, ...] = (
    unfinished,
    unseeded_chance,
    machine_path,
    host_in_lock_file,
    name_that_says_nothing,
    dangerous_abbreviation,
    absent_document,
)
