"""Magnesium in and around the patient: serum magnesium and other sources (Q11 to Q15, D24, D25, D7).

The figures are rows of the library; here is what a missing answer or a doubtful sample means.
"""

from __future__ import annotations

from collections.abc import Iterable

from pumpctl.core.rules.case import Case
from pumpctl.core.rules.finding import Finding
from pumpctl.core.rules.rule import ADVISORY, SOFT, Rule

_MAGNESIUM = ("results: magnesium",)
_DOSES = ("phases", "schedule", "other_magnesium.parenteral", "the dose ledger")


def serum_magnesium_is_known(case: Case) -> Iterable[Finding]:
    """Q12."""
    if case.figures.laboratory.serum_magnesium is not None:
        return ()
    return (Finding("Q12", SOFT, "serum magnesium is missing; measure it", "missing", "known", "project"),)


def sample_is_not_from_the_infusion_arm(case: Case) -> Iterable[Finding]:
    """Q14: it still counts for Q13."""
    serum = case.figures.laboratory.serum_magnesium
    if serum is None or not serum.infusion_arm or case.is_emergency:
        return ()
    severity = ADVISORY if case.is_subcutaneous else SOFT
    message = "magnesium was drawn from the infusion arm; draw it from the other one"
    return (Finding("Q14", severity, message, "infusion arm", "the other arm", "reference"),)


def other_magnesium_was_asked(case: Case) -> Iterable[Finding]:
    """D25: an empty list says "none", no list says "not asked"."""
    if case.order.other_magnesium.parenteral is not None:
        return ()
    message = "other parenteral magnesium was not asked about; list it in other_magnesium.parenteral, [] for none"
    return (Finding("D25", SOFT, message, "missing", "asked", "project"),)


RULES = (
    Rule("Q11", (), "serum magnesium normal: does not exclude deficiency", _MAGNESIUM),
    Rule(
        "Q12",
        (serum_magnesium_is_known,),
        "serum magnesium missing or too old",
        (*_MAGNESIUM, "course", "therapy"),
        (SOFT,),
        "project",
    ),
    Rule("Q13", (), "serum magnesium not low before a start; raised, then high, while running", _MAGNESIUM),
    Rule(
        "Q14",
        (sample_is_not_from_the_infusion_arm,),
        "magnesium drawn before the end of the last IV magnesium, within 6 h of an infusion, or from the infusion arm",
        (*_MAGNESIUM, "other_magnesium.parenteral", "the dose ledger"),
        (ADVISORY, SOFT),
        "reference",
    ),
    Rule(
        "Q15",
        (),
        "implausible result; or doubled or halved within 14 days with no change of therapy",
        (*_MAGNESIUM, "therapy"),
    ),
    Rule(
        "D24",
        (),
        "magnesium in any rolling 24 h: given, running, uncertain and planned",
        _DOSES,
    ),
    Rule(
        "D25",
        (other_magnesium_was_asked,),
        "other parenteral magnesium not asked about; what is recorded counts in D24 and D7",
        ("other_magnesium.parenteral",),
        (SOFT,),
        "project",
    ),
    Rule(
        "D7",
        (),
        "subcutaneous and recorded other parenteral magnesium in any rolling 7 days",
        _DOSES,
    ),
)
