"""All controls, as the program itself lists them: tuples of interlocks, tables of rules, the library, the effects.

Refuses to be a list: nothing here names a control. Only for decisions that stand in no table there is a registry
(decisions.py), and a hazard whose control files own none of all these is a gap (test_listing.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from types import FunctionType
from typing import cast

from pumpctl.core import alerts, interlocks
from pumpctl.core.rules import start_table, table
from pumpctl.core.rules.finding import Finding
from pumpctl.shell.library_file import read_library
from tests.hazards import Hazard
from tests.removal import decided, decisions, edge_decisions, effects, library_rows, statements
from tests.removal.control import Anything, Group
from tests.removal.stand_ins import of_functions
from tests.traceability import controls_of

ROOT = Path(__file__).parents[2]


def groups() -> tuple[Group, ...]:
    """As they are tried. They are watched the other way round: statements first, whose functions are compiled anew."""
    rooms = sorted((ROOT / "pumpctl" / "supervision").glob("*.py"))
    deciding = ("pumpctl/controller.py", *(path.relative_to(ROOT).as_posix() for path in rooms))
    return (
        of_tuple("permissives", interlocks.PERMISSIVES),
        of_tuple("trips", interlocks.TRIPS),
        of_tuple("alerts", alerts.ALERTS),
        of_rules(table.RULES, start_table.START_RULES),
        library_rows.group(read_library()),
        effects.group(ROOT),
        library_rows.measures(),
        decided.group((*decisions.DECISIONS, *edge_decisions.EDGE)),
        statements.group(ROOT, deciding),
    )


def gaps(listed: tuple[Group, ...], hazards: Iterable[Hazard]) -> list[str]:
    """The files that a row of the hazard list names as a control, and that own none here."""
    owning = {control.file for group in listed for control in group.controls}
    named = dict.fromkeys(path for hazard in hazards for path in controls_of(hazard))
    return [path for path in named if path not in owning]


def of_tuple(kind: str, members: Iterable[Anything]) -> Group:
    """Each member finds something, or None."""
    return of_functions(kind, ((member.__name__.removeprefix("_"), member) for member in members))


def of_rules(rules: Iterable[table.Rule], starts: Iterable[start_table.StartRule]) -> Group:
    """Each judge of each row. What judges a start at every check too is in `rules`."""
    judges = [(rule.id, judge) for rule in rules for judge in rule.judges]
    judges += [(row.id, cast("Anything", judge)) for row in starts for judge in row.at_start]
    named = ((f"{rule} {judge.__name__}", cast("FunctionType", judge)) for rule, judge in judges)
    return of_functions("rules", named, nothing=list[Finding])
