"""What is written in the order: readable, complete, in force, and agreeing with itself (U01-U03, U06, U07, T02)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from pumpctl.core.figures import figure, figure_against
from pumpctl.core.quantity import Mass
from pumpctl.core.rules.case import Case
from pumpctl.core.rules.finding import Finding
from pumpctl.core.rules.phase import PhaseFigures
from pumpctl.core.rules.rule import HARD, Rule, Stage
from pumpctl.core.rules.sheet import problem
from pumpctl.core.schedule import instant_text
from pumpctl.core.units import mass_in, volume_after

FUTURE_MS = 5 * 60_000  # T02
AGREEMENT_PERCENT = 1  # U02


def unreadable(rule: str) -> Callable[[Case], Iterable[Finding]]:
    """The rule that passes on what reading the figures and the schedule found under this id."""

    def judge(case: Case) -> Iterable[Finding]:
        problems, flaws = case.figures.problems, case.timetable.flaws
        if not problems and not flaws:
            return ()
        found = [each for each in problems if each.rule == rule]
        return found + [problem(rule, flaw.path, flaw.reason, flaw.reason) for flaw in flaws if flaw.rule == rule]

    return judge


def past_is_past(case: Case) -> Iterable[Finding]:
    """T02: what is reported as done lies at most 5 min in the future."""
    latest_ms = case.at_utc_ms + FUTURE_MS
    found: list[Finding] = []
    for part, field, utc_ms in case.figures.past_times:
        if utc_ms > latest_ms:
            latest = f"at most 5 min after {instant_text(case.at_utc_ms)}"
            message = f"{part}{field} is in the future; check the clock, the date and the offset"
            found.append(Finding("T02", HARD, message, instant_text(utc_ms), latest, "project"))
    return found


def order_is_in_force(case: Case) -> Iterable[Finding]:
    """U03; its age is a row of the library."""
    times, status, at_utc_ms = case.figures.times, case.order.status, case.at_utc_ms
    early = times.valid_from is not None and at_utc_ms < times.valid_from
    late = times.valid_until is not None and at_utc_ms > times.valid_until
    return _not_in_force(case) if early or late or status not in (None, "active") else ()


def _not_in_force(case: Case) -> Iterator[Finding]:
    times, status = case.figures.times, case.order.status
    if times.valid_from is not None and case.at_utc_ms < times.valid_from:
        begins = instant_text(times.valid_from)
        message = f"valid_from: the order is not valid before {begins}"
        yield Finding("U03", HARD, message, instant_text(case.at_utc_ms), f"from {begins}", "project")
    if times.valid_until is not None and case.at_utc_ms > times.valid_until:
        ended = instant_text(times.valid_until)
        message = f"valid_until: the order expired {ended}; renew it"
        yield Finding("U03", HARD, message, instant_text(case.at_utc_ms), f"until {ended}", "project")
    if status not in (None, "active"):
        message = f"status: the order is {status}; only an active order is judged further"
        yield Finding("U03", HARD, message, status, "active", "project")


def bolus_is_off(case: Case) -> Iterable[Finding]:
    """U06: a pump's own bolus or patient-demand mode would be a dose that nobody judged."""
    off = case.order.pump_bolus_off
    if off is True:
        return ()
    message = "pump_bolus_off: the pump's bolus and patient-demand mode must be off (true)"
    return (Finding("U06", HARD, message, "missing" if off is None else "on", "off", "project"),)


def figures_agree(case: Case) -> Iterable[Finding]:
    """U02: each dose stated twice must agree within 1 %."""
    return [
        found
        for phase in case.figures.phases
        for agrees in (_flow_agrees, _bag_agrees, _dose_agrees, _dose_again_agrees, _rate_again_agrees)
        if (found := agrees(phase)) is not None
    ]


def _flow_agrees(phase: PhaseFigures) -> Finding | None:
    if phase.flow is None or phase.duration is None or phase.volume is None:
        return None
    given = volume_after(phase.flow, phase.duration)
    if not given.differs_by_more_than_percent(phase.volume, AGREEMENT_PERCENT):
        return None
    shown, stated = figure(given, "mL"), figure(phase.volume, "mL")
    return _disagree(f"{phase.path}: flow x duration is {shown}, volume says {stated}", shown, stated)


