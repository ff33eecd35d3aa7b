"""FHIR files at the command line: judged and planned as they are, turned into native orders and back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.test_check import AT, GOLDEN, ORDERS, checked, pumpctl, rules

FHIR = {release: ORDERS / f"golden-home-sc.fhir-{release}.json" for release in ("r4", "r5")}
OVERRIDE = ("--override", "Q31=pharmacist on call:daily, as published")


@pytest.mark.parametrize("release", FHIR)
def test_check_reads_fhir_by_itself(release: str):
    code, content = checked(FHIR[release])
    assert (code, content["verdict"]) == (3, "needs_override")
    assert rules(content, "soft") == ["Q31"]
    assert rules(content, "hard") == []
    assert content["order_digest"] == checked(GOLDEN)[1]["order_digest"]


def test_plan_reads_fhir_by_itself():
    plans = [pumpctl("plan", path, "--pump", "companion", *AT, *OVERRIDE, "--json") for path in (FHIR["r4"], GOLDEN)]
    assert [done.returncode for done in plans] == [0, 0]
    assert plans[0].stdout == plans[1].stdout


def test_a_value_that_is_wrong_is_a_finding(tmp_path: Path):
    message = json.loads(FHIR["r4"].read_text())
    amount = message["entry"][0]["resource"]["dosageInstruction"][0]["doseAndRate"][0]
    amount["doseQuantity"]["value"] = -2
    (tmp_path / "o.json").write_text(json.dumps(message))
    code, content = checked(tmp_path / "o.json")
    assert (code, content["verdict"]) == (4, "refused")
    assert "U01" in rules(content, "hard")


@pytest.mark.parametrize("command", [("check",), ("plan", "--pump", "companion"), ("order", "import")])
def test_a_message_that_cannot_be_mapped_is_one_line(tmp_path: Path, command: tuple[str, ...]):
    message = json.loads(FHIR["r5"].read_text())
    message["entry"][0]["resource"]["status"] = "banana"
    (tmp_path / "o.json").write_text(json.dumps(message))
    done = pumpctl(*command, tmp_path / "o.json")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"pumpctl: {tmp_path}/o.json: Bundle.entry[0].resource.status: is 'banana'; only active can be mapped; "
        "correct it, or send no such message\n"
    )


@pytest.mark.parametrize("release", FHIR)
def test_export_writes_the_published_example(release: str, tmp_path: Path):
    done = pumpctl("order", "export", GOLDEN, "--release", release, "--json")
    assert done.returncode == 0, done.stderr
    assert done.stdout == FHIR[release].read_text()
    assert pumpctl("order", "export", GOLDEN, "--release", release, "-o", tmp_path / "o.json").stdout == ""
    assert (tmp_path / "o.json").read_text() == done.stdout


def test_import_writes_a_native_order_of_the_same_verdict(tmp_path: Path):
    done = pumpctl("order", "import", FHIR["r5"], "-o", tmp_path / "o.json")
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "o.json").read_text()) == json.loads(GOLDEN.read_text())
    assert checked(tmp_path / "o.json") == checked(GOLDEN)


def test_export_of_two_phases_is_refused_with_the_reason(tmp_path: Path):
    order = json.loads(GOLDEN.read_text())
    (tmp_path / "o.json").write_text(json.dumps(order | {"phases": order["phases"] * 2}))
    done = pumpctl("order", "export", tmp_path / "o.json")
    assert (done.returncode, done.stdout) == (2, "")
    assert "a FHIR order here is one phase" in done.stderr


def test_a_file_that_cannot_be_written(tmp_path: Path):
    done = pumpctl("order", "export", GOLDEN, "-o", tmp_path / "no" / "o.json")
    assert done.returncode == 2
    assert "name a file that can be written" in done.stderr
