"""The table of rules, one row an id of clinical.md. Order in the table decides nothing.

A new rule is a row beside its function, and rows in the drug library when it has figures.
REQUIRED_IDS stands apart from the table on purpose: a row that is lost denies every order instead
of passing it.
"""

from __future__ import annotations

from pumpctl.core.rules import (
    blood,
    causes,
    electrolytes,
    followup,
    heart,
    intravenous,
    kidneys,
    person,
    route,
    signs,
    subcutaneous,
    volume,
    writing,
)
from pumpctl.core.rules.finding import Severity
from pumpctl.core.rules.rule import ADVISORY, HARD, SOFT, Judge, Rule, Stage
from pumpctl.core.rules.start_table import START_RULES

__all__ = ["REQUIRED_IDS", "RULES", "Judge", "Rule", "Stage"]


# What start_table.py judges; S03, S04 and S06 at every check too.
_STARTS: dict[str, tuple[str, tuple[Severity, ...], str]] = {
    "Q27": (
        "home questions before each start: not answered; yes to a sign of too much; yes to diarrhoea or a missed drug",
        (SOFT, HARD, ADVISORY),
        "seed-Q, seed-P; project",
    ),
    "P11": (
        "SC site or needle not recorded or too old; reaction, two infusions on a site",
        (SOFT, HARD),
        "reference",
    ),
    "S01": ("the same occurrence started twice", (HARD,), "project"),
    "S02": (
        "start too early or too late; other magnesium of this patient unresolved",
        (SOFT, HARD),
        "project",
    ),
    "S03": (
        "SC start too soon after the last; infusions too close to each other",
        (HARD,),
        "seed-P; project",
    ),
    "S04": ("phases overlap; a loading dose not first, or repeated", (HARD,), "seed-Q"),
    "S05": ("resume after a long pause; past the end of the order", (HARD,), "project"),
    "S06": ("a stop for toxicity not cleared by a clinician and a second person", (HARD,), "seed-Q; project"),
    "B01": ("bag label not entered or different; bag past its beyond-use time", (HARD,), "project"),
    "B02": ("bag used before; a second concentration in one program", (HARD,), "project"),
    "B03": ("program larger than what the bag holds after priming and residual", (HARD,), "project"),
}

RULES: tuple[Rule, ...] = (
    *kidneys.RULES,
    *volume.RULES,
    *electrolytes.RULES,
    *blood.RULES,
    *heart.RULES,
    *person.RULES,
    *signs.RULES,
    *intravenous.RULES,
    *subcutaneous.RULES,
    *causes.RULES,
    *followup.RULES,
    *route.RULES,
    *writing.RULES,
    *(
        Rule(
            row.id,
            row.at_check,
            _STARTS[row.id][0],
            ("the bag check", "the dose ledger"),
            _STARTS[row.id][1],
            _STARTS[row.id][2],
            Stage.CHECK if row.at_check else Stage.START,
        )
        for row in START_RULES
    ),
)

# fmt: off
REQUIRED_IDS: frozenset[str] = frozenset({
    "Q01", "Q02", "Q03", "Q04", "Q05", "Q05b", "Q06", "Q07", "Q08", "Q09", "Q10", "Q11", "Q12", "Q13", "Q14", "Q15",
    "Q16", "Q17", "Q20", "Q21", "Q22", "Q23", "Q24", "Q25", "Q26", "Q27", "Q30", "Q31", "Q32", "Q33", "Q34", "Q35",
    "Q36", "Q37", "Q38", "Q40", "Q41", "Q42", "Q43",
    "P01", "P02", "P03", "P04", "P05", "P06", "P07", "P08", "P09", "P10", "P11",
    "D24", "D25", "D7", "S01", "S02", "S03", "S04", "S05", "S06", "B01", "B02", "B03",
    "L01", "L02", "L03", "L04", "L05", "L05b", "L06", "L07", "L08", "L08b",
    "T01", "T02", "U01", "U02", "U03", "U04", "U05", "U06", "U07",
})
# fmt: on
