"""`pumpctl order calendar`: the file as a calendar program reads it, and who gets none."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from icalendar import Calendar, Event
from typer.testing import CliRunner, Result

from pumpctl.cli.commands import app
from pumpctl.cli.failure import ExitCode, Failure

ORDERS = Path(__file__).resolve().parents[2] / "deploy/examples/orders"
GOLDEN = ORDERS / "golden-home-sc.json"
ACCEPTED = ORDERS / "golden-home-sc-accepted.json"
AT = ("--at", "2026-12-01T18:00:00Z")


def run(order: Path, output: Path, *words: str) -> Result:
    return CliRunner().invoke(app, ["order", "calendar", str(order), "-o", str(output), *(words or AT)])


def events(file: Path) -> list[Event]:
    read = Calendar.from_ical(file.read_bytes())
    assert str(read["VERSION"]) == "2.0"
    assert not read.errors
    return [each for each in read.walk("VEVENT") if isinstance(each, Event)]


def made(tmp_path: Path, order: Path = GOLDEN) -> list[Event]:
    result = run(order, tmp_path / "order.ics")
    assert result.exit_code == 0, result.output
    return events(tmp_path / "order.ics")


def test_each_infusion_with_its_instant_and_length(tmp_path: Path):
    infusions = [each for each in made(tmp_path) if "infusion-" in each["UID"]]
    assert len(infusions) == 14
    first = infusions[0]
    assert first.start == datetime(2026, 12, 1, 19, tzinfo=UTC)
    assert first.end - first.start == timedelta(hours=10)
    assert "golden-home-sc" in first["SUMMARY"]


def test_each_check_as_a_day_with_its_rule(tmp_path: Path):
    entries = made(tmp_path)
    (blood,) = [each for each in entries if str(each["SUMMARY"]).startswith("Q40")]
    assert blood.start == date(2026, 12, 15)
    assert "Overdue from 2026-12-23" in blood["DESCRIPTION"]
    assert {str(each["SUMMARY"])[:3] for each in entries} == {"Mag", "Q40", "Q41", "P04", "P07"}
    assert len({str(each["UID"]) for each in entries}) == len(entries)


@pytest.mark.parametrize(("order", "status"), [(GOLDEN, "TENTATIVE"), (ACCEPTED, "CONFIRMED")])
def test_what_still_needs_an_override_is_tentative(tmp_path: Path, order: Path, status: str):
    infusions = [each for each in made(tmp_path, order) if "infusion-" in each["UID"]]
    assert {str(each["STATUS"]) for each in infusions} == {status}


def test_the_same_order_gives_the_same_file(tmp_path: Path):
    run(GOLDEN, tmp_path / "one.ics")
    run(GOLDEN, tmp_path / "two.ics")
    assert (tmp_path / "one.ics").read_bytes() == (tmp_path / "two.ics").read_bytes()


def test_no_patient_is_named(tmp_path: Path):
    made(tmp_path)
    assert "patient-0001" not in (tmp_path / "order.ics").read_text()


def test_a_refused_order_has_none(tmp_path: Path):
    result = run(ORDERS / "refused-low-clearance.json", tmp_path / "order.ics")
    assert isinstance(result.exception, Failure)
    assert result.exception.exit_code is ExitCode.REFUSED
    assert "Q01" in result.output
    assert not (tmp_path / "order.ics").exists()


def test_json_says_what_was_written(tmp_path: Path):
    result = run(GOLDEN, tmp_path / "order.ics", *AT, "--json")
    told = json.loads(result.output)
    assert told["verdict"] == "needs_override"
    assert told["entries"] == len(events(tmp_path / "order.ics"))


@pytest.mark.parametrize("target", ["nowhere/order.ics", "."])
def test_a_file_that_cannot_be_written_is_said_in_one_line(tmp_path: Path, target: str):
    result = run(GOLDEN, tmp_path / target)
    assert isinstance(result.exception, Failure)
    assert result.exception.exit_code is ExitCode.USAGE
    assert target.rstrip(".") in str(result.exception)


def test_an_expired_order_has_none(tmp_path: Path):
    result = run(GOLDEN, tmp_path / "order.ics", "--at", "2027-06-01T00:00:00Z")
    assert isinstance(result.exception, Failure)
    assert "U03" in result.output
