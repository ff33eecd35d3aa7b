"""Every decision record is in the list of them, every dependency in its record.

Refuses to know whether what a record says is so.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = "0000-template.md"


def unlisted(names: Iterable[str], text: str) -> list[str]:
    """A name is a whole word here: `pytest-cov` does not name `pytest`."""
    return [name for name in names if not re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w-])", text, re.IGNORECASE)]


def required(project: dict[str, Any]) -> Iterator[str]:
    """The names in pyproject.toml, its own (an extra of it) left out."""
    table = project["project"]
    groups = [*table["optional-dependencies"].values(), *project["dependency-groups"].values()]
    for requirement in sum(groups, [*project["build-system"]["requires"], *table["dependencies"]]):
        name = re.split(r"[\[<>=]", requirement)[0]
        if name != table["name"]:
            yield name


def test_every_decision_record_is_in_the_list() -> None:
    names = [path.name for path in (ROOT / "docs/adr").glob("[0-9]*.md") if path.name != TEMPLATE]
    assert names
    assert unlisted(names, (ROOT / "docs/architecture.md").read_text()) == []


def test_every_dependency_is_in_its_record() -> None:
    names = list(required(tomllib.loads((ROOT / "pyproject.toml").read_text())))
    assert {"hatchling", "aiomqtt", "numpy", "pytest", "fhir.resources", "labmcp"} <= set(names)
    assert unlisted(names, (ROOT / "docs/adr/0016-dependencies.md").read_text()) == []


def test_what_is_not_listed_is_named() -> None:
    text = "Taken: Typer, pytest-cov, labmcp-new-era (adr/0016-dependencies.md)."
    listed = ["typer", "pytest-cov", "0016-dependencies.md"]
    missing = ["pytest", "labmcp", "cov", "0017-the-floor.md"]
    assert unlisted(listed + missing, text) == missing
