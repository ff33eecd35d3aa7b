"""`pumpctl journal export, replay, history, retire`, on a journal of real records."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from pumpctl.cli.app import main
from pumpctl.cli.retrospect import history_of
from pumpctl.configuration import ControllerConfiguration, JournalContent, Mode
from pumpctl.controller import Controller
from pumpctl.core.exposure import Ledger
from pumpctl.core.history import parse_history
from pumpctl.core.instant import NS_PER_MS, Now
from pumpctl.shell.chain import ANCHOR_FILE, JOURNAL_FILE, canonical_json, read_past, row_digest
from pumpctl.shell.library_file import read_library
from tests.controller.desk import LIBRARY, ONE_CHANNEL, Desk
from tests.controller.orders import PATIENT, START_UTC_MS, once
from tests.damage.material import lived_records, made

AT = "2026-12-04T19:00:00Z"
AT_MS = START_UTC_MS + 73 * 3_600_000
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """The command as a person calls it: exit code, standard output, standard error."""

    def call(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["pumpctl", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return int(ended.value.code or 0), out, err

    return call


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return made(tmp_path_factory.mktemp("made"), lived_records())[1].files


@pytest.fixture
def state_dir(tmp_path: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


def _tear(state_dir: Path) -> None:
    """One digit in the middle of the past."""
    path = state_dir / JOURNAL_FILE
    content = bytearray(path.read_bytes())
    content[content.index(b'"least_ul":') + 11] ^= 1
    path.write_bytes(content)


def _ledger(past: JournalContent) -> Ledger:
    controller = Controller(ControllerConfiguration(Mode.RIG, 1, ONE_CHANNEL), read_library(None), past)
    controller.start(Now(AT_MS * NS_PER_MS, AT_MS * NS_PER_MS, AT_MS))
    return controller.ward.ledger


def test_an_exported_line_proves_itself(run: Run, state_dir: Path) -> None:
    code, out, _ = run("journal", "export", "--state-dir", state_dir, "--json")
    lines: list[dict[str, Any]] = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert len(lines) == len(read_past(state_dir).content.records)
    for line, following in pairwise(lines):
        body = canonical_json(line["body"])
        digest = row_digest(
            bytes.fromhex(line["previous"]), line["seq"], line["utc_ms"], line["boot_id"], line["kind"], body
        )
        assert digest.hex() == line["hash"] == following["previous"]


@pytest.mark.hazard("H74")
def test_the_export_of_a_damaged_journal_ends_where_the_proof_ends(run: Run, state_dir: Path) -> None:
    _, whole, _ = run("journal", "export", "--state-dir", state_dir, "--json")
    _tear(state_dir)
    code, out, err = run("journal", "export", "--state-dir", state_dir, "--json")
    lines = out.splitlines()
    assert code == 6
    assert 0 < len(lines) < len(whole.splitlines())
    assert whole.startswith(out)
    assert f"the hash chain is broken at record {len(lines) + 1}" in err
    assert len(err.splitlines()) == 1


@pytest.mark.hazard("H71")
@pytest.mark.parametrize("name", [JOURNAL_FILE, ANCHOR_FILE])
def test_what_is_missing_is_said_and_is_not_called_a_first_start(run: Run, state_dir: Path, name: str) -> None:
    (state_dir / name).unlink()
    for command in ("verify", "export", "replay"):
        code, _, _ = run("journal", command, "--state-dir", state_dir)
        assert code == 6


def test_replay_says_what_each_record_made_of_the_state(run: Run, state_dir: Path) -> None:
    code, out, _ = run("journal", "replay", "--state-dir", state_dir, "--at", AT)
    assert code == 0
    lines = out.splitlines()
    assert (
        lines[0].split(" ", 2)[2] == "daemon_started: orders 0; a: nothing under way; ledger 0 doses, at most 0.000 mg"
    )
    intents = [line for line in lines if "dosing_intent" in line]
    assert len(intents) == 3
    assert all("a: infusing " in line for line in intents)
    (stopped,) = [line for line in lines if "stop_requested" in line and "operator_stop" in line][:1]
    assert "latched operator_stop" in stopped
    assert "latched" not in next(line for line in lines if " cleared: " in line)


def test_the_end_of_the_replay_is_what_a_daemon_would_believe(run: Run, state_dir: Path) -> None:
    code, out, _ = run("journal", "replay", "--state-dir", state_dir, "--at", AT, "--json")
    told = json.loads(out)
    assert (code, told["condition"]) == (0, "sound")
    ledger = _ledger(read_past(state_dir).content)
    assert [(s["key"], s["most_ug"]) for s in told["ledger"]] == [(s.key, s.most_ug) for s in ledger.segments]
    assert told["channels"]["a"]["patient"] == PATIENT
    assert told["channels"]["a"]["infusion"]["program_id"] == ledger.segments[-1].key
    assert sum(occurrence["begun"] for order in told["orders"] for occurrence in order["occurrences"]) == 3


@pytest.mark.hazard("H48")
def test_a_damaged_past_is_replayed_as_far_as_it_goes_and_said_to_be_damaged(run: Run, state_dir: Path) -> None:
    _tear(state_dir)
    code, out, err = run("journal", "replay", "--state-dir", state_dir, "--at", AT, "--json")
    told = json.loads(out)
    assert (code, told["condition"]) == (6, "damaged")
    assert told["channels"]["a"]["latched"] == ["journal_damaged"]
    assert "the hash chain is broken" in err


def test_the_history_is_the_ledger_and_check_reads_it(run: Run, state_dir: Path, tmp_path: Path) -> None:
    history = tmp_path / "past.json"
    code, _, _ = run("journal", "history", PATIENT, "--state-dir", state_dir, "-o", history, "--at", AT)
    assert code == 0
    read = parse_history(history.read_text(), "past.json", PATIENT)
    ledger = _ledger(read_past(state_dir).content)
    assert sorted((s.start_utc_ms, s.end_utc_ms, s.most_ug, s.route) for s in read.segments) == sorted(
        (s.start_utc_ms, s.end_utc_ms, s.most_ug, s.route) for s in ledger.segments
    )
    order = tmp_path / "order.json"
    order.write_text(json.dumps(once("next", at="2026-12-04T20:00:00Z")))
    assert run("check", order, "--at", AT)[0] == 0
    code, out, _ = run("check", order, "--at", AT, "--history", history)
    assert code == 4, out


def test_of_a_stranger_there_is_no_history(run: Run, state_dir: Path) -> None:
    code, out, _ = run("journal", "history", "patient-9999", "--state-dir", state_dir, "--at", AT)
    assert (code, json.loads(out)["infusions"]) == (0, [])
    assert history_of(Ledger(), "p")["infusions"] == []


@pytest.mark.hazard("H69")
def test_no_history_comes_out_of_a_damaged_journal(run: Run, state_dir: Path, tmp_path: Path) -> None:
    _tear(state_dir)
    history = tmp_path / "past.json"
    code, _, err = run("journal", "history", PATIENT, "--state-dir", state_dir, "-o", history)
    assert code == 6
    assert "no history is written" in err
    assert not history.exists()


@pytest.mark.parametrize(
    ("by", "reason", "exit_code"),
    [(["A. Nurse"], "r", 4), (["A. Nurse", "a.  nurse"], "r", 4), (["A", "B"], "  ", 2), (["A", "B", "C"], "r", 4)],
)
def test_retire_takes_two_persons_and_a_reason(
    run: Run, state_dir: Path, by: list[str], reason: str, exit_code: int
) -> None:
    _tear(state_dir)
    persons = [word for person in by for word in ("--by", person)]
    code, _, err = run("journal", "retire", "--state-dir", state_dir, *persons, "--reason", reason)
    assert (code, len(err.splitlines())) == (exit_code, 1)
    assert not list(state_dir.glob("retired-*"))


def test_retire_of_a_sound_or_absent_journal_is_refused(run: Run, state_dir: Path, tmp_path: Path) -> None:
    asked = ("--by", "A", "--by", "B", "--reason", "r")
    assert run("journal", "retire", "--state-dir", state_dir, *asked)[0] == 4
    (tmp_path / "empty").mkdir()
    assert run("journal", "retire", "--state-dir", tmp_path / "empty", *asked)[0] == 2


@pytest.mark.hazard("H69")
@pytest.mark.hazard("H71")
def test_after_a_retirement_every_cap_counts_as_used_for_seven_days(run: Run, state_dir: Path) -> None:
    _tear(state_dir)
    code, out, _ = run(
        "journal", "retire", "--state-dir", state_dir, "--by", "A", "--by", "B", "--reason", "r", "--json"
    )
    assert code == 0
    assert json.loads(out)["moved_to"].startswith(str(state_dir / "retired-"))
    assert run("journal", "verify", "--state-dir", state_dir)[0] == 0
    (first,) = read_past(state_dir).content.records
    for days, refused in ((0, True), (6, True), (7, False)):
        assert _refused_after(first.body, days) is refused, days


def _refused_after(body: dict[str, object], days: int) -> bool:
    """An order of its own that is due now, at a daemon whose journal was retired so many days ago."""
    from pumpctl.configuration import JournalCondition, PastRecord

    retired = PastRecord(1, "journal_retired", body, START_UTC_MS - days * 86_400_000)
    desk = Desk(past=JournalContent(JournalCondition.SOUND, "", (retired,)))
    desk.plug_in()
    desk.run_for(1_000)
    number = desk.submit(once())
    desk.run_for(1_000)
    if number in desk.answers and hasattr(desk.answers[number], "reasons"):
        codes = {reason.code for reason in desk.refused(number).reasons}
        assert "D7" in codes
        assert ("D24" in codes) is (days == 0)
        return True
    return False


def test_the_library_of_the_desk_is_that_of_the_daemon() -> None:
    assert LIBRARY.content_hash == read_library(None).content_hash


@pytest.mark.parametrize(
    "words", [("replay",), ("history", PATIENT), ("retire", "--by", "A", "--by", "B", "--reason", "r")]
)
def test_without_a_place_it_asks_for_the_options_that_there_are(run: Run, words: tuple[str, ...]) -> None:
    asked = "pumpctl: which journal; name the state directory with --state-dir D, or the settings with --config F\n"
    assert run("journal", *words) == (2, "", asked)
