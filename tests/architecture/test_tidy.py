"""The tree keeps the house rules of tidy.py, and each rule goes red on a small file that breaks it."""

from __future__ import annotations

import ast
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture import tidy
from tests.architecture.tidy import CHECKS_OF_SHAPE, CHECKS_OF_WORDS, Check, Source

ROOT = Path(__file__).resolve().parents[2]
NOT_OURS = {".git", ".venv", "build", "dist", "__pycache__", ".pytest_cache", ".ruff_cache", ".hypothesis"}
NOT_TEXT = {".db", ".pdf", ".png", ".pyc"}
WRITES_THE_BANNED_WORDS = {"tests/architecture/tidy.py", "tests/architecture/test_tidy.py"}


def tree() -> Iterator[Source]:
    for folder, folders, files in os.walk(ROOT):
        folders[:] = sorted(set(folders) - NOT_OURS)
        for file in sorted(files):
            path = Path(folder) / file
            if path.suffix not in NOT_TEXT and not path.is_symlink():
                yield Source(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def sources() -> list[Source]:
    return list(tree())


@pytest.mark.parametrize("check", CHECKS_OF_SHAPE, ids=lambda check: check.__name__)
def test_the_tree_keeps_the_rule(check: Check, sources: list[Source]) -> None:
    assert [f"{source.path}: {finding}" for source in sources for finding in check(source)] == []


@pytest.mark.parametrize("check", CHECKS_OF_WORDS, ids=lambda check: check.__name__)
def test_the_tree_keeps_the_rule_of_words(check: Check, sources: list[Source]) -> None:
    others = [source for source in sources if source.path not in WRITES_THE_BANNED_WORDS]
    assert [f"{source.path}: {finding}" for source in others for finding in check(source)] == []


def test_the_walk_sees_the_tree(sources: list[Source]) -> None:
    paths = {source.path for source in sources}
    assert {"Makefile", ".ci/run", "pyproject.toml", "requirements.lock", "pumpctl/core/instant.py"} <= paths
    assert not any(path.startswith((".venv/", "build/")) for path in paths)


def function_of(lines: int) -> str:
    return '"""x"""\ndef f() -> None:\n' + "    ...\n" * (lines - 1)


BROKEN = [
    (tidy.file_length, "pumpctl/a.py", "\n" * 301, "\n" * 300),
    (tidy.function_length, "pumpctl/a.py", function_of(71), function_of(70)),
    (tidy.function_length, "pumpctl/a.py", "async " + function_of(71).split("\n", 1)[1], "async def f(): ..."),
    (tidy.opening_paragraph, "pumpctl/a.py", "import os\n", '"""Decides nothing."""\n'),
    (tidy.swallowed_exception, "pumpctl/a.py", "try: f()\nexcept OSError: pass", "try: f()\nexcept OSError: g()"),
    (tidy.swallowed_exception, "pumpctl/a.py", "for x in y:\n try: f()\n except OSError: continue", ""),
    (tidy.swallowed_exception, "pumpctl/a.py", "try: f()\nexcept OSError: ...", ""),
    (tidy.swallowed_exception, "pumpctl/a.py", "try: f()\nexcept: g()", "try: f()\nexcept ValueError: g()"),
    (tidy.swallowed_exception, "pumpctl/a.py", "with suppress(Exception): f()", "with suppress(OSError): f()"),
    (tidy.float_in_core, "pumpctl/core/a.py", "x = 0.5", "x = 5"),
    (tidy.float_in_core, "pumpctl/core/a.py", "x = float(y)", "x = int(y)"),
    (tidy.unfinished, "pumpctl/a.py", "# TODO later", "# to do"),
    (tidy.unfinished, "pumpctl/a.py", "raise NotImplementedError", "return NotImplemented"),
    (tidy.unfinished, "tests/test_a.py", "@pytest.mark.skipif(x)", "@pytest.mark.hazard('H01')"),
    (tidy.unfinished, "tests/test_a.py", "@pytest.mark.xfail", ""),
    (tidy.unseeded_chance, "tests/test_a.py", "random.Random()", "random.Random(seed)"),
    (tidy.unseeded_chance, "tests/test_a.py", "random.choice(x)", "Random(7).choice(x)"),
    (tidy.input_or_output, "pumpctl/core/a.py", "open('x')", "opened('x')"),
    (tidy.input_or_output, "protocols/a.py", "print('x')", ""),
    (tidy.input_or_output, "pumpctl/drivers/a.py", "async def f(): ...", "def f(): ..."),
    (tidy.machine_path, "README.md", "see /home/nurse/x", "see docs/home/x"),
    (tidy.machine_path, "pumpctl/a.py", "'/Users/nurse/x'", "'~/x'"),
    (tidy.host_in_lock_file, "requirements.lock", "a @ https://host/a.whl", "a==1"),
    (tidy.host_in_lock_file, "requirements.lock", "--index-url x", "typer-index==1"),
    (tidy.name_that_says_nothing, "pumpctl/pump_utils.py", "", None),
    (tidy.name_that_says_nothing, "pumpctl/service/pump.py", "", None),
    (tidy.name_that_says_nothing, "pumpctl/a.py", "class PumpManager: ...", "class Pump: ..."),
    (tidy.name_that_says_nothing, "pumpctl/a.py", "class HTTPHandler: ...", "class Handled: ..."),
    (tidy.dangerous_abbreviation, "README.md", "2 g MgSO4", "2 g magnesium sulfate"),
    (tidy.dangerous_abbreviation, "pumpctl/a.py", "MSO4", ""),
    (tidy.absent_document, "pumpctl/a.py", "# Design section 3: so long", "# ADR 0009: so long"),
    (tidy.absent_document, "docs/a.md", "so long (design sections 3, 4)", "so long (SPEC.md section 3)"),
    (tidy.absent_document, "pumpctl/a.py", "# (design: so long)", "# by design: so long"),
    (
        tidy.decision_record,
        "docs/adr/0001-a.md",
        "## Context\n## Decision\n",
        "## Context\n## Decision\n## Consequences\n",
    ),
    (tidy.decision_record, "docs/adr/1-a.md", "## Context\n## Decision\n## Consequences\n", None),
    (tidy.decision_record, "docs/adr/0001-a.md", "## Context\n## Decision\n## Consequences\n" + "\n" * 37, None),
]


@pytest.mark.parametrize(("check", "path", "broken", "kept"), BROKEN)
def test_a_file_that_breaks_the_rule_is_named(check: Check, path: str, broken: str, kept: str | None) -> None:
    assert list(check(Source(path, broken)))
    assert kept is None or not list(check(Source(path, kept)))


def test_every_rule_is_broken_above() -> None:
    assert {check for check, *_ in BROKEN} == set(CHECKS_OF_SHAPE + CHECKS_OF_WORDS)


def test_the_guard_imports_the_standard_library_alone(sources: list[Source]) -> None:
    """It must start when the environment of the daemon is broken (ADR 0009)."""
    for source in sources:
        if source.path.startswith("pumpctl/guard"):
            foreign = {name for name in imported(source) if name.split(".")[0] not in sys.stdlib_module_names}
            assert all(name.startswith("pumpctl.guard") for name in foreign), (source.path, foreign)


def imported(source: Source) -> Iterator[str]:
    for node in source.nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            yield node.module or "."


def test_the_imports_of_a_file_are_seen_wherever_they_stand() -> None:
    text = "import os, serial\nfrom a.b import c\ndef f():\n    from . import d\n    import e.f\n"
    assert set(imported(Source("a.py", text))) == {"os", "serial", "a.b", ".", "e.f"}


README_SAYS = [
    "not a medical device",
    "make demo",
    "make test",
    "aiomqtt",
    "asyncio-mqtt",
    "pharmacist",
    "--at 2026-12-01T18:00:00Z",
]


def test_the_readme_says_what_a_reader_must_know() -> None:
    text = (ROOT / "README.md").read_text()
    assert [words for words in README_SAYS if words not in text] == []


def test_the_changelog_has_a_place_for_what_is_not_released() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    assert "## [Unreleased]" in text
    assert "Keep a Changelog" in text


def broken_links(path: Path) -> list[str]:
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", path.read_text())
    return [target for target in targets if not (path.parent / target).exists()]


def test_every_link_between_documents_leads_somewhere() -> None:
    documents = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("protocols/**/*.md")]
    assert {str(path): broken for path in documents if (broken := broken_links(path))} == {}


def test_a_broken_link_is_seen(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("[there](page.md) [gone](gone.md#part) [elsewhere](https://example.org) [here](#part)")
    assert broken_links(page) == ["gone.md"]


def test_the_pinned_builds_agree_in_both_lock_files() -> None:
    """What the demo runs is what was tested."""
    run, dev = (pins((ROOT / name).read_text()) for name in ("requirements.lock", "requirements-dev.lock"))
    assert run
    assert run <= dev


def pins(lock: str) -> set[str]:
    return {line.removesuffix("\\").strip() for line in lock.splitlines() if re.match(r"[a-z0-9]", line)}
