"""Each import contract and each ban of pyproject.toml goes red on a deliberate violation, and is green without.

Works on a copy of the tree in its present state; knows no contract by heart but those it breaks.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ("pumpctl", "protocols", "simulator")
BIN = Path(sys.executable).parent
SETTINGS: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
CONTRACTS: dict[str, dict[str, Any]] = {row["id"]: row for row in SETTINGS["importlinter"]["contracts"]}
BANS: dict[str, Any] = SETTINGS["ruff"]["lint"]["flake8-tidy-imports"]["banned-api"]
PER_FILE_IGNORES: dict[str, list[str]] = SETTINGS["ruff"]["lint"]["per-file-ignores"]
DOORS = {
    "pumpctl/cli/findings.py",  # `--at` defaults to now
    "pumpctl/guard/process.py",
    "pumpctl/shell/chance.py",
    "pumpctl/shell/clock.py",
    "simulator/serve.py",
}

# contract, file to spoil or to add, the line that spoils it, what the report must name
VIOLATIONS = [
    ("layers", "pumpctl/core/instant.py", "import pumpctl.drivers", "pumpctl.core.instant -> pumpctl.drivers"),
    ("layers", "pumpctl/drivers/__init__.py", "import pumpctl.shell", "pumpctl.drivers -> pumpctl.shell"),
    ("layers", "pumpctl/shell/__init__.py", "import pumpctl.cli", "pumpctl.shell -> pumpctl.cli"),
    ("layers", "pumpctl/core/instant.py", "import pumpctl.guard.slot", "pumpctl.core.instant -> pumpctl.guard.slot"),
    ("layers", "pumpctl/guard/wire.py", "import pumpctl.shell.clock", "pumpctl.guard.wire -> pumpctl.shell.clock"),
    ("layers", "pumpctl/events.py", "import pumpctl.effects", "pumpctl.events -> pumpctl.effects"),
    ("layers", "pumpctl/core/instant.py", "import pumpctl.configuration", "pumpctl.core.instant -> pumpctl.config"),
    ("layers", "pumpctl/attic.py", "", "pumpctl.attic"),
    ("sides", "simulator/firmware/__init__.py", "import pumpctl.core.instant", "simulator.firmware -> pumpctl.core"),
    ("sides", "pumpctl/shell/__init__.py", "import simulator", "pumpctl.shell -> simulator"),
    ("sides", "pumpctl/core/instant.py", "import simulator.rig", "pumpctl.core.instant -> simulator.rig"),
    ("sides", "pumpctl/core/instant.py", "import simulator.patient", "pumpctl.core.instant -> simulator.patient"),
    ("sides", "simulator/patient/model.py", "import pumpctl.core.order", "simulator.patient.model -> pumpctl.core"),
    ("numerics", "pumpctl/core/instant.py", "import numpy", "pumpctl.core.instant -> numpy"),
    ("numerics", "simulator/pump.py", "import simulator.patient.model", "simulator.patient.model -> numpy"),
    ("simulator-layers", "simulator/pump.py", "import simulator.rig", "simulator.pump -> simulator.rig"),
    ("simulator-layers", "simulator/motor.py", "import simulator.physics", "simulator.motor -> simulator.physics"),
    ("simulator-layers", "simulator/attic.py", "", "simulator.attic"),
    ("one-way", "pumpctl/shell/mqtt_live.py", "import pumpctl.shell.control_client", "shell.control_client"),
    ("one-way", "pumpctl/shell/mqtt_client.py", "import pumpctl.controller", "mqtt_client -> pumpctl.controller"),
    ("guard-rooms", "pumpctl/shell/clock.py", "import pumpctl.guard.process", "pumpctl.guard.process"),
    ("protocols", "protocols/companion/__init__.py", "import pumpctl.events", "protocols.companion -> pumpctl.events"),
    ("protocols", "protocols/companion/__init__.py", "import simulator.rig", "protocols.companion -> simulator.rig"),
    ("peers", "pumpctl/shell/__init__.py", "import pytest", "pumpctl.shell -> pytest"),
    ("peers", "simulator/firmware/__init__.py", "import nesp_lib", "simulator.firmware -> nesp_lib"),
]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in SHIPPED:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def lint_imports(tree: Path, *contracts: str) -> subprocess.CompletedProcess[str]:
    chosen = [word for contract in contracts for word in ("--contract", contract)]
    command = [str(BIN / "lint-imports"), "--no-logo", "--no-cache", *chosen]
    return subprocess.run(command, cwd=tree, capture_output=True, text=True, timeout=60, check=False)


def spoil(tree: Path, file: str, line: str) -> None:
    with (tree / file).open("a") as source:
        source.write(f"\n{line}\n")


def file_of(module: str) -> str:
    path = module.replace(".", "/")
    return f"{path}/__init__.py" if (ROOT / path).is_dir() else f"{path}.py"


def test_every_contract_holds_on_the_tree_as_it_is(tree: Path) -> None:
    outcome = lint_imports(tree)
    assert outcome.returncode == 0, outcome.stdout
    assert f"{len(CONTRACTS)} kept, 0 broken" in outcome.stdout


def test_every_contract_is_broken_somewhere_in_this_file() -> None:
    assert {violation[0] for violation in VIOLATIONS} | {"pure", "guard", "firmware"} >= set(CONTRACTS)


@pytest.mark.parametrize(("contract", "file", "line", "named"), VIOLATIONS)
def test_a_violation_breaks_the_contract_by_name(tree: Path, contract: str, file: str, line: str, named: str) -> None:
    spoil(tree, file, line)
    outcome = lint_imports(tree, contract)
    assert outcome.returncode != 0
    assert f"{CONTRACTS[contract]['name']} BROKEN" in outcome.stdout
    assert named in outcome.stdout


def test_the_rig_alone_may_know_both_sides(tree: Path) -> None:
    spoil(tree, "simulator/rig/bench.py", "import pumpctl.core.instant")
    assert lint_imports(tree, "sides").returncode == 0


@pytest.mark.parametrize("contract", [name for name in ("pure", "firmware", "guard") if name in CONTRACTS])
def test_each_module_that_must_stay_pure_is_watched(tree: Path, contract: str) -> None:
    sources = CONTRACTS[contract]["source_modules"]
    spoiler = CONTRACTS[contract]["forbidden_modules"][0]
    for module in sources:
        spoil(tree, file_of(module), f"import {spoiler}")
    outcome = lint_imports(tree, contract)
    assert f"{CONTRACTS[contract]['name']} BROKEN" in outcome.stdout
    for module in sources:
        assert f"{module} -> {spoiler}" in outcome.stdout


def test_each_forbidden_import_of_the_pure_rooms_is_seen(tree: Path) -> None:
    forbidden = CONTRACTS["pure"]["forbidden_modules"]
    spoil(tree, "pumpctl/core/instant.py", "\n".join(f"import {module}" for module in forbidden))
    outcome = lint_imports(tree, "pure")
    for module in forbidden:
        assert f"pumpctl.core.instant -> {module} " in outcome.stdout


def test_no_contract_looks_away_but_for_the_rig() -> None:
    excused = [line for row in CONTRACTS.values() for line in row.get("ignore_imports", [])]
    assert excused == ["simulator.rig.** -> pumpctl.**"]


def ruff_bans(tree: Path, *options: str) -> list[dict[str, Any]]:
    command = [str(BIN / "ruff"), "check", "--no-cache", "--select", "TID251", "--output-format", "json", *options, "."]
    outcome = subprocess.run(command, cwd=tree, capture_output=True, text=True, timeout=60, check=False)
    return json.loads(outcome.stdout)


def test_no_ban_is_broken_in_the_tree_as_it_is(tree: Path) -> None:
    assert ruff_bans(tree) == []


@pytest.mark.parametrize("banned", BANS)
@pytest.mark.parametrize("file", ["pumpctl/core/clockwork.py", "simulator/firmware/clockwork.py"])
def test_a_banned_call_is_red_and_named(tmp_path: Path, file: str, banned: str) -> None:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    source = tmp_path / file
    source.parent.mkdir(parents=True)
    source.write_text(f"import {banned.split('.', maxsplit=1)[0]}\n\nprint({banned})\n")
    assert f"`{banned}` is banned" in "\n".join(row["message"] for row in ruff_bans(tmp_path))


def test_time_and_chance_come_in_by_these_doors_alone(tree: Path) -> None:
    """Whoever excuses a line from a ban adds its file here, where a reviewer sees it."""
    excused = ruff_bans(tree, "--ignore-noqa")
    assert {str(Path(row["filename"]).relative_to(tree)) for row in excused} <= DOORS
    assert not any("TID251" in codes for file, codes in PER_FILE_IGNORES.items() if not file.startswith("tests/"))
