"""The `pumpsim` command line: exit codes, and one clear line for bad input."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from simulator.cli import main
from tests.simulator.served import PUMPSIM, WITHIN_S, serving

SERVE = ["serve", "--dialect", "companion"]


def pumpsim(*arguments: str, cwd: Path | None = None) -> tuple[int, str, str]:
    ended = subprocess.run(
        [*PUMPSIM, *arguments], capture_output=True, text=True, timeout=WITHIN_S, cwd=cwd, check=False
    )
    return ended.returncode, ended.stdout, ended.stderr


@pytest.mark.parametrize(
    ("arguments", "exit_code", "complaint"),
    [
        ([], 2, "Missing command"),
        (["explode"], 2, "No such command 'explode'"),
        (["inject"], 2, "fault"),
        (["inject", "fire"], 2, "unknown fault 'fire'"),
        (["inject", "door", "--after", "5"], 2, "--after: '5' is not a time"),
        (["inject", "door", "--for", "x"], 2, "--for: 'x' is not a time"),
        (["press", "bell"], 2, "no button 'bell'"),
        (["serve", "--dialect", "klingon", "--pty", "pump"], 2, "--dialect klingon"),
        (SERVE, 2, "either --pty LINK or --tcp HOST:PORT"),
        ([*SERVE, "--pty", "pump", "--tcp", "127.0.0.1:0"], 2, "either --pty LINK or --tcp HOST:PORT"),
        ([*SERVE, "--tcp", "7000"], 2, "not HOST:PORT"),
        ([*SERVE, "--tcp", "127.0.0.1:70000"], 2, "not HOST:PORT"),
        ([*SERVE, "--tcp", "203.0.113.7:0"], 5, "203.0.113.7:0"),
        ([*SERVE, "--pty", "pump", "--speed", "0"], 2, "--speed 0"),
        ([*SERVE, "--pty", "pump", "--speed", "fast"], 2, "--speed"),
        ([*SERVE, "--pty", "pump", "--seed", "-1"], 2, "--seed -1"),
        ([*SERVE, "--pty", "pump", "--serial", "PUMP-1"], 2, "begins SIM-"),
        ([*SERVE, "--pty", "pump", "--serial", "SIM-0123456789ABC"], 2, "at most 16"),
        ([*SERVE, "--pty", "pump", "--scenario", "none.toml"], 2, "none.toml"),
        ([*SERVE, "--pty", "no/such/folder/pump"], 2, "no/such/folder/pump: No such file or directory; name a"),
        ([*SERVE, "--pty", "taken"], 4, "exists and is not a link of pumpsim"),
        ([*SERVE, "--pty", "foreign"], 4, "not of pumpsim"),
        ([*SERVE, "--pty", "pump", "--control", "taken"], 4, "not a socket"),
        (["state", "--control", "none.sock"], 5, "no simulator at none.sock"),
        (["heal", "door", "--control", "taken"], 5, "no simulator at taken"),
    ],
)
def test_bad_input_is_one_line(
    arguments: list[str],
    exit_code: int,
    complaint: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    (tmp_path / "taken").write_text("precious")
    (tmp_path / "foreign").symlink_to("nowhere")
    control = [] if "--control" in arguments or arguments[:1] != ["serve"] else ["--control", "c.sock"]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["pumpsim", *arguments, *control])
    with pytest.raises(SystemExit) as ended:
        main()
    said, complaints = capsys.readouterr()
    assert (ended.value.code, said) == (exit_code, "")
    assert complaint in complaints
    assert complaints.startswith("pumpsim: ")
    assert complaints.count("\n") == 1
    assert (tmp_path / "taken").read_text() == "precious"
    assert (tmp_path / "foreign").is_symlink()


def test_the_hand_at_the_pump(tmp_path: Path):
    with serving(tmp_path) as served:
        control = ["--control", str(served.control)]
        assert pumpsim("press", "confirm", *control) == (0, "pressed confirm\n", "")
        assert pumpsim("inject", "occlusion", "--after", "5m", "--for", "90s", *control)[0] == 0
        assert pumpsim("inject", "door", "--json", *control) == (0, '{"injected": "door"}\n', "")
        code, said, _ = pumpsim("state", "--json", *control)
        state = json.loads(said)
        assert (code, state["faults"], state["alarms"]) == (0, ["door"], ["door_open"])
        assert "door_open" in pumpsim("state", *control)[1]
        assert pumpsim("heal", "door", *control) == (0, "healed door\n", "")


def test_two_simulators_do_not_share(tmp_path: Path):
    with serving(tmp_path) as served:
        other = str(tmp_path / "other")
        taken_link = pumpsim(*SERVE, "--pty", str(served.link), "--control", other)
        assert taken_link[0] == 4
        assert "is in use" in taken_link[2]
        taken_control = pumpsim(*SERVE, "--pty", other, "--control", str(served.control))
        assert taken_control[0] == 4
        assert "another simulator answers there" in taken_control[2]
        assert served.state()["powered"] is True
