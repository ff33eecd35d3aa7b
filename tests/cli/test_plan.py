"""`pumpctl plan`: programs of an accepted order, and of no other."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.test_check import AT, GOLDEN, ORDERS, pumpctl

OVERRIDE = ("--override", "Q31=pharmacist on call:daily, as published")


def test_golden_plan():
    done = pumpctl("plan", GOLDEN, "--pump", "companion", *AT, *OVERRIDE)
    assert done.returncode == 0, done.stderr
    assert "10 mL/h, 3.33 mg/min, VTBI 100 mL, 10 h" in done.stdout
    assert "flow limit 12 mL/h" in done.stdout


def test_golden_plan_as_json():
    done = pumpctl("plan", GOLDEN, "--pump", "companion", *AT, *OVERRIDE, "--json")
    assert done.returncode == 0, done.stderr
    content = json.loads(done.stdout)
    assert (content["verdict"], content["pump"]) == ("accepted", "companion")
    (program,) = content["programs"]
    assert program["flow_rate_ul_h"] == 10_000
    assert program["vtbi_ul"] == 100_000
    assert program["flow_limit_ul_h"] == 12_000
    assert program["dose_rate"] == "3.33 mg/min"
    assert program["duration"] == "10 h"
    assert program["kvo_ul_h"] == 0
    assert [occurrence["number"] for occurrence in content["occurrences"]] == list(range(1, 15))
    assert content["occurrences"][0]["due"] == "2026-12-01T19:00:00Z"


def test_without_the_override_no_program_is_shown():
    done = pumpctl("plan", GOLDEN, "--pump", "companion", *AT, "--json")
    assert done.returncode == 3
    assert json.loads(done.stdout)["programs"] == []


def test_a_refused_order_has_no_program():
    done = pumpctl("plan", ORDERS / "refused-ten-fold-rate.json", "--pump", "companion", *AT, "--json")
    assert done.returncode == 4
    content = json.loads(done.stdout)
    assert (content["verdict"], content["programs"]) == ("refused", [])
    assert "P03" in {finding["rule"] for finding in content["findings"]}


def test_what_the_pump_cannot_set_is_refused(tmp_path: Path):
    """10.03 mL/h cannot be set in steps of 0.1 without loss, but within 2 %; 0.102 mL/h cannot at all."""
    content = json.loads(GOLDEN.read_text())
    content["phases"][0].update(flow="10.03 mL/h")
    path = tmp_path / "order.json"
    path.write_text(json.dumps(content))
    near = pumpctl("plan", path, "--pump", "companion", *AT, *OVERRIDE)
    assert near.returncode == 0, near.stdout
    assert "10 mL/h, 3.33 mg/min" in near.stdout
    assert "0.03 mL/h below the order" in near.stdout
    content["phases"][0].update(flow="0.0999 mL/h", duration="1001 h")
    path.write_text(json.dumps(content))
    far = pumpctl("plan", path, "--pump", "companion", *AT, *OVERRIDE, "--json")
    assert far.returncode == 4
    found = {finding["rule"]: finding for finding in json.loads(far.stdout)["findings"]}
    assert "at least 0.1 mL/h" in found["U04"]["limit"] or "U04" in found


def test_an_unknown_pump():
    done = pumpctl("plan", GOLDEN, "--pump", "teapot", *AT)
    assert done.returncode == 2
    assert "companion" in done.stderr
