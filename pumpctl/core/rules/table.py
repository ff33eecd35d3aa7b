"""The table of rules, one row an id of clinical.md. Order in the table decides nothing.

A new rule is a row here, and rows in the drug library when it has figures. REQUIRED_IDS stands
apart from the table on purpose: a row that is lost denies every order instead of passing it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

from pumpctl.core.rules import blood, kidneys, route, writing
from pumpctl.core.rules.case import Case
from pumpctl.core.rules.finding import Finding
from pumpctl.core.rules.limits import limits_of
from pumpctl.core.rules.start_table import START_RULES

Judge: TypeAlias = Callable[[Case], Iterable[Finding]]


@dataclass(frozen=True, slots=True)
class Rule:
    """`judges`: all of them speak under this id."""

    id: str
    judges: tuple[Judge, ...]


RULES: tuple[Rule, ...] = (
    Rule("Q01", (limits_of("Q01"),)),
    Rule("Q02", (limits_of("Q02"), kidneys.reduced_clearance_is_monitored)),
    Rule("Q03", (limits_of("Q03"), kidneys.clearance_is_known)),
    Rule("Q04", (kidneys.volume_is_corrected,)),
    Rule("Q10", (limits_of("Q10"), route.emergency_is_one)),
    Rule("Q12", (limits_of("Q12"), blood.serum_magnesium_is_known)),
    Rule("Q13", (limits_of("Q13"),)),
    Rule("Q20", (limits_of("Q20"),)),
    Rule("Q21", (limits_of("Q21"),)),
    Rule("Q22", (limits_of("Q22"),)),
    Rule("Q24", (limits_of("Q24"),)),
    Rule("Q30", (limits_of("Q30"),)),
    Rule("Q31", (limits_of("Q31"),)),
    Rule("P02", (route.diluent_suits,)),
    Rule("P03", (limits_of("P03"),)),
    Rule("P10", (limits_of("P10"),)),
    Rule("D24", (limits_of("D24"),)),
    Rule("D25", (blood.other_magnesium_was_asked,)),
    Rule("D7", (limits_of("D7"),)),
    Rule("L01", (limits_of("L01"),)),
    Rule("L02", (limits_of("L02"),)),
    Rule("L03", (limits_of("L03"),)),
    Rule("L04", (limits_of("L04"),)),
    Rule("T02", (writing.unreadable("T02"), writing.past_is_past)),
    Rule("U01", (writing.unreadable("U01"),)),
    Rule("U02", (writing.figures_agree,)),
    Rule("U05", (route.profile_exists,)),
    Rule("U06", (writing.unreadable("U06"), writing.bolus_is_off)),
    Rule("U07", (limits_of("U07"), writing.unreadable("U07"))),
    *(Rule(row.id, row.at_check) for row in START_RULES),
)

# fmt: off
REQUIRED_IDS: frozenset[str] = frozenset({
    "Q01", "Q02", "Q03", "Q04", "Q10", "Q12", "Q13", "Q20", "Q21", "Q22", "Q24", "Q30", "Q31",
    "P02", "P03", "P10", "D24", "D25", "D7", "L01", "L02", "L03", "L04",
    "T02", "U01", "U02", "U05", "U06", "U07",
    "Q27", "P11", "S01", "S02", "S03", "S04", "S05", "S06", "B01", "B02", "B03",
})
# fmt: on
