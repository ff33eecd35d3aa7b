"""`pumpctl order calendar`: an order's infusions and checks as an iCalendar file, for people's own calendars.

Refuses to judge and to date anything: the verdict and core/monitoring.py do. A refused order has no calendar. The file
names no patient: calendars are shared, and the order's id leads to the rest.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pumpctl.cli import findings
from pumpctl.cli.failure import ExitCode, Failure

if TYPE_CHECKING:
    from icalendar import STATUS, Calendar, Event

    from pumpctl.core.monitoring import Task
    from pumpctl.core.order import Order
    from pumpctl.core.rules.case import Case
    from pumpctl.core.schedule import Occurrence
    from pumpctl.core.validation import Verdict


def register(order_app: typer.Typer) -> None:
    order_app.command("calendar")(calendar)


def calendar(
    order: findings.OrderFile,
    output: Annotated[Path, typer.Option("-o", "--output", help="The calendar to write, for instance order.ics.")],
    at: Annotated[str | None, typer.Option(help="Time of judgement, with UTC offset; default now.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on standard output.")] = False,
) -> None:
    """Write the infusions of an order and the checks that go with them as a calendar (iCalendar)."""
    from pumpctl.core.rules.case import Context, open_case
    from pumpctl.core.validation import Decision, judge_case

    case = open_case(findings.read_order(order), findings.load_library(None), Context(findings.instant_of(at)))
    verdict = judge_case(case)
    if verdict.decision is Decision.REFUSED or not case.timetable.occurrences:
        if as_json:
            findings.print_json(findings.verdict_json(verdict))
        else:
            findings.print_verdict(verdict, order)
        raise Failure(ExitCode.REFUSED, f"{order}: a refused order has no calendar", "correct it")
    made = _calendar_of(case, verdict)
    try:
        output.write_bytes(made.to_ical())
    except OSError as error:
        raise Failure(ExitCode.USAGE, f"{output}: {error.strerror}", "name a file that can be written") from None
    told = {"verdict": verdict.decision.value, "file": str(output), "entries": len(made.subcomponents)}
    if as_json:
        findings.print_json(told)
    else:
        typer.echo(f"{output}: {told['entries']} entries, order {verdict.decision.value.replace('_', ' ')}")


def _calendar_of(case: Case, verdict: Verdict) -> Calendar:
    from icalendar import STATUS, Calendar

    from pumpctl.core.monitoring import monitoring_plan
    from pumpctl.core.validation import Decision

    order, occurrences = case.order, case.timetable.occurrences
    status = STATUS.CONFIRMED if verdict.decision is Decision.ACCEPTED else STATUS.TENTATIVE  # an override is missing
    lasts = timedelta(milliseconds=_longest_ms(case))
    stamp = _instant(case.at_utc_ms)
    infusions = [_infusion(order, occurrence, lasts, status, stamp) for occurrence in occurrences]
    checks = [_check(order, task, stamp) for task in monitoring_plan(order, occurrences[0].due_utc_ms)]
    return Calendar.new(
        prodid="-//pumpctl//order calendar//EN",
        uid=f"{order.digest}@pumpctl",
        name=f"Magnesium sulfate, order {order.order_id}",
        subcomponents=[*infusions, *checks],
    )


def _infusion(order: Order, occurrence: Occurrence, lasts: timedelta, status: STATUS, stamp: datetime) -> Event:
    from icalendar import Event

    due = _instant(occurrence.due_utc_ms)
    return Event.new(
        uid=f"{order.digest}-infusion-{occurrence.number}@pumpctl",
        stamp=stamp,
        start=due,
        end=due + lasts,
        summary=f"Magnesium sulfate infusion {occurrence.number}, order {order.order_id}",
        description="Check the bag, the site and the patient first. Nothing starts by itself.",
        status=status,
    )


def _check(order: Order, task: Task, stamp: datetime) -> Event:
    """An event of a day and no to-do: most calendars that people carry about do not show those."""
    from icalendar import TRANSP, Event

    return Event.new(
        uid=f"{order.digest}-{task.rule}-{task.due.isoformat()}@pumpctl",
        stamp=stamp,
        start=task.due,
        end=task.due + timedelta(days=1),
        summary=f"{task.rule}: {task.what}",
        description=f"Order {order.order_id}. Overdue from {task.overdue.isoformat()}.",
        transparency=TRANSP.TRANSPARENT,
    )


def _longest_ms(case: Case) -> int:
    """All phases, one after the other, as long as the order's figures allow."""
    from pumpctl.core.limit import Measure

    return sum(
        measured[Measure.DURATION][0].ceiling() for measured in case.figures.measured if Measure.DURATION in measured
    )


def _instant(utc_ms: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=utc_ms)
