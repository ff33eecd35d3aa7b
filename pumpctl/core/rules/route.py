"""Whether the library knows this way of giving the drug at all (U05, Q10), and which pump could (U04)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pumpctl.core.library import PhaseKind
from pumpctl.core.rules.case import EMERGENCY_EVENTS, Case
from pumpctl.core.rules.finding import Finding
from pumpctl.core.rules.rule import ADVISORY, HARD, Rule, Stage
from pumpctl.core.rules.softening import SOFTENED_IDS


def profile_exists(case: Case) -> Iterable[Finding]:
    """U05: an unknown route, care area, phase kind or drug has no limits, so it is refused."""
    return () if len(case.known_phases) == len(case.profiles) else _without_profile(case)


def emergency_is_one(case: Case) -> Iterable[Finding]:
    """Q10: an emergency dose needs the event in progress; a history never triggers it. Never SC, never at home."""
    for phase in case.figures.phases:
        if phase.kind is PhaseKind.EMERGENCY:
            return _of_emergency(case)
    return ()


def _without_profile(case: Case) -> Iterator[Finding]:
    order = case.order
    for phase, written, profile in zip(case.figures.phases, order.phases, case.profiles, strict=True):
        if profile is None:
            asked = (order.product.drug, order.route, order.care_area, written.kind)
            value = ", ".join(part or "missing" for part in asked)
            known = "; ".join(f"{p.route}, {p.care_area}, {p.phase.value}" for p in case.library.profiles)
            message = f"{phase.path}: no profile for {value}; {case.library.drug} is given as: {known}"
            yield Finding("U05", HARD, message, value, "a profile of the library", "project")


def _of_emergency(case: Case) -> Iterator[Finding]:
    event = case.order.indication.emergency_event or "missing"
    if not case.emergency_is_stated:
        message = f"an emergency dose needs {', '.join(sorted(EMERGENCY_EVENTS))}, and that it is in progress"
        yield Finding("Q10", HARD, message, event, "an event in progress", "seed-Q")
    if (case.order.route, case.order.care_area) != ("iv", "monitored"):
        value = f"{case.order.route or 'missing'}, {case.order.care_area or 'missing'}"
        message = "an emergency dose is given intravenously under monitoring"
        yield Finding("Q10", HARD, message, value, "iv, monitored", "seed-Q; project")
    if case.is_emergency:
        softened = ", ".join(sorted(SOFTENED_IDS))
        message = f"emergency, {event.replace('_', ' ')} in progress: softened are {softened}; nothing else is"
        yield Finding("Q10", ADVISORY, message, event, "1-2 g over 5 min or more", "seed-Q; details: project")


RULES = (
    Rule(
        "Q10",
        (emergency_is_one,),
        "an emergency dose that is none, is not IV under monitoring, is shorter than 5 min or above 2 g",
        ("phases", "route", "care_area", "indication.emergency_event", "indication.emergency_in_progress"),
        (HARD, ADVISORY),
        "seed-Q; details: project",
    ),
    Rule(
        "U04",
        (),
        "the pump cannot: flow, increment, route, keep-vein-open, lease; names the pump's figure. Told: it may stop "
        "by itself, or cannot report an occlusion or air",
        ("phases", "route", "the pump's capability"),
        (HARD, ADVISORY),
        "project",
        Stage.PLAN,
    ),
    Rule(
        "U05",
        (profile_exists,),
        "no profile for drug, route, care area and phase",
        ("product.drug", "route", "care_area", "phases.kind"),
        (HARD,),
        "project",
    ),
)
