"""The second opinion on an order: which rules of clinical.md forbid that it be accepted.

Refuses to know pumpctl's rules, its drug library and its ledger: every clause is plain arithmetic over the order's raw
JSON, written from clinical.md alone, so that one misreading has to be made twice to pass.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.fuzz import clauses_doses, clauses_kidneys, clauses_patient, clauses_windows, clauses_writing
from tests.fuzz.case import Case
from tests.fuzz.objection import Clause, Objection
from tests.fuzz.second_person import is_taken

CLAUSES: tuple[Clause, ...] = (
    *clauses_writing.CLAUSES,
    *clauses_kidneys.CLAUSES,
    *clauses_patient.CLAUSES,
    *clauses_doses.CLAUSES,
    *clauses_windows.CLAUSES,
)
# Every row with a HARD or SOFT verdict that is judged at every check.
_IDS = """
Q01 Q02 Q03 Q04 Q05b Q06 Q09 Q10 Q12 Q13 Q14 Q15 Q16 Q17 Q20 Q21 Q22 Q24 Q26 Q30 Q31 Q35 Q43
P02 P03 P08 P09 P10 D24 D25 D7 S03 S04 S06 L01 L02 L03 L04 L05 L05b L07 L08 L08b
T02 U01 U02 U03 U05 U06 U07
"""
RULES = frozenset(_IDS.split())
NOT_COVERED = {
    "Q25": "an observation: judged at the bag check and the start",
}


def wrongly_accepted(case: Case, overrides: list[dict[str, Any]], ids: frozenset[str] = RULES) -> list[str]:
    """The rules, restricted to `ids`, that forbid acceptance: HARD, or SOFT and not overridden."""
    every = [objection for objection in objections(case) if objection.rule in ids]
    standing = {one.rule for one in every if one.hard or not is_taken(one, every, case, overrides)}
    return sorted(standing)


def objections(case: Case) -> Iterator[Objection]:
    for clause in CLAUSES:
        yield from clause(case)
