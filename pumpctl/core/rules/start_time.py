"""Whether this is the time for this occurrence: S01 to S05.

Refuses to know bags and answers. What came before is what the ledger holds, of any order and over restarts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pumpctl.core.exposure import Certainty
from pumpctl.core.figures import figure_against
from pumpctl.core.library import PhaseKind
from pumpctl.core.limit import Limit, Measure
from pumpctl.core.rules.case import Case
from pumpctl.core.rules.finding import Finding, Severity
from pumpctl.core.rules.start_case import Start, against_limits, begun_before
from pumpctl.core.rules.windows import START_WINDOW_MS
from pumpctl.core.schedule import instant_text, read_instant
from pumpctl.core.units import Duration, Misread

_OPEN = frozenset({Certainty.RUNNING, Certainty.UNCERTAIN})
_INITIAL = frozenset({PhaseKind.LOADING, PhaseKind.EMERGENCY})


def occurrence_is_new(start: Start, case: Case) -> Iterator[Finding]:
    """S01: an occurrence starts once; what was lost by a power failure or a stop is not started over."""
    if start.begins_occurrence and begun_before(start, case):
        number = start.occurrence.number
        message = f"occurrence {number} was started before; it is not repeated, whatever became of it"
        yield Finding("S01", Severity.HARD, message, f"occurrence {number}", "started once", "project")


def occurrence_is_due(start: Start, case: Case) -> Iterator[Finding]:
    """S02. The value names the occurrence and not the minutes, so that an override holds until the start."""
    if not start.begins_occurrence:
        return
    late_ms = case.at_utc_ms - start.occurrence.due_utc_ms
    measure, word = (Measure.START_LATE, "late") if late_ms > 0 else (Measure.START_EARLY, "early")
    for limit, shown in against_limits(case, start, "S02", measure, Duration(abs(late_ms))):
        due = instant_text(start.occurrence.due_utc_ms)
        number = start.occurrence.number
        message = f"occurrence {number} is due {due}: {shown} {word}, allowed {limit.text}; {limit.note}"
        yield Finding("S02", limit.severity, message, f"occurrence {number} {word}", limit.text, limit.basis)


def nothing_else_runs(start: Start, case: Case) -> Iterator[Finding]:
    """S02: other magnesium of this patient, running or of unknown fate."""
    own = (case.order.digest, start.occurrence.number)
    others = {
        (segment.order_digest, segment.occurrence): segment.certainty
        for segment in case.ledger.segments
        if segment.patient_id == case.order.patient.id and segment.certainty in _OPEN
    }
    for (digest, number), certainty in others.items():
        if (digest, number) != own:
            message = f"occurrence {number} of order {digest[:16]} of this patient is {certainty.value}; end it first"
            yield Finding("S02", Severity.HARD, message, certainty.value, "no other magnesium", "project")


def long_enough_since_the_last(start: Start, case: Case) -> Iterator[Finding]:
    """S03: SC starts, of any order id."""
    if not start.begins_occurrence or case.order.route != "sc":
        return
    own = (case.order.digest, start.occurrence.number)
    starts = case.ledger.starts_utc_ms(case.order.patient.id, "sc")
    before = [utc_ms for occasion, utc_ms in starts.items() if occasion != own]
    if before:
        gap = Duration(max(0, case.at_utc_ms - max(before)))
        for limit, shown in against_limits(case, start, "S03", Measure.START_GAP, gap):
            message = f"the last subcutaneous infusion began {shown} ago, allowed {limit.text}; {limit.note}"
            yield Finding("S03", limit.severity, message, shown, limit.text, limit.basis)


def phases_follow_each_other(start: Start, case: Case) -> Iterator[Finding]:
    """S04: a later phase after the earlier one has ended, and a loading dose once."""
    before = begun_before(start, case)
    if not start.begins_occurrence and start.paused_ms is None and any(s.certainty in _OPEN for s in before):
        message = "an earlier phase or container of this occurrence has not ended"
        yield Finding("S04", Severity.HARD, message, "running", "ended", "seed-Q")
    if start.begins_occurrence and before and start.program.phase_kind in _INITIAL:
        message = "the loading dose of this occurrence was begun before; it is not repeated"
        yield Finding("S04", Severity.HARD, message, "begun before", "once", "seed-Q")


def pause_was_short(start: Start, case: Case) -> Iterator[Finding]:
    """S05: after a longer pause the rest is not given."""
    if start.paused_ms is None:
        return
    for limit, shown in against_limits(case, start, "S05", Measure.PAUSE, Duration(start.paused_ms)):
        message = f"the pause lasted {shown}, allowed {limit.text}; {limit.note}"
        yield Finding("S05", limit.severity, message, shown, limit.text, limit.basis)


def ends_within_the_order(start: Start, case: Case) -> Iterator[Finding]:
    """S05: nothing flows past the order's end."""
    if case.order.valid_until is None:
        return  # U07
    valid_until_ms = read_instant(case.order.valid_until)
    if isinstance(valid_until_ms, Misread):
        return  # T02
    ends_ms = start.ends_utc_ms(case.at_utc_ms)[-1]
    if ends_ms > valid_until_ms:
        limit = f"at most {instant_text(valid_until_ms)}"
        message = "the infusion would run past the end of the order; renew the order"
        yield Finding("S05", Severity.HARD, message, instant_text(ends_ms), limit, "project")


