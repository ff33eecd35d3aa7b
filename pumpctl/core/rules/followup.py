"""What is to be checked after the order, by when, and what is overdue: Q40 to Q43, P04 to P07.

Refuses to keep a calendar: here is the first date of each kind, monitoring.py has them all.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta

from pumpctl.core.monitoring import BLOOD, GRACE, P05_RESULTS, Task, is_high_loss, monitoring_plan, overdue_checks
from pumpctl.core.rules.case import Case
from pumpctl.core.rules.finding import Finding
from pumpctl.core.rules.rule import ADVISORY, SCHEDULE, SOFT, Rule
from pumpctl.core.schedule import instant_text

EARLY_CHECK_MS = 48 * 3_600_000  # P06
_DAY, _FIRST_CHECK, _NEXT_CHECK = timedelta(days=1), timedelta(days=14), timedelta(days=28)  # Q40, Q42
_BASIS = {"Q40": "seed-Q", "Q41": "seed-Q", "Q42": "seed-Q", "P04": "seed-P", "P05": "seed-P", "P07": "seed-P"}


def first_task(rule: str) -> Callable[[Case], Iterable[Finding]]:
    """The rule that tells the first task under its id."""
    basis = _BASIS[rule]

    def judge(case: Case) -> Iterable[Finding]:
        task = _first_tasks(case).get(rule)
        if task is None:
            return ()
        due, overdue = task.due.isoformat(), task.overdue.isoformat()
        message = f"{task.what}: due {due}, overdue from {overdue}"
        return (Finding(rule, SCHEDULE, message, f"due {due}", f"before {overdue}", basis),)

    return judge


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
    tasks = [_blood("Q40", day + _FIRST_CHECK)]
    if is_high_loss(order):
        tasks.append(_blood("Q42", day + _NEXT_CHECK))
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


def checks_are_not_overdue(case: Case) -> Iterable[Finding]:
    """Q43, at a home renewal; checks that nobody can look up may be overdue."""
    order = case.order
    return _overdue(case) if order.course in ("renewal", "stable_maintenance") and order.care_area == "home" else ()


def symptoms_were_logged(case: Case) -> Iterable[Finding]:
    """P04, clinical.md section 3."""
    if not case.is_home_subcutaneous or case.order.course != "start" or case.order.assessment.symptoms is not None:
        return ()
    message = "no log of symptoms before the start: assessment.symptoms"
    return (Finding("P04", ADVISORY, message, "missing", "logged", "seed-P"),)


def early_check_is_made(case: Case) -> Iterable[Finding]:
    """P06: what was reported during home SC."""
    told = case.order.assessment
    if not (told.seizure_since_start or told.missed_antiepileptic or told.severe_diarrhoea):
        return ()
    return _early_check(case) if case.is_home_subcutaneous else ()


def _overdue(case: Case) -> Iterator[Finding]:
    if case.figures.times.therapy_started is None and case.figures.times.therapy_changed is None:
        message = "when the therapy began is not stated (therapy.started_at), so overdue checks cannot be seen"
        yield Finding("Q43", SOFT, message, "therapy missing", "known", "project")
    for task in overdue_checks(case.order, case.accepted_utc_ms):
        message = f"overdue since {task.overdue}: {task.what}"
        yield Finding("Q43", SOFT, message, f"{task.rule} due {task.due}", "not overdue", "project")


def _early_check(case: Case) -> Iterator[Finding]:
    told = case.order.assessment
    reports = (
        ("seizure", told.seizure_since_start),
        ("missed anti-epileptic", told.missed_antiepileptic),
        ("severe diarrhoea", told.severe_diarrhoea),
    )
    reported = ", ".join(name for name, answer in reports if answer)
    by = instant_text(case.at_utc_ms + EARLY_CHECK_MS)
    yield Finding("P06", ADVISORY, f"reported: {reported}", reported, "none", "seed-P; 48 h: project")
    yield Finding("P06", SCHEDULE, f"{reported}: {BLOOD} by {by}", reported, f"by {by}", "seed-P; 48 h: project")


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
