"""`pumpctl observe`: what a person types becomes one request; what makes no sense is refused before it is sent."""

from __future__ import annotations

from typing import Any

import pytest
from typer.testing import CliRunner

from pumpctl.cli import observe
from pumpctl.cli.commands import app
from pumpctl.cli.failure import Failure

RUNNER = CliRunner()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    requests: list[tuple[str, dict[str, Any]]] = []

    def ask(config: object, socket: object, as_json: bool, method: str, params: dict[str, Any]) -> dict[str, Any]:
        requests.append((method, params))
        return {"stopped": [], "advice": []}

    monkeypatch.setattr(observe, "ask", ask)
    return requests


def test_kinds_with_their_values_and_bare_signs_become_one_request(asked: list[tuple[str, dict[str, Any]]]):
    words = ["observe", "--person", "nurse", "patellar_reflex=present", "breathing_rate=16 /min", "drowsy", "faint"]
    assert RUNNER.invoke(app, words).exit_code == 0
    told = {"person": "nurse", "channel": None, "patellar_reflex": "present", "breathing_rate": "16 /min"}
    assert asked == [("observe", told | {"signs": ["drowsy", "faint"]})]


def test_what_was_given_twice_is_refused(asked: list[tuple[str, dict[str, Any]]]):
    for words in (["heart_rate=70 /min", "heart_rate=40 /min"], ["person=somebody"]):
        assert isinstance(RUNNER.invoke(app, ["observe", "--person", "nurse", *words]).exception, Failure)
    assert asked == []


@pytest.mark.parametrize("words", [["observe", "drowsy"], ["observe", "--person", "nurse"]])
def test_a_report_has_a_person_and_something_seen(words: list[str], asked: list[tuple[str, dict[str, Any]]]):
    assert RUNNER.invoke(app, words).exit_code == 2
    assert asked == []
