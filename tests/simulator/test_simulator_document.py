"""docs/simulator.md is what the table of faults and the profiles say."""

from __future__ import annotations

import pytest

from simulator.fault_kinds import FaultKind
from simulator.scenario import parse_scenario
from tests.simulator.simulator_document import HEAD, PATH, text


def test_the_document_is_up_to_date():
    assert PATH.read_text(encoding="utf-8") == text(), "run python -m tests.simulator.simulator_document"


@pytest.mark.parametrize("kind", FaultKind)
def test_every_kind_has_one_row(kind: FaultKind):
    rows = [line for line in text().splitlines() if line.startswith((f"| `{kind.value}`", f"| `{kind.value}:N`"))]
    assert len(rows) == 1
    assert rows[0].count("|") == 7


def test_the_scenario_it_shows_is_one():
    shown = HEAD.split("```toml")[1].split("```")[0]
    [line] = parse_scenario(shown)
    assert (line.fault.kind, line.fault.by, line.times) == (FaultKind.SIPHON, 50_000, 3)
