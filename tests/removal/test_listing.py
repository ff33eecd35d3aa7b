"""The list of controls is the program's own: what is added there is on it, and a hazard without a control fails."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from pumpctl.core import alerts, interlocks
from pumpctl.core.reason import Reason
from pumpctl.core.rules import start_table, table
from pumpctl.core.rules.case import Case
from pumpctl.core.rules.finding import Finding
from pumpctl.effects import Effect
from pumpctl.shell.library_file import read_library
from tests.hazards import HAZARDS, Hazard
from tests.removal import decided, decisions, edge_decisions, effects, library_rows, statements
from tests.removal.decided import Decision
from tests.removal.listing import ROOT, gaps, groups


@dataclass(frozen=True, slots=True)
class ShakePump:
    """An effect that nobody knows yet."""


def _moon(_snapshot: object) -> Reason | None:
    return None


def moon_is_new(_case: Case) -> list[Finding]:
    return []


def listed() -> Counter[str]:
    return Counter(f"{group.kind} {control.name}" for group in groups() for control in group.controls)


def test_no_two_controls_have_one_name() -> None:
    assert [name for name, times in listed().items() if times > 1] == []


@pytest.mark.parametrize(
    ("module", "name", "kind"),
    [(interlocks, "PERMISSIVES", "permissives"), (interlocks, "TRIPS", "trips"), (alerts, "ALERTS", "alerts")],
)
def test_a_new_member_of_a_tuple_is_on_the_list(
    monkeypatch: pytest.MonkeyPatch, module: object, name: str, kind: str
) -> None:
    before = listed()
    monkeypatch.setattr(module, name, (*getattr(module, name), _moon))
    assert listed() - before == Counter([f"{kind} moon"])


def test_a_new_judge_of_an_order_or_of_a_start_is_on_the_list(monkeypatch: pytest.MonkeyPatch) -> None:
    before = listed()
    monkeypatch.setattr(table, "RULES", (*table.RULES, table.Rule("Z01", (moon_is_new,))))
    monkeypatch.setattr(
        start_table,
        "START_RULES",
        (*start_table.START_RULES, start_table.StartRule("Z02", (lambda _start, case: moon_is_new(case),))),
    )
    assert listed() - before == Counter(["rules Z01 moon_is_new", "rules Z02 <lambda>"])


def test_a_new_row_of_the_library_is_on_the_list() -> None:
    library = read_library()
    row = replace(library.limits[0], rule="Z03")
    more = library_rows.group(replace(library, limits=(*library.limits, row))).controls
    assert [control.name for control in more[len(library.limits) :]] == [library_rows.name_of(row)]


def test_a_new_effect_is_on_the_list() -> None:
    known = [control.name for control in effects.group(ROOT).controls]
    assert [c.name for c in effects.group(ROOT, Effect | ShakePump).controls if c.name not in known] == ["ShakePump"]


def test_every_kind_of_record_is_on_the_list() -> None:
    kinds = effects.record_kinds(ROOT)
    assert {"dosing_intent", "stop_requested", "stop_proven", "settled", "wall_clock_stepped"} <= set(kinds)


def test_a_new_statement_that_stops_or_alarms_is_on_the_list(tmp_path: Path) -> None:
    (tmp_path / "room.py").write_text(
        "def _watch(channel, out):\n"
        "    request_stop(channel, out)\n"
        "    note(channel)\n"
        "    if channel.loud:\n"
        "        raise_alarm(channel, 'too_loud', out)\n"
        "    request_stop(channel, out)\n"
    )
    names = [site.name for site in statements.sites_of(tmp_path, "room.py")]
    assert names == [
        "room.py _watch request_stop",
        "room.py _watch raise_alarm too_loud",
        "room.py _watch request_stop 2",
    ]


def test_every_control_of_the_hazard_list_owns_one_here() -> None:
    assert gaps(groups(), HAZARDS) == []


def test_a_hazard_whose_control_is_not_on_the_list_is_a_gap() -> None:
    unguarded = Hazard("H99", "the moon is new", "low", "core/interlocks.py core/figures.py")
    assert gaps(groups(), (*HAZARDS, unguarded)) == ["pumpctl/core/figures.py"]


@pytest.mark.parametrize("row", [*decisions.DECISIONS, *edge_decisions.EDGE], ids=lambda row: row.name)
def test_every_decision_of_the_registry_is_a_function_of_the_program(row: Decision) -> None:
    assert decided.function_of(row).__qualname__ == row.function.removeprefix("serial.")


@pytest.mark.parametrize("function", ["nobody_decides", "Watch.nobody_decides", "Watch"])
def test_a_row_of_the_registry_for_nothing_says_so(function: str) -> None:
    with pytest.raises(TypeError, match="no function any more"):
        decided.function_of(Decision("pumpctl.guard.decision", function, decided.always(None)))
