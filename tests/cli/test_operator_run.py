"""`pumpctl run` with something wrong: one clear line, the exit code of the contract, and nothing started."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pumpctl.cli.app import main

SETTINGS = """
state_dir = "{state_dir}"
mode = "rig"
{more}
[[channel]]
name = "a"
dialect = "companion"
port = "/dev/nothing"
serial = "SIM-0001"
patient_id = "p1"
"""

Run = Callable[[str], tuple[int, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run with these settings; `{state_dir}` is an empty directory."""
    (tmp_path / "state").mkdir()

    def call(text: str) -> tuple[int, str]:
        path = tmp_path / "rig.toml"
        path.write_text(text.replace("{state_dir}", str(tmp_path / "state")))
        monkeypatch.setattr("sys.argv", ["pumpctl", "run", "--config", str(path)])
        before = os.umask(0o022)
        with pytest.raises(SystemExit) as ended:
            main()
        os.umask(before)
        lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("pumpctl: ")]
        assert len(lines) == 1
        return int(ended.value.code or 0), lines[0]

    return call


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("state_dir = [", 2, "not TOML"),
        (SETTINGS.replace("{state_dir}", "/nowhere/state").replace("{more}", ""), 2, "there is no such directory"),
        (SETTINGS.replace("{more}", "colour = 1"), 2, "unknown key colour"),
        (SETTINGS.replace("{more}", 'library = "nowhere.toml"'), 2, "No such file"),
        (SETTINGS.replace("{more}", 'library = "rig.toml"'), 2, "library"),
        (SETTINGS.replace("{more}", "speed = 600"), 2, "epoch_boottime_ns: missing"),
        (SETTINGS.replace("{more}", f"speed = 600\nepoch_boottime_ns = {10**18}"), 2, "lies in the future"),
    ],
)
def test_it_is_said_in_one_line(run: Run, text: str, code: int, said: str) -> None:
    ended, line = run(text)
    assert ended == code
    assert said in line


def test_a_state_directory_too_deep_for_a_socket_is_said_so(run: Run, tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100)
    deep.mkdir()
    ended, line = run(SETTINGS.replace("{state_dir}", str(deep)).replace("{more}", ""))
    assert ended == 2
    assert "too long" in line
