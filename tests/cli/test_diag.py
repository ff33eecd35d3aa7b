"""`pumpctl diag`: canaries in settings, journal, status and key files, and none of them in the bundle."""

from __future__ import annotations

import errno
import json
import re
import socket
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pumpctl.cli import bundle, diag, redaction
from pumpctl.cli.app import main
from pumpctl.cli.redaction import REMOVED, Redactor
from pumpctl.shell.chain import ANCHOR_FILE, JOURNAL_FILE
from pumpctl.shell.clock import wall_ms
from tests.cli.canaries import (
    BODIES,
    DIGEST,
    IN_JOURNAL,
    IN_SETTINGS,
    NEWEST_MS,
    PROGRAM_ID,
    SETTINGS,
    STATUS,
    canaries,
    seed,
)
from tests.cli.test_operator import Daemon
from tests.damage.material import lived_records

FILES = [
    "README.txt",
    "versions.json",
    "settings.json",
    "status.json",
    "counters.json",
    "journal.json",
    "records.jsonl",
]

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """The command as a person calls it: exit code, standard output, standard error."""

    def call(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["pumpctl", "diag", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    return call


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Settings, a journal and key files, with a canary in every place that can hold a secret."""
    return seed(tmp_path)


@pytest.fixture
def daemon(config: Path) -> Iterator[Daemon]:
    subject = Daemon(config.parent / "state" / "control.sock")
    subject.answer = {"result": STATUS}
    subject.start()
    yield subject
    subject.close()


def unzipped(path: Path) -> dict[str, str]:
    with zipfile.ZipFile(path) as bundled:
        return {name: bundled.read(name).decode() for name in bundled.namelist()}


def leaks_of(files: dict[str, str], config: Path) -> set[str]:
    """What stands anywhere in the bundle and must not, names of files included."""
    text = "\n".join([*files, *files.values()])
    own = (str(config.parent), config.parent.name, socket.gethostname(), DIGEST, PROGRAM_ID, "2026-12-01", "14 /min")
    return canaries(text) | {each for each in own if each in text}


def test_the_canaries_are_where_they_are_looked_for() -> None:
    in_settings = canaries(SETTINGS)
    assert len(in_settings) == IN_SETTINGS
    assert len(canaries(json.dumps(BODIES)) - in_settings) == IN_JOURNAL
    assert len(canaries(json.dumps(STATUS)) - in_settings) == 4


def test_no_secret_is_in_the_bundle_and_what_a_maintainer_needs_is(config: Path, daemon: Daemon, run: Run) -> None:
    output = config.parent / "bundle.zip"
    code, out, err = run("--config", config, "-o", output)
    assert (code, err) == (0, "")
    assert "Look before you send" in out
    files = unzipped(output)
    assert sorted(files) == sorted(FILES)
    assert all(f"  {name}\n" in out for name in FILES)
    assert leaks_of(files, config) == set()

    settings = json.loads(files["settings.json"])
    assert (settings["mode"], settings["speed"], settings["state_dir"], settings["on_alarm"]) == (
        "rig",
        1,
        "path-1",
        REMOVED,
    )
    assert [each["port"] for each in settings["channel"]] == ["path-3", "socket://host-1:4001", "/dev/ttyUSB3"]
    assert [each["patient_id"] for each in settings["channel"]] == ["patient-1", "patient-2", "patient-2"]
    assert (settings["mqtt"]["host"], settings["mqtt"]["port"]) == ("host-2", 8883)

    records = [json.loads(line) for line in files["records.jsonl"].splitlines()]
    assert [record["kind"] for record in records] == list(BODIES)
    assert [record["seq"] for record in records] == list(range(1, len(BODIES) + 1))
    assert records[-1]["at_ms"] == 0
    assert records[-2]["at_ms"] == -1000
    by_kind = {record["kind"]: record["body"] for record in records}
    assert by_kind["settled"]["program"]["patient_id"] == "patient-1", "the same as in the settings"
    assert by_kind["settled"]["started_ms"] == -600_000
    assert by_kind["alarm_raised"] == {
        "channel": "channel-1",
        "code": "air_in_line",
        "priority": "high",
        "message": REMOVED,
    }
    assert by_kind["cleared"]["persons"] == ["person-2", "person-3"]
    assert by_kind["of_tomorrow"] == {"channel": "channel-1", "moved_ul": 7}

    status = json.loads(files["status.json"])["answer"]
    assert status["daemon"] == {"mode": "rig, unsigned", "journal": REMOVED, "guard": "alive"}
    state = status["channels"]["channel-1"]
    assert (state["state"], state["flow_ml_h"], state["serial"], state["at_ms"]) == ("infusing", 10.0, "serial-1", 1000)
    assert daemon.asked == [("status", {})]

    assert json.loads(files["counters.json"]) == {"counted": False}
    journal = json.loads(files["journal.json"])
    assert (journal["condition"], journal["reason"], journal["records"]) == ("sound", "", len(BODIES))
    assert (journal["alarms_raised"], journal["proven_by_kind"]["settled"]) == ({"air_in_line": 1}, 1)
    assert journal["unknown_fields_left_out"] == 3
    assert json.loads(files["versions.json"])["libraries"]["pydantic"]


def _as_it_is(_self: object, *given: object, **_named: object) -> object:
    return given[-1]


@pytest.mark.parametrize(
    ("removed", "leaks"),
    [
        (
            lambda patch: patch.setattr(Redactor, "_value", lambda _self, _key, value, _depth, **_named: value),
            "canary-visitor",
        ),
        (lambda patch: patch.setattr(Redactor, "_leaf", _as_it_is), "canary-word"),
        (lambda patch: patch.setattr(Redactor, "name", _as_it_is), "canary-patient"),
        (lambda patch: patch.setattr(Redactor, "_port", _as_it_is), "canary-port"),
        (lambda patch: patch.setattr(redaction, "_CODE", re.compile(".*")), "canary-disk"),
        (lambda patch: patch.setattr(redaction, "_is_known", bool), "canary-key"),
        (lambda patch: patch.setattr(redaction, "_TTY", re.compile(".*")), "canary-display"),
    ],
)
@pytest.mark.usefixtures("daemon")
def test_it_goes_red_when_a_part_of_the_redaction_is_removed(
    removed: Callable[[pytest.MonkeyPatch], None], leaks: str, config: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    removed(monkeypatch)
    output = config.parent / "bundle.zip"
    assert run("--config", config, "-o", output)[0] == 0
    assert leaks in leaks_of(unzipped(output), config)


def test_every_field_of_a_lived_journal_is_known() -> None:
    redactor = Redactor(0)
    told = [redactor.record(record.body) for record in lived_records()]
    assert len(told) > 50
    assert redactor.left_out == 0


def test_that_there_was_no_text_is_told() -> None:
    told = Redactor(0).record({"reason": "", "message": None, "signs": [], "told": {}, "text": "x"})
    assert told == {"reason": "", "message": None, "signs": [], "told": {}, "text": REMOVED}


def test_it_never_writes_over_a_file_and_leaves_none_half_written(
    config: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = config.parent / "bundle.zip"
    output.write_text("mine")
    for _ in range(2):
        code, out, err = run("--config", config, "-o", output)
        assert (code, out, output.read_text()) == (4, "", "mine")
        assert "there is such a file already" in err
        monkeypatch.setattr(diag.os.path, "lexists", lambda _path: False)  # it came in between
    output.unlink()

    def full(_fd: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(diag.os, "fsync", full)
        code, _, err = run("--config", config, "-o", output)
        assert (code, "No space left" in err) == (2, True)
    assert run("--config", config, "-o", config.parent / "nowhere" / "bundle.zip")[0] == 2
    assert [each.name for each in config.parent.iterdir() if "bundle" in each.name] == []
    assert run("--config", config, "-o", output)[0] == 0
    assert output.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in config.parent.iterdir() if "bundle" in each.name] == ["bundle.zip"]


def test_as_json_it_names_the_files_and_fewer_records_may_be_asked_for(config: Path, run: Run) -> None:
    output = config.parent / "bundle.zip"
    code, out, _ = run("--config", config, "-o", output, "--last", "2", "--json")
    assert code == 0
    told = json.loads(out)
    files = unzipped(output)
    assert (told["bundle"], told["sent"]) == (str(output), False)
    assert {each["name"]: each["bytes"] for each in told["files"]} == {
        name: len(content.encode()) for name, content in files.items()
    }
    assert [json.loads(line)["seq"] for line in files["records.jsonl"].splitlines()] == [len(BODIES) - 1, len(BODIES)]
    assert json.loads(files["status.json"]) == {"running": False}


@pytest.mark.usefixtures("daemon")
def test_without_records_times_are_told_against_now(config: Path, run: Run) -> None:
    before_ms = wall_ms()
    assert run("--config", config, "-o", config.parent / "bundle.zip", "--last", "0")[0] == 0
    files = unzipped(config.parent / "bundle.zip")
    at_ms = json.loads(files["status.json"])["answer"]["channels"]["channel-1"]["at_ms"]
    assert before_ms <= NEWEST_MS + 1000 - at_ms <= wall_ms()
    assert files["records.jsonl"] == ""


def test_a_damaged_journal_is_told_as_far_as_it_proves_anything(config: Path, run: Run) -> None:
    (config.parent / "state" / ANCHOR_FILE).unlink()
    run("--config", config, "-o", config.parent / "one.zip")
    journal = json.loads(unzipped(config.parent / "one.zip")["journal.json"])
    assert (journal["condition"], journal["reason"]) == (
        "damaged",
        "the anchor is missing although the journal has records",
    )
    (config.parent / "state" / JOURNAL_FILE).write_bytes(b"canary-page" * 1000)
    run("--config", config, "-o", config.parent / "two.zip")
    files = unzipped(config.parent / "two.zip")
    assert json.loads(files["journal.json"])["reason"] == REMOVED, "SQLite's words may quote what is damaged"
    assert leaks_of(files, config) == set()


def test_without_a_journal_or_readable_settings(config: Path, run: Run) -> None:
    for name in (JOURNAL_FILE, ANCHOR_FILE):
        (config.parent / "state" / name).unlink()
    assert run("--config", config, "-o", config.parent / "bundle.zip")[0] == 0
    assert json.loads(unzipped(config.parent / "bundle.zip")["journal.json"])["reason"] == "there is no journal"
    config.write_text("nonsense = 1\n")
    code, _, err = run("--config", config, "-o", config.parent / "other.zip")
    assert (code, "unknown key nonsense" in err) == (2, True)


def test_the_verdicts_that_are_told_are_those_of_the_journal() -> None:
    for reason in (
        "the hash chain is broken at record 7",
        "the journal ends at record 3, the anchor has seen 9: records are gone",
        "record 4 is not the one that the anchor has seen",
    ):
        assert bundle._VERDICT.fullmatch(reason)
    assert not bundle._VERDICT.fullmatch("the journal cannot be read: malformed 'canary-text'")