def _bag_agrees(phase: PhaseFigures) -> Finding | None:
    content, final, stated = phase.content, phase.final_volume, phase.stated_concentration
    if content is None or final is None or stated is None:
        return None
    held = mass_in(stated, final)
    if not held.differs_by_more_than_percent(content, AGREEMENT_PERCENT):
        return None
    shown, limit = figure(held, "g"), figure(content, "g")
    return _disagree(f"{phase.path}.bag: concentration x final volume is {shown}, content {limit}", shown, limit)


def _dose_agrees(phase: PhaseFigures) -> Finding | None:
    dose, content = phase.dose, phase.concentration
    if dose is None:
        return None
    bag = _off_the_dose(phase, dose)
    if bag is not None:
        shown, stated = figure_against(bag, dose, "g"), figure(dose, "g")
        return _disagree(f"{phase.path}: the whole bag holds {shown}, dose says {stated}", shown, stated)
    if content is None or phase.volume is None:
        return None
    given = mass_in(content, phase.volume)
    if not given.differs_by_more_than_percent(dose, AGREEMENT_PERCENT):
        return None
    shown, stated = figure(given, "g"), figure(dose, "g")
    return _disagree(f"{phase.path}: the volume of this bag holds {shown}, dose says {stated}", shown, stated)


def _off_the_dose(phase: PhaseFigures, dose: Mass) -> Mass | None:
    """What the whole bag holds, as its content says or as its concentration does, where that is not the dose."""
    if phase.content is not None and phase.content.differs_by_more_than_percent(dose, AGREEMENT_PERCENT):
        return phase.content
    if phase.stated_concentration is None or phase.final_volume is None:
        return None
    held = mass_in(phase.stated_concentration, phase.final_volume)
    return held if held.differs_by_more_than_percent(dose, AGREEMENT_PERCENT) else None


def _dose_again_agrees(phase: PhaseFigures) -> Finding | None:
    dose, again = phase.dose, phase.dose_again
    if dose is None or again is None or not again.differs_by_more_than_percent(dose, AGREEMENT_PERCENT):
        return None
    shown, stated = figure(again, "g"), figure(dose, "g")
    return _disagree(f"{phase.path}: dose_again is {shown}, dose says {stated}", shown, stated)


def _rate_again_agrees(phase: PhaseFigures) -> Finding | None:
    said = phase.stated_rate
    rate = None if said is None else phase.rate
    if said is None or rate is None or not said.differs_by_more_than_percent(rate, AGREEMENT_PERCENT):
        return None
    shown, given = figure(said, "mg/min"), figure(rate, "mg/min")
    return _disagree(f"{phase.path}: dose_rate is {shown}, the flow of this bag gives {given}", shown, given)


def _disagree(message: str, value: str, limit: str) -> Finding:
    message = f"{message}; correct the figure that slipped"
    return Finding("U02", HARD, message, value, f"{limit} within 1 %", "reference")


_ALL = ("every figure and time",)

RULES = (
    Rule("T01", (), "occurrences are numbered instants; ambiguous local times are the first", stage=Stage.DEFINITION),
    Rule(
        "T02",
        (unreadable("T02"), past_is_past),
        "a time without UTC offset; a result or order time more than 5 min in the future",
        _ALL,
        (HARD,),
        "project",
    ),
    Rule(
        "U01",
        (unreadable("U01"),),
        "unit or basis missing or wrong; decimal comma, exponent, NaN, infinity, negative, zero, too many digits",
        _ALL,
        (HARD,),
        "project",
    ),
    Rule(
        "U02",
        (figures_agree,),
        "figures of a phase that disagree by more than 1 %",
        ("phases",),
        (HARD,),
        "reference",
    ),
    Rule(
        "U03",
        (order_is_in_force,),
        "order expired, not yet valid, superseded, cancelled, or too old",
        ("authored_at", "valid_from", "valid_until", "status"),
        (HARD,),
        "project",
    ),
    Rule(
        "U06",
        (unreadable("U06"), bolus_is_off),
        "dose, volume, duration and flow not all stated; pump bolus or patient-demand mode not off",
        ("phases", "pump_bolus_off"),
        (HARD,),
        "project",
    ),
    Rule(
        "U07",
        (unreadable("U07"),),
        "no end date, or a course of more than 35 days",
        ("schedule", "valid_until"),
        (HARD,),
        "project",
    ),
)
