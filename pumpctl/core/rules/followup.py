"""What is to be checked after the order, by when, and what is overdue: Q40 to Q43, P04 to P07.

Refuses to keep a calendar: here is the first date of each kind, monitoring.py has them all.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable, Iterator
from datetime import date, timedelta

from pumpctl.core.monitoring import BLOOD, GRACE, P05_RESULTS, Task, is_high_loss, monitoring_plan, overdue_checks
from pumpctl.core.rules.case import Case
from pumpctl.core.rules.finding import Finding
from pumpctl.core.rules.rule import ADVISORY, SCHEDULE, SOFT, Rule
from pumpctl.core.schedule import instant_text

EARLY_CHECK_MS = 48 * 3_600_000  # P06
_DAY = timedelta(days=1)


def first_task(rule: str) -> Callable[[Case], Iterator[Finding]]:
    """The rule that tells the first task under its id."""

    def judge(case: Case) -> Iterator[Finding]:
        task = _first_tasks(case).get(rule)
        if task is not None:
            message = f"{task.what}: due {task.due}, overdue from {task.overdue}"
            yield Finding(rule, SCHEDULE, message, f"due {task.due}", f"before {task.overdue}", _BASIS[rule])

    return judge


_BASIS = {"Q40": "seed-Q", "Q41": "seed-Q", "Q42": "seed-Q", "P04": "seed-P", "P05": "seed-P", "P07": "seed-P"}
_MEMO = "first tasks"


def _first_tasks(case: Case) -> dict[str, Task]:
    known = case.memo.get(_MEMO)
    if known is None:
        known = case.memo[_MEMO] = {} if not case.timetable.occurrences else _work_out(case)
    return known  # pyright: ignore[reportReturnType] - only written above


def _work_out(case: Case) -> dict[str, Task]:
    order = case.order
    day = _first_day(case)
    results = case.figures.laboratory.series.get("magnesium", ())
    if day is None or order.course not in ("start", "dose_change") or len(results) >= P05_RESULTS:
        plan = monitoring_plan(order, case.timetable.occurrences[0].due_utc_ms)
        return {task.rule: task for task in reversed(plan)}  # sorted by day: the first of each stays
    # A course that begins here counts from its first day; a whole calendar for that would cost as much as the verdict.
    tasks = [_blood("Q40", day + timedelta(days=14))]
    if is_high_loss(order):
        tasks.append(_blood("Q42", day + timedelta(days=28)))
    else:
        tasks.append(_blood("Q41", _three_months_after(day)))
    if order.route == "sc":
        tasks.append(Task("P07", "log the site and how it was tolerated, at each infusion", day, day + _DAY))
        if order.care_area == "home" and order.course == "start":
            what = "before the first infusion: magnesium, potassium and a log of symptoms"
            tasks.append(Task("P04", what, day, day + _DAY))
    return {task.rule: task for task in tasks}


def _three_months_after(day: date) -> date:
    """The same day of the month, or the last one that there is."""
    year, month = (day.year, day.month + 3) if day.month < 10 else (day.year + 1, day.month - 9)
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def _blood(rule: str, day: date) -> Task:
    return Task(rule, BLOOD, day, day + GRACE)


def _first_day(case: Case) -> date | None:
    """In the order's own days; None where that takes a calendar."""
    first_date = case.order.schedule.first_date
    return date.fromisoformat(first_date) if first_date is not None and case.order.schedule.repeat == "daily" else None


def checks_are_not_overdue(case: Case) -> Iterator[Finding]:
    """Q43, at a home renewal; checks that nobody can look up may be overdue."""
    order = case.order
    if order.care_area != "home" or order.course not in ("renewal", "stable_maintenance"):
        return
    if case.figures.times.therapy_started is None and case.figures.times.therapy_changed is None:
        message = "when the therapy began is not stated (therapy.started_at), so overdue checks cannot be seen"
        yield Finding("Q43", SOFT, message, "therapy missing", "known", "project")
    for task in overdue_checks(order, case.accepted_utc_ms):
        message = f"overdue since {task.overdue}: {task.what}"
        yield Finding("Q43", SOFT, message, f"{task.rule} due {task.due}", "not overdue", "project")


def symptoms_were_logged(case: Case) -> Iterator[Finding]:
    """P04, clinical.md section 3."""
    home_start = (case.order.route, case.order.care_area, case.order.course) == ("sc", "home", "start")
    if home_start and case.order.assessment.symptoms is None:
        message = "no log of symptoms before the start: assessment.symptoms"
        yield Finding("P04", ADVISORY, message, "missing", "logged", "seed-P")


def early_check_is_made(case: Case) -> Iterator[Finding]:
    """P06: what was reported during home SC."""
    told = case.order.assessment
    if (case.order.route, case.order.care_area) != ("sc", "home"):
        return
    reports = (
        ("seizure", told.seizure_since_start),
        ("missed anti-epileptic", told.missed_antiepileptic),
        ("severe diarrhoea", told.severe_diarrhoea),
    )
    reported = ", ".join(name for name, answer in reports if answer)
    if reported:
        by = instant_text(case.at_utc_ms + EARLY_CHECK_MS)
        yield Finding("P06", ADVISORY, f"reported: {reported}", reported, "none", "seed-P; 48 h: project")
        message = f"{reported}: {BLOOD} by {by}"
        yield Finding("P06", SCHEDULE, message, reported, f"by {by}", "seed-P; 48 h: project")


_COURSE = ("course", "therapy", "schedule")

RULES = (
    Rule("Q40", (first_task("Q40"),), "blood checks 2-3 weeks after a start or change", _COURSE, (SCHEDULE,), "seed-Q"),
    Rule("Q41", (first_task("Q41"),), "blood checks every 3 months when stable", _COURSE, (SCHEDULE,), "seed-Q"),
    Rule(
        "Q42",
        (first_task("Q42"),),
        "blood checks every 2 weeks for 3 months, then monthly, with losses or wasting medicines",
        (*_COURSE, "medicines", "assessment.gastrointestinal_losses", "assessment.renal_losses"),
        (SCHEDULE,),
        "seed-Q",
    ),
    Rule(
        "Q43",
        (checks_are_not_overdue,),
        "overdue checks at a home renewal",
        ("course", "therapy", "results"),
        (SOFT,),
        "project",
    ),
    Rule(
        "P04",
        (first_task("P04"), symptoms_were_logged),
        "baseline magnesium, potassium and symptoms; magnesium at 7 d, symptoms at 14 d, reviews at 10 and 12 months",
        (*_COURSE, "assessment.symptoms"),
        (SCHEDULE, ADVISORY),
        "seed-P",
    ),
    Rule(
        "P05",
        (first_task("P05"),),
        "step-down to 2 of every 3 days offered when the last 3 magnesium results are normal",
        ("results: magnesium", "schedule"),
        (SCHEDULE,),
        "seed-P",
    ),
    Rule(
        "P06",
        (early_check_is_made,),
        "seizure, missed anti-epileptic or severe diarrhoea during home SC: blood checks within 48 h",
        ("assessment.seizure_since_start", "assessment.missed_antiepileptic", "assessment.severe_diarrhoea"),
        (ADVISORY, SCHEDULE),
        "seed-P; 48 h: project",
    ),
    Rule(
        "P07",
        (first_task("P07"),),
        "site and tolerance logged at each SC infusion",
        ("schedule",),
        (SCHEDULE,),
        "seed-P",
    ),
)
