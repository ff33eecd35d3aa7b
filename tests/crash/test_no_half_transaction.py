"""Between a wish and the wire there is no await: nothing can be cancelled half-way (hazards.md H50).

Refuses to guess which tasks asyncio may cancel: it looks at every module that takes part in a transaction.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PUMPCTL = Path(__file__).parents[2] / "pumpctl"
SHELL = (
    "event_loop",
    "inbox",
    "serial_link",
    "supervised_port",
    "port",
    "journal",
    "anchor",
    "guard_link",
    "kept_guard",
)
ROOMS = ("core", "drivers", "supervision", "guard")
SUSPENDS = (ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith)


def _modules() -> list[Path]:
    inner = [path for room in ROOMS for path in (PUMPCTL / room).rglob("*.py")]
    return [PUMPCTL / "controller.py", *(PUMPCTL / "shell" / f"{name}.py" for name in SHELL), *inner]


def suspends(text: str) -> list[int]:
    """The lines at which the code may be left and never come back."""
    return [node.lineno for node in ast.walk(ast.parse(text)) if isinstance(node, SUSPENDS)]


@pytest.mark.hazard("H50")
def test_no_transaction_can_be_cancelled_half_way():
    found = {path.name: lines for path in _modules() if (lines := suspends(path.read_text(encoding="utf-8")))}
    assert found == {}


@pytest.mark.parametrize("line", ["await write()", "async with port: pass", "async for frame in port: pass"])
def test_a_place_to_be_cancelled_at_would_be_seen(line: str):
    assert suspends(f"async def send():\n    {line}\n")[:2] == [1, 2]
