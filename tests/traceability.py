"""docs/traceability.md: each hazard, its controls, and the tests that carry its marker. `python -m tests.traceability`.

Refuses to run a test: markers are read from the source.
"""

from __future__ import annotations

import ast
from pathlib import Path

from tests.hazards import HAZARDS, UNCOVERED, Hazard

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "traceability.md"
HEAD = """# Hazards, their controls and their tests

Written by `python -m tests.traceability` from the `hazard` markers of the tests; a test fails when the two differ.
Tests are named by their file below `tests/`; `grep -rn 'hazard("H29")' tests` finds each. A row without one says why.

| id | hazard | priority | controls | tests |
|---|---|---|---|---|
"""


def marked_tests() -> dict[str, list[str]]:
    """By hazard: path and function of each test that carries its marker, in the order of the tree."""
    found: dict[str, list[str]] = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        everywhere = _named_at_module(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                for hazard in {*everywhere, *(_hazard(each) for each in node.decorator_list)} - {None}:
                    found.setdefault(str(hazard), []).append(f"{path.relative_to(ROOT).as_posix()}::{node.name}")
    return found


def page() -> str:
    """The whole document."""
    tests = marked_tests()
    return HEAD + "".join(_row(hazard, tests.get(hazard.id, [])) for hazard in HAZARDS)


def controls_of(hazard: Hazard) -> list[str]:
    """Paths from the root."""
    roots = ("protocols/", "simulator/")
    return [each if each.startswith(roots) else f"pumpctl/{each}" for each in hazard.controls.split()]


def _row(hazard: Hazard, tests: list[str]) -> str:
    controls = "<br>".join(f"`{path}`" for path in controls_of(hazard))
    files = dict.fromkeys(test.split("::")[0].removeprefix("tests/") for test in tests)
    told = "<br>".join(f"`{path}`" for path in files)
    why = f"uncovered: {UNCOVERED.get(hazard.id, 'no reason given')}"
    return f"| {hazard.id} | {hazard.title} | {hazard.priority} | {controls} | {told or why} |\n"


def _hazard(decorator: ast.expr) -> str | None:
    """`pytest.mark.hazard("H29")`."""
    if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.hazard":
        return str(ast.literal_eval(decorator.args[0]))
    return None


def _named_at_module(tree: ast.Module) -> set[str | None]:
    """`pytestmark = pytest.mark.hazard("H29")`, or a list with it."""
    marks = [
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark"
    ]
    return {
        _hazard(each) for mark in marks for each in (mark.elts if isinstance(mark, ast.List | ast.Tuple) else [mark])
    }


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
