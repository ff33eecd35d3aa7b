"""`pumpctl check` as a person and a script meet it: verdict, exit code, JSON alone on standard output."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ORDERS = Path(__file__).resolve().parents[2] / "deploy/examples/orders"
GOLDEN = ORDERS / "golden-home-sc.json"
AT = ("--at", "2026-12-01T18:00:00Z")


def pumpctl(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from pumpctl.cli.app import main; main()", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def checked(*arguments: str | Path) -> tuple[int, dict[str, Any]]:
    done = pumpctl("check", *arguments, *AT, "--json")
    assert done.stderr == ""
    return done.returncode, json.loads(done.stdout)


def rules(content: dict[str, Any], severity: str) -> list[str]:
    return [finding["rule"] for finding in content["findings"] if finding["severity"] == severity]


@pytest.mark.parametrize("name", ["golden-home-sc.json", "golden-home-sc.toml"])
def test_golden_order_needs_one_override(name: str):
    code, content = checked(ORDERS / name)
    assert code == 3
    assert set(content) == {"verdict", "order_digest", "library_hash", "findings"}
    assert content["verdict"] == "needs_override"
    assert rules(content, "soft") == ["Q31"]
    assert rules(content, "hard") == []
    keys = {"rule", "severity", "message", "value", "limit", "basis", "overridden"}
    assert all(set(finding) == keys for finding in content["findings"])


def test_accepted_with_the_override_in_the_order():
    code, content = checked(ORDERS / "golden-home-sc-accepted.json")
    assert (code, content["verdict"]) == (0, "accepted")
    assert [finding["overridden"] for finding in content["findings"] if finding["rule"] == "Q31"] == [True]


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("refused-ten-fold-rate.json", "P03"),
        ("refused-low-clearance.json", "Q01"),
        ("refused-no-basis.json", "U01"),
        ("refused-16-g-for-16-meq.json", "Q30"),
    ],
)
def test_refused_examples(name: str, rule: str):
    code, content = checked(ORDERS / name)
    assert (code, content["verdict"]) == (4, "refused")
    assert rule in rules(content, "hard")


def test_override_on_the_command_line():
    done = pumpctl("check", GOLDEN, *AT, "--override", "Q31=pharmacist on call:daily, as published")
    assert done.returncode == 0
    assert done.stdout.startswith("ACCEPTED")
    assert "overridden" in done.stdout


@pytest.mark.parametrize("override", ["Q31", "Q31=", "Q31=pharmacist", "Q31=pharmacist:", "Q31=:why", "=who:why"])
def test_override_without_person_or_reason(override: str):
    done = pumpctl("check", GOLDEN, *AT, "--override", override)
    assert done.returncode == 2
    assert "RULE=PERSON:reason" in done.stderr


def test_an_override_of_nothing_is_said_and_changes_nothing():
    done = pumpctl("check", GOLDEN, *AT, "--override", "Q01=pharmacist:why", "--json")
    assert done.returncode == 3
    assert "Q01" in done.stderr
    assert json.loads(done.stdout)["verdict"] == "needs_override"


def test_people_read_the_verdict_first_then_value_limit_and_basis():
    done = pumpctl("check", ORDERS / "refused-ten-fold-rate.json", *AT)
    lines = done.stdout.splitlines()
    assert lines[0].startswith("REFUSED")
    assert lines[2].split()[:2] == ["hard", "P03"]
    assert "33.3 mg/min" in lines[3]
    assert "at most 4 mg/min" in lines[3]
    assert "seed-P" in lines[3]


def test_time_of_judgement_needs_an_offset():
    done = pumpctl("check", GOLDEN, "--at", "2026-12-01T18:00:00")
    assert done.returncode == 2
    assert "offset" in done.stderr


def test_judged_now_the_results_are_too_old_or_in_the_future():
    done = pumpctl("check", GOLDEN, "--json")
    assert done.returncode == 4
    assert {"T02", "Q03"} & set(rules(json.loads(done.stdout), "hard"))


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        (b"", "empty"),
        (b"hello", "TOML"),
        (b"\x00\xff\xfe", "not text"),
        (b"{", "line 1"),
        (b'{"format": 1, "format": 1}', "given twice"),
        (b'{"a": ' * 20_000, "deep"),
        (b"x" * (1 << 21), "larger"),
        (b'{"format": 1, "colour": "red"}', "colour"),
        (b'{"\\u001b[31m": 1}', "unknown key"),
    ],
)
def test_files_that_are_no_orders(tmp_path: Path, content: bytes, hint: str):
    path = tmp_path / "order"
    path.write_bytes(content)
    done = pumpctl("check", path, *AT, "--json")
    assert done.returncode == 2
    assert done.stdout == ""
    assert hint in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "\x1b" not in done.stderr


def test_paths_that_cannot_be_read(tmp_path: Path):
    for path in (tmp_path, tmp_path / "absent.json"):
        done = pumpctl("check", path, *AT)
        assert done.returncode == 2
        assert str(path) in done.stderr
        assert len(done.stderr.splitlines()) == 1


def test_another_library(tmp_path: Path):
    library = Path(__file__).resolve().parents[2] / "protocols/therapy/magnesium_sulfate.toml"
    strict = tmp_path / "strict.toml"
    strict.write_text(library.read_text().replace('above = "4 mg/min"', 'above = "3 mg/min"', 1))
    code, content = checked(ORDERS / "golden-home-sc-accepted.json", "--library", strict)
    assert code in (0, 4)
    plain = checked(ORDERS / "golden-home-sc-accepted.json")[1]
    assert content["library_hash"] != plain["library_hash"]
    broken = tmp_path / "broken.toml"
    broken.write_text("format = 1")
    done = pumpctl("check", GOLDEN, *AT, "--library", broken)
    assert done.returncode == 2
    assert "broken.toml" in done.stderr


def test_the_patients_past_counts():
    accepted, past = ORDERS / "golden-home-sc-accepted.json", ORDERS.parent / "history/first-bag-today.toml"
    assert checked(accepted)[0] == 0
    code, content = checked(accepted, "--history", past)
    assert (code, rules(content, "hard")) == (4, ["S03"])


def test_a_past_that_cannot_be_used_says_why(tmp_path: Path):
    past = tmp_path / "past.json"
    for content, words in (
        ('{"format": 1, "patient": "another", "infusions": []}', "the history of patient another"),
        ("{", "not JSON"),
        (None, "No such file"),
    ):
        past.unlink(missing_ok=True)
        if content is not None:
            past.write_text(content)
        done = pumpctl("check", GOLDEN, *AT, "--history", past)
        assert (done.returncode, done.stdout) == (2, "")
        assert words in done.stderr
        assert done.stderr.count("\n") == 1