def occurrences_lie_apart(case: Case) -> Iterable[Finding]:
    """S03 at every check: an occurrence must end well before the next, SC ones must begin 20 h apart."""
    gap_ms = case.timetable.shortest_gap_ms
    found = _next_after_others(case) if case.ledger.segments and case.is_subcutaneous else []
    if gap_ms is not None:
        spare = _spare(case, gap_ms)
        found += _too_close(case, Measure.REPEAT_SPARE, spare, "between the end of an infusion and the next lie")
        if case.is_subcutaneous:
            found += _too_close(case, Measure.START_GAP, Duration(gap_ms), "two infusions of this order begin within")
    return found


def _spare(case: Case, gap_ms: int) -> Duration:
    """Between the latest end of an occurrence and the next; exact, none when they overlap."""
    num, den = gap_ms, 1
    for measured in case.figures.measured:
        if Measure.DURATION in measured:
            longest = measured[Measure.DURATION][0]
            num, den = num * longest.den - longest.num * den, den * longest.den
    return Duration(max(0, num), den)


def _next_after_others(case: Case) -> list[Finding]:
    """The next occurrence against what other orders began: a second bag on the same day, whatever its order id."""
    begun = case.ledger.begun(case.order.digest)
    waiting = [
        occurrence
        for occurrence in case.timetable.occurrences
        if occurrence.number not in begun and occurrence.due_utc_ms + START_WINDOW_MS >= case.at_utc_ms
    ]
    starts = case.ledger.starts_utc_ms(case.order.patient.id, "sc")
    others = [utc_ms for (digest, _), utc_ms in starts.items() if digest != case.order.digest]
    if not waiting or not others:
        return []
    gap = Duration(max(0, max(waiting[0].due_utc_ms, case.at_utc_ms) - max(others)))
    return _too_close(case, Measure.START_GAP, gap, "another order's infusion began before this one's by")


def _too_close(case: Case, measure: Measure, value: Duration, said: str) -> list[Finding]:
    rows: dict[Severity, Limit] = {}
    for profile, _, _ in case.known_phases:
        for limit in profile.limits.get("S03", ()):
            if limit.measure is measure and limit.is_broken(value, value):
                rows[limit.severity] = limit
    found: list[Finding] = []
    for limit in rows.values():
        shown = figure_against(value, limit.bound, limit.unit)
        message = f"{said} {shown}, allowed {limit.text}; {limit.note}"
        found.append(Finding("S03", limit.severity, message, shown, limit.text, limit.basis))
    return found


def loading_comes_first(case: Case) -> Iterable[Finding]:
    """S04 at every check: phases run in the order in which they stand, so a loading dose stands first and once."""
    if len(case.figures.phases) < 2:
        return ()
    why = "a loading dose comes first and once; here another phase would run before it"
    return [
        Finding("S04", Severity.HARD, f"{phase.path}: {why}", f"phase {place + 1}", "phase 1", "seed-Q")
        for place, phase in enumerate(case.figures.phases)
        if place > 0 and phase.kind in _INITIAL
    ]
