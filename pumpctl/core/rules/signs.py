"""Signs of too much magnesium and readiness for them: Q17, Q25, Q26.

What must be seen within minutes of a start is looked for at the start alone; a sign that the order
itself records refuses it at every check, and no later report takes that back: a new version of the order does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pumpctl.core.figures import figure
from pumpctl.core.observation import broken_signs, merged, worst_signs
from pumpctl.core.quantity import Duration
from pumpctl.core.rules.bedside import ABSENT, SIGNS
from pumpctl.core.rules.case import Case, Moment
from pumpctl.core.rules.finding import Finding
from pumpctl.core.rules.patient import recent_urine
from pumpctl.core.rules.rule import ADVISORY, HARD, SOFT, Rule

BEFORE_START_MS = 15 * 60_000  # clinical.md section 3
NEVER_MS = BEFORE_START_MS + 1


def reflex_is_there(case: Case) -> Iterable[Finding]:
    """Q25: no emergency softens a lost reflex (softening.py)."""
    if case.figures.bedside.reflex != ABSENT:
        return ()
    message = "observations: the patellar reflex is lost: too much magnesium already; do not start"
    return (Finding("Q25", HARD, message, ABSENT, "present", "seed-Q; figures: project"),)


def reported_signs_are_sound(case: Case) -> Iterable[Finding]:
    """Q25: what people reported beside the order refuses a start or a resume until they report otherwise."""
    return () if case.moment is Moment.CHECK or not case.reported.values else _reported(case)


def signs_were_looked_for(case: Case) -> Iterable[Finding]:
    """Q25: within 15 min before an intravenous start."""
    return _not_looked_for(case) if case.moment is Moment.START and case.is_intravenous else ()


def urine_is_known(case: Case) -> Iterable[Finding]:
    """Q17; in an emergency missing urine is advice, little urine is not."""
    if not case.is_intravenous or recent_urine(case) is not None:
        return ()
    severity = ADVISORY if case.is_emergency else SOFT
    message = "urine of the last 4 h before the start is not recorded (observations: urine)"
    return (Finding("Q17", severity, message, "missing", "at least 100 mL", "label"),)


def antidote_is_at_hand(case: Case) -> Iterable[Finding]:
    """Q26."""
    if not case.is_intravenous or case.order.assessment.calcium_at_bedside is True:
        return ()
    value = "missing" if case.order.assessment.calcium_at_bedside is None else "not there"
    message = "calcium, the antidote, must be at the bedside: assessment.calcium_at_bedside = true"
    return (Finding("Q26", SOFT, message, value, "at the bedside", "label"),)


def _reported(case: Case) -> Iterator[Finding]:
    if case.reported.values.get("patellar_reflex") == ABSENT:
        yield Finding("Q25", HARD, "the patellar reflex is reported lost; do not start", ABSENT, "present", "seed-Q")
    limits = [limit for profile, _, _ in case.known_phases for limit in profile.limits.get("Q25", ())]
    written = {kind: sample.value for kind, sample in case.figures.bedside.figures.items()}
    by_the_order = worst_signs((written,), limits)  # the library's rows speak of these
    for sign in broken_signs(merged(written, case.reported.values), limits):
        if sign.measure not in by_the_order or sign.is_worse_than(by_the_order[sign.measure]):
            limit = sign.limit
            message = f"reported since: {sign.told}, allowed {limit.text}; {limit.note}"
            # The value names the sign: an override of a fall by 40 mmHg is none of a pressure of 40 mmHg.
            yield Finding("Q25", HARD, message, sign.told, limit.text, limit.basis)


def _not_looked_for(case: Case) -> Iterator[Finding]:
    seen = case.figures.bedside.seen_utc_ms
    reported_ms = case.reported.ages_ms
    late = [
        kind
        for kind in SIGNS
        if min(case.at_utc_ms - seen.get(kind, 0), reported_ms.get(kind, NEVER_MS)) > BEFORE_START_MS
    ]
    if late:
        told = ", ".join(kind.replace("_", " ") for kind in late)
        limit = figure(Duration(BEFORE_START_MS), "min")
        message = f"not observed within {limit} before the start: {told}"
        yield Finding("Q25", SOFT, message, f"missing: {told}", f"within {limit}", "seed-Q; figures: project")
    if "baseline_systolic_pressure" not in seen and "baseline_systolic_pressure" not in case.reported.values:
        message = "no baseline pressure is recorded, so a fall cannot be seen"
        yield Finding("Q25", ADVISORY, message, "baseline missing", "known", "seed-Q; figures: project")


RULES = (
    Rule(
        "Q17",
        (urine_is_known,),
        "monitored IV: urine below 100 mL in the last 4 h before the start, or not recorded",
        ("observations: urine",),
        (SOFT, ADVISORY),
        "label",
    ),
    Rule(
        "Q25",
        (reflex_is_there, reported_signs_are_sound, signs_were_looked_for),
        "lost patellar reflex, slow breathing, low or fallen pressure, slow heart; at an IV start: not looked for",
        ("observations", "reports at the bedside"),
        (HARD, SOFT, ADVISORY),
        "seed-Q; figures: project",
    ),
    Rule(
        "Q26",
        (antidote_is_at_hand,),
        "calcium at the bedside not confirmed, IV",
        ("assessment.calcium_at_bedside",),
        (SOFT,),
        "label",
    ),
)
