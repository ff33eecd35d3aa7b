"""What is to be checked after an order began, and by when: dated tasks, each with the rule that asks for it.

Refuses to know whether a task was done by anybody but a laboratory, and to refuse anything: the rules judge, this
only dates. Days are those of the order's own time zone. A task is due on a day and counts as overdue from another
one on; between them lie the days that Q40 leaves (due day 14, overdue day 22), for every check alike (project).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dateutil.relativedelta import relativedelta

from pumpctl.core.order import Order, Result
from pumpctl.core.schedule import expand, read_instant
from pumpctl.core.units import Misread, SerumMagnesium, read_quantity

GRACE = timedelta(days=8)
HORIZON = relativedelta(months=12)  # P04 ends with the report; a renewed order brings its own plan
MAX_MONTHS = 600  # of one course: nobody is treated longer, and no loop runs on
NORMAL_SERUM = SerumMagnesium(70, 100), SerumMagnesium(105, 100)  # clinical.md section 1
P05_RESULTS = 3
BLOOD = "magnesium, potassium, calcium and creatinine"
CHECKED = (
    frozenset({"magnesium"}),
    frozenset({"potassium"}),
    frozenset({"calcium"}),
    frozenset({"creatinine", "creatinine_clearance"}),  # a clearance is worked out from a creatinine
)
# Q35, as `medicines.kind` names them
WASTING_KINDS = frozenset(
    {
        "loop_diuretic",
        "thiazide",
        "proton_pump_inhibitor",
        "aminoglycoside",
        "cisplatin",
        "calcineurin_inhibitor",
    }
)


@dataclass(slots=True, unsafe_hash=True)  # Final and not frozen: rules/finding.py says why
class Task:
    """Something a person does: due on a day, overdue from another day on."""

    rule: Final[str]
    what: Final[str]
    due: Final[date]
    overdue: Final[date]


def monitoring_plan(order: Order, start_utc_ms: int) -> tuple[Task, ...]:
    """Every task that the order brings when its first infusion starts then, by day and rule."""
    day = _local_day(order, start_utc_ms)
    anchor = _changed_on(order) or day
    tasks = [*_blood_checks(order, anchor, day + HORIZON), *_of_the_case_report(order, day), *_of_each_infusion(order)]
    if _needs_ecg(order):
        tasks.append(Task("Q09", "record an ECG now; magnesium above 2 mg/dL is the aim", day, _next(day)))
    if _may_step_down(order):
        what = "the last three magnesium results are normal: review a step-down to two of every three days"
        tasks.append(Task("P05", what, day, day + GRACE))
    return tuple(sorted((task for task in tasks if task.due >= day), key=lambda task: (task.due, task.rule)))


def overdue_checks(order: Order, at_utc_ms: int) -> tuple[Task, ...]:
    """Q43: blood checks of the course so far that should have been drawn by now and were not.

    Results of all four kinds, drawn up to GRACE before the due day or later, answer a check; so do those of a later.
    Nothing is known of a course whose beginning the order does not state.
    """
    anchor = _changed_on(order)
    if anchor is None:
        return ()
    today = _local_day(order, at_utc_ms)
    drawn = [(result.kind, _local_day(order, utc_ms)) for result, utc_ms in _dated_results(order)]
    last = [max((day for kind, day in drawn if kind in kinds), default=date.min) for kinds in CHECKED]
    return tuple(
        task for task in _blood_checks(order, anchor, today) if task.overdue <= today and min(last) < task.due - GRACE
    )


def is_high_loss(order: Order) -> bool:
    """Q42: losses or medicines that waste magnesium, as far as the order states them."""
    told, medicines = order.assessment, order.medicines
    if told.gastrointestinal_losses or told.renal_losses or told.diarrhoea or order.reviews.wasting_drugs:
        return True
    return bool(medicines) and any(medicine.kind in WASTING_KINDS for medicine in medicines)


def _blood_checks(order: Order, anchor: date, until: date) -> Iterator[Task]:
    """Q40 after a start or change, Q42 for losses, else Q41; the first check of Q42 is that of Q40."""
    stable = order.course == "stable_maintenance"
    if not stable:
        yield _blood("Q40", "two to three weeks after a start or change", anchor + timedelta(days=14))
    if is_high_loss(order):
        why = "every two weeks for three months, then monthly: losses or wasting medicines"
        weekly = [anchor + timedelta(days=14 * number) for number in range(1 if stable else 2, 7)]
        for day in (*weekly, *_every(anchor, 4, 1, until)):
            yield _blood("Q42", why, day)
    else:
        for day in _every(anchor, 3, 3, until):
            yield _blood("Q41", "every three months when stable", day)


def _every(anchor: date, first: int, months: int, until: date) -> Iterator[date]:
    for number in range(first, MAX_MONTHS + 1, months):
        day = anchor + relativedelta(months=number)
        if day > until:
            return
        yield day


def _blood(rule: str, why: str, day: date) -> Task:
    return Task(rule, f"{BLOOD} ({why})", day, day + GRACE)


def _of_the_case_report(order: Order, day: date) -> Iterator[Task]:
    """P04: how the one patient was followed; for a first home SC course."""
    if (order.route, order.care_area) != ("sc", "home") or order.course not in {"start", None}:
        return
    yield Task("P04", "before the first infusion: magnesium, potassium and a log of symptoms", day, _next(day))
    for after, what in (
        (relativedelta(days=7), "magnesium"),
        (relativedelta(days=14), "compare the symptoms with the log"),
        (relativedelta(months=10), "review of the therapy"),
        (relativedelta(months=12), "report on the therapy"),
    ):
        yield Task("P04", what, day + after, day + after + GRACE)


def _of_each_infusion(order: Order) -> Iterator[Task]:
    """P07."""
    if order.route == "sc":
        for occurrence in expand(order.schedule).occurrences:
            day = _local_day(order, occurrence.due_utc_ms)
            what = f"infusion {occurrence.number}: log the site and how it was tolerated"
            yield Task("P07", what, day, _next(day))


def _needs_ecg(order: Order) -> bool:
    """Q09."""
    stated = order.assessment
    digoxin = stated.digoxin or any(medicine.kind == "digoxin" for medicine in order.medicines or ())
    return bool(stated.qtc_above_500_ms or stated.arrhythmia or stated.heart_failure or digoxin)


def _may_step_down(order: Order) -> bool:
    """P05: offered, never automatic."""
    if order.route != "sc" or order.schedule.repeat not in {"daily", "nightly"}:
        return False
    dated = sorted((utc_ms, result.value) for result, utc_ms in _dated_results(order) if _is_serum(result))
    last = [read_quantity(value or "", SerumMagnesium) for _, value in dated[-P05_RESULTS:]]
    low, high = NORMAL_SERUM
    normal = [not isinstance(value, Misread) and low <= value <= high for value in last]
    return len(normal) == P05_RESULTS and all(normal)


def _is_serum(result: Result) -> bool:
    return result.kind == "magnesium" and result.value is not None


def _dated_results(order: Order) -> Iterator[tuple[Result, int]]:
    for result in order.results:
        utc_ms = read_instant(result.at or "")
        if not isinstance(utc_ms, Misread):
            yield result, utc_ms


def _changed_on(order: Order) -> date | None:
    """The day from which Q40 to Q42 count; None for an order that itself is the start or the change."""
    if order.course in {"start", "dose_change"} or order.therapy is None:
        return None
    utc_ms = read_instant(order.therapy.changed_at or order.therapy.started_at or "")
    return None if isinstance(utc_ms, Misread) else _local_day(order, utc_ms)


def _local_day(order: Order, utc_ms: int) -> date:
    """In the order's zone; UTC when it states none that is known."""
    try:
        zone = ZoneInfo(order.schedule.time_zone or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        zone = ZoneInfo("UTC")
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=utc_ms)).astimezone(zone).date()


def _next(day: date) -> date:
    return day + timedelta(days=1)
