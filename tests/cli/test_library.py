"""`pumpctl library`: what a reviewer reads before a library is used."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.test_check import AT, GOLDEN, ORDERS, pumpctl

PACKAGED = Path(__file__).resolve().parents[2] / "protocols/therapy/magnesium_sulfate.toml"


def changed(folder: Path, old: str, new: str) -> Path:
    text = PACKAGED.read_text()
    assert old in text
    path = folder / "other.toml"
    path.write_text(text.replace(old, new, 1))
    return path


def test_the_hash_is_the_one_of_verdicts():
    done = pumpctl("library", "hash")
    assert done.returncode == 0
    verdict = json.loads(pumpctl("check", GOLDEN, *AT, "--json").stdout)
    assert done.stdout.strip() == verdict["library_hash"]
    assert json.loads(pumpctl("library", "hash", PACKAGED, "--json").stdout)["library_hash"] == done.stdout.strip()


def test_show_names_every_limit_with_its_basis():
    done = pumpctl("library", "show")
    assert done.returncode == 0
    assert "home_sc: sc, home, infusion; link lost: finish loaded" in done.stdout
    assert "hard      P03  dose rate: at most 4 mg/min (seed-P, seed-Q)" in done.stdout
    content = json.loads(pumpctl("library", "show", "--json").stdout)
    assert {"rule", "severity", "profiles", "measure", "when", "allowed", "basis", "note"} == set(content["limits"][0])
    assert len(content["profiles"]) == 5


@pytest.mark.parametrize(
    ("old", "new", "word", "what"),
    [
        ('above = "4 mg/min"', 'above = "40 mg/min"', "tighter", "at most 40 mg/min -> at most 4 mg/min"),
        ('above = "4 mg/min"', 'above = "3.9 mg/min"', "looser", "at most 3.9 mg/min -> at most 4 mg/min"),
        ('below = "3 h"', 'below = "2 h"', "tighter", "at least 2 h -> at least 3 h"),
        ('below = "3 h"', 'below = "4 h"', "looser", "at least 4 h -> at least 3 h"),
        ('lease = "30 s"', 'lease = "40 s"', "changed", "lease 40 s -> "),
        ('basis = "label"', 'basis = "project"', "changed", "project -> label"),
    ],
)
def test_diff_says_what_became_looser(tmp_path: Path, old: str, new: str, word: str, what: str):
    """The packaged library is the newer one."""
    done = pumpctl("library", "diff", changed(tmp_path, old, new))
    assert done.returncode == 0
    (line,) = [line for line in done.stdout.splitlines()[2:] if what in line][:1]
    assert line.split()[0] == word


def test_diff_sees_a_lost_limit(tmp_path: Path):
    rule = PACKAGED.read_text().split("[[limits]]")
    without = [row for row in rule if 'rule = "P10"' not in row]
    path = tmp_path / "fewer.toml"
    path.write_text("[[limits]]".join(without))
    changes = json.loads(pumpctl("library", "diff", PACKAGED, path, "--json").stdout)["changes"]
    assert [(change["change"], change["new"]) for change in changes] == [("removed", "")]
    assert "P10" in changes[0]["what"]


def test_the_same_library_differs_in_nothing(tmp_path: Path):
    path = tmp_path / "same.toml"
    path.write_text("# another layout\n" + PACKAGED.read_text())
    assert "no limit differs" in pumpctl("library", "diff", path).stdout


def test_a_file_that_is_no_library(tmp_path: Path):
    path = tmp_path / "broken.toml"
    path.write_text("format = 1")
    for command in (("show", path), ("hash", path), ("diff", path)):
        done = pumpctl("library", *command)
        assert done.returncode == 2
        assert "broken.toml" in done.stderr


def test_findings_point_at_file_and_line():
    path = ORDERS / "refused/U01.json"
    done = pumpctl("check", path, *AT)
    line = next(number for number, text in enumerate(path.read_text().splitlines(), 1) if '"2,0 g"' in text)
    assert f"{path}:{line}" in done.stdout
