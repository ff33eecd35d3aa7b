"""`pumpsim campaign`: its JSON, its exit codes, one line for bad input, and a daemon that is wrong is found."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from threading import Event as Flag
from typing import Any

import pytest

from simulator.cli import main
from simulator.rig.campaign import command
from simulator.rig.campaign.command import INTERRUPTED, VIOLATED, Options, campaign
from simulator.rig.campaign.kinds import KINDS
from simulator.rig.campaign.performing import MakeController, perform
from simulator.rig.campaign.plan import read_scenario
from tests.rig.broken import BooksNothing
from tests.rig.campaign.doctored import SendsStartAgain

KEYS = ["runs", "seed", "pump_hours", "wall_s", "faults_injected", "violations", "undetected_excess_ul", "digest"]
SHORT_RUN = "1/22"  # of seed 1 without faults: ten minutes
LOOKS = 1_200  # twenty a second
# A shell that runs the tests in its background has SIGINT ignored, and whoever is started inherits that.
HEARS_SIGINT = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
INTERRUPTIBLE = [sys.executable, "-c", f"{HEARS_SIGINT}; from simulator.cli import main; main()"]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)


def pumpsim(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["pumpsim", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def summary(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    return json.loads(capsys.readouterr().out)


def test_the_json_is_that_of_the_contract(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    arguments = ("campaign", "--runs", "1", "--seed", SHORT_RUN, "--faults", "none", "--json")
    assert pumpsim(monkeypatch, *arguments) == 0
    first = summary(capsys)
    assert list(first) == KEYS
    assert (first["runs"], first["seed"], first["violations"], first["faults_injected"]) == (1, 1, [], {})
    assert first["pump_hours"] > 0.1
    assert pumpsim(monkeypatch, *arguments) == 0
    assert summary(capsys)["digest"] == first["digest"]


def test_a_campaign_gone_on_with_has_the_digest_of_one_in_one_go(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    common = ("campaign", "--seed", "1/6", "--faults", "none", "--json")
    assert pumpsim(monkeypatch, *common, "--runs", "2") == 0
    whole = summary(capsys)
    assert pumpsim(monkeypatch, *common, "--runs", "1", "--resume", "rows.jsonl") == 0
    assert summary(capsys)["digest"] != whole["digest"]
    assert pumpsim(monkeypatch, *common, "--runs", "2", "--resume", "rows.jsonl", "-o", "rows.parquet") == 0
    assert summary(capsys)["digest"] == whole["digest"]
    assert len(Path("rows.jsonl").read_text().splitlines()) == 3
    assert Path("rows.parquet").stat().st_size > 0


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--runs", "0"], "--runs 0: not from 1"),
        (["--runs", "many"], "--runs"),
        (["--workers", "0"], "--workers 0"),
        (["-o", "rows.csv"], "-o rows.csv: the rows are a .parquet"),
        (["--seed", "x"], "--seed x: a whole number"),
        (["--seed", "-1"], "--seed -1"),
        (["--seed", "1/"], "--seed 1/"),
        (["--faults", "gremlin"], "'gremlin' is no fault; there are occlusion"),
        (["--replay", "none.json"], "none.json: No such file"),
        (["--replay", "."], ".: Is a directory"),
        (["--resume", "."], "Is a directory"),
        (["--dask", "host:1"], "No such option"),
    ],
)
def test_bad_input_is_one_line(
    arguments: list[str], complaint: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    assert pumpsim(monkeypatch, "campaign", *arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert complaint in err
    assert err.count("\n") == 1


@pytest.mark.hazard("H55")
@pytest.mark.hazard("H34")
@pytest.mark.parametrize(
    ("daemon", "faults", "seed", "invariant", "most_incidents"),
    [
        (BooksNothing, "none", SHORT_RUN, "I3", 0),
        (SendsStartAgain, "drop_start_ack,door,delay,kill", "1/42", "I4", 3),  # thirteen incidents are drawn
    ],
)
def test_a_daemon_that_is_wrong_is_found_and_the_finding_shrunk(
    daemon: MakeController, faults: str, seed: str, invariant: str, most_incidents: int
):
    options = Options(runs=1, seed=seed, faults=faults, scenarios=Path("found"), most_scenarios=1)
    assert campaign(options, daemon) == VIOLATED
    (scenario,) = [read_scenario(path) for path in Path("found").iterdir()]
    assert scenario.broke == invariant
    assert len(scenario.plan.incidents) + len(scenario.plan.acts) <= most_incidents
    assert len(scenario.plan.beds) == 1
    assert invariant in {broken.invariant for broken in perform(scenario.plan, daemon).broken}


def test_a_scenario_is_replayed_with_its_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """By the daemon as it is, the finding of a doctored one is none."""
    campaign(Options(1, SHORT_RUN, "none", scenarios=tmp_path, most_scenarios=1), BooksNothing)
    path = next(tmp_path.glob("i3-*.json"))
    capsys.readouterr()
    assert pumpsim(monkeypatch, "campaign", "--replay", str(path)) == 0
    assert "violations 0" in capsys.readouterr().out
    monkeypatch.setattr(command, "perform", lambda plan: perform(plan, BooksNothing))
    assert pumpsim(monkeypatch, "campaign", "--replay", str(path), "--json") == VIOLATED
    assert json.loads(capsys.readouterr().out)["broken"][0]["invariant"] == "I3"


def test_ctrl_c_ends_the_workers_and_tells_what_is_known(tmp_path: Path):
    rows = tmp_path / "rows.jsonl"
    command_line = [*INTERRUPTIBLE, "campaign", "--runs", "5000", "--workers", "2", "--json", "--resume", str(rows)]
    with subprocess.Popen(
        command_line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as running:
        flag = Flag()
        for _ in range(LOOKS):
            if rows.exists() and rows.read_bytes().count(b"\n") > 1:
                break
            assert running.poll() is None
            flag.wait(0.05)
        os.killpg(running.pid, signal.SIGINT)
        out, err = running.communicate(timeout=30)
    assert running.returncode == INTERRUPTED
    assert 1 <= json.loads(out)["runs"] < 5000
    assert f"--resume {rows} goes on" in err
    assert any(is_gone(running.pid) or flag.wait(0.05) for _ in range(LOOKS))


def is_gone(group: int) -> bool:
    """The last to go is the pool's own book-keeper, once it has seen its parent end."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


def test_every_kind_stands_in_the_summary_even_when_it_never_happened(capsys: pytest.CaptureFixture[str]):
    campaign(Options(1, SHORT_RUN, "all", as_json=True, scenarios=Path("found"), most_scenarios=0))
    assert set(summary(capsys)["faults_injected"]) == set(KINDS)
