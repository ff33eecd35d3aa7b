"""The journal of a real daemon, killed in mid-infusion: what it proves alone, and the way out when it is damaged."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pumpctl.shell.chain import JOURNAL_FILE
from tests.system.real_pair import OVERRIDE_Q31, PATIENT, WITHIN_S, RealPair

PERSONS = ("--by", "A. Nurse", "--by", "B. Doctor")


SPEED = 120  # ten hours in five minutes: some commands and two restarts fit into one infusion on a busy machine, too


@pytest.fixture
def pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RealPair]:
    monkeypatch.setattr("tests.system.real_pair.SPEED", SPEED)
    subject = RealPair(tmp_path)
    yield subject
    subject.clean_up()


def _end_of_replay(pair: RealPair) -> dict[str, Any]:
    done = pair.pumpctl("journal", "replay", "--json")
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


@pytest.mark.hazard("H44")
def test_the_replay_of_a_killed_daemon_ends_in_what_the_restarted_one_reports(pair: RealPair, tmp_path: Path):
    pair.infuse()
    pair.wait("a hundredth is in", lambda: pair.truth["program_ul"] > 1_000)
    running = pair.state["program_id"]
    pair.kill_daemon()
    replayed = _end_of_replay(pair)
    pair.start_daemon()
    pair.wait_for_state("infusing")
    assert replayed["orders"] == pair.ask("order.list")["orders"]
    told = pair.state
    infusion = replayed["channels"]["a"]["infusion"]
    assert infusion["program_id"] == running == told["program_id"]
    assert (infusion["order"], infusion["occurrence"]) == (told["order"], told["occurrence"])
    assert infusion["vtbi_ul"] == told["vtbi_ml"] * 1000
    assert replayed["channels"]["a"]["latched"] == told["latched"] == []
    assert _end_of_replay(pair)["ledger"] == replayed["ledger"]
    history = tmp_path / "history.json"
    assert pair.pumpctl("journal", "history", PATIENT, "-o", str(history)).returncode == 0
    (infused,) = json.loads(history.read_text())["infusions"]
    assert infused["dose"] == f"{replayed['ledger'][0]['most_ug']} ug"


def _flip_the_wal(pair: RealPair) -> None:
    wal = pair.state_dir / f"{JOURNAL_FILE}-wal"
    content = bytearray(wal.read_bytes())
    content[len(content) // 2] ^= 1
    wal.write_bytes(content)


@pytest.mark.hazard("H69")
@pytest.mark.hazard("H71")
def test_the_way_out_of_a_damaged_journal(pair: RealPair):
    pair.infuse()
    pair.kill_daemon()
    _flip_the_wal(pair)
    assert pair.pumpctl("journal", "verify").returncode == 6
    pair.start_daemon()
    pair.wait_for_state("stopped")
    assert {reason["code"] for reason in pair.state["latched"]} >= {"journal_damaged"}
    assert pair.truth["state"] == "stopped"

    held = pair.pumpctl("journal", "retire", *PERSONS, "--reason", "the disk was changed")
    assert held.returncode == 4
    assert "another daemon holds it" in held.stderr
    assert pair.daemon is not None
    pair.daemon.send_signal(signal.SIGTERM)
    pair.daemon.wait(WITHIN_S)
    done = pair.pumpctl("journal", "retire", *PERSONS, "--reason", "the disk was changed", "--json")
    assert done.returncode == 0, done.stderr
    assert (Path(json.loads(done.stdout)["moved_to"]) / JOURNAL_FILE).is_file()
    assert pair.pumpctl("journal", "verify").returncode == 0

    pair.start_daemon()
    pair.wait("the link is up", lambda: pair.state["link"] == "up")
    assert pair.ask("status")["daemon"]["journal"] == "sound"
    refused = pair.pumpctl(
        "order", "submit", str(pair.order), "--override", OVERRIDE_Q31, "--check", str(pair.check), "--json"
    )
    assert refused.returncode == 4
    assert "D7" in {reason["code"] for reason in json.loads(refused.stdout)["reasons"]}
    assert pair.truth["starts"] == 1
