"""The guide for a Raspberry Pi says what is there: its settings load, its commands and checks exist, its files too."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from pumpctl.doctor.examination import examine
from pumpctl.doctor.host import Host
from pumpctl.shell.settings import load_settings

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs" / "install-raspberry-pi.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```\n(.*?)```", GUIDE, re.DOTALL)
COMMANDS = sorted(
    {
        (match[1], match[2])
        for block in BLOCKS
        for match in re.finditer(r"^(?:sudo -u pumpctl )?(pumpctl|pumpsim) ([a-z]+)", block, re.MULTILINE)
    }
)


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    (text,) = [block for block in BLOCKS if "[[channel]]" in block]
    path = tmp_path / "settings.toml"
    path.write_text(text)
    return path


def test_its_settings_are_settings(settings: Path) -> None:
    assert load_settings(settings).state_dir == Path("/var/lib/pumpctl")


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_its_commands_are_there(command: tuple[str, str]) -> None:
    program = Path(sys.executable).with_name(command[0])
    told = subprocess.run([program, command[1], "--help"], capture_output=True, text=True, timeout=60, check=False)
    assert told.returncode == 0, told.stderr


def test_the_commands_were_found() -> None:
    assert {("pumpctl", "doctor"), ("pumpctl", "probe"), ("pumpsim", "serve")} <= set(COMMANDS)


def test_the_files_that_it_copies_are_there() -> None:
    files = set(re.findall(r"(?<![\w/.])(deploy/[\w./-]+)", "\n".join(BLOCKS)))
    assert len(files) > 3
    assert [file for file in files if not (ROOT / file).exists()] == []


def test_its_table_names_every_check_of_the_doctor(settings: Path) -> None:
    """Nothing is looked at: there is no time left for it."""
    found = {finding.check for finding in examine(settings, Host(), 60, 0)}
    table = GUIDE[GUIDE.index("| check |") : GUIDE.index("It writes nothing")]
    told = set(re.findall(r"`([A-Za-z_ ]+)`", "\n".join(line.split("|")[1] for line in table.splitlines() if line)))
    assert found - {"port bedroom"} <= told
    assert told - {"port NAME"} <= found
