"""The patient right before a start: the home questions (Q27), the site (P11), a stop that nobody cleared (S06).

Refuses to know bags and times of the schedule. An answer that was not given is not a no.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pumpctl.core.limit import Measure
from pumpctl.core.rules.case import Case
from pumpctl.core.rules.finding import Finding, Severity
from pumpctl.core.rules.start_case import Start, against_limits, folded
from pumpctl.core.schedule import read_instant
from pumpctl.core.units import Duration, Misread

FUTURE_MS = 5 * 60_000  # T02
# Q27: signs of too much magnesium, then what makes an early blood check needed (P06)
SIGNS = ("drowsy", "weak", "flushed", "breathless", "faint")
EARLY_CHECKS = ("diarrhoea", "missed_antiepileptic")


def home_questions_are_answered(start: Start, case: Case) -> Iterator[Finding]:
    """Q27."""
    if (case.order.route, case.order.care_area) != ("sc", "home"):
        return
    said = {name: getattr(start.check.answers, name) for name in (*SIGNS, *EARLY_CHECKS)}
    unanswered = ", ".join(name for name, answer in said.items() if answer is None)
    signs = ", ".join(name for name in SIGNS if said[name])
    early = ", ".join(name for name in EARLY_CHECKS if said[name])
    if unanswered:
        message = f"not asked: {unanswered}; ask before each start"
        yield Finding(
            "Q27", Severity.SOFT, message, f"unanswered: {unanswered}", "all answered", "seed-Q, seed-P; project"
        )
    if signs:
        message = f"yes to {signs}: these are signs of too much magnesium; do not start, call the clinician"
        yield Finding("Q27", Severity.HARD, message, signs, "no", "seed-Q, seed-P; project")
    if early:
        message = f"yes to {early}: magnesium, potassium, calcium and creatinine within 48 h (P06)"
        yield Finding("Q27", Severity.ADVISORY, message, early, "no", "seed-P; project")


def site_is_sound(start: Start, case: Case) -> Iterator[Finding]:
    """P11."""
    site = start.check.site
    if case.order.route != "sc":
        return
    if site.site is None or not site.site.strip():
        yield Finding("P11", Severity.SOFT, "the site is not recorded; name it", "missing", "recorded", "reference")
    elif folded(site.site) in start.sites_in_use:
        message = "another infusion runs at this site; take another site"
        yield Finding("P11", Severity.HARD, message, site.site, "one infusion a site", "reference")
    if site.reaction is None:
        message = "whether the site shows a reaction is not recorded; look at it"
        yield Finding("P11", Severity.SOFT, message, "reaction not recorded", "no reaction", "reference")
    elif site.reaction:
        message = "reaction or abscess at the site; take another site and another needle"
        yield Finding("P11", Severity.HARD, message, "reaction", "no reaction", "reference")
    yield from _needle(start, case)


def _needle(start: Start, case: Case) -> Iterator[Finding]:
    """The value is the instant and not the age, so that an override holds until the start."""
    placed = start.check.site.needle_placed_at
    if placed is None:  # clinical.md section 3
        message = "when the needle was placed is not recorded"
        yield Finding("P11", Severity.ADVISORY, message, "missing", "recorded", "reference")
        return
    placed_ms = read_instant(placed)
    if isinstance(placed_ms, Misread):
        message = f"site.needle_placed_at {placed_ms.reason}"
        yield Finding("P11", Severity.HARD, message, placed, "time with UTC offset", "project")
    elif placed_ms > case.at_utc_ms + FUTURE_MS:
        message = "site.needle_placed_at is in the future; check the clock, the date and the offset"
        yield Finding("P11", Severity.HARD, message, placed, "at most 5 min from now", "project")
    else:
        age = Duration(max(0, case.at_utc_ms - placed_ms))
        for limit, shown in against_limits(case, start, "P11", Measure.NEEDLE_AGE, age):
            message = f"the needle has been in place for {shown}, allowed {limit.text}; {limit.note}"
            yield Finding("P11", limit.severity, message, placed, limit.text, limit.basis)


def no_stop_is_uncleared(case: Case) -> Iterable[Finding]:
    """S06 at every check: after a stop for toxicity nothing new, until a clinician and a second person cleared it."""
    if not case.uncleared_stops:
        return ()
    return [
        Finding(
            "S06",
            Severity.HARD,
            f"a stop of this patient is not cleared ({stop}); a clinician and a second person clear it",
            stop,
            "cleared by two persons",
            "seed-Q; project",
        )
        for stop in case.uncleared_stops
    ]
